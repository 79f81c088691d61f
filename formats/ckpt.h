/* ckpt.h - the state of a run (dino-ckpt(5)): a JSON text and gigabytes of named tensors, whole in one file, or a part
 * of it in each file of a set (ckpt-set.h).
 *
 * The table of tensors comes first, then their bytes in its order, cut into blocks; a tensor begins a block. There is
 * no second copy: the writer stores from the caller's memory, the reader decodes into it.
 *
 *   writing:  ckpt_create(&w, &io, &header, tensor, n_tensors, &prov, e);
 *             ckpt_add(&w, data, bytes, e) for each tensor of the table in order, whole or in parts;
 *             ckpt_finish(&w, e);
 *   reading:  ckpt_open(&c, &io, e);  i = ckpt_find(&c, "model/teacher.backbone.cls_token");
 *             ckpt_read(&c, i, memory, bytes, &buffer, e)   with read_at any order, several threads (a buffer each);
 *                                                           of a pipe each tensor once, in order
 *             ckpt_check_end(&c, &buffer, e)                of a pipe: nothing is missing, nothing follows
 *             ckpt_close(&c);
 */
#ifndef CKPT_H
#define CKPT_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "dtype.h"
#include "provenance.h"

#define CKPT_MAJOR 1      /* a whole state */
#define CKPT_PART_MAJOR 2 /* one part of it, which older programs refuse */
#define CKPT_MINOR 0
#define CKPT_RANKS_MAX 65536 /* files of a set */
#define CKPT_DIMS_MAX 8
#define CKPT_TENSORS_MAX 1000000
#define CKPT_NAME_MAX 512
#define CKPT_STATE_MAX ((size_t)16 << 20)
#define CKPT_TENSOR_BYTES_MAX ((int64_t)1 << 40)
#define CKPT_PIECE_BYTES ((size_t)4 << 20) /* of a tensor in one block */

struct ckpt_header {
    int64_t iteration; /* the last one completed, counted from 0 */
    int32_t rank, n_ranks; /* n_ranks > 1 when writing: the file is one part */
    const char *state; /* JSON text: settings, counters, all that is not a tensor */
};

struct ckpt_tensor {
    const char *name;
    enum dtype dtype; /* F32, F64, I64 or U8 */
    int32_t n_dims;
    int64_t dims[CKPT_DIMS_MAX]; /* of the whole tensor */
    /* The file has its elements [first, first + count), in row-major order. A whole state has all: set by ckpt_open. */
    int64_t first, count;
    /* set by ckpt_open: */
    int64_t n;     /* elements of the whole tensor */
    int64_t bytes; /* of these elements */
    int64_t first_block, n_blocks;
};

/* What tells a file from all others: its size and the check at its end, which is over the hashes of all its blocks. */
enum { CKPT_CHECK_BYTES = BLOCK_CHECK_BYTES };
struct ckpt_seal {
    int64_t bytes;
    uint8_t check[CKPT_CHECK_BYTES];
};

struct ckpt_writer {
    struct block_writer block;
    const struct ckpt_tensor *tensor; /* borrowed until ckpt_finish */
    int64_t n_tensors, i_tensor, done; /* done: bytes of tensor i_tensor that are written */
    struct fmt_buffer piece;
    bool part;
    uint8_t identity[DIGEST_BYTES];
    struct ckpt_seal seal; /* after ckpt_finish */
};

int ckpt_create(struct ckpt_writer *w, const struct fmt_writer *io, const struct ckpt_header *h,
                const struct ckpt_tensor *tensor, int64_t n_tensors, const struct provenance *p, struct fmt_error *e);
int ckpt_add(struct ckpt_writer *w, const void *data, size_t bytes, struct fmt_error *e);
int ckpt_finish(struct ckpt_writer *w, struct fmt_error *e);
void ckpt_abandon(struct ckpt_writer *w);

struct ckpt {
    struct block_reader block; /* .header.identity, .header.provenance */
    struct ckpt_header header;
    bool part;             /* the file has a part of the state */
    struct ckpt_seal seal; /* not of a pipe */
    struct ckpt_tensor *tensor; /* names live until ckpt_close */
    int64_t n_tensors;
    int64_t i_next; /* of a pipe: the next tensor */
    struct block_buffer buffer; /* holds the table */
    int64_t *by_name;
};

int ckpt_open(struct ckpt *c, const struct fmt_reader *io, struct fmt_error *e);
int64_t ckpt_find(const struct ckpt *c, const char *name); /* -1: none */
/* All that the file has of a tensor; bytes must be its bytes. */
int ckpt_read(struct ckpt *c, int64_t i, void *to, int64_t bytes, struct block_buffer *b, struct fmt_error *e);
/* Elements [first, first + n) of the whole tensor, as far as the file has them, in pieces, without memory for all of
 * them: take(arg, at, data, k) gets k elements from element `at` on, in the byte order of the host. A nonzero status of
 * it ends the reading. */
typedef int ckpt_take(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e);
int ckpt_read_pieces(struct ckpt *c, int64_t i, int64_t first, int64_t n, ckpt_take *take, void *arg,
                     struct block_buffer *b, struct fmt_error *e);
/* Reads the tensor and discards it: a check that it is whole. */
int ckpt_check(struct ckpt *c, int64_t i, struct block_buffer *b, struct fmt_error *e);
int ckpt_check_end(struct ckpt *c, struct block_buffer *b, struct fmt_error *e);
void ckpt_close(struct ckpt *c);

#endif
