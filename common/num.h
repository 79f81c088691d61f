/* num.h - checked arithmetic on sizes, and strict numbers from text. */
#ifndef NUM_H
#define NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUM_WHOLE_MAX 9007199254740992.0 /* 2^53: beyond, a double does not hold every whole number */

/* *r = a * b, a + b; on overflow false, and *r is untouched. */
static inline bool num_mul(size_t a, size_t b, size_t *r)
{
    size_t v;
    if (__builtin_mul_overflow(a, b, &v))
        return false;
    *r = v;
    return true;
}

static inline bool num_add(size_t a, size_t b, size_t *r)
{
    size_t v;
    if (__builtin_add_overflow(a, b, &v))
        return false;
    *r = v;
    return true;
}

static inline bool num_mul_i64(int64_t a, int64_t b, int64_t *r)
{
    int64_t v;
    if (__builtin_mul_overflow(a, b, &v))
        return false;
    *r = v;
    return true;
}

static inline int64_t num_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t num_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t num_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The share of taker i of n_takers of n elements: how many, from *first on. Shares follow one another and are all n;
 * they begin at multiples of `grain`, so those of the last takers may be shorter or empty. */
static inline int64_t num_share(int64_t n, int i, int n_takers, int64_t grain, int64_t *first)
{
    int64_t each = num_ceil_div(num_ceil_div(n, n_takers), grain) * grain;
    *first = num_min(i * each, n);
    return num_min(each, n - *first);
}

/* The whole text must be the number: no blanks before, nothing after. num_i64 accepts a sign and digits; num_size
 * digits and one of K, M, G, T (powers of 1024); num_f64 a finite decimal number with '.' in every locale. Else false,
 * and *v is untouched. */
bool num_i64(const char *text, int64_t *v);
bool num_size(const char *text, int64_t *v);
bool num_f64(const char *text, double *v);
/* "0.5,0.9" -> numbers in [low, high], at most max; returns how many, or -1. out may be NULL. */
int num_list(const char *text, double low, double high, int max, double *out);

/* For qsort and bsearch: ascending. A NAN equals everything, so none may be among them. */
int num_order_f64(const void *a, const void *b);
int num_order_f32(const void *a, const void *b);

/* A finite number with the fewest digits that read back as the same value: "0.1", "1e-06". */
const char *num_f64_text(double v, char out[32]);

/* A number of bytes for people: "3.4 GiB". */
const char *num_bytes_text(double bytes, char out[32]);

#endif
