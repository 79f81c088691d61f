/* calibration.c - see calibration.h. Blocks of equal scores are pooled with the one before while their share is not
 * above its share. */
#include "calibration.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "json-scan.h"
#include "json-take.h"

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

/* The share that the counts give, with the groups that are added to the first and the last step. */
static double share_of(const struct calibration_step *s, bool first, bool last)
{
    return (double)(s->n_faulty + first) / (double)(s->n + first + last);
}

/* Step i of c->n. */
static void take_step(struct json_take *t, const cJSON *o, struct calibration *c, int64_t i)
{
    struct calibration_step *s = &c->step[i];
    bool first = i == 0, last = i == c->n - 1;
    json_take_at(t, "calibration: step %" PRId64 ": ", i + 1);
    if (first && json_member(o, "from"))
        json_take_fail(t, "from", "is for the steps above the first");
    s->from = first ? -INFINITY : json_take_number(t, o, "from", -1e300, 1e300);
    s->share = json_take_number(t, o, "share", 0, 1);
    s->n = json_take_count(t, o, "groups", 0, JSON_TAKE_COUNT_MAX);
    s->n_faulty = json_take_count(t, o, "faulty", 0, s->n);
    if (!first && !(s[-1].from < s->from && s[-1].share < s->share))
        json_take_fail(t, "from, share", "not above those of the step before");
    if (!(fabs(s->share - share_of(s, first, last)) <= 1e-9)) /* of no groups: no number */
        json_take_fail(t, "share", "not that of its groups");
}

int calibration_parse(const struct cJSON *list, struct calibration *c, struct fmt_error *e)
{
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    int64_t i = 0;
    const cJSON *o;
    struct json_take t = {.e = e};
    *c = (struct calibration){.n = n};
    if (n < 1 || n > CALIBRATION_STEPS_MAX)
        return fmt_fail(e, FMT_INVALID, "calibration: not a list of 1 to %d steps", CALIBRATION_STEPS_MAX);
    c->step = malloc((size_t)n * sizeof *c->step);
    if (!c->step)
        return fmt_no_memory(e);
    cJSON_ArrayForEach(o, list)
    {
        take_step(&t, o, c, i++);
        if (t.status)
            break;
    }
    if (t.status)
        calibration_release(c);
    return t.status;
}
