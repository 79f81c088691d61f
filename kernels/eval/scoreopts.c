/* scoreopts.c - lists of numbers and the plan of the scores. */
#include "eval/scoreopts.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

int scoreopts_numbers(const char *text, double low, double high, int max, double *out)
{
    int n = 0;
    while (*text) {
        char word[64];
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof word || n == max)
            return -1;
        memcpy(word, text, length);
        word[length] = 0;
        if (!num_f64(word, &out[n]) || out[n] < low || out[n] > high)
            return -1;
        n++;
        text += length;
        if (*text == ',' && *++text == 0)
            return -1;
    }
    return n;
}

int scoreopts_plan(struct scoreopts *o, const struct feat_header *h, uint64_t seed, struct scores_plan *plan,
                   struct fmt_error *e)
{
    *plan = (struct scores_plan){.n_classes = h->n_classes, .class_name = h->class_name, .positive = 1};
    if (h->n_classes < 2)
        return fmt_fail(e, FMT_INVALID, "%d classes; two or more are needed", h->n_classes);
    if (o->positive && h->n_classes != 2)
        return fmt_fail(e, FMT_INVALID, "--positive: there are %d classes, not two", h->n_classes);
    for (plan->positive = 1; o->positive && strcmp(h->class_name[plan->positive], o->positive) != 0;)
        if (plan->positive-- == 0)
            return fmt_fail(e, FMT_INVALID, "--positive %s: the classes are %s and %s", o->positive, h->class_name[0],
                            h->class_name[1]);
    plan->n_at_recall = scoreopts_numbers(o->at_recall, 1e-9, 1, SCOREOPTS_POINTS_MAX, o->recall);
    plan->n_at_precision = scoreopts_numbers(o->at_precision, 1e-9, 1, SCOREOPTS_POINTS_MAX, o->precision);
    if (plan->n_at_recall < 0 || plan->n_at_precision < 0)
        return fmt_fail(e, FMT_INVALID, "%s: numbers above 0 and up to 1, with commas between them",
                        plan->n_at_recall < 0 ? o->at_recall : o->at_precision);
    plan->at_recall = o->recall;
    plan->at_precision = o->precision;
    plan->group_mean = strcmp(o->group_score, "mean") == 0;
    plan->bootstrap = (struct bootstrap){(int)o->n_resamples, o->level, seed};
    return 0;
}
