/* rows.c - a table of the columns' offsets in struct rows and the sizes of their entries drives all functions. */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

/* In the order of enum rows_columns. */
static const struct {
    size_t offset, bytes;
} columns[] = {
#define COLUMN(name) {offsetof(struct rows, name), sizeof *((struct rows *)0)->name}
    COLUMN(label), COLUMN(group_view), COLUMN(key),  COLUMN(group_name), COLUMN(extra), COLUMN(content),
    COLUMN(group), COLUMN(fold), COLUMN(weight), COLUMN(proba), COLUMN(index)};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static void *column_of(const struct rows *r, int i)
{
    void *memory;
    memcpy(&memory, (const char *)r + columns[i].offset, sizeof memory);
    return memory;
}

static void set_column(struct rows *r, int i, void *memory)
{
    memcpy((char *)r + columns[i].offset, &memory, sizeof memory);
}

static size_t entry_bytes(const struct rows *r, int i)
{
    return columns[i].bytes * (1u << i == ROWS_PROBA ? (size_t)r->n_classes : 1);
}

int rows_reserve(struct rows *r, unsigned which, int64_t n, struct fmt_error *e)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        size_t bytes;
        if (!(which & 1u << i))
            continue;
        void *grown = num_mul((size_t)n + 1, entry_bytes(r, i), &bytes) ? realloc(column_of(r, i), bytes) : NULL;
        if (!grown)
            return fmt_fail(e, FMT_MEMORY, "out of memory for the rows");
        set_column(r, i, grown);
    }
    return 0;
}

void rows_drop(struct rows *r, unsigned which)
{
    for (int i = 0; i < N_COLUMNS; i++)
        if (which & 1u << i) {
            free(column_of(r, i));
            set_column(r, i, NULL);
        }
}

/* The columns that r has. */
static unsigned given(const struct rows *r)
{
    unsigned which = 0;
    for (int i = 0; i < N_COLUMNS; i++)
        which |= column_of(r, i) ? 1u << i : 0;
    return which;
}

int rows_select(struct rows *out, const struct rows *from, const int64_t *pick, int64_t n, struct fmt_error *e)
{
    unsigned which = given(from) | (pick ? ROWS_INDEX : 0);
    *out = *from;
    out->n = n;
    for (int i = 0; i < N_COLUMNS; i++)
        set_column(out, i, NULL);
    int status = rows_reserve(out, which, n, e);
    for (int i = 0; !status && i < N_COLUMNS; i++) {
        const char *source = column_of(from, i);
        char *to = column_of(out, i);
        size_t bytes = entry_bytes(from, i);
        for (int64_t row = 0; source && row < n; row++)
            memcpy(to + (size_t)row * bytes, source + (size_t)(pick ? pick[row] : row) * bytes, bytes);
    }
    for (int64_t row = 0; !status && pick && row < n; row++)
        out->index[row] = rows_index(from, pick[row]);
    if (status)
        rows_release(out);
    return status;
}

int rows_select_labelled(struct rows *out, const struct rows *from, const int32_t *part, int32_t number,
                         struct fmt_error *e)
{
    int64_t *pick = malloc(((size_t)from->n + 1) * sizeof *pick), n = 0;
    for (int64_t i = 0; pick && i < from->n; i++)
        if (from->label[i] >= 0 && (!part || part[i] == number))
            pick[n++] = i;
    int status = pick ? rows_select(out, from, pick, n, e) : fmt_no_memory(e);
    free(pick);
    return status;
}

void rows_release(struct rows *r)
{
    rows_drop(r, ~0u);
    *r = (struct rows){0};
}

int rows_load(const struct rows *r, int64_t first, int64_t n, struct op_ctx *c, struct tensor to, struct fmt_error *e)
{
    for (int64_t i = 0, m; i < n; i += m) { /* m consecutive rows of the source at once */
        int64_t at = rows_index(r, first + i);
        const float *x = r->host_x ? r->host_x + at * r->dim : NULL;
        for (m = 1; i + m < n && rows_index(r, first + i + m) == at + m;)
            m++;
        if (tensor_given(r->x)) {
            op_copy(c, tensor_rows(to, i, m), tensor_rows(r->x, at, m));
            continue;
        }
        int status = x ? 0 : r->read(r->arg, at, m, &x, &m, e);
        if (status)
            return status;
        op_copy_in(c, tensor_rows(to, i, m), x);
    }
    return 0;
}

int64_t rows_n_labelled(const struct rows *r)
{
    int64_t n = 0;
    for (int64_t i = 0; i < r->n; i++)
        n += r->label[i] >= 0;
    return n;
}
