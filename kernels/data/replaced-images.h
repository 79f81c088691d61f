/* replaced-images.h - the images of a run that could not be used, and how many samples were made of others instead.
 *
 * A part of the state of a run: a checkpoint has it as JSON, and a resumed run continues the count.
 *
 *   {"samples": 12, "images": [4, 17], "keys": ["a/4.jpeg", "b/17.jpeg"]}
 *
 * images: their numbers in the data, in the order in which they were met; keys: of the first REPLACED_IMAGES_KEYS_MAX.
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
    int64_t *image; /* [n_images], no number twice */
    int64_t n_images, capacity;
    char *key[REPLACED_IMAGES_KEYS_MAX]; /* of the first n_keys images */
    int64_t n_keys;
};

void replaced_images_release(struct replaced_images *r);
/* `image` must be new. */
int replaced_images_add(struct replaced_images *r, int64_t image, const char *key, struct fmt_error *e);
void replaced_images_cut(struct replaced_images *r, int64_t n); /* back to the first n images */
/* Of the samples and the images; two states with different ones have different digests. */
void replaced_images_digest(const struct replaced_images *r, uint8_t out[DIGEST_BYTES]);

int replaced_images_write(const struct replaced_images *r, struct fmt_buffer *out, struct fmt_error *e);
/* Sets *r, to be released on failure, too. FMT_INVALID: not what replaced_images_write writes. */
int replaced_images_read(struct replaced_images *r, const struct cJSON *object, struct fmt_error *e);

#endif
