/* params.c - rows and modules are appended, never moved: an index or offset stays valid once it is given. */
#include "params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

enum { ALIGN_ELEMENTS = 16, FIRST_CAPACITY = 256 };
static const int64_t COUNT_MAX = INT64_MAX / 64; /* elements of a row: bytes and sums of rows do not overflow */

/* ------------------------------------------------------------------ building a table */

int params_add_module(struct params *t, const char *name, struct fmt_error *e)
{
    if (params_find_module(t, name) >= 0)
        return fmt_fail(e, FMT_INVALID, "%s: a module that is there already", name);
    if (t->n_modules == PARAMS_MODULES_MAX)
        return fmt_fail(e, FMT_LIMIT, "%s: more than %d modules", name, PARAMS_MODULES_MAX);
    snprintf(t->modules[t->n_modules++].name, PARAMS_MODULE_NAME_MAX, "%s", name);
    return 0;
}

static int64_t padded(int64_t count)
{
    return num_ceil_div(count, ALIGN_ELEMENTS) * ALIGN_ELEMENTS;
}

static int grow(struct params *t, struct fmt_error *e)
{
    if (t->n_rows < t->capacity)
        return 0;
    int capacity = t->capacity ? 2 * t->capacity : FIRST_CAPACITY;
    struct param *rows = realloc(t->rows, (size_t)capacity * sizeof *rows);
    if (!rows)
        return fmt_no_memory(e);
    t->rows = rows;
    t->capacity = capacity;
    return 0;
}

int params_add(struct params *t, const char *name, const struct param *row, int *index, struct fmt_error *e)
{
    struct param p = *row;
    int status = grow(t, e);
    if (status)
        return status;
    p.module = t->n_modules - 1;
    snprintf(p.name, sizeof p.name, "%s.%s", t->modules[p.module].name, name);
    p.dtype = DTYPE_F32;
    p.trained = true;
    p.offset = t->count;
    p.count = 1;
    for (int i = 0; i < p.n_dims; i++)
        if (p.dims[i] < 1 || !num_mul_i64(p.count, p.dims[i], &p.count) || p.count > COUNT_MAX)
            return fmt_fail(e, FMT_LIMIT, "%s: a dimension of %lld", p.name, (long long)p.dims[i]);
    t->count += padded(p.count);
    if (index)
        *index = t->n_rows;
    t->rows[t->n_rows++] = p;
    return 0;
}

int64_t params_put_last(struct params *t, bool (*last)(const struct param *row))
{
    int64_t before = 0, at = 0;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < t->n_rows; i++)
            if (last(&t->rows[i]) == (round == 1)) {
                t->rows[i].offset = at;
                at += padded(t->rows[i].count);
            }
        before = round == 0 ? at : before;
    }
    return before;
}

void params_release(struct params *t)
{
    free(t->rows);
    *t = (struct params){0};
}

/* ------------------------------------------------------------------ looking into it */

int params_find(const struct params *t, const char *name)
{
    for (int i = 0; i < t->n_rows; i++)
        if (strcmp(t->rows[i].name, name) == 0)
            return i;
    return -1;
}

int params_find_module(const struct params *t, const char *name)
{
    for (int i = 0; i < t->n_modules; i++)
        if (strcmp(t->modules[i].name, name) == 0)
            return i;
    return -1;
}

int64_t params_module_span(const struct params *t, int module, int64_t *offset)
{
    int64_t first = -1, end = 0;
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *p = &t->rows[i];
        if (p->module != module)
            continue;
        if (first < 0)
            first = p->offset;
        end = p->offset + padded(p->count);
    }
    if (first < 0)
        return 0;
    *offset = first;
    return end - first;
}

int64_t params_module_elements(const struct params *t, int module)
{
    int64_t n = 0;
    for (int i = 0; i < t->n_rows; i++)
        n += t->rows[i].module == module ? t->rows[i].count : 0;
    return n;
}

bool params_trained_range(const struct params *t, int module, int *row, int64_t *first, int64_t *count)
{
    int i = *row;
    while (i < t->n_rows && (t->rows[i].module != module || !t->rows[i].trained))
        i++;
    if (i == t->n_rows)
        return false;
    *first = t->rows[i].offset;
    for (; i < t->n_rows && t->rows[i].module == module && t->rows[i].trained; i++)
        *count = t->rows[i].offset + padded(t->rows[i].count) - *first;
    *row = i;
    return true;
}
