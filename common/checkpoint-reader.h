/* checkpoint-reader.h - reads a checkpoint (dino-ckpt(5)) as one state, whether one file holds it or a set of files.
 *
 *   checkpoint_reader_open(&r, path, e);                 any file of a set finds the others, by their names beside it
 *   i = ckpt_find(checkpoint_reader_first(&r), name);    the table, the JSON and the origin are the same in all files
 *   checkpoint_reader_read(&r, i, first, n, take, arg, e);     elements, from the files that have them
 *   checkpoint_reader_close(&r);
 *
 * A path may name a file that is not there: "run/model_0000019.rank_7.ckpt" is the set beside it of three files, or the
 * whole state in "run/model_0000019.rank_0.ckpt". What {rank} stands for in a setting so fits on any process.
 *
 * A set is complete when its own file is there and every file that it names is there, unchanged in size and check, and
 * together they have each element once. An error says which ranks' files are missing or differ. The bytes of tensors
 * are checked when they are read.
 */
#ifndef CHECKPOINT_READER_H
#define CHECKPOINT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "ckpt-set.h"
#include "file.h"

struct checkpoint_reader_file {
    bool open;
    int64_t used; /* of two files the one with less was used before the other */
    struct file file;
    struct fmt_reader io;
    struct ckpt ckpt;
};

struct checkpoint_reader {
    char *path;       /* of the one file, or of the set's */
    struct ckpt_set set; /* n_ranks 1: one file has the whole state, and there are no seals */
    struct checkpoint_reader_file *file; /* [n_ranks]; some are open, the first always */
    int n_open;
    int64_t clock;
    struct ckpt_part *part; /* [tensors][n_ranks]; NULL where one file is whole */
};

/* Errors name the path. FMT_MAGIC: no checkpoint at all; FMT_INVALID: the set is not complete. */
int checkpoint_reader_open(struct checkpoint_reader *r, const char *path, struct fmt_error *e);
/* From a source that must outlive the reader: it must have the whole state. Errors name nothing. */
int checkpoint_reader_over(struct checkpoint_reader *r, const struct fmt_reader *io, struct fmt_error *e);
void checkpoint_reader_close(struct checkpoint_reader *r);
/* The file that stands for a path: itself, or, where it is not there, one beside it. For free(); NULL: no memory. */
char *checkpoint_reader_stand_in(const char *path);

static inline struct ckpt *checkpoint_reader_first(const struct checkpoint_reader *r)
{
    return &r->file[0].ckpt;
}

/* The path of a rank's file, for free(); NULL: no memory. */
char *checkpoint_reader_path(const struct checkpoint_reader *r, int rank);
/* A rank's file, opened; valid until the next call of the reader. NULL: e says why. */
struct ckpt *checkpoint_reader_file(struct checkpoint_reader *r, int rank, struct fmt_error *e);
/* Which elements of tensor i it has. */
struct ckpt_part checkpoint_reader_part(const struct checkpoint_reader *r, int64_t i, int rank);

/* Elements [first, first + n) of tensor i, in pieces, in any order: see ckpt_read_pieces. */
int checkpoint_reader_read(struct checkpoint_reader *r, int64_t i, int64_t first, int64_t n, ckpt_take *take, void *arg,
                           struct fmt_error *e);
/* Reads all that a rank's file has, and discards it: a check that it is whole. */
int checkpoint_reader_check(struct checkpoint_reader *r, int rank, struct fmt_error *e);
/* The whole tensor, straight into memory for all of its elements. */
int checkpoint_reader_read_all(struct checkpoint_reader *r, int64_t i, void *to, struct fmt_error *e);

#endif
