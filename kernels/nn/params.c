/* params.c - rows are appended, never moved: an offset once given stays. */
#include "params.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rng.h"

const char *const params_module_name[PARAMS_MODULES] = {"backbone", "dino_head", "ibot_head"};

enum { ALIGN_ELEMENTS = 16 };

int params_add(struct params *t, const struct param *row, int64_t *at, struct fmt_error *e)
{
    if (t->n_rows == t->room) {
        int room = t->room ? 2 * t->room : 256;
        struct param *rows = realloc(t->rows, (size_t)room * sizeof *rows);
        if (!rows)
            return fmt_no_memory(e);
        t->rows = rows;
        t->room = room;
    }
    struct param p = *row;
    p.offset = t->count;
    p.count = 1;
    for (int i = 0; i < p.n_dims; i++)
        if (p.dims[i] < 1 || !num_mul_i64(p.count, p.dims[i], &p.count) || p.count > INT64_MAX / 64)
            return fmt_fail(e, FMT_LIMIT, "%s: a dimension of %lld", p.name, (long long)p.dims[i]);
    t->count += num_ceil_div(p.count, ALIGN_ELEMENTS) * ALIGN_ELEMENTS;
    t->rows[t->n_rows++] = p;
    if (at)
        *at = p.offset;
    return 0;
}

void params_release(struct params *t)
{
    free(t->rows);
    *t = (struct params){0};
}

const struct param *params_find(const struct params *t, const char *name)
{
    for (int i = 0; i < t->n_rows; i++)
        if (strcmp(t->rows[i].name, name) == 0)
            return &t->rows[i];
    return NULL;
}

int64_t params_module_span(const struct params *t, enum params_module m, int64_t *offset)
{
    int64_t first = -1, end = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        if (p->module != m)
            continue;
        if (first < 0)
            first = p->offset;
        end = p->offset + num_ceil_div(p->count, ALIGN_ELEMENTS) * ALIGN_ELEMENTS;
    }
    if (first < 0)
        return 0;
    *offset = first;
    return end - first;
}

int64_t params_elements(const struct params *t, enum params_module m)
{
    int64_t n = 0;
    for (int i = 0; i < t->n_rows; i++)
        n += t->rows[i].module == m ? t->rows[i].count : 0;
    return n;
}

void params_init(const struct params *t, float *values, uint64_t seed)
{
    memset(values, 0, (size_t)t->count * sizeof *values); /* padding too */
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        struct rng r = rng_stream(seed, (uint64_t)i, 0, RNG_INIT);
        double v = (double)p->value;
        for (int64_t k = 0; k < p->count; k++)
            values[p->offset + k] = p->init == INIT_CONSTANT ? p->value
                                    : p->init == INIT_NORMAL ? (float)(v * rng_normal(&r))
                                                             : (float)rng_between(&r, -v, v);
    }
}
