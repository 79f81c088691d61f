/* augment.h - one crop of one photograph, as the published DataAugmentationDINO makes it.
 *
 * Drawing and applying are apart: augment_draw turns a random stream into the list of what happens to the crop,
 * in the published order of draws; augment_apply does it. Both are pure. The stream of crop c of a sample is
 * (seed, pass, number of the image, RNG_CROP + c), so a crop depends on nothing else.
 *
 *   resized crop, flips, quarter turn, colour jitter in its drawn order, grey, blur, solarize    -> uint8 [side,side,3]
 *
 * Crop 0 is global crop 1, crop 1 is global crop 2, the others are local: size, scale, blur and solarize differ.
 */
#ifndef AUGMENT_H
#define AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "config.h"
#include "image.h"
#include "crop.h"
#include "rng.h"

enum augment_kind { AUGMENT_GLOBAL1, AUGMENT_GLOBAL2, AUGMENT_LOCAL, AUGMENT_KINDS };

static inline enum augment_kind augment_kind_of(int64_t i_crop)
{
    return i_crop < AUGMENT_LOCAL ? (enum augment_kind)i_crop : AUGMENT_LOCAL;
}

/* What may happen, from the settings crops.* and augment.*; probabilities are the ones that apply. */
struct augment {
    int64_t side[AUGMENT_KINDS];
    double scale[AUGMENT_KINDS][2], ratio[2];
    double flip_horizontal, flip_vertical, turn; /* probabilities */
    double jitter;                               /* probability; then all four, each by up to: */
    double brightness, contrast, saturation, hue;
    double grey;
    double blur[AUGMENT_KINDS], sigma[2];
    double solarize[AUGMENT_KINDS];
    int solarize_threshold;
};

struct augment augment_from_config(const struct config *c);

enum augment_color { AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST, AUGMENT_SATURATION, AUGMENT_HUE, AUGMENT_COLORS };

/* What does happen to one crop. */
struct augment_crop {
    struct crop_box box; /* in the photograph */
    int64_t side;
    bool flip_horizontal, flip_vertical;
    int quarter_turns;
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

/* A grey photograph (one component) gives the bits that three equal components would. out: [side,side,3]. Scratch is
 * given back. */
void augment_apply(const struct augment_crop *c, const struct image *photo, uint8_t *out, struct arena *scratch);
/* Counts the scratch of every crop of photographs up to this size into a planning arena. */
void augment_plan(const struct augment *a, int64_t height_max, int64_t width_max, struct arena *plan);

#endif
