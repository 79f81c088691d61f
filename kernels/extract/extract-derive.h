/* extract-derive.h - rows of several kinds from one pass through the network.
 *
 * An extraction of kind FEAT_PATCH with the class token, of all layers that are needed and not of unit length, has all
 * tokens of an image. From them follows, bit for bit, the row that an extraction of another kind makes from the same
 * image, of some of these layers, of unit length or not. Only FEAT_HEAD needs a pass of its own.
 *
 *   struct extract_derived d = {FEAT_CLS_MEAN, layers, unit_length};
 *   float *row = malloc(extract_derived_width(&x, all, &d) * sizeof *row);
 *   extract_derive(&x, all, &d, sum, row);
 */
#ifndef EXTRACT_DERIVE_H
#define EXTRACT_DERIVE_H

#include "extract.h"

struct extract_derived {
    enum feat_kind kind;
    uint64_t layers; /* among those of the extraction; not 0 */
    bool unit_length;
};

/* Values of the derived row. */
int64_t extract_derived_width(const struct extract *x, const struct extract_row *all, const struct extract_derived *d);

/* out [extract_derived_width]; sum [C] is scratch. */
void extract_derive(const struct extract *x, const struct extract_row *all, const struct extract_derived *d,
                    double *sum, float *out);

#endif
