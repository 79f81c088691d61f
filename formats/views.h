/* views.h - batches of multi-crop samples with their masks (dino-views(5)): what one training step consumes.
 *
 * struct views_batch is the form in memory as well: dino-augment fills and writes it, training reads it from a file
 * or a pipe, or has it filled from shards in its own threads; no bit differs.
 *
 *   writing:  views_create(&w, &io, &header, &prov, e);  views_add(&w, &batch, e) ...;  views_finish(&w, e);
 *   reading:  views_open(&v, &io, e);  views_batch_init(&batch, &v.header, e);
 *             views_next(&v, &batch, e) until FMT_END        any source
 *             views_skip_to(&v, step, e)                     makes the batch of this step the next (seeks if it can)
 *             views_close(&v);  views_batch_release(&batch);
 */
#ifndef VIEWS_H
#define VIEWS_H

#include <stdint.h>

#include "block.h"
#include "pixel-norm.h"
#include "provenance.h"

#define VIEWS_MAJOR 1
#define VIEWS_MINOR 0
#define VIEWS_GLOBAL 2          /* global crops of a sample */
#define VIEWS_BATCH_MAX 65536
#define VIEWS_SIZE_MAX 4096     /* pixels of a crop's side */
#define VIEWS_LOCAL_MAX 256     /* local crops of a sample */
#define VIEWS_KEY_MAX 4096

struct views_header {
    int32_t batch;                   /* B samples */
    int32_t global_size, local_size; /* G, L pixels a side; local_size 0 if n_local is 0 */
    int32_t n_local;
    int32_t grid_h, grid_w;          /* patches of a global crop; N = grid_h * grid_w entries of a mask */
    struct pixel_norm pixel_norm;    /* that training applies */
    uint64_t seed;
    int64_t first_step;              /* step of the first batch; the others follow without a gap */
    int64_t n_images;                /* in the data that the samples were drawn from */
};

struct views_batch {
    int64_t step;
    uint8_t *global; /* [2*B, G, G, 3] crop-major: crop 0 of all samples, then crop 1 */
    uint8_t *local;  /* [n_local*B, L, L, 3] crop-major */
    uint8_t *mask;   /* [2*B, N] 0 or 1, in the order of global */
    int64_t *image;  /* [B] number of the sample's image in its shard set */
    char **key;      /* [B] the image's key; points into key_text */
    char *key_text;
    size_t key_capacity, key_used;
    void *memory;    /* of global, local, mask, image, key */
};

static inline int64_t views_patches(const struct views_header *h) /* N: of a global crop, a row of the masks */
{
    return (int64_t)h->grid_h * h->grid_w;
}
int64_t views_global_bytes(const struct views_header *h);
int64_t views_local_bytes(const struct views_header *h);
int64_t views_mask_bytes(const struct views_header *h);

int views_batch_init(struct views_batch *b, const struct views_header *h, struct fmt_error *e);
/* Sets key i (0 .. B-1, in order; key 0 drops those of the previous batch). Copies the text. */
int views_batch_set_key(struct views_batch *b, int64_t i, const char *key, struct fmt_error *e);
void views_batch_release(struct views_batch *b);

struct views_writer {
    struct block_writer block;
    struct views_header header;
    int64_t next_step;
    struct fmt_buffer raw;
};

int views_create(struct views_writer *w, const struct fmt_writer *io, const struct views_header *h,
                 const struct provenance *p, struct fmt_error *e);
int views_add(struct views_writer *w, const struct views_batch *b, struct fmt_error *e);
int views_finish(struct views_writer *w, struct fmt_error *e);
void views_abandon(struct views_writer *w);

struct views {
    struct block_reader block; /* .n_records: batches, where the source can seek */
    struct views_header header;
    struct block_buffer buffer;
    int64_t next_step;
};

int views_open(struct views *v, const struct fmt_reader *io, struct fmt_error *e);
int views_next(struct views *v, struct views_batch *b, struct fmt_error *e);
int views_skip_to(struct views *v, int64_t step, struct fmt_error *e); /* FMT_END: there are fewer */
void views_close(struct views *v);

#endif
