/* judge-memory.c - a photograph's tokens become the row that the classifier was fitted to, or that the bank is of, and
 * the row a score. */
#include "judge-memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finite.h"
#include "tile-scores.h"

static int open_classifier(struct judge *j, struct judge_memory *m, struct fmt_error *e)
{
    struct device_arena plan = {0};
    const struct linear *k = &j->classifier;
    m->model = (struct logreg_model){.n_classes = k->features.n_classes, .n_rows = k->n_rows, .dim = k->dim,
                                     .theta = k->theta};
    m->c = (struct op_ctx){.backend = j->device.backend, .pool = j->device.pool, .scratch = &m->x_memory};
    TENSOR_TAKE(&plan, DTYPE_F32, 1, k->dim);
    int status = device_arena_init(&m->x_memory, j->device.backend, plan.high, e);
    if (status)
        return status;
    m->x = TENSOR_TAKE(&m->x_memory, DTYPE_F32, 1, k->dim);
    m->proba = calloc((size_t)k->features.n_classes, sizeof *m->proba);
    return m->proba ? 0 : fmt_no_memory(e);
}

int judge_memory_open(struct judge *j, struct fmt_error *e)
{
    struct judge_memory *m = j->memory = calloc(1, sizeof *m);
    if (m)
        m->sum = calloc((size_t)j->network.vit.config.C, sizeof *m->sum);
    if (m)
        m->feature = calloc((size_t)j->extract.dim, sizeof *m->feature);
    if (!m || !m->sum || !m->feature)
        return fmt_no_memory(e);
    if (!j->settings.by_bank)
        return open_classifier(j, m, e);
    return bank_scorer_open(&m->scorer, &j->bank, NULL, j->has_faults ? &j->faults : NULL, NULL, 1, &j->device, e);
}

void judge_memory_close(struct judge *j)
{
    struct judge_memory *m = j->memory;
    if (m) {
        device_arena_release(&m->x_memory);
        bank_scorer_close(&m->scorer);
        free(m->row);
        free(m->part_score);
        free(m->sum);
        free(m->feature);
        free(m->proba);
    }
    free(m);
    j->memory = NULL;
}

/* The row of another kind: *values points to it, *n has its size. */
static int derive(struct judge *j, const struct extract_row *row, const struct extract_derived *to,
                  const float **values, int64_t *n, struct fmt_error *e)
{
    struct judge_memory *m = j->memory;
    *n = extract_derived_width(&j->extract, row, to);
    if (*n > m->capacity) {
        float *grown = realloc(m->row, (size_t)*n * sizeof *grown);
        if (!grown)
            return fmt_no_memory(e);
        m->row = grown;
        m->capacity = *n;
    }
    extract_derive(&j->extract, row, to, m->sum, m->row);
    *values = m->row;
    return 0;
}

static int score_by_classifier(struct judge *j, const float *values, int64_t n, double *score, struct fmt_error *e)
{
    struct judge_memory *m = j->memory;
    struct rows rows = {.n = 1, .dim = n, .x = m->x};
    if (n != m->model.dim)
        return fmt_fail(e, FMT_MISMATCH, "%lld values where the classifier takes %lld: another size of photograph",
                        (long long)n, (long long)m->model.dim);
    op_copy_in(&m->c, m->x, values);
    int status = op_sync(&m->c, e);
    if (!status)
        status = logreg_predict(&m->model, &rows, &j->device, m->proba, e);
    *score = m->proba[j->positive];
    return status;
}

static int score_by_bank(struct judge *j, const float *values, int64_t n, double *score, struct fmt_error *e)
{
    struct rows rows = {.n = 1, .dim = n, .host_x = values};
    if (n != feat_width(&j->bank.features))
        return fmt_fail(e, FMT_MISMATCH, "%lld values where the bank takes %lld: another size of photograph",
                        (long long)n, (long long)feat_width(&j->bank.features));
    return bank_scorer_run(&j->memory->scorer, &rows, 0, 1, NULL, NULL, score, e);
}

/* Of a row of one part. */
static int score_part(struct judge *j, const struct extract_row *row, double *score, struct fmt_error *e)
{
    const float *values = row->values;
    int64_t n = row->n_tokens * j->extract.dim;
    int status = 0;
    *score = NAN;
    if (!finite_all(values, n))
        return fmt_fail(e, FMT_NONFINITE, "the network's output is not finite");
    if (j->all_tokens)
        status = derive(j, row, j->settings.by_bank ? &j->to_bank : &j->to_classifier, &values, &n, e);
    if (status)
        return status;
    return (j->settings.by_bank ? score_by_bank : score_by_classifier)(j, values, n, score, e);
}

/* The score of a photograph from those of its tiles and regions, as feat-logreg and feat-bank have it. */
static double join_parts(const struct judge *j, double *score, int64_t n)
{
    if (j->settings.by_bank)
        return tile_score(score, n, 2, 1);
    return n == 1 ? score[0] : tile_score(score, n, j->classifier.features.n_classes, j->classifier.tile_mean_of);
}

int judge_score(struct judge *j, const struct extract_row *row, double *score, struct fmt_error *e)
{
    struct judge_memory *m = j->memory;
    int64_t width = row->n_tokens * j->extract.dim;
    int status = 0;
    *score = NAN;
    if (row->n_parts > m->n_part_scores) {
        double *grown = realloc(m->part_score, (size_t)row->n_parts * sizeof *grown);
        if (!grown)
            return fmt_no_memory(e);
        m->part_score = grown;
        m->n_part_scores = row->n_parts;
    }
    for (int64_t i = 0; i < row->n_parts && !status; i++) {
        struct extract_row part = *row;
        part.values = row->values + i * width;
        status = score_part(j, &part, &m->part_score[i], e);
    }
    if (!status && row->n_parts > 0)
        *score = join_parts(j, m->part_score, row->n_parts);
    return status;
}

const float *judge_feature(struct judge *j, const struct extract_row *row)
{
    int64_t dim = j->extract.dim;
    float *mean = j->memory->feature;
    if (row->n_parts == 1)
        return row->values;
    for (int64_t i = 0; i < dim; i++) {
        double sum = 0;
        for (int64_t p = 0; p < row->n_parts; p++)
            sum += (double)row->values[p * row->n_tokens * dim + i];
        mean[i] = (float)(sum / (double)row->n_parts);
    }
    return mean;
}
