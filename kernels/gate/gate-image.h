/* gate-image.h - what gates measure of pixels: sharpness, exposure, and a print by which the picture is known again.
 *
 * Everything is measured on the grey picture scaled so that its shorter side has GATE_SIDE pixels: values do not depend
 * on the resolution of the camera, and blur that the network cannot see at its size does not count.
 */
#ifndef GATE_IMAGE_H
#define GATE_IMAGE_H

#include "gate-print.h"
#include "gate.h"
#include "image.h"

enum { GATE_SIDE = 256 }; /* pixels of the shorter side */

/* Sets sharpness, brightness, black and white of v, and the print. image: 1 or 3 components, upright. Called by several
 * threads at once. FMT_MEMORY; FMT_LIMIT: a picture too long and thin to be scaled. */
int gate_image_measure(const struct image *image, struct gate_print *print, struct gate_values *v, struct fmt_error *e);

#endif
