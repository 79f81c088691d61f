/* tensor.c - shapes, their text, and views. */
#include "tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "msg.h"

int64_t tensor_elements(struct tensor t)
{
    int64_t n = t.n_dims > 0;
    for (int i = 0; i < t.n_dims; i++)
        n *= t.dims[i];
    return n;
}

bool tensor_same_shape(struct tensor a, struct tensor b)
{
    if (a.dtype != b.dtype || a.n_dims != b.n_dims || a.packed != b.packed)
        return false;
    for (int i = 0; i < a.n_dims; i++)
        if (a.dims[i] != b.dims[i])
            return false;
    return true;
}

const char *tensor_text(struct tensor t, char out[96])
{
    if (!tensor_given(t)) {
        snprintf(out, 96, "left out");
        return out;
    }
    int at = snprintf(out, 96, "%s [", dtype_name(t.dtype));
    for (int i = 0; i < t.n_dims; i++)
        at += snprintf(out + at, (size_t)(96 - at), "%s%" PRId64, i ? "," : "", t.dims[i]);
    snprintf(out + at, (size_t)(96 - at), "]%s", t.packed ? " packed" : "");
    return out;
}

struct tensor tensor_rows(struct tensor t, int64_t first, int64_t n)
{
    if (t.n_dims < 1 || t.packed || first < 0 || n < 0 || first + n > t.dims[0])
        msg_bug("tensor: rows outside of the tensor");
    int64_t row = 1;
    for (int i = 1; i < t.n_dims; i++)
        row *= t.dims[i];
    if (t.data.at)
        t.data.at += (uintptr_t)(first * row) * dtype_bytes(t.dtype);
    t.dims[0] = n;
    return t;
}

struct tensor tensor_reshape(struct tensor t, int n_dims, const int64_t *dims)
{
    struct tensor shaped = {.data = t.data, .dtype = t.dtype, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++)
        shaped.dims[i] = dims[i];
    if (t.packed || tensor_elements(shaped) != tensor_elements(t))
        msg_bug("tensor: a shape of another number of elements");
    return shaped;
}

struct tensor tensor_packed(struct tensor bytes, enum dtype dtype, int64_t N, int64_t K)
{
    return (struct tensor){.data = bytes.data, .dtype = dtype, .n_dims = 2, .dims = {N, K}, .packed = true};
}
