/* safetensors.h - the safetensors format: u64 length n, n bytes of JSON, then raw little-endian tensors.
 *
 * The reader refuses what the format forbids: a header that is too long or no JSON object, duplicate names, ranges that
 * overlap, leave holes or do not match shape and type, trailing bytes. Tensors need not be aligned. The writer writes
 * the names in the order of the list, data without gaps, and pads the header with blanks to a multiple of 8.
 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include "named-tensor.h"

enum { SAFETENSORS_HEADER_MAX = 100000000 }; /* bytes of JSON, the limit of the reference */

/* r must have read_at and a size, and outlive the set. */
int safetensors_read(const struct fmt_reader *r, struct named_tensor_set *set, struct fmt_error *e);

/* meta may be NULL; its keys are written in the order given. */
int safetensors_write(const struct fmt_writer *w, const struct named_tensor_out *list, int64_t n,
                      const struct named_tensor_meta *meta, int64_t n_meta, const struct named_tensor_values *values,
                      struct fmt_error *e);

#endif
