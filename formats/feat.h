/* feat.h - features (feat(5)): rows of float32 with the labels of their images.
 *
 * A block has about a megabyte of rows. Its values are one matrix, so that a reader can take products with whole blocks
 * in place and never needs the whole file in memory.
 *
 *   writing:  feat_create(&w, &io, &header, &prov, e);  feat_add(&w, &row, e) ...;  feat_finish(&w, e);
 *   reading:  feat_open(&f, &io, e);
 *             feat_next_block(&f, &block, e) until FMT_END     any source; block.x [n_rows, width], feat_block_row(..)
 *             feat_read_block(&f, i_block, &block, e)          with read_at; several threads at once, a block each
 *             feat_block_release(&block);  feat_close(&f);
 *   whole:    feat_load(&t, &io, e)  t.x [n_rows, width], t.row[i];  feat_table_release(&t);
 */
#ifndef FEAT_H
#define FEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "index.h"
#include "part.h"
#include "provenance.h"
#include "recipe.h"
#include "text.h"

#define FEAT_MAJOR 1
#define FEAT_MINOR 1 /* 1.1: the recipe, and the content of each row's image */
#define FEAT_DIM_MAX ((int64_t)1 << 24)   /* values of a token */
#define FEAT_WIDTH_MAX ((int64_t)1 << 26) /* values of a row */
#define FEAT_LAYERS_MAX 256

enum feat_kind { FEAT_CLS = 1, FEAT_MEAN, FEAT_CLS_MEAN, FEAT_PATCH, FEAT_HEAD };

struct feat_header {
    enum feat_kind kind;
    int32_t dim;              /* values of a token, of all layers together */
    int32_t n_tokens;         /* of a row: 1, or grid_h * grid_w for FEAT_PATCH */
    int32_t grid_h, grid_w;   /* patches of the image */
    int32_t image_h, image_w; /* pixels of the network's input */
    int32_t n_layers;         /* blocks whose outputs the values are, each dim / n_layers wide, in block order */
    uint64_t layers;          /* which: bit i is block i (0: not from a network) */
    bool normalised;          /* by the network's last layer norm */
    bool unit;                /* each token is scaled to unit length (L2) */
    uint8_t weights[DIGEST_BYTES]; /* hash of the weights; zeros: not from a network (a baseline) */
    char **class_name;
    int n_classes;
    struct recipe recipe; /* how images became inputs of the network, and its precision; empty in version 1.0 */
    struct part part;     /* of the images of a larger job, whose identity the file has; n 0: all of them. In the file
                           * an item "part" of the recipe, which the recipe here does not have */
};

struct feat_row {
    struct index_labels labels;
    const float *x;         /* [n_tokens, dim] */
    const uint8_t *content; /* [DIGEST_BYTES] SHA-256 of the image's file; NULL: not known */
};

const char *feat_kind_name(enum feat_kind kind); /* "cls", "mean", "cls+mean", "patch", "head" */
bool feat_kind_parse(const char *name, enum feat_kind *kind);
int64_t feat_width(const struct feat_header *h); /* values of a row: n_tokens * dim */

/* What the network computed in: item "precision" of the recipe, "bf16"; without it, as in files of earlier versions,
 * "f32". FEAT_PRECISION_MIXED: rows of several precisions. */
#define FEAT_PRECISION_MIXED "mixed"
const char *feat_precision(const struct feat_header *h);
/* Whether all rows of both are of one precision; never where rows of either are mixed. */
bool feat_same_precision(const struct feat_header *a, const struct feat_header *b);

/* 0, or FMT_MISMATCH with the reason why rows of b do not belong with rows of a: different weights, width, kind,
 * recipe, classes or, unless that is allowed, precision. */
int feat_compatible(const struct feat_header *a, const struct feat_header *b, bool allow_precision,
                    struct fmt_error *e);
/* A sentence about what feat_compatible could not compare because one of the two does not record it, or neither:
 * "cannot compare (missing in one file): resize, size, fit", cut to `bytes`. False: there is nothing of the kind. */
bool feat_uncompared(const struct feat_header *a, const struct feat_header *b, char *text, size_t bytes);

/* The header as bytes of version 1.1, also for files that name the features they apply to (linear.h). minor: the
 * version of the bytes that are read. A header that was taken needs feat_header_release. */
struct bytes;
int feat_header_put(const struct feat_header *h, struct fmt_buffer *to, struct fmt_error *e);
int feat_header_take(struct bytes *from, uint8_t minor, struct feat_header *h, struct fmt_error *e);
void feat_header_release(struct feat_header *h);

struct feat_writer {
    struct block_writer block;
    struct feat_header header;
    uint8_t identity[DIGEST_BYTES];
    struct fmt_buffer x, labels, contents; /* of the current block */
    uint32_t n_rows, rows_per_block;
};

int feat_create(struct feat_writer *w, const struct fmt_writer *io, const struct feat_header *h,
                const struct provenance *p, struct fmt_error *e);
int feat_add(struct feat_writer *w, const struct feat_row *row, struct fmt_error *e); /* copies */
int feat_finish(struct feat_writer *w, struct fmt_error *e);
void feat_abandon(struct feat_writer *w);

struct feat {
    struct block_reader block; /* .n_records: rows, .n_blocks (where the source can seek); .header.identity */
    struct feat_header header;
    int64_t width;
};

struct feat_block { /* one per thread; zero-initialise, reuse, release */
    int64_t first_row;
    int32_t n_rows;
    const float *x;                    /* [n_rows, width] */
    const struct index_labels *labels; /* [n_rows]; texts live until the block is reused */
    const uint8_t *contents;           /* [n_rows, DIGEST_BYTES], zeros: not known; NULL in version 1.0 */
    struct block_buffer buffer;
    struct index_labels *labels_memory;
    int32_t labels_capacity;
};

int feat_open(struct feat *f, const struct fmt_reader *io, struct fmt_error *e);
int feat_next_block(struct feat *f, struct feat_block *b, struct fmt_error *e);
int feat_read_block(const struct feat *f, int64_t i_block, struct feat_block *b, struct fmt_error *e);
void feat_block_release(struct feat_block *b);
void feat_close(struct feat *f);

static inline struct feat_row feat_block_row(const struct feat *f, const struct feat_block *b, int32_t i)
{
    const uint8_t *content = b->contents ? b->contents + (size_t)i * DIGEST_BYTES : NULL;
    return (struct feat_row){b->labels[i], b->x + f->width * i, content && digest_is_set(content) ? content : NULL};
}

/* A whole file in memory, for callers that need all rows at once. */
struct feat_table {
    struct feat_header header;
    uint8_t identity[DIGEST_BYTES];
    int64_t n_rows, width;
    float *x;                    /* [n_rows, width] */
    struct index_labels *labels; /* [n_rows] */
    struct text_pool text;       /* the memory of their texts */
};

int feat_load(struct feat_table *t, const struct fmt_reader *io, struct fmt_error *e);
void feat_table_release(struct feat_table *t);

#endif
