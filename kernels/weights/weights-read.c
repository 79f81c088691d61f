/* weights-read.c - the tensors of opened weights into the rows of a table: first everything that does not fit is
 * collected, then, if nothing was, each tensor is read straight to its place. And the hash of what is there. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "weights.h"
#include "num.h"

struct tally {
    int64_t missing, misshapen, unexpected;
};

__attribute__((format(printf, 2, 3))) static void add_problem(struct weights *w, const char *format, ...)
{
    char line[NAMED_TENSOR_NAME_MAX + 256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    char **grown = realloc(w->problem, (size_t)(w->n_problems + 1) * sizeof *grown);
    if (!grown)
        return; /* the counts still tell */
    w->problem = grown;
    grown[w->n_problems] = strdup(line);
    if (grown[w->n_problems])
        w->n_problems++;
}

static void forget_problems(struct weights *w)
{
    for (int64_t i = 0; i < w->n_problems; i++)
        free(w->problem[i]);
    free(w->problem);
    w->problem = NULL;
    w->n_problems = 0;
}

static int module_of(const char *name)
{
    for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++)
        if (strncmp(name, weight_names_module[m], strlen(weight_names_module[m])) == 0)
            return m;
    return WEIGHT_NAMES_BACKBONE;
}

/* Does the file have any tensor of this module? */
static bool has_module(const struct weights *w, int m)
{
    for (int64_t i = 0; i < w->n_tensors; i++)
        if (module_of(w->tensor[i].name) == m)
            return true;
    return false;
}

/* The row's tensor, as it is, fits: otherwise a line says why not. */
static bool check_row(struct weights *w, const struct param *row, const struct weights_tensor *t)
{
    for (int i = 0; i < t->n_from; i++) {
        if (t->from[i]->unusable)
            add_problem(w, "%s: %s", t->from[i]->name, t->from[i]->unusable);
        else if (!dtype_is_float(t->from[i]->dtype))
            add_problem(w, "%s is %s, not floating-point", t->from[i]->name,
                        dtype_name(t->from[i]->dtype));
        else
            continue;
        return false;
    }
    char got[NAMED_TENSOR_DIMS_TEXT_MAX], want[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (t->n_dims < 0) {
        add_problem(w, "%s: %s are not all there, or do not fit together", row->name,
                    strstr(row->name, ".attn.") ? "query, key and value" : "gate and up");
        return false;
    }
    if (t->n_dims == row->n_dims && memcmp(t->dims, row->dims, (size_t)row->n_dims * sizeof *row->dims) == 0)
        return true;
    add_problem(w, "%s is %s, this model needs %s", row->name, named_tensor_dims_text(t->dims, t->n_dims, got),
                named_tensor_dims_text(row->dims, row->n_dims, want));
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct param *const *)a)->name, (*(const struct param *const *)b)->name);
}

/* The rows of the modules, sorted by name; for free(). */
static const struct param **sorted_rows(const struct params *t, unsigned modules, int *n)
{
    const struct param **rows = malloc(((size_t)t->n_rows + 1) * sizeof *rows);
    *n = 0;
    for (int i = 0; rows && i < t->n_rows; i++)
        if (modules & 1u << module_of(t->rows[i].name))
            rows[(*n)++] = &t->rows[i];
    if (rows && *n > 1)
        qsort(rows, (size_t)*n, sizeof *rows, compare_names);
    return rows;
}

/* Tensors of the file that are in no row. */
static int check_unexpected(struct weights *w, const struct params *t, unsigned modules, struct tally *tally,
                            struct fmt_error *e)
{
    int n;
    const struct param **rows = sorted_rows(t, modules, &n);
    if (!rows)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const struct weights_tensor *x = &w->tensor[i];
        if (!(modules & 1u << module_of(x->name)))
            continue;
        struct param key;
        memcpy(key.name, x->name, sizeof key.name);
        const struct param *p = &key;
        if (n > 0 && bsearch(&p, rows, (size_t)n, sizeof *rows, compare_names))
            continue;
        for (int k = 0; k < x->n_from; k++) {
            if (x->from[k]->unusable)
                continue; /* nobody needs it */
            add_problem(w, "%s belongs nowhere in this model", x->from[k]->name);
            tally->unexpected++;
        }
    }
    free(rows);
    return 0;
}

static int check_all(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e)
{
    struct tally tally = {0};
    bool has[WEIGHT_NAMES_MODULES];
    for (int m = 0; m < WEIGHT_NAMES_MODULES; m++)
        has[m] = m == WEIGHT_NAMES_BACKBONE || has_module(w, m);
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *row = &t->rows[i];
        if (!(modules & 1u << module_of(row->name)) || !has[module_of(row->name)])
            continue;
        const struct weights_tensor *x = weights_find(w, row->name);
        if (x) {
            tally.misshapen += !check_row(w, row, x);
        } else if (!(row->flags & PARAM_OPTIONAL)) {
            add_problem(w, "%s is missing", row->name);
            tally.missing++;
        }
    }
    if (check_unexpected(w, t, modules, &tally, e))
        return FMT_MEMORY;
    if (tally.missing + tally.misshapen + tally.unexpected == 0)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%s missing, %s fit, %s nowhere; the first: %.150s",
                    FMT_COUNT(tally.missing, "tensor is", "tensors are"),
                    FMT_COUNT(tally.misshapen, "does not", "do not"),
                    FMT_COUNT(tally.unexpected, "belongs", "belong"),
                    w->n_problems ? w->problem[0] : "(no memory to say)");
}

int weights_read(const struct weights_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    int64_t at = 0; /* number of the element that the piece at hand begins with */
    if (t->zero_row) {
        int64_t row = t->dims[t->n_dims - 1];
        for (; first < row && n > 0; first++, n--)
            *out++ = 0;
        at = row;
    }
    for (int i = 0; i < t->n_from && n > 0; i++) {
        int64_t skip = first - at, k = num_min(n, t->from[i]->n - skip);
        at += t->from[i]->n;
        if (k <= 0)
            continue;
        if (named_tensor_read_f32(t->from[i], skip, k, out, e))
            return (int)e->status;
        first += k;
        out += k;
        n -= k;
    }
    return n > 0 ? fmt_fail(e, FMT_INVALID, "%.200s: elements beyond its end", t->name) : 0;
}

static int read_row(const struct param *row, const struct weights_tensor *t, float *out, struct fmt_error *e)
{
    int status = weights_read(t, 0, row->count, out, e);
    for (int64_t k = 0; k < row->count && !status; k++)
        if (!isfinite(out[k]))
            status = fmt_fail(e, FMT_NONFINITE, "%.200s holds numbers that are not finite", t->from[0]->name);
    return status;
}

int weights_check(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e)
{
    struct fmt_error why = {0};
    forget_problems(w);
    int status = check_all(w, t, modules, &why);
    if (!status)
        return 0;
    fmt_prefix(&why, w->path);
    return fmt_fail(e, why.status, "%s", why.text);
}

int weights_load(struct weights *w, const struct params *t, unsigned modules, float *values, struct fmt_error *e)
{
    struct fmt_error why = {0};
    w->n_loaded = w->n_new = 0;
    int status = weights_check(w, t, modules, e);
    if (status)
        return status;
    for (int i = 0; i < t->n_rows && !status; i++) {
        const struct param *row = &t->rows[i];
        if (!(modules & 1u << module_of(row->name)))
            continue;
        const struct weights_tensor *x = weights_find(w, row->name);
        if (x)
            status = read_row(row, x, values + row->offset, &why);
        w->n_loaded += x != NULL;
        w->n_new += x == NULL;
    }
    if (!status)
        return 0;
    fmt_prefix(&why, w->path);
    return fmt_fail(e, why.status, "%s", why.text);
}

int weights_hash(const struct params *t, unsigned modules, const float *values, uint8_t out[DIGEST_BYTES],
                 struct fmt_error *e)
{
    int n;
    const struct param **rows = sorted_rows(t, modules, &n);
    if (!rows)
        return fmt_no_memory(e);
    struct digest d;
    digest_init(&d);
    for (int i = 0; i < n; i++) {
        if (rows[i]->flags & PARAM_OPTIONAL)
            continue;
        uint8_t shape[4 + 8 * PARAMS_DIMS_MAX];
        size_t at = 0;
        shape[at++] = (uint8_t)rows[i]->n_dims;
        for (int k = 0; k < rows[i]->n_dims; k++)
            for (int b = 0; b < 8; b++)
                shape[at++] = (uint8_t)((uint64_t)rows[i]->dims[k] >> (8 * b));
        digest_add(&d, rows[i]->name, strlen(rows[i]->name) + 1);
        digest_add(&d, shape, at);
        digest_add(&d, values + rows[i]->offset, (size_t)rows[i]->count * sizeof *values); /* little-endian hosts */
    }
    digest_end(&d, out);
    free(rows);
    return 0;
}
