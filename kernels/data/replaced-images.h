/* replaced-images.h - samples of a run that were made of another image, because their own cannot be used.
 *
 * A part of a run's state: it goes into checkpoints as JSON and is counted on by who goes on from there.
 *
 *   {"samples": 12, "images": [4, 17], "keys": ["a/4.jpeg", "b/17.jpeg"]}
 *
 * images: numbers in the data, in the order in which they were asked for. keys: of the first
 * REPLACED_IMAGES_KEYS_MAX of them.
 */
#ifndef REPLACED_IMAGES_H
#define REPLACED_IMAGES_H

#include <stdint.h>

#include "digest.h"
#include "fmt.h"

#define REPLACED_IMAGES_KEYS_MAX 100

struct cJSON;

struct replaced_images { /* zero-initialise */
    int64_t samples;
    int64_t *image; /* [n_images] different ones */
    int64_t n_images, room;
    char *key[REPLACED_IMAGES_KEYS_MAX]; /* of the first n_keys images */
    int64_t n_keys;
};

void replaced_images_release(struct replaced_images *r);
/* An image that was not there before. */
int replaced_images_add(struct replaced_images *r, int64_t image, const char *key, struct fmt_error *e);
void replaced_images_cut(struct replaced_images *r, int64_t n); /* back to the first n images */
/* Changes with the samples and with the images. */
void replaced_images_digest(const struct replaced_images *r, uint8_t out[DIGEST_BYTES]);

int replaced_images_write(const struct replaced_images *r, struct fmt_buffer *out, struct fmt_error *e);
/* *r is set; on failure it is to be released, too. FMT_INVALID: not what replaced_images_write writes. */
int replaced_images_read(struct replaced_images *r, const struct cJSON *object, struct fmt_error *e);

#endif
