/* tensor.h - a contiguous, row-major view: element type, dimensions, data. It owns nothing; what it points at was
 * carved from an arena. Passed by value: op_linear_fwd(c, TENSOR(y, T, N), TENSOR(x, T, K), ...).
 *
 * data NULL: nothing has memory yet (planning), or an optional operand is left out (TENSOR_NONE: no dimensions).
 */
#ifndef TENSOR_H
#define TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum { TENSOR_DIMS_MAX = 4 };

struct tensor {
    void *data;
    enum dtype dtype;
    int n_dims;
    int64_t dims[TENSOR_DIMS_MAX];
    bool turned; /* a matrix [N,K] that lies in memory as [K,N]: only weights of a forward product may be so */
};

/* The element type follows from the pointer; an operand that is only read may come from const memory. */
#define TENSOR_DTYPE(p)                                                                                  \
    _Generic((p), float *: DTYPE_F32, const float *: DTYPE_F32, uint8_t *: DTYPE_U8, const uint8_t *: DTYPE_U8, \
             int64_t *: DTYPE_I64, const int64_t *: DTYPE_I64)
#define TENSOR_COUNT(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define TENSOR(p, ...) \
    ((struct tensor){(void *)(uintptr_t)(p), TENSOR_DTYPE(p), TENSOR_COUNT(__VA_ARGS__), {__VA_ARGS__}, false})
#define TENSOR_NONE ((struct tensor){NULL, DTYPE_F32, 0, {0}, false})

static inline bool tensor_given(struct tensor t)
{
    return t.n_dims > 0;
}

int64_t tensor_elements(struct tensor t);                /* product of the dimensions; 0 of TENSOR_NONE */
bool tensor_same_shape(struct tensor a, struct tensor b); /* dimensions and element type */
const char *tensor_text(struct tensor t, char out[96]);   /* "F32 [257,384]" */

#endif
