/* calibration.c - see calibration.h. Blocks of equal scores are pooled with the one before while their share is not
 * above its share. */
#include "calibration.h"

#include <math.h>
#include <stdlib.h>

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
