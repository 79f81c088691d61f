/* pictures.h - photographs, heat maps and drawn pictures inside a page: small JPEG or PNG files as data: URIs.
 *
 *   struct pictures s = {.folder = "photos", .bytes_max = 8 << 20};
 *   pictures_photograph(&s, p.out, "test/a.jpg", PICTURES_SIDE, "photograph a.jpg, score 0.9");
 *   s.n, s.bytes, s.n_left_out, s.n_failed                  for the report to say
 *   pictures_release(&s);
 *
 * Each picture has at most `side` pixels on its longer side, and all together at most bytes_max bytes in the page: what
 * comes later is left out and counted. Where there is no picture a text says so. The same photograph gives the same
 * bytes.
 */
#ifndef PICTURES_H
#define PICTURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arena.h"
#include "image.h"
#include "index.h"
#include "names.h"

enum { PICTURES_SIDE = 400, PICTURES_SIDE_SMALL = 112 };

struct pictures {
    /* set by the caller; what is NULL is not there */
    const char *folder;         /* of photographs; their keys are relative to it */
    const struct index *index;  /* their catalogue, and the keys of its entries */
    const struct names *keys;
    const char *root;           /* of the catalogue's paths */
    const char *maps;           /* a folder of heat maps: KEY.png, or the key with .png for its ending, or its end */
    int64_t bytes_max;
    /* counted */
    int64_t n, bytes;
    int64_t n_left_out;         /* for want of room */
    int64_t n_failed;           /* not there, or not readable */
    char first_failure[400];    /* "a.jpg: No such file or directory" */
    /* memory */
    struct image image, small;
    struct arena scratch;
    struct fmt_buffer file;
};

/* True where a photograph, or the heat map of one, can be looked for at all. */
bool pictures_have_photographs(const struct pictures *s);

/* <img ...>, or <p> with the reason why there is none. alt: what the picture shows, for who cannot see it. */
void pictures_photograph(struct pictures *s, FILE *out, const char *key, int side, const char *alt);
/* The same of a heat map; where there is none nothing is written. False then. */
bool pictures_map(struct pictures *s, FILE *out, const char *key, int side, const char *alt);
/* Pixels as they are, as PNG, shown enlarged without smoothing; RGB or grey. */
void pictures_pixels(struct pictures *s, FILE *out, const struct image *im, const char *alt);

void pictures_release(struct pictures *s);

#endif
