/* precision.h - what the products of a network are computed in, as a setting with a name.
 *
 *   f32    float32
 *   bf16   operands of 8 significant bits and the range of float32, sums in float32
 *   int8   weights and the rows they multiply as integers of 8 bits with float32 scales, sums exact; what is no product
 *          with a weight as bf16 has it
 *   auto   bf16 where the processor is faster with it, else f32; never int8. A machine always chooses alike.
 *
 * With bf16 and int8 the values between products are rounded to bf16; the residual stream, norms, softmax, losses and
 * sums are float32 in all precisions.
 */
#ifndef PRECISION_H
#define PRECISION_H

#include "backend.h"

enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_INT8, PRECISION_COUNT };

const char *precision_name(enum precision p); /* "f32" */
/* Of the values between products: F32 or BF16. */
enum dtype precision_activations(enum precision p);
/* The precision of this name, or the choice of "auto". FMT_INVALID: no such name; FMT_UNSUPPORTED: the processor lacks
 * the instructions. */
int precision_choose(const struct backend *backend, const char *name, enum precision *p, struct fmt_error *e);

#endif
