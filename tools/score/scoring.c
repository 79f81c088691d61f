/* scoring.c - see scoring.h. */
#include "scoring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlap.h"
#include "version.h"

int scoring_open(struct scoring *s, struct fmt_error *e)
{
    s->out = open_memstream(&s->text, &s->bytes);
    return s->out ? 0 : fmt_no_memory(e);
}

/* What the user should know of two sets that are used together. */
static void compare_sets(const struct scoring *s, const struct featset *set, const struct feat_header *h,
                         const char *name)
{
    const struct feat_header *own = &set->header;
    bool same = own->n_classes == h->n_classes;
    char what[240];
    for (int c = 0; same && c < h->n_classes; c++)
        same = strcmp(own->class_name[c], h->class_name[c]) == 0;
    if (own->n_classes > 0 && own->n_classes < h->n_classes)
        s->note("%.150s: %d of the %d classes of %.150s; they go by name", set->path, own->n_classes, h->n_classes,
                name);
    else if (own->n_classes > 0 && !same)
        s->note("%.150s: its classes are in another order than those of %.150s; they go by name", set->path, name);
    if (!feat_same_precision(h, own))
        s->warn("%.150s: precision %s; %.150s has %s", set->path, feat_precision(own), name, feat_precision(h));
    if (feat_uncompared(h, own, what, sizeof what))
        s->warn("%.150s, %.150s: %s", name, set->path, what);
}

int scoring_add_set(struct scoring *s, struct featset *set, const char *role, const struct feat_header *h,
                    const char *name, struct fmt_error *e)
{
    set->role = role;
    score_inputs_add(&s->inputs, role, set->path, set->identity);
    score_inputs_precision(&s->inputs, role, feat_precision(&set->header));
    int status = h ? featset_check(set, h, name, s->options->allow_precision, e) : 0;
    if (h && !status)
        compare_sets(s, set, h, name);
    return status;
}

/* "test.feat (query)": one file may have two roles. */
static const char *with_role(const struct featset *s, char out[160])
{
    snprintf(out, 160, "%.120s (%s)", s->path, s->role);
    return out;
}

int scoring_check_overlap(struct scoring *s, const struct featset *learned, const struct featset *query,
                          bool exclude_own_group, struct fmt_error *e)
{
    struct overlap o;
    char name[2][160], warning[OVERLAP_TEXT] = "";
    int status = overlap_sets(&learned->rows, &query->rows, exclude_own_group, &o, e);
    if (status)
        return status;
    score_inputs_overlap(&s->inputs, query->role, learned->role, o.n_images, o.n_groups);
    status = overlap_judge(&o, with_role(query, name[0]), with_role(learned, name[1]), s->options->allow_overlap,
                           warning, e);
    if (warning[0])
        s->warn("%s", warning);
    return status;
}

int scoring_head(struct scoring *s, struct fmt_error *e)
{
    struct report_node head = {.kind = REPORT_OBJECT};
    scores_classes_note(&head, &s->plan);
    report_note(&head, "made by %s " DINOTOOLS_VERSION, s->tool);
    score_inputs_notes(&head, &s->inputs);
    report_add(&head, REPORT_BREAK, NULL);
    return scoring_print(s, &head, e);
}

struct report_node scoring_report(const struct scoring *s, const char *kind)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    report_text(&report, "report", kind);
    report_text(&report, "tool", s->tool);
    return report;
}

int scoring_print(struct scoring *s, struct report_node *report, struct fmt_error *e)
{
    int status = s->print(s->out, report, e);
    report_release(report);
    return status;
}

/* Without scores there is no report, and none of an earlier run that could be taken for it. */
static int forget_older(const char *path, struct fmt_error *e)
{
    struct stat st;
    if (strcmp(path, "-") == 0 || lstat(path, &st) || !S_ISREG(st.st_mode) || unlink(path) == 0)
        return 0;
    return fmt_fail(e, FMT_IO, "%s: %s", path, strerror(errno));
}

int scoring_save(struct scoring *s, const char *path, struct fmt_error *e)
{
    int status = fclose(s->out) ? fmt_fail(e, FMT_MEMORY, "out of memory for the report") : 0;
    if (!status && s->bytes > 0)
        status = file_save(path, s->text, s->bytes, e);
    else if (!status)
        status = forget_older(path, e);
    free(s->text);
    return status;
}
