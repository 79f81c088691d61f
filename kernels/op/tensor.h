/* tensor.h - a contiguous, row-major array on a device: element type, dimensions, address. It owns nothing; its memory
 * belongs to the arena it was taken from. Passed by value.
 *
 * An address on a device is not a pointer: host code that follows it does not compile. What the host reads or makes
 * crosses over in op_copy_out and op_copy_in (op.h).
 *
 * Address 0: there is no memory yet (planning), or an optional operand is left out (TENSOR_NONE: no dimensions).
 * Views of a tensor without memory have none either, so the same code plans and runs.
 */
#ifndef TENSOR_H
#define TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum { TENSOR_DIMS_MAX = 4 };

struct device_address {
    uintptr_t at; /* in the device's address space; 0: none */
};

struct tensor {
    struct device_address data;
    enum dtype dtype;
    int n_dims;
    int64_t dims[TENSOR_DIMS_MAX];
    bool packed; /* a weight [N,K] in the backend's own order (op_pack): an operand of forward products alone */
};

#define TENSOR_NONE ((struct tensor){{0}, DTYPE_NONE, 0, {0}, false})
#define TENSOR_COUNT(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static inline bool tensor_given(struct tensor t)
{
    return t.n_dims > 0;
}

int64_t tensor_elements(struct tensor t);                 /* product of the dimensions; 0 of TENSOR_NONE */
bool tensor_same_shape(struct tensor a, struct tensor b); /* dimensions, element type and storage order */
const char *tensor_text(struct tensor t, char out[96]);   /* "F32 [257,384]" */

/* Views. Rows [first, first + n) of the first dimension; the same elements in another shape. A view outside the tensor
 * is a bug and aborts. */
struct tensor tensor_rows(struct tensor t, int64_t first, int64_t n);
struct tensor tensor_reshape(struct tensor t, int n_dims, const int64_t *dims);
/* A packed weight [N,K] in these bytes (U8). */
struct tensor tensor_packed(struct tensor bytes, enum dtype dtype, int64_t N, int64_t K);
#define TENSOR_SHAPED(t, ...) tensor_reshape((t), TENSOR_COUNT(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})

#endif
