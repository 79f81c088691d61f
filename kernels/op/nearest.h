/* nearest.h - operations of an exact search for nearest neighbours by the product of rows. Of rows of unit length it is
 * the cosine (classify/knn.h has that search); bank/token-search.h searches by distance, with one value more in a row.
 *
 * Q queries are compared with the rows of a bank, part by part. Queries are stored in tiles, each transposed and the
 * last one filled up with zeros; a part of the bank has a multiple of NEAREST_BANK rows. Every product has NEAREST_BANK
 * rows and a multiple of NEAREST_QUERIES columns, so that a similarity does not depend on how many queries or rows
 * there are.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include "num.h"
#include "op.h"

enum { NEAREST_QUERIES = 32, NEAREST_TILE_MAX = 512, NEAREST_BANK = 128 };

/* Queries in a tile, if there are n: wide tiles make the fastest products, few queries are not padded to that. */
static inline int64_t nearest_tile(int64_t n)
{
    int64_t padded = num_ceil_div(num_max(1, n), NEAREST_QUERIES) * NEAREST_QUERIES;
    return num_min(NEAREST_TILE_MAX, padded);
}

/* x [T,C] f32: rows become x / max(|x|, 1e-12), |x| in f64, also where squares overflow f32 (op_l2norm_fwd is for
 * rows where they do not). *nonfinite: the first row with a value that is not finite, or -1 (host memory, waits). */
void op_unit_rows(struct op_ctx *c, int64_t *nonfinite, struct tensor x);

/* Work of the host while the device computes. */
struct nearest_host_work {
    void (*work)(void *arg);
    void *arg;
};

struct nearest {
    /* The k best of each query so far; where a query has fewer, -INFINITY and -1. After the last part they are sorted:
     * similarity descending, of equals the lower index first. Before it the -1 are last, the order is the backend's. */
    struct tensor similarity, index; /* [Q,k] f32, [Q,k] i64 */
    struct tensor queries;           /* [tiles,C,nearest_tile(Q)] f32, finite */
    struct tensor bank;              /* [T,C] f32, finite; T is a multiple of NEAREST_BANK */
    int64_t first, n;                /* rows 0 .. n - 1 of bank have the indices first, first + 1 ...; n = 0: none */
    struct tensor query_group;       /* [Q] i64, optional: */
    struct tensor bank_group;        /* [n] i64: rows of the query's own group are no neighbours */
    bool first_part, last_part;      /* first: similarity and index are set, not read */
};

/* The rows of a part of the bank join the k best. host_work: NULL, or what the host does before the call returns. */
void op_nearest(struct op_ctx *c, const struct nearest *s, const struct nearest_host_work *host_work);

#endif
