/* score-options.c - lists of targets and the plan of the scores. */
#include "score-options.h"

#include <string.h>

#include "num.h"

static int parse_points(const char *option, const char *text, double *out, int *n, struct fmt_error *e)
{
    *n = num_list(text, 1e-9, 1, SCORE_OPTIONS_POINTS_MAX, out);
    if (*n >= 0)
        return 0;
    return fmt_fail(e, FMT_INVALID, "%s %.60s: numbers above 0 and up to 1, %d at most, with commas between them",
                    option, text, SCORE_OPTIONS_POINTS_MAX);
}

int score_options_parse(struct score_options *o, struct fmt_error *e)
{
    int status = parse_points("--at-recall", o->at_recall, o->recall, &o->n_recall, e);
    return status ? status : parse_points("--at-precision", o->at_precision, o->precision, &o->n_precision, e);
}

int score_options_plan(const struct score_options *o, const struct feat_header *h, uint64_t seed,
                       struct scores_plan *plan, struct fmt_error *e)
{
    *plan = (struct scores_plan){.n_classes = h->n_classes, .class_name = h->class_name, .positive = 1};
    if (h->n_classes < 2)
        return fmt_fail(e, FMT_INVALID, "%s; two or more are needed", FMT_COUNT(h->n_classes, "class", "classes"));
    if (o->positive && h->n_classes != 2)
        return fmt_fail(e, FMT_INVALID, "--positive: there are %d classes, not two", h->n_classes);
    for (plan->positive = 1; o->positive && strcmp(h->class_name[plan->positive], o->positive) != 0;)
        if (plan->positive-- == 0)
            return fmt_fail(e, FMT_INVALID, "--positive %s: the classes are %s and %s", o->positive, h->class_name[0],
                            h->class_name[1]);
    plan->n_at_recall = o->n_recall;
    plan->n_at_precision = o->n_precision;
    plan->at_recall = o->recall;
    plan->at_precision = o->precision;
    plan->group_mean = strcmp(o->group_score, "mean") == 0;
    plan->bootstrap = (struct bootstrap){(int)o->n_resamples, o->level, seed};
    return 0;
}
