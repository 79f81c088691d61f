/* linear-low.h - products of linear layers in bf16. */
#ifndef LINEAR_LOW_H
#define LINEAR_LOW_H

#include "op.h"

/* y [T,N] = x [T,K] w [N,K]^T + b, y F32 or BF16, x BF16, w F32 or packed BF16, b [N] F32 or TENSOR_NONE; gelu [T,N]
 * (TENSOR_NONE, y itself, or another tensor of its type) = the GELU of y */
void linear_low_fwd(struct op_ctx *c, struct tensor y, struct tensor gelu, struct tensor x, struct tensor w,
                    struct tensor b);

#endif
