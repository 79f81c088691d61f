/* weights-check.c - lists everything that prevents the tensors of a file from being loaded, one line each. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"

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
        return; /* the counts still include it */
    w->problem = grown;
    grown[w->n_problems] = strdup(line);
    if (grown[w->n_problems])
        w->n_problems++;
}

static void clear_problems(struct weights *w)
{
    for (int64_t i = 0; i < w->n_problems; i++)
        free(w->problem[i]);
    free(w->problem);
    w->problem = NULL;
    w->n_problems = 0;
}

/* Does the file have any tensor of this module? */
static bool has_module(const struct weights *w, int module)
{
    for (int64_t i = 0; i < w->n_tensors; i++)
        if (weight_names_module_of(w->tensor[i].name) == module)
            return true;
    return false;
}

/* Whether all parts of a tensor can be read as numbers; if not, adds a line with the reason. */
static bool check_parts(struct weights *w, const struct weights_tensor *t)
{
    for (int i = 0; i < t->n_parts; i++) {
        const struct named_tensor *part = t->part[i];
        if (part->unusable)
            add_problem(w, "%s: %s", part->name, part->unusable);
        else if (!dtype_is_float(part->dtype))
            add_problem(w, "%s is %s, not floating-point", part->name, dtype_name(part->dtype));
        else
            continue;
        return false;
    }
    return true;
}

/* Whether the tensor [n] with this part of a product is there, in F32; if not, adds a line with the reason. */
static bool check_vector(struct weights *w, const struct param *row, enum weights_part part, int64_t n)
{
    const struct weights_tensor *t = weights_part(w, row->name, part);
    char name[PARAMS_NAME_MAX], has[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (t && t->n_parts == 1 && t->n_dims == 1 && t->dims[0] == n && !t->part[0]->unusable &&
        t->part[0]->dtype == DTYPE_F32)
        return true;
    if (t)
        add_problem(w, "%s is %s %s, not F32 [%lld]", t->part[0]->name, dtype_name(t->part[0]->dtype),
                    named_tensor_dims_text(t->dims, t->n_dims < 0 ? 0 : t->n_dims, has), (long long)n);
    else if (weights_part_name(row->name, part, name))
        add_problem(w, "%s is missing", name);
    return false;
}

/* The same of the values of a product in a quantised file. */
static bool check_product(struct weights *w, const struct param *row, const struct weights_tensor *t)
{
    const struct named_tensor *values = t->part[0];
    if (values->dtype == DTYPE_I8 && t->n_parts == 1 && !values->unusable)
        return check_vector(w, row, WEIGHTS_PART_SCALE, row->dims[0]) &
               check_vector(w, row, WEIGHTS_PART_SMOOTHING, row->dims[1]);
    if (values->dtype == DTYPE_BF16)
        return check_parts(w, t);
    add_problem(w, "%s is %s: a product is I8 or BF16 here", values->name, dtype_name(values->dtype));
    return false;
}

/* Whether the tensor fits the row; if not, adds a line with the reason. */
static bool check_row(struct weights *w, const struct param *row, const struct weights_tensor *t)
{
    char has[NAMED_TENSOR_DIMS_TEXT_MAX], needs[NAMED_TENSOR_DIMS_TEXT_MAX];
    bool product = w->quantized && weights_is_product(row->name);
    if (!(product ? check_product(w, row, t) : check_parts(w, t)))
        return false;
    if (t->n_dims < 0) {
        add_problem(w, "%s: %s are not all there, or do not fit together", row->name,
                    strstr(row->name, ".attn.") ? "query, key and value" : "gate and up");
        return false;
    }
    if (t->n_dims == row->n_dims && memcmp(t->dims, row->dims, (size_t)row->n_dims * sizeof *row->dims) == 0)
        return true;
    add_problem(w, "%s is %s, this model needs %s", row->name, named_tensor_dims_text(t->dims, t->n_dims, has),
                named_tensor_dims_text(row->dims, row->n_dims, needs));
    return false;
}

/* Checks the rows that the file must have: a head only if the file has any tensor of it. */
static void check_rows(struct weights *w, const struct params *t, unsigned modules, struct tally *tally)
{
    bool has[WEIGHT_NAMES_MODULES];
    for (int m = 0; m < WEIGHT_NAMES_MODULES; m++)
        has[m] = m == WEIGHT_NAMES_BACKBONE || has_module(w, m);
    for (int i = 0; i < t->n_rows; i++) {
        const struct param *row = &t->rows[i];
        if (!weights_is_asked(row->name, modules) || !has[weight_names_module_of(row->name)])
            continue;
        const struct weights_tensor *x = weights_find(w, row->name);
        if (x) {
            tally->misshapen += !check_row(w, row, x);
        } else if (!(row->flags & PARAM_OPTIONAL)) {
            add_problem(w, "%s is missing", row->name);
            tally->missing++;
        }
    }
}

/* Whether a tensor is a scale or a smoothing of a product in I8. */
static bool is_of_product(const struct weights *w, const struct param *const *rows, int n,
                          const struct weights_tensor *x)
{
    for (int i = 0; i < n && w->quantized; i++)
        for (enum weights_part part = WEIGHTS_PART_SCALE; part < WEIGHTS_PARTS; part++)
            if (weights_part(w, rows[i]->name, part) == x)
                return true;
    return false;
}

/* Tensors of the file that are in none of the n sorted rows. */
static void check_unexpected(struct weights *w, const struct param *const *rows, int n, unsigned modules,
                             struct tally *tally)
{
    for (int64_t i = 0; i < w->n_tensors; i++) {
        const struct weights_tensor *x = &w->tensor[i];
        if (!weights_is_asked(x->name, modules) || weights_has_row(rows, n, x->name) ||
            is_of_product(w, rows, n, x))
            continue;
        for (int k = 0; k < x->n_parts; k++) {
            if (x->part[k]->unusable)
                continue; /* not needed */
            add_problem(w, "%s belongs nowhere in this model", x->part[k]->name);
            tally->unexpected++;
        }
    }
}

int weights_check_stored(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e)
{
    struct tally tally = {0};
    int n;
    const struct param **rows = weights_sorted_rows(t, modules, &n);
    clear_problems(w);
    if (!rows) {
        fmt_no_memory(e);
        fmt_prefix(e, w->path);
        return FMT_MEMORY;
    }
    check_rows(w, t, modules, &tally);
    check_unexpected(w, rows, n, modules, &tally);
    free(rows);
    if (tally.missing + tally.misshapen + tally.unexpected == 0)
        return 0;
    fmt_fail(e, FMT_MISMATCH, "tensors: %lld missing, %lld of wrong shape, %lld unexpected; the first: %.150s",
             (long long)tally.missing, (long long)tally.misshapen, (long long)tally.unexpected,
             w->n_problems ? w->problem[0] : "(no memory to say)");
    fmt_prefix(e, w->path);
    return FMT_MISMATCH;
}

int weights_check(struct weights *w, const struct params *t, unsigned modules, struct fmt_error *e)
{
    if (!w->quantized)
        return weights_check_stored(w, t, modules, e);
    clear_problems(w);
    fmt_fail(e, FMT_UNSUPPORTED, "quantised to int8; this needs the weights in float32 that it was made from");
    fmt_prefix(e, w->path);
    return FMT_UNSUPPORTED;
}
