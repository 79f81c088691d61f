/* op-case.h - what a case of test-op.c is: the operands of an operation, its calls, and its formula written plainly in
 * double. op-cases.h has the list.
 */
#ifndef OP_CASE_H
#define OP_CASE_H

#include <math.h>
#include <stdlib.h>

#include "device-copies.h"
#include "half.h"
#include "op.h"
#include "positions.h"
#include "rng.h"

enum { OPERANDS_MAX = 8, DIRECTIONS = 4 };
static const float ACCUMULATED = 0.25f;

struct operand {
    const char *name; /* NULL: the end */
    int64_t n;
    float *x, *d; /* values and gradient */
    bool accumulates;
};

struct run {
    struct op_ctx c;
    int64_t T;                   /* the number of rows asked for */
    struct operand in[OPERANDS_MAX];
    float *y, *dy, *saved[3]; /* output; what forward saves for backward */
    int64_t y_n, saved_n[3];
    int64_t *rows;
    uint8_t *masks;
};

struct op_case {
    const char *names;                     /* the operations of ops.def that it covers, between blanks */
    void (*shape)(struct run *r);          /* sets sizes, in[], y_n, saved_n */
    void (*forward)(struct run *r);
    void (*backward)(struct run *r);       /* NULL: none */
    void (*plain)(const struct run *r, double *y);
};

/* ------------------------------------------------------------------ helpers of the cases */

static void *take(int64_t n, size_t each)
{
    void *p = calloc((size_t)n + 1, each);
    if (!p)
        abort();
    return p;
}

static struct rng random_stream(uint64_t a, uint64_t b)
{
    return rng_stream(20, a, b, RNG_TEST);
}

static void fill_random(float *x, int64_t n, uint64_t a, uint64_t b)
{
    struct rng r = random_stream(a, b);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&r);
}

static void operand(struct run *r, int i, const char *name, int64_t n, bool accumulates)
{
    r->in[i] = (struct operand){.name = name, .n = n, .accumulates = accumulates};
}

static double plain_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

#endif
