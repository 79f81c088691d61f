/* gate-file.h - the good photographs of a reference as bytes: a safetensors file, which a member of an inspector file
 * can hold. "print" I8 [n, GATE_PRINT_SIDE, GATE_PRINT_SIDE], luma less 128; "names" I8 [bytes]: key and group of each
 * photograph, every one with a zero byte behind it; where a whitening was fitted, "mean" F32 [k] and "factor" F32 [k,k]
 * (gate-whitening.h). */
#ifndef GATE_FILE_H
#define GATE_FILE_H

#include "gate-reference.h"

int gate_reference_write(const struct gate_reference *r, const struct fmt_writer *w, struct fmt_error *e);
/* in: with read_at and size. r: not initialised; dim, recent_most as for gate_reference_init. FMT_INVALID, FMT_LIMIT: a
 * legal safetensors file of something else, or of too much (GATE_GOOD_MAX photographs). FMT_MISMATCH: made for features
 * of other widths. */
enum { GATE_GOOD_MAX = 10000000 };
int gate_reference_read(struct gate_reference *r, const struct fmt_reader *in, int64_t dim, int64_t recent_most,
                        struct fmt_error *e);

#endif
