/* precision-check.c - images are compared in portions: float32 keeps the tokens of a portion, then those of the
 * precision are compared with them row by row. Only class tokens and means of patches are kept of all images, for the
 * similarities; of an image in parts the sums over its parts. */
#include "precision-check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"
#include "num.h"

enum { REFERENCE, CHECKED, SIDES };
enum { SUMMARIES = PRECISION_CHECK_SUMMARIES };

/* The tokens of an image in float32; n_tokens 0: it could not be read. */
struct reference {
    char name[PRECISION_CHECK_NAME];
    float *values;
    int64_t n_parts, n_tokens, capacity;
};

struct checking {
    struct precision_check *result;
    const struct precision_check_job *job;
    struct extract x[SIDES];
    int64_t first, n_portion;    /* images of this portion */
    struct reference *reference; /* [n_portion] */
    float *summary[SIDES];       /* [n,SUMMARIES,dim] of the images that were compared */
    float *part[SIDES];          /* [SUMMARIES,dim] of a part */
    double *sum;                 /* [dim] scratch */
    struct fmt_error error;
};

/* ------------------------------------------------------------------ limits */
static const struct {
    double cls, patch;
} limits[PRECISION_COUNT] = {
    [PRECISION_BF16] = {0.9999, 0.999},
    [PRECISION_INT8] = {0.998, 0.99},
};

double precision_check_limit(enum precision precision, enum precision_check_part part)
{
    if (part == PRECISION_CHECK_MEAN || precision == PRECISION_F32)
        return NAN;
    return part == PRECISION_CHECK_CLS ? limits[precision].cls : limits[precision].patch;
}

bool precision_check_missed(const struct precision_check *c, enum precision_check_part part)
{
    return c->n_images > 0 && c->cosine[part].worst < precision_check_limit(c->precision, part);
}

bool precision_check_passed(const struct precision_check *c)
{
    bool passed = c->n_images > 0;
    for (int k = 0; k < PRECISION_CHECK_PARTS; k++)
        passed = passed && !precision_check_missed(c, k);
    return passed;
}

/* ------------------------------------------------------------------ cosines */
static double product(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += (double)a[k] * (double)b[k];
    return sum;
}

static double cosine(const float *a, const float *b, int64_t n)
{
    double aa = product(a, a, n), bb = product(b, b, n);
    double c = aa == 0 && bb == 0 ? 1 : product(a, b, n) / sqrt(aa * bb);
    return isnan(c) ? -1 : c;
}

/* Where a cosine was found. */
struct place {
    int64_t image;
    const char *name, *part; /* part "": the whole image */
};

/* Sums become means in finish. True: the worst so far. */
static bool add_cosine(struct precision_check_cosine *c, int64_t n_before, double value, const struct place *at)
{
    c->mean += value;
    if (n_before > 0 && value >= c->worst)
        return false;
    c->worst = value;
    c->image = at->image;
    snprintf(c->name, sizeof c->name, "%s", at->name);
    snprintf(c->part, sizeof c->part, "%s", at->part);
    return true;
}

/* reference, checked: tokens [1 + P,dim] of a part; columns: of its patches. */
static void compare_patches(struct checking *t, const float *reference, const float *checked, int64_t P,
                            int64_t columns, const struct place *at)
{
    struct precision_check *c = t->result;
    struct precision_check_cosine *of = &c->cosine[PRECISION_CHECK_PATCH];
    int64_t dim = t->x[CHECKED].dim;
    for (int64_t k = 1; k <= P; k++, c->n_patches++)
        if (add_cosine(of, c->n_patches, cosine(reference + k * dim, checked + k * dim, dim), at)) {
            of->row = (k - 1) / columns;
            of->column = (k - 1) % columns;
        }
}

/* tokens [1 + P,dim] -> class token and mean of patches [SUMMARIES,dim]. */
static void summarise(const struct checking *t, const float *tokens, int64_t P, float *out)
{
    int64_t dim = t->x[CHECKED].dim;
    memcpy(out, tokens, (size_t)dim * sizeof *out);
    extract_mean_patches(t->sum, tokens + dim, P, dim, out + dim);
}

/* ------------------------------------------------------------------ the two passes over a portion */
static int read_image(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    const struct checking *t = arg;
    int status = t->job->read(t->job->arg, t->first + i, slot, worker, image, e);
    if (!status && image->name)
        snprintf(t->reference[i].name, PRECISION_CHECK_NAME, "%s", image->name);
    return status;
}

static int keep_reference(void *arg, int64_t i, int slot, const struct extract_row *row,
                          const struct fmt_error *failure)
{
    struct checking *t = arg;
    struct reference *r = &t->reference[i];
    int64_t n = row->n_parts * row->n_tokens * t->x[REFERENCE].dim;
    (void)slot;
    r->n_tokens = 0;
    if (failure->status)
        return failure->status == FMT_MEMORY ? fmt_fail(&t->error, FMT_MEMORY, "%s", failure->text) : 0;
    if (n > r->capacity) {
        free(r->values);
        r->values = malloc((size_t)n * sizeof *r->values);
        r->capacity = r->values ? n : 0;
        if (!r->values)
            return fmt_no_memory(&t->error);
    }
    memcpy(r->values, row->values, (size_t)n * sizeof *r->values);
    r->n_tokens = row->n_tokens;
    r->n_parts = row->n_parts;
    return 0;
}

static void compare_part(struct checking *t, const struct reference *r, const struct extract_row *row, int64_t i,
                         struct place *at)
{
    struct precision_check *c = t->result;
    int64_t dim = t->x[CHECKED].dim, P = row->n_tokens - 1;
    const float *tokens[SIDES] = {r->values + i * row->n_tokens * dim, row->values + i * row->n_tokens * dim};
    const struct extract_geometry *g = row->part ? &row->part[i].geometry : &row->geometry;
    at->part = row->part ? row->part[i].name : "";
    for (int side = 0; side < SIDES; side++) {
        float *sum = t->summary[side] + c->n_images * SUMMARIES * dim;
        summarise(t, tokens[side], P, t->part[side]);
        for (int64_t k = 0; k < SUMMARIES * dim; k++)
            sum[k] += t->part[side][k];
    }
    for (int k = 0; k < SUMMARIES; k++)
        add_cosine(&c->cosine[k], c->n_parts, cosine(t->part[0] + k * dim, t->part[1] + k * dim, dim), at);
    compare_patches(t, tokens[0], tokens[1], P, g->net_w / t->x[CHECKED].model.vit->config.patch, at);
    c->n_parts++;
}

static int compare_image(void *arg, int64_t i, int slot, const struct extract_row *row,
                         const struct fmt_error *failure)
{
    struct checking *t = arg;
    struct precision_check *c = t->result;
    const struct reference *r = &t->reference[i];
    struct place at = {.image = t->first + i, .name = r->name};
    (void)slot;
    if (failure->status == FMT_MEMORY)
        return fmt_fail(&t->error, FMT_MEMORY, "%s", failure->text);
    if (failure->status || r->n_tokens != row->n_tokens || r->n_parts != row->n_parts) {
        c->n_failed++;
        return 0;
    }
    for (int64_t part = 0; part < row->n_parts; part++)
        compare_part(t, r, row, part, &at);
    c->n_images++;
    if (t->job->step)
        t->job->step(t->job->arg, at.image + 1);
    return 0;
}

static int check_portions(struct checking *t, struct fmt_error *e)
{
    int status = 0;
    for (t->first = 0; t->first < t->job->n && !status; t->first += t->n_portion) {
        struct extract_job job = {.arg = t, .n = num_min(t->n_portion, t->job->n - t->first), .read = read_image};
        job.write = keep_reference;
        status = extract_run(&t->x[REFERENCE], &job, e);
        job.write = compare_image;
        if (!status)
            status = extract_run(&t->x[CHECKED], &job, e);
    }
    return status && t->error.status ? fmt_fail(e, t->error.status, "%s", t->error.text) : status;
}

/* ------------------------------------------------------------------ similarities of images */
/* x: unit vectors of all images, `stride` apart. */
static void compare_neighbours(const float *const x[SIDES], int64_t n, int64_t dim, int64_t stride,
                               struct precision_check_neighbours *out)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t nearest[SIDES] = {-1, -1};
        double best[SIDES] = {0, 0};
        for (int64_t j = 0; j < n; j++) {
            double similarity[SIDES];
            for (int s = 0; s < SIDES && j != i; s++) {
                similarity[s] = product(x[s] + i * stride, x[s] + j * stride, dim);
                if (nearest[s] < 0 || similarity[s] > best[s]) {
                    best[s] = similarity[s];
                    nearest[s] = j;
                }
            }
            if (j != i)
                out->change = fmax(out->change, fabs(similarity[CHECKED] - similarity[REFERENCE]));
        }
        out->n_kept += nearest[REFERENCE] == nearest[CHECKED];
    }
}

static void finish(struct checking *t)
{
    struct precision_check *c = t->result;
    int64_t dim = t->x[CHECKED].dim, stride = SUMMARIES * dim;
    for (int k = 0; k < PRECISION_CHECK_PARTS && c->n_images > 0; k++)
        c->cosine[k].mean /= (double)(k == PRECISION_CHECK_PATCH ? c->n_patches : c->n_parts);
    for (int64_t i = 0; i < c->n_images * SUMMARIES; i++)
        for (int s = 0; s < SIDES; s++)
            extract_bring_to_unit_length(t->summary[s] + i * dim, dim);
    for (int k = 0; k < SUMMARIES; k++) {
        const float *const x[SIDES] = {t->summary[REFERENCE] + k * dim, t->summary[CHECKED] + k * dim};
        compare_neighbours(x, c->n_images, dim, stride, &c->neighbours[k]);
    }
}

/* ------------------------------------------------------------------ opening */
static int open_sides(struct checking *t, const struct device *device, const struct extract_model *model,
                      const struct extract_settings *settings, struct fmt_error *e)
{
    struct extract_model reference = *model;
    struct extract_settings s = *settings;
    reference.precision = PRECISION_F32;
    reference.packed = NULL;
    reference.values = model->reference ? model->reference : model->values;
    s.kind = FEAT_PATCH;
    s.with_cls = true;
    s.unit_length = false;
    int status = extract_open(&t->x[REFERENCE], device, &reference, &s, e);
    if (!status)
        status = extract_open(&t->x[CHECKED], device, model, &s, e);
    if (status)
        return status;
    size_t n = (size_t)num_max(t->job->n, 1), dim = (size_t)t->x[CHECKED].dim;
    t->n_portion = 2 * t->x[CHECKED].n_workers * t->x[CHECKED].batch;
    t->reference = calloc((size_t)t->n_portion, sizeof *t->reference);
    t->sum = calloc(dim, sizeof *t->sum);
    bool all = t->reference && t->sum;
    for (int side = 0; side < SIDES; side++) {
        t->summary[side] = calloc(n, SUMMARIES * dim * sizeof(float));
        t->part[side] = calloc(SUMMARIES, dim * sizeof(float));
        all = all && t->summary[side] && t->part[side];
    }
    return all ? 0 : fmt_no_memory(e);
}

static void close_sides(struct checking *t)
{
    for (int64_t i = 0; t->reference && i < t->n_portion; i++)
        free(t->reference[i].values);
    for (int side = 0; side < SIDES; side++) {
        free(t->summary[side]);
        free(t->part[side]);
        extract_close(&t->x[side]);
    }
    free(t->reference);
    free(t->sum);
}

int precision_check_run(struct precision_check *c, const struct device *device, const struct extract_model *model,
                        const struct extract_settings *settings, const struct precision_check_job *job,
                        struct fmt_error *e)
{
    struct checking t = {.result = c, .job = job};
    *c = (struct precision_check){.precision = model->precision};
    int status = job->n <= PRECISION_CHECK_MAX
                     ? open_sides(&t, device, model, settings, e)
                     : fmt_fail(e, FMT_LIMIT, "a check of more than %d images", PRECISION_CHECK_MAX);
    if (!status)
        status = check_portions(&t, e);
    if (!status)
        finish(&t);
    close_sides(&t);
    return status;
}
