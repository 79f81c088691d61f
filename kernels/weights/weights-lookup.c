/* weights-lookup.c - finds tensors of a file and requested rows of a table by name. */
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"

static int name_and_tensor(const void *name, const void *tensor)
{
    return strcmp(name, ((const struct weights_tensor *)tensor)->name);
}

const struct weights_tensor *weights_find(const struct weights *w, const char *name)
{
    return w->n_tensors ? bsearch(name, w->tensor, (size_t)w->n_tensors, sizeof *w->tensor, name_and_tensor) : NULL;
}

bool weights_is_asked(const char *name, unsigned modules)
{
    return modules & 1u << weight_names_module_of(name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct param *const *)a)->name, (*(const struct param *const *)b)->name);
}

const struct param **weights_sorted_rows(const struct params *t, unsigned modules, int *n)
{
    const struct param **rows = malloc(((size_t)t->n_rows + 1) * sizeof *rows);
    *n = 0;
    for (int i = 0; rows && i < t->n_rows; i++)
        if (weights_is_asked(t->rows[i].name, modules))
            rows[(*n)++] = &t->rows[i];
    if (rows && *n > 1)
        qsort(rows, (size_t)*n, sizeof *rows, by_name);
    return rows;
}

static int name_and_row(const void *name, const void *row)
{
    return strcmp(name, (*(const struct param *const *)row)->name);
}

bool weights_has_row(const struct param *const *sorted, int n, const char *name)
{
    return n > 0 && bsearch(name, sorted, (size_t)n, sizeof *sorted, name_and_row);
}
