/* pixel-scores.c - pixels are counted by level as they come; curves are sums over levels from the highest one. */
#include "pixel-scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rng.h"

/* ------------------------------------------------------------------ counts */
static int counts_open(struct pixel_counts *c, int64_t n_levels, struct fmt_error *e)
{
    c->good = calloc((size_t)n_levels, 3 * sizeof *c->good);
    if (!c->good)
        return fmt_no_memory(e);
    c->faulty = c->good + n_levels;
    c->overlap = c->faulty + n_levels;
    return 0;
}

int pixel_scores_open(struct pixel_scores *s, double low, double high, int64_t n_groups, struct fmt_error *e)
{
    *s = (struct pixel_scores){.low = low, .high = high, .n_groups = n_groups};
    s->group = calloc((size_t)n_groups + 1, sizeof *s->group);
    int status = s->group ? counts_open(&s->all, PIXEL_SCORES_LEVELS, e) : fmt_no_memory(e);
    if (status)
        pixel_scores_close(s);
    return status;
}

void pixel_scores_close(struct pixel_scores *s)
{
    for (int64_t g = 0; s->group && g < s->n_groups; g++)
        free(s->group[g].good);
    free(s->group);
    free(s->all.good);
    free(s->region);
    free(s->stack);
    *s = (struct pixel_scores){0};
}

/* ------------------------------------------------------------------ regions */
static int reserve(struct pixel_scores *s, int64_t n, struct fmt_error *e)
{
    if (n <= s->capacity)
        return 0;
    free(s->region);
    free(s->stack);
    s->region = malloc((size_t)n * sizeof *s->region);
    s->stack = malloc((size_t)n * sizeof *s->stack);
    s->capacity = s->region && s->stack ? n : 0;
    return s->capacity ? 0 : fmt_no_memory(e);
}

/* Gives all pixels that touch pixel `first` its number; a pixel is on the stack once. */
static void fill_region(struct pixel_scores *s, const uint8_t *mask, int64_t height, int64_t width, int64_t first,
                        int32_t number)
{
    int64_t n = 0;
    s->region[first] = number;
    s->stack[n++] = (int32_t)first;
    while (n > 0) {
        int64_t at = s->stack[--n], y = at / width, x = at % width;
        for (int64_t v = num_max(0, y - 1); v <= num_min(height - 1, y + 1); v++)
            for (int64_t u = num_max(0, x - 1); u <= num_min(width - 1, x + 1); u++)
                if (mask[v * width + u] && s->region[v * width + u] < 0) {
                    s->region[v * width + u] = number;
                    s->stack[n++] = (int32_t)(v * width + u);
                }
    }
}

/* Numbers the regions of a mask; the others have -1. */
static int32_t find_regions(struct pixel_scores *s, const uint8_t *mask, int64_t height, int64_t width)
{
    int32_t n = 0;
    for (int64_t i = 0; i < height * width; i++)
        s->region[i] = -1;
    for (int64_t i = 0; mask && i < height * width; i++)
        if (mask[i] && s->region[i] < 0)
            fill_region(s, mask, height, width, i, n++);
    return n;
}

/* ------------------------------------------------------------------ a photograph */
static int64_t level_of(const struct pixel_scores *s, float value)
{
    double at = s->high > s->low ? ((double)value - s->low) / (s->high - s->low) : 0;
    return num_max(0, num_min(PIXEL_SCORES_LEVELS - 1, (int64_t)(at * PIXEL_SCORES_LEVELS)));
}

static void count_pixel(struct pixel_counts *c, int64_t level, double share)
{
    if (share > 0) {
        c->faulty[level]++;
        c->overlap[level] += share;
    } else
        c->good[level]++;
}

/* share [n_regions]: 1 / seen pixels; of a region that was not seen it is not used. Returns how many were seen. */
static int64_t region_shares(const struct pixel_scores *s, const float *map, int64_t n, int32_t n_regions,
                             double *share)
{
    int64_t n_seen = 0;
    for (int64_t i = 0; i < n; i++)
        if (s->region[i] >= 0 && !isnan(map[i]))
            share[s->region[i]]++;
    for (int32_t r = 0; r < n_regions; r++) {
        n_seen += share[r] > 0;
        share[r] = 1 / fmax(share[r], 1);
    }
    return n_seen;
}

int pixel_scores_add(struct pixel_scores *s, int64_t group, const float *map, const uint8_t *mask, int64_t height,
                     int64_t width, struct fmt_error *e)
{
    enum { FINE = PIXEL_SCORES_LEVELS / PIXEL_SCORES_COARSE };
    int64_t n = height * width;
    struct pixel_counts *own = &s->group[group];
    if (n > INT32_MAX)
        return fmt_fail(e, FMT_LIMIT, "a photograph of %lld pixels", (long long)n);
    int status = reserve(s, n, e);
    if (!status && !own->good)
        status = counts_open(own, PIXEL_SCORES_COARSE, e);
    int32_t n_regions = status ? 0 : find_regions(s, mask, height, width);
    double *share = calloc((size_t)n_regions + 1, sizeof *share);
    if (status || !share) {
        free(share);
        return status ? status : fmt_no_memory(e);
    }
    int64_t n_seen = region_shares(s, map, n, n_regions, share);
    for (int64_t i = 0; i < n; i++) {
        bool faulty = s->region[i] >= 0, unseen = isnan(map[i]);
        s->n_faulty_pixels += faulty;
        s->n_unseen_pixels += unseen;
        s->n_unseen_faulty_pixels += faulty && unseen;
        if (unseen)
            continue;
        int64_t level = level_of(s, map[i]);
        count_pixel(&s->all, level, faulty ? share[s->region[i]] : 0);
        count_pixel(own, level / FINE, faulty ? share[s->region[i]] : 0);
    }
    s->n_photographs++;
    s->n_pixels += n;
    s->n_unseen_regions += n_regions - n_seen;
    s->all.n_regions += (double)n_seen;
    own->n_regions += (double)n_seen;
    free(share);
    return 0;
}

/* ------------------------------------------------------------------ areas */
static double sum_of(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

/* From the highest level down; a level is a straight line, as between ties. */
static void areas(const struct pixel_counts *c, int64_t n_levels, double fpr_limit, double *auroc, double *aupro)
{
    double n_good = sum_of(c->good, n_levels), n_faulty = sum_of(c->faulty, n_levels);
    double fpr = 0, tpr = 0, pro = 0, under_tpr = 0, under_pro = 0;
    *auroc = *aupro = NAN;
    if (!(n_good > 0) || !(n_faulty > 0))
        return;
    for (int64_t level = n_levels - 1; level >= 0; level--) {
        double step = c->good[level] / n_good, rise = c->overlap[level] / c->n_regions;
        under_tpr += step * (tpr + c->faulty[level] / n_faulty / 2);
        if (fpr < fpr_limit) {
            double part = step > fpr_limit - fpr ? (fpr_limit - fpr) / step : 1; /* the last line is cut */
            under_pro += step * part * (pro + rise * part / 2);
        }
        tpr += c->faulty[level] / n_faulty;
        fpr += step;
        pro += rise;
    }
    *auroc = under_tpr;
    *aupro = under_pro / fpr_limit;
}

struct resampling {
    const struct pixel_scores *s;
    const struct bootstrap *b;
    double fpr_limit;
    int64_t *group; /* [n_groups] those with pixels */
    int64_t n_groups;
    struct pixel_counts *sum; /* [n_workers] */
    double *auroc, *aupro;    /* [n_resamples] */
};

static void resample(void *arg, int64_t item, int worker)
{
    const struct resampling *t = arg;
    struct pixel_counts *sum = &t->sum[worker];
    struct rng r = rng_stream(t->b->seed, (uint64_t)item, 0, RNG_BOOTSTRAP);
    memset(sum->good, 0, 3 * PIXEL_SCORES_COARSE * sizeof *sum->good);
    sum->n_regions = 0;
    for (int64_t i = 0; i < t->n_groups; i++) {
        const struct pixel_counts *c = &t->s->group[t->group[rng_below(&r, (uint64_t)t->n_groups)]];
        for (int64_t level = 0; level < 3 * PIXEL_SCORES_COARSE; level++)
            sum->good[level] += c->good[level]; /* faulty and overlap follow in memory */
        sum->n_regions += c->n_regions;
    }
    areas(sum, PIXEL_SCORES_COARSE, t->fpr_limit, &t->auroc[item], &t->aupro[item]);
}

static int intervals(const struct pixel_scores *s, double fpr_limit, const struct bootstrap *b,
                     struct thread_pool *pool, struct pixel_result *r, struct fmt_error *e)
{
    int n_workers = thread_workers(pool), status = 0;
    struct resampling t = {.s = s, .b = b, .fpr_limit = fpr_limit};
    t.group = malloc(((size_t)s->n_groups + 1) * sizeof *t.group);
    t.sum = calloc((size_t)n_workers, sizeof *t.sum);
    t.auroc = malloc((size_t)b->n_resamples * 2 * sizeof *t.auroc);
    t.aupro = t.auroc ? t.auroc + b->n_resamples : NULL;
    if (!t.group || !t.sum || !t.auroc)
        status = fmt_no_memory(e);
    for (int w = 0; w < n_workers && !status; w++)
        status = counts_open(&t.sum[w], PIXEL_SCORES_COARSE, e);
    for (int64_t g = 0; g < s->n_groups && !status; g++)
        if (s->group[g].good)
            t.group[t.n_groups++] = g;
    if (!status) {
        thread_for(pool, b->n_resamples, resample, &t);
        bootstrap_interval(b, t.auroc, &r->auroc_low, &r->auroc_high);
        bootstrap_interval(b, t.aupro, &r->aupro_low, &r->aupro_high);
    }
    for (int w = 0; t.sum && w < n_workers; w++)
        free(t.sum[w].good);
    free(t.sum);
    free(t.group);
    free(t.auroc);
    return status;
}

int pixel_scores_compute(const struct pixel_scores *s, double fpr_limit, const struct bootstrap *b,
                         struct thread_pool *pool, struct pixel_result *r, struct fmt_error *e)
{
    *r = (struct pixel_result){.auroc_low = NAN, .auroc_high = NAN, .aupro_low = NAN, .aupro_high = NAN,
                               .n_regions = (int64_t)s->all.n_regions};
    areas(&s->all, PIXEL_SCORES_LEVELS, fpr_limit, &r->auroc, &r->aupro);
    return b->n_resamples > 0 ? intervals(s, fpr_limit, b, pool, r, e) : 0;
}
