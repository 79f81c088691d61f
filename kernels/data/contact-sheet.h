/* contact-sheet.h - what training sees, drawn for a person: a row for each sample.
 *
 *   image, with the boxes of its crops | global crop 1 | global crop 2 | local crops
 *
 * A crop has a frame of the colour that its box has in the image (flipped or rotated or not). Masked patches, which the
 * student does not see, are tinted. Rows are the samples of the batches from first_step on, in their order: nothing is
 * drawn that training would not use.
 */
#ifndef CONTACT_SHEET_H
#define CONTACT_SHEET_H

#include "crop-sampler.h"
#include "image.h"

#define CONTACT_SHEET_ROWS_MAX 200

struct contact_sheet_options {
    int64_t first_step;
    int64_t n_rows; /* 1 .. CONTACT_SHEET_ROWS_MAX */
    /* Called for each row, with the key of its image and, if that replaces another one, why it does (else NULL). May be
     * NULL. */
    void (*on_row)(void *arg, int64_t i_row, const char *key, const char *why_replaced);
    void *arg;
};

/* *out is reserved here; RGB. */
int contact_sheet_draw(struct crop_sampler *sampler, const struct contact_sheet_options *options, struct image *out,
                       struct fmt_error *e);

#endif
