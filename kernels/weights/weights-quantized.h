/* weights-quantized.h - files of weights whose products are in int8 (dino-int8(5)): written by dino-weights quantize,
 * read into packed weights, refused where float32 is needed.
 *
 *   vit_quantization_init(&q, ...), calibrate(&q, ...)                which products, and their smoothing
 *   weights_export_list(&x, &w, &table, &float32, e);                 the same list as in float32
 *   weights_quantized_write(&io, &device, &x, &q, &meta, e);
 *
 *   weights_open(&w, path, &hint, e);                                 w.quantized
 *   weights_load_quantized(&w, &device, &vit, &values, WEIGHTS_BACKBONE, &packed, hash, e);
 *   ... vit_forward with request.precision PRECISION_INT8, request.packed &packed.weights ...
 *   packed_weights_release(&packed);
 *
 * A product in int8 has three tensors. NAME is that of its weight without ".weight":
 *
 *   NAME.weight        I8  [N,K]   q, -127 to 127
 *   NAME.weight_scale  F32 [N]     scale, finite and not negative
 *   NAME.smoothing     F32 [K]     positive, at least WEIGHTS_SMOOTHING_MIN, finite
 *
 * and stands for w[n,k] = q[n,k] scale[n] / smoothing[k] (op_quantize). The weights of other products are BF16; all
 * else is as in files of float32. So a file gives the bits that int8 has from the weights it was made from, with the
 * same quantization.
 */
#ifndef WEIGHTS_QUANTIZED_H
#define WEIGHTS_QUANTIZED_H

#include <float.h>

#include "vit-pack.h"
#include "weights-export.h"

#define WEIGHTS_QUANTIZED_KEY "quantized" /* in the metadata */
#define WEIGHTS_QUANTIZED_INT8 "int8"     /* its only value */
#define WEIGHTS_CALIBRATION_KEY "calibration" /* to what was fitted, for people */
#define WEIGHTS_SMOOTHING_MIN FLT_MIN     /* its inverse is finite */

/* x: of weights_export_list in F32; q->values: the same weights, on the device. Writes safetensors with these metadata,
 * to which the key above is added. */
int weights_quantized_write(const struct fmt_writer *io, const struct device *device, struct weights_export *x,
                            const struct vit_quantization *q, struct weights_meta *meta, struct fmt_error *e);

/* Moves the rows of products to the end of the table (params_put_last), so that an array of the elements that are
 * returned holds what is not packed: for a ViT-S 3 of 88 MB. */
int64_t weights_put_products_last(struct params *t);

/* weights_check_stored, then packs the products, loads the other rows of the modules into values, which need not have
 * those of products, and hashes: weights_hash_tensors. On failure there is nothing to release. */
int weights_load_quantized(struct weights *w, const struct device *device, const struct vit *v,
                           const struct params_array *values, unsigned modules, struct packed_weights *packed,
                           uint8_t hash[DIGEST_BYTES], struct fmt_error *e);

#endif
