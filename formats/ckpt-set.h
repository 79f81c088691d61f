/* ckpt-set.h - the file that makes the parts of a state one checkpoint (dino-ckpt(5), "The set"): how many there are,
 * and by which size and check each is known. It is written last: a set without it is not complete.
 *
 *   ckpt_set_write(&set, &prov, &io, e);
 *   ckpt_set_read(&set, &io, e);  ckpt_set_has(&set, rank, &ckpt, e);  ckpt_set_release(&set);
 */
#ifndef CKPT_SET_H
#define CKPT_SET_H

#include "ckpt.h"

#define CKPT_SET_MAJOR 1
#define CKPT_SET_MINOR 0

struct ckpt_set {
    int64_t iteration;
    int32_t n_ranks;
    struct ckpt_seal *seal; /* [n_ranks] */
    uint8_t identity[DIGEST_BYTES]; /* read: that of each of its files, which of the state */
};

int ckpt_set_write(const struct ckpt_set *s, const struct provenance *p, const struct fmt_writer *io,
                   struct fmt_error *e);
int ckpt_set_read(struct ckpt_set *s, const struct fmt_reader *io, struct fmt_error *e);
void ckpt_set_release(struct ckpt_set *s);

/* Whether an opened file is the part of this rank. FMT_MISMATCH: "another iteration", "other bytes", ... */
int ckpt_set_has(const struct ckpt_set *s, int32_t rank, const struct ckpt *c, struct fmt_error *e);

/* The parts of one tensor in all files of a set, in any order, which is lost: each element must be in exactly one.
 * FMT_INVALID: "elements 16 to 31 are missing", "element 16 is there twice". */
struct ckpt_part {
    int64_t first, count;
};
int ckpt_set_check_parts(struct ckpt_part *part, int32_t n_parts, int64_t n, struct fmt_error *e);

#endif
