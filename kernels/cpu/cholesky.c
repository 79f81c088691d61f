/* cholesky.c - right-looking in panels of 8 columns: after a panel is done, its products with every later row are
 * subtracted from it. Rows are independent, so they are shared among threads; each row's arithmetic is its own. */
#include "cholesky.h"

#include <math.h>

#include "cpu.h"
#include "dense-loops.h"

enum { PANEL = CHOLESKY_PANEL, ROWS_PER_ITEM = 16, ROWS_FOR_THREADS = 512 };

struct factoring {
    double *a;
    int64_t n, first, n_columns; /* the panel: columns first .. first + n_columns - 1 */
    double *panel;               /* [PANEL,n]: the panel's columns as rows */
};

/* Row i of the panel's columns: L[i][c] = (a[i][c] - sum L[i][p] L[c][p]) / L[c][c]. */
static void finish_row(const struct factoring *f, int64_t i)
{
    double *row = f->a + i * f->n;
    for (int64_t c = f->first; c < f->first + f->n_columns; c++) {
        for (int64_t p = f->first; p < c; p++)
            row[c] -= row[p] * f->a[c * f->n + p];
        row[c] /= f->a[c * f->n + c];
        f->panel[(c - f->first) * f->n + i] = row[c];
    }
}

static void finish_rows(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct factoring *f = arg;
    int64_t from = f->first + f->n_columns + item * ROWS_PER_ITEM;
    for (int64_t i = from; i < num_min(f->n, from + ROWS_PER_ITEM); i++)
        finish_row(f, i);
}

static void update_rows(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct factoring *f = arg;
    int64_t from = f->first + f->n_columns, i0 = from + item * ROWS_PER_ITEM;
    for (int64_t i = i0; i < num_min(f->n, i0 + ROWS_PER_ITEM); i++)
        dense_loops()->minus8(f->a + i * f->n + from, f->a + i * f->n + f->first, f->panel + from, f->n,
                              i + 1 - from);
}

/* The diagonal block, by the plain formula. */
static bool factor_diagonal(const struct factoring *f)
{
    for (int64_t c = f->first; c < f->first + f->n_columns; c++) {
        double *row = f->a + c * f->n;
        for (int64_t k = f->first; k < c; k++) {
            for (int64_t p = f->first; p < k; p++)
                row[k] -= row[p] * f->a[k * f->n + p];
            row[k] /= f->a[k * f->n + k];
            row[c] -= row[k] * row[k];
        }
        if (!(row[c] > 0) || !isfinite(row[c]))
            return false;
        row[c] = sqrt(row[c]);
    }
    return true;
}

bool cholesky_factor(double *a, int64_t n, double *panel, struct thread_pool *pool)
{
    struct factoring f = {.a = a, .n = n, .panel = panel};
    bool definite = true;
    for (f.first = 0; definite && f.first < n; f.first += PANEL) {
        f.n_columns = num_min(PANEL, n - f.first);
        definite = factor_diagonal(&f);
        int64_t rows = n - f.first - f.n_columns; /* none but with a whole panel */
        struct thread_pool *team = rows > ROWS_FOR_THREADS ? pool : NULL;
        if (definite && rows > 0) {
            thread_for(team, num_ceil_div(rows, ROWS_PER_ITEM), finish_rows, &f);
            thread_for(team, num_ceil_div(rows, ROWS_PER_ITEM), update_rows, &f);
        }
    }
    return definite;
}

void cholesky_solve(const double *l, int64_t n, double *x)
{
    const struct dense_loops *d = dense_loops();
    for (int64_t i = 0; i < n; i++)
        x[i] = (x[i] - d->dot(l + i * n, x, i)) / l[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
        x[i] /= l[i * n + i];
        d->axpy(-x[i], l + i * n, x, i);
    }
}

void cpu_cholesky(struct op_ctx *c, bool *definite, struct tensor a)
{
    size_t mark = c->scratch->used;
    double *panel = CPU_TAKE(c, double, PANEL * a.dims[0]);
    if (!op_planning(c))
        *definite = cholesky_factor(cpu_f64(a), a.dims[0], panel, c->pool);
    c->scratch->used = mark;
}
