/* nearest.h - operations of an exact search for nearest neighbours by cosine (classify/knn.h has the search).
 *
 * Q queries are compared with the rows of a bank, part by part. Queries are stored in tiles of NEAREST_QUERIES, each
 * transposed and the last one filled up with zeros, and a part of the bank has a multiple of NEAREST_BANK rows: every
 * product has one shape, so that a similarity does not depend on how many queries or rows there are.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include "op.h"

enum { NEAREST_QUERIES = 128, NEAREST_BANK = 512 };

/* x [T,C] f32: rows become x / max(|x|, 1e-12), |x| in f64, also where squares overflow f32 (op_l2norm_fwd is for
 * rows where they do not). *nonfinite: the first row with a value that is not finite, or -1 (host memory, waits). */
void op_unit_rows(struct op_ctx *c, int64_t *nonfinite, struct tensor x);

/* Work of the host while the device computes. */
struct nearest_host_work {
    void (*work)(void *arg);
    void *arg;
};

struct nearest {
    /* The k best of each query so far: of similarity descending, of equals the lower index first; where a query has
     * fewer, -INFINITY and -1. */
    struct tensor similarity, index; /* [Q,k] f32, [Q,k] i64 */
    struct tensor queries;           /* [tiles,C,NEAREST_QUERIES] f32, rows of unit length or zeros */
    struct tensor bank;              /* [T,C] f32, rows of unit length; T is a multiple of NEAREST_BANK */
    int64_t first, n;                /* rows 0 .. n - 1 of bank have the indices first, first + 1 ...; n = 0: none */
    struct tensor query_group;       /* [Q] i64, optional: */
    struct tensor bank_group;        /* [n] i64: rows of the query's own group are no neighbours */
    bool first_part;                 /* the first part: similarity and index are set, not read */
};

/* The rows of a part of the bank join the k best. host_work: NULL, or what the host does before the call returns. */
void op_nearest(struct op_ctx *c, const struct nearest *s, const struct nearest_host_work *host_work);

#endif
