/* bank-report.c - see bank-report.h. */
#include "bank-report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bank-good.h"
#include "group-scores.h"
#include "num.h"
#include "thresholds.h"

/* ------------------------------------------------------------------ thresholds */
static int choose(struct bank_threshold *t, const struct rows *groups, int positive, struct fmt_error *e)
{
    struct verdict_rule rule = {.how = RULE_MEAN_OF, .k = 1};
    double *score = malloc((size_t)groups->n * sizeof *score);
    int8_t *faulty = calloc((size_t)groups->n, 1);
    struct judged_groups good = {score, faulty, groups->n};
    int status = score && faulty ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; !status && i < groups->n; i++)
        score[i] = groups->proba[i * 2 + positive];
    if (!status)
        status = thresholds_choose(&rule, &good, &t->promise, 1, e);
    t->threshold = rule.fail_from;
    t->n_groups = groups->n;
    for (int64_t i = 0; !status && i < groups->n; i++)
        t->n_reached += score[i] >= t->threshold;
    free(score);
    free(faulty);
    return status;
}

int bank_threshold_choose(struct bank_threshold *t, const struct bank *b, const struct bank *faults,
                          const struct scores_plan *plan, const struct promise *p, struct fmt_error *e)
{
    struct rows rows, groups = {0};
    *t = (struct bank_threshold){.promise = *p};
    int status = bank_good_rows(&rows, b, faults, plan->positive, e);
    if (status)
        return status;
    status = group_rows(&groups, &rows, plan->positive, plan->group_mean, e);
    if (!status)
        status = choose(t, &groups, plan->positive, e);
    rows_release(&groups);
    rows_release(&rows);
    return status;
}

int bank_threshold_report(struct report_node *report, const struct bank_threshold *t, const struct rows *rows,
                          const struct scores_plan *plan, struct fmt_error *e)
{
    static const char *const of[3] = {"good", "faulty", "unlabelled"};
    static const char *const total[3] = {"good_groups", "faulty_groups", "unlabelled_groups"};
    static const char *const above[3] = {"good_groups_reached", "faulty_groups_reached", "unlabelled_groups_reached"};
    struct rows groups;
    int64_t n[3] = {0}, reached[3] = {0};
    char text[PROMISE_TEXT_BYTES];
    int status = group_rows(&groups, rows, plan->positive, plan->group_mean, e);
    if (status)
        return status;
    for (int64_t i = 0; i < groups.n; i++) {
        int kind = groups.label[i] < 0 ? 2 : groups.label[i] == plan->positive;
        n[kind]++;
        reached[kind] += groups.proba[i * 2 + plan->positive] >= t->threshold;
    }
    report_note(report, "threshold %.6g: %s, from %s of which %" PRId64 " reach it", t->threshold,
                promise_text(&t->promise, text), FMT_COUNT(t->n_groups, "good installation", "good installations"),
                t->n_reached);
    report_number(report, "threshold", t->threshold);
    report_number(report, "alarms", t->promise.share);
    report_number(report, "confidence", t->promise.confidence);
    report_text(report, "group_score", plan->group_mean ? "mean" : "max");
    report_count(report, "calibration_groups", t->n_groups);
    report_count(report, "calibration_groups_reached", t->n_reached);
    for (int kind = 0; kind < 3; kind++)
        if (n[kind] > 0) {
            report_note(report, "of %" PRId64 " %s %s %" PRId64 " reach it", n[kind], of[kind],
                        n[kind] == 1 ? "installation" : "installations", reached[kind]);
            report_count(report, total[kind], n[kind]);
            report_count(report, above[kind], reached[kind]);
        }
    report_add(report, REPORT_BREAK, NULL);
    rows_release(&groups);
    return 0;
}

/* ------------------------------------------------------------------ maps */
void bank_maps_report(struct report_node *report, const struct bank_maps *m)
{
    report_note(report, "maps of %s in %s; colours are from %.6g to %.6g in all of them",
                FMT_COUNT(m->n_maps, "photograph", "photographs"), m->folder, m->low, m->high);
    report_count(report, "photographs", m->n_maps);
    report_number(report, "scale_low", m->low);
    report_number(report, "scale_high", m->high);
    report_add(report, REPORT_BREAK, NULL);
}

static void add_measure(struct report_node *to, const char *name, const char *title, double value, double low,
                        double high)
{
    report_title(report_put(to, (struct report_node){.kind = REPORT_MEASURE, .name = name, .number = value, .low = low,
                                                     .high = high}), "%s", title);
}

void bank_pixels_report(struct report_node *report, const struct bank_maps *m)
{
    const struct pixel_scores *s = &m->pixels;
    const struct pixel_result *r = &m->result;
    double n = (double)s->n_pixels, unseen = (double)s->n_unseen_pixels / n;
    report_note(report, "pixels of %s: %.4g %% of them in %s of faults",
                FMT_COUNT(s->n_photographs, "photograph", "photographs"), 100 * (double)s->n_faulty_pixels / n,
                FMT_COUNT(r->n_regions, "region", "regions"));
    if (s->n_unseen_pixels > 0)
        report_note(report, "%.3g %% of the pixels, %.3g %% of those of faults and %s were outside of what the network "
                    "saw, and do not count", 100 * unseen,
                    100 * (double)s->n_unseen_faulty_pixels / (double)num_max(1, s->n_faulty_pixels),
                    FMT_COUNT(s->n_unseen_regions, "region", "regions"));
    struct report_node *one = report_add(report_add(report, REPORT_RECORDS, NULL), REPORT_OBJECT, NULL);
    report_title(one, "pixels");
    report_count(one, "photographs", s->n_photographs);
    report_count(one, "regions", r->n_regions);
    report_count(one, "unseen_regions", s->n_unseen_regions);
    report_number(one, "faulty_share", (double)s->n_faulty_pixels / n);
    report_number(one, "unseen_share", unseen);
    add_measure(one, "pixel_auroc", "AUROC", r->auroc, r->auroc_low, r->auroc_high);
    add_measure(one, "aupro", "AUPRO up to a false positive rate of 0.3", r->aupro, r->aupro_low, r->aupro_high);
    report_add(report, REPORT_BREAK, NULL);
}
