/* tensor.c - what a view can be asked. */
#include "tensor.h"

#include <inttypes.h>
#include <stdio.h>

int64_t tensor_elements(struct tensor t)
{
    int64_t n = t.n_dims > 0;
    for (int i = 0; i < t.n_dims; i++)
        n *= t.dims[i];
    return n;
}

bool tensor_same_shape(struct tensor a, struct tensor b)
{
    if (a.dtype != b.dtype || a.n_dims != b.n_dims || a.turned != b.turned)
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
    snprintf(out + at, (size_t)(96 - at), "]%s", t.turned ? " turned" : "");
    return out;
}
