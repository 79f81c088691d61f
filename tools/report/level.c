/* level.c - scores of any scale are ranked as if they were probabilities: areas and curves depend on the order only. */
#include "level.h"

#include <math.h>
#include <stdlib.h>

#include "groups.h"
#include "metrics.h"

static void add_row(struct level *l, double score, int label, int64_t group)
{
    struct rows *r = &l->rows;
    r->proba[2 * r->n] = 1 - score;
    r->proba[2 * r->n + 1] = score;
    r->label[r->n] = label;
    r->group[r->n++] = group;
    *(label ? &l->n_defect : &l->n_good) += 1;
}

static int reserve(struct level *l, const struct cases *c, int64_t n, struct fmt_error *e)
{
    *l = (struct level){.rows = {.n_classes = 2, .n_groups = c->n_installations}};
    l->auroc = l->average_precision = l->brier = (struct level_measure){NAN, NAN, NAN};
    return rows_reserve(&l->rows, ROWS_LABEL | ROWS_PROBA | ROWS_GROUP, n + 1, e);
}

static int measure(struct level *l, const struct bootstrap *b, struct thread_pool *pool, bool probabilities,
                   struct fmt_error *e)
{
    struct metrics m = {0};
    struct metrics_input in = {.rows = &l->rows, .positive = 1, .ranking = &l->ranking};
    int status = metrics_open(&m, &in, pool, e);
    if (status)
        return status;
    double *value = calloc(3 * (size_t)m.n_values, sizeof *value), *low = value ? value + m.n_values : NULL,
           *high = value ? low + m.n_values : NULL;
    status = value ? 0 : fmt_no_memory(e);
    for (int i = 0; value && i < m.n_values; i++)
        low[i] = high[i] = NAN;
    if (!status)
        metrics_compute(&m, NULL, value, NULL);
    if (!status && b->n_resamples > 0)
        status = bootstrap_run(b, &m, pool, low, high, e);
    if (!status) {
        l->auroc = (struct level_measure){value[METRICS_auroc], low[METRICS_auroc], high[METRICS_auroc]};
        l->average_precision = (struct level_measure){value[METRICS_average_precision], low[METRICS_average_precision],
                                                      high[METRICS_average_precision]};
        if (l->n_good == 0) /* all that is left is the defect: 1 would look like an achievement */
            l->average_precision = (struct level_measure){NAN, NAN, NAN};
        if (probabilities)
            l->brier = (struct level_measure){value[METRICS_brier], low[METRICS_brier], high[METRICS_brier]};
    }
    free(value);
    metrics_close(&m);
    return status;
}

static int finish(struct level *l, bool probabilities, bool curves, const struct bootstrap *b, struct thread_pool *pool,
                  struct fmt_error *e)
{
    if (l->rows.n == 0)
        return 0;
    int status = groups_compact(&l->rows, e);
    if (!status)
        status = ranking_make(&l->ranking, &l->rows, pool, e);
    if (!status)
        status = measure(l, b, pool, probabilities, e);
    if (!status && curves)
        status = curve_make(&l->roc, CURVE_ROC, &l->rows, &l->ranking, 1, b, pool, e);
    if (!status && curves)
        status = curve_make(&l->precision_recall, CURVE_PRECISION_RECALL, &l->rows, &l->ranking, 1, b, pool, e);
    return status;
}

int level_open(struct level *l, const struct cases *c, bool installations, const struct bootstrap *b,
               struct thread_pool *pool, struct fmt_error *e)
{
    int64_t n = installations ? c->n_installations : c->n_photos;
    int status = reserve(l, c, n, e);
    for (int64_t i = 0; i < n && !status; i++) {
        const struct installation *t = &c->installation[i];
        const struct case_photo *s = &c->photo[i];
        double score = installations ? t->score : s->score;
        int label = installations ? t->label : s->label;
        if (label >= 0 && isfinite(score))
            add_row(l, score, label, installations ? i : s->installation);
    }
    if (!status)
        status = finish(l, c->probabilities, true, b, pool, e);
    if (status)
        level_close(l);
    return status;
}

int level_open_part(struct level *l, const struct cases *c, bool (*is_in)(const void *arg, const struct case_photo *s),
                    const void *arg, const struct bootstrap *b, struct thread_pool *pool, struct fmt_error *e)
{
    int status = reserve(l, c, c->n_photos, e);
    for (int64_t i = 0; i < c->n_photos && !status; i++) {
        const struct case_photo *s = &c->photo[i];
        if (s->label >= 0 && isfinite(s->score) && is_in(arg, s))
            add_row(l, s->score, s->label, s->installation);
    }
    if (!status)
        status = finish(l, c->probabilities, false, b, pool, e);
    if (status)
        level_close(l);
    return status;
}

int level_open_shares(struct level *l, const struct cases *c, const struct bootstrap *b, struct thread_pool *pool,
                      struct fmt_error *e)
{
    int status = reserve(l, c, c->n_installations, e);
    for (int64_t i = 0; i < c->n_installations && !status; i++) {
        const struct installation *t = &c->installation[i];
        if (t->label >= 0 && t->share >= 0 && t->share <= 1)
            add_row(l, t->share, t->label, i);
    }
    if (!status)
        status = finish(l, true, false, b, pool, e);
    if (status)
        level_close(l);
    return status;
}

void level_close(struct level *l)
{
    curve_release(&l->roc);
    curve_release(&l->precision_recall);
    ranking_release(&l->ranking);
    rows_release(&l->rows);
    *l = (struct level){.n_good = 0};
}
