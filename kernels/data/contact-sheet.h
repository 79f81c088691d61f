/* contact-sheet.h - a contact sheet of what training sees, for a person to look at: a row for each photograph.
 *
 *   photograph, with the boxes of its crops | global crop 1 | global crop 2 | local crops
 *
 * Every crop has a frame of the colour that its box has in the photograph (in a crop that was flipped or turned, too).
 * Patches that the student does not see are veiled. Nothing is drawn that training would not use: rows are the
 * samples of the batches from first_step on, in their order.
 */
#ifndef CONTACT_SHEET_H
#define CONTACT_SHEET_H

#include "image.h"
#include "crop-sampler.h"

#define CONTACT_SHEET_ROWS_MAX 200

struct contact_sheet_options {
    int64_t first_step;
    int64_t n_rows; /* 1 .. CONTACT_SHEET_ROWS_MAX */
    /* Told of each row: the image's key, and why another stood in its place before (NULL: none did). May be NULL. */
    void (*row)(void *arg, int64_t i_row, const char *key, const char *bad);
    void *arg;
};

/* *out is reserved here; RGB. */
int contact_sheet_draw(struct crop_sampler *m, const struct contact_sheet_options *options, struct image *out,
                       struct fmt_error *e);

#endif
