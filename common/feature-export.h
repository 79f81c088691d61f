/* feature-export.h - rows of features in forms that other programs read: text, JSON lines, .npy. Each function appends
 * to a buffer and returns 0, or -1: out of memory.
 *
 * Text: one line per row, fields separated by tabs: key, split, group, shot, class, then the values. A field without a
 * value is empty; a backslash, tab, newline or other control character in a name is written \\, \t, \n, \ooo. Values
 * have nine digits, which read back as the same float32.
 * JSON: one object per line: key, split, group, shot, label, class, extra, content (SHA-256 of the image's file), x;
 * null if there is no value.
 */
#ifndef FEATURE_EXPORT_H
#define FEATURE_EXPORT_H

#include <stdint.h>

#include "feat.h"

int feature_export_text(const struct feat_header *h, const struct feat_row *row, struct fmt_buffer *out);
/* row->x NULL: without x. */
int feature_export_json(const struct feat_header *h, const struct feat_row *row, struct fmt_buffer *out);

/* The header of a .npy file, version 1.0, of shape [n_rows, dim], for patch features [n_rows, tokens, dim]. The values
 * follow it, little-endian. */
int feature_export_npy_header(const struct feat_header *h, int64_t n_rows, struct fmt_buffer *out);
int feature_export_npy_values(const struct feat_header *h, const float *x, struct fmt_buffer *out); /* of one row */

#endif
