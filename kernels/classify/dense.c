/* dense.c - Cholesky, right-looking in panels of 8 columns: after a panel is done, every later row takes off its
 * products with the panel. Rows are independent, so they are shared among threads; each row's arithmetic is its own.
 */
#include "dense.h"

#include <math.h>
#include <stdlib.h>

#include "num.h"

enum { PANEL = 8, ROWS_PER_ITEM = 16 };

struct update {
    double *a;
    int64_t n, first, n_columns; /* the panel: columns first .. first + n_columns - 1 */
    double *panel;               /* [PANEL,n]: the panel's columns as rows */
};

/* Row i of the panel's columns: L[i][c] = (a[i][c] - sum L[i][p] L[c][p]) / L[c][c]. */
static void finish_row(const struct update *u, int64_t i)
{
    double *row = u->a + i * u->n;
    for (int64_t c = u->first; c < u->first + u->n_columns; c++) {
        for (int64_t p = u->first; p < c; p++)
            row[c] -= row[p] * u->a[c * u->n + p];
        row[c] /= u->a[c * u->n + c];
        u->panel[(c - u->first) * u->n + i] = row[c];
    }
}

static void finish_rows(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct update *u = arg;
    int64_t from = u->first + u->n_columns + item * ROWS_PER_ITEM;
    for (int64_t i = from; i < num_min(u->n, from + ROWS_PER_ITEM); i++)
        finish_row(u, i);
}

static void update_rows(void *arg, int64_t item, int worker)
{
    (void)worker;
    struct update *u = arg;
    int64_t from = u->first + u->n_columns, i0 = from + item * ROWS_PER_ITEM;
    for (int64_t i = i0; i < num_min(u->n, i0 + ROWS_PER_ITEM); i++)
        dense_loops()->minus8(u->a + i * u->n + from, u->a + i * u->n + u->first, u->panel + from, u->n,
                              i + 1 - from);
}

/* The diagonal block, by the plain formula. */
static bool factor_diagonal(const struct update *u)
{
    for (int64_t c = u->first; c < u->first + u->n_columns; c++) {
        double *row = u->a + c * u->n;
        for (int64_t k = u->first; k < c; k++) {
            for (int64_t p = u->first; p < k; p++)
                row[k] -= row[p] * u->a[k * u->n + p];
            row[k] /= u->a[k * u->n + k];
            row[c] -= row[k] * row[k];
        }
        if (!(row[c] > 0) || !isfinite(row[c]))
            return false;
        row[c] = sqrt(row[c]);
    }
    return true;
}

bool dense_cholesky(double *a, int64_t n, struct thread_pool *pool)
{
    struct update u = {.a = a, .n = n, .panel = malloc((size_t)(PANEL * n) * sizeof(double))};
    bool good = u.panel != NULL;
    for (u.first = 0; good && u.first < n; u.first += PANEL) {
        u.n_columns = num_min(PANEL, n - u.first);
        good = factor_diagonal(&u);
        int64_t rows = n - u.first - u.n_columns; /* none but with a whole panel */
        struct thread_pool *team = rows * PANEL > 4096 ? pool : NULL;
        if (good && rows > 0) {
            thread_for(team, num_ceil_div(rows, ROWS_PER_ITEM), finish_rows, &u);
            thread_for(team, num_ceil_div(rows, ROWS_PER_ITEM), update_rows, &u);
        }
    }
    free(u.panel);
    return good;
}

void dense_cholesky_solve(const double *l, int64_t n, double *x)
{
    const struct dense_loops *d = dense_loops();
    for (int64_t i = 0; i < n; i++)
        x[i] = (x[i] - d->dot(l + i * n, x, i)) / l[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
        x[i] /= l[i * n + i];
        d->axpy(-x[i], l + i * n, x, i);
    }
}
