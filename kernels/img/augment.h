/* augment.h - one crop of one image, as the published DataAugmentationDINO makes it.
 *
 * Drawing and applying are separate: augment_draw makes the list of what happens to the crop from a random stream, in
 * the published order of draws; augment_apply does it. Both are pure functions. The stream of crop c of a sample is
 * (seed, epoch, number of the image, RNG_CROP + c), so a crop depends on nothing else.
 *
 *   resized crop, flips, rotation, colour jitter in its drawn order, grey, blur, solarize    -> uint8 [side,side,3]
 *
 * Crop 0 is global crop 1, crop 1 is global crop 2, the others are local: size, scale, blur and solarize differ.
 */
#ifndef AUGMENT_H
#define AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "config.h"
#include "crop.h"
#include "image.h"
#include "rng.h"

enum augment_kind { AUGMENT_GLOBAL1, AUGMENT_GLOBAL2, AUGMENT_LOCAL, AUGMENT_KINDS };

static inline enum augment_kind augment_kind_of(int64_t i_crop)
{
    return i_crop < AUGMENT_LOCAL ? (enum augment_kind)i_crop : AUGMENT_LOCAL;
}

/* What may happen to crops, from the settings crops.* and augment.*. Probabilities are those that apply: blur_rule is
 * resolved. */
struct augment {
    int64_t side[AUGMENT_KINDS];
    double scale[AUGMENT_KINDS][2], ratio[2];
    double flip_horizontal, flip_vertical, rotate90; /* probabilities */
    double jitter;                                   /* probability of all four, each by up to: */
    double brightness, contrast, saturation, hue;
    double grey;
    double blur[AUGMENT_KINDS], sigma[2];
    double solarize[AUGMENT_KINDS];
    int solarize_threshold;
};

struct augment augment_from_config(const struct config *c);

enum augment_color { AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST, AUGMENT_SATURATION, AUGMENT_HUE, AUGMENT_COLORS };

/* What happens to one crop. */
struct augment_crop {
    struct crop_box box; /* in the image */
    int64_t side;
    bool flip_horizontal, flip_vertical;
    int n_rotate90; /* quarter turns, counter-clockwise: 0 .. 3 */
    bool jitter;
    uint8_t order[AUGMENT_COLORS]; /* enum augment_color */
    float brightness, contrast, saturation;
    double hue;
    bool grey, blur, solarize;
    double sigma;
    int solarize_threshold;
};

struct augment_crop augment_draw(const struct augment *a, enum augment_kind kind, struct rng *r, int64_t height,
                                 int64_t width);

/* out: [side,side,3]. A grey image (one component) gives the bits that three equal components would. Scratch is free
 * again on return. */
void augment_apply(const struct augment_crop *c, const struct image *im, uint8_t *out, struct arena *scratch);
/* Adds to a planning arena the scratch that any crop of images up to this size needs. */
void augment_plan(const struct augment *a, int64_t height_max, int64_t width_max, struct arena *plan);

#endif
