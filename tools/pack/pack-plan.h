/* pack-plan.h - which image of a catalogue goes into which shard: the plan of bbu-pack.
 *
 *   struct pack_plan p;
 *   pack_plan_open(&p, &index, &how, e);
 *   for (i = p.first_image; i < p.end_image; i++) ... index.entry[p.entry[i]]
 *   p.failed[entry] = true; p.n_failed++; pack_plan_divide(&p);       without the images that failed
 *   pack_plan_close(&p);
 *
 * Shards are numbered through all parts of a job: which images are in them does not depend on the parts.
 */
#ifndef PACK_PLAN_H
#define PACK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "index.h"
#include "part.h"

struct pack_how {
    const char *split;   /* only images of this split; NULL: all */
    bool pixels;         /* decoded pixels are stored, else JPEG bytes */
    int64_t short_side;  /* pixels that larger images are scaled to; 0: not scaled */
    int64_t shard_bytes; /* after so many a new shard begins */
    struct part part;
};

struct pack_plan {
    const struct index *index;
    struct pack_how how;
    int64_t *entry, n_images; /* [n_images] the entry of the catalogue that image i is */
    int64_t *first;           /* [n_shards + 1] the first image of each shard */
    uint32_t n_shards;
    int64_t first_shard, end_shard; /* those of the part, */
    int64_t first_image, end_image; /* and their images */
    bool *failed;             /* [n_entries] left out, */
    int64_t n_failed;         /* so many; both are set by the caller */
    uint32_t side_max;        /* of all images, whatever the part */
    uint64_t pixels_max;
    double bytes;             /* of the part's shards, about: pixels before compression, JPEG bytes before scaling */
    int64_t stored_max;       /* bytes of the largest image */
};

/* FMT_INVALID: there is no image; FMT_LIMIT: too many shards. On failure there is nothing to close. */
int pack_plan_open(struct pack_plan *p, const struct index *x, const struct pack_how *how, struct fmt_error *e);
void pack_plan_close(struct pack_plan *p);

/* Again, without the entries that failed; n_images may be 0 then. */
void pack_plan_divide(struct pack_plan *p);

/* The size in which an image of width x height pixels is stored. */
void pack_plan_scaled_size(const struct pack_how *how, int width, int height, int64_t *w, int64_t *h);

#endif
