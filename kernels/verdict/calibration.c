/* calibration.c - see calibration.h. Blocks of equal scores are pooled with the one before while their share is not
 * above its share. */
#include "calibration.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "json-scan.h"

struct block {
    double from, n, n_faulty; /* with the groups that are added */
};

struct labelled {
    double score;
    int8_t faulty;
};

static int by_score(const void *a, const void *b)
{
    double x = ((const struct labelled *)a)->score, y = ((const struct labelled *)b)->score;
    return (x > y) - (x < y);
}

/* Adds a block to those before it; returns how many there are now. */
static int64_t push(struct block *block, int64_t n, struct block next)
{
    while (n > 0 && block[n - 1].n_faulty * next.n >= next.n_faulty * block[n - 1].n) {
        n--;
        next.from = block[n].from;
        next.n += block[n].n;
        next.n_faulty += block[n].n_faulty;
    }
    block[n] = next;
    return n + 1;
}

/* block [n + 2]; sorted [n]. */
static int64_t pool_groups(struct block *block, const struct labelled *sorted, int64_t n)
{
    int64_t n_blocks = push(block, 0, (struct block){-INFINITY, 1, 1});
    for (int64_t i = 0, next; i < n; i = next) {
        struct block tied = {.from = sorted[i].score};
        for (next = i; next < n && sorted[next].score == sorted[i].score; next++) {
            tied.n++;
            tied.n_faulty += sorted[next].faulty;
        }
        n_blocks = push(block, n_blocks, tied);
    }
    return push(block, n_blocks, (struct block){INFINITY, 1, 0});
}

static void set_steps(struct calibration *c, const struct block *block, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const struct block *b = &block[i];
        bool first = i == 0, last = i == n - 1;
        c->step[i] = (struct calibration_step){b->from, b->n_faulty / b->n, (int64_t)b->n - first - last,
                                               (int64_t)b->n_faulty - first};
    }
    c->n = n;
}

int calibration_fit(struct calibration *c, const struct judged_groups *g, struct fmt_error *e)
{
    size_t room = (size_t)g->n + 2;
    struct labelled *sorted = malloc(room * sizeof *sorted);
    struct block *block = malloc(room * sizeof *block);
    int64_t n = 0;
    *c = (struct calibration){.step = malloc(room * sizeof *c->step)};
    bool good = sorted && block && c->step;
    for (int64_t i = 0; i < g->n && good; i++)
        if (g->faulty[i] >= 0)
            sorted[n++] = (struct labelled){g->score[i], g->faulty[i]};
    if (good) {
        qsort(sorted, (size_t)n, sizeof *sorted, by_score);
        set_steps(c, block, pool_groups(block, sorted, n));
    } else
        calibration_release(c);
    free(sorted);
    free(block);
    return good ? 0 : fmt_no_memory(e);
}

double calibration_at(const struct calibration *c, double score)
{
    int64_t low = 0, high = c->n; /* step[low].from <= score */
    if (isnan(score))
        return NAN;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (c->step[middle].from <= score)
            low = middle;
        else
            high = middle;
    }
    return c->step[low].share;
}

void calibration_release(struct calibration *c)
{
    free(c->step);
    *c = (struct calibration){.n = 0};
}

/* ------------------------------------------------------------------ JSON */
static bool put_step(cJSON *list, const struct calibration_step *s)
{
    cJSON *o = cJSON_CreateObject();
    bool good = (isinf(s->from) || cJSON_AddNumberToObject(o, "from", s->from)) &&
                cJSON_AddNumberToObject(o, "share", s->share) &&
                cJSON_AddNumberToObject(o, "groups", (double)s->n) &&
                cJSON_AddNumberToObject(o, "faulty", (double)s->n_faulty) && cJSON_AddItemToArray(list, o);
    if (!good)
        cJSON_Delete(o);
    return good;
}

struct cJSON *calibration_json(const struct calibration *c)
{
    cJSON *list = cJSON_CreateArray();
    bool good = list != NULL;
    for (int64_t i = 0; i < c->n && good; i++)
        good = put_step(list, &c->step[i]);
    if (!good)
        cJSON_Delete(list);
    return good ? list : NULL;
}

static int take_number(const cJSON *o, const char *key, double least, double most, double *v, struct fmt_error *e)
{
    const cJSON *item = json_member(o, key);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most))
        return fmt_fail(e, FMT_INVALID, "%s is not a number from %g to %g", key, least, most);
    *v = item->valuedouble;
    return 0;
}

static int take_count(const cJSON *o, const char *key, int64_t most, int64_t *n, struct fmt_error *e)
{
    double v;
    int status = take_number(o, key, 0, (double)most, &v, e);
    if (!status && v != floor(v))
        return fmt_fail(e, FMT_INVALID, "%s is not a whole number", key);
    if (!status)
        *n = (int64_t)v;
    return status;
}

/* The share that the counts give, with the groups that are added to the first and the last step. */
static double share_of(const struct calibration_step *s, bool first, bool last)
{
    return (double)(s->n_faulty + first) / (double)(s->n + first + last);
}

/* Step i of c->n. */
static int take_step(const cJSON *o, struct calibration *c, int64_t i, struct fmt_error *e)
{
    struct calibration_step *s = &c->step[i];
    bool first = i == 0, last = i == c->n - 1;
    s->from = -INFINITY;
    if (first && json_member(o, "from"))
        return fmt_fail(e, FMT_INVALID, "from is for the steps above the first");
    int status = first ? 0 : take_number(o, "from", -1e300, 1e300, &s->from, e);
    if (!status)
        status = take_number(o, "share", 0, 1, &s->share, e);
    if (!status)
        status = take_count(o, "groups", (int64_t)1e15, &s->n, e);
    if (!status)
        status = take_count(o, "faulty", s->n, &s->n_faulty, e);
    if (status)
        return status;
    if (!first && !(s[-1].from < s->from && s[-1].share < s->share))
        return fmt_fail(e, FMT_INVALID, "from or share is not above that of the step before");
    if (!(fabs(s->share - share_of(s, first, last)) <= 1e-9)) /* of no groups: no number */
        return fmt_fail(e, FMT_INVALID, "share is not that of its groups");
    return 0;
}

int calibration_parse(const struct cJSON *list, struct calibration *c, struct fmt_error *e)
{
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    int64_t i = 0;
    int status = 0;
    const cJSON *o;
    *c = (struct calibration){.n = n};
    if (n < 1 || n > CALIBRATION_STEPS_MAX)
        return fmt_fail(e, FMT_INVALID, "calibration: not a list of 1 to %d steps", CALIBRATION_STEPS_MAX);
    c->step = malloc((size_t)n * sizeof *c->step);
    if (!c->step)
        return fmt_no_memory(e);
    cJSON_ArrayForEach(o, list)
    {
        struct fmt_error why = {0};
        status = take_step(o, c, i++, &why);
        if (status) {
            fmt_fail(e, status, "calibration: step %" PRId64 ": %s", i, why.text);
            break;
        }
    }
    if (status)
        calibration_release(c);
    return status;
}
