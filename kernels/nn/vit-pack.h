/* vit-pack.h - the weights of all products of a backbone, in the backend's own order and in the element type of a
 * precision, for many passes over single images.
 *
 *   struct packed_weights packed = {.memory = {0}};
 *   vit_pack(&c, &vit, &values, precision, quantization, &packed.memory, &packed.weights);
 *   request.packed = &packed.weights;
 *   packed_weights_release(&packed);
 */
#ifndef VIT_PACK_H
#define VIT_PACK_H

#include "vit-quantize.h"

/* Packs the weights of all products for a precision. F32: in place, so that the values no longer have the published
 * layout: no hash, no file, no backward from them, no other precision. Otherwise into memory from the arena, which must
 * live as long as `packed`, and the values stay as they are. quantization: NULL but for int8, whose other products are
 * in bf16. */
void vit_pack(struct op_ctx *c, const struct vit *v, const struct params_array *values, enum precision precision,
              const struct vit_quantization *quantization, struct device_arena *arena, struct vit_packed *packed);

/* Packed weights with their memory, and which of them are in int8. */
struct packed_weights {
    struct vit_packed weights;
    struct device_arena memory;           /* empty in float32 */
    struct vit_quantization quantization; /* of int8, where none was given */
};
void packed_weights_release(struct packed_weights *packed); /* a zeroed struct is allowed */

/* The weight of the patch embedding, packed in float32 as vit_pack does it for the other precisions. */
struct tensor vit_pack_patch(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                             struct device_arena *arena);

#endif
