/* verify.h - reads a whole file of any of our kinds and checks every byte and every rule of its format.
 *
 * The checksums (block.h) show that no byte has changed. Besides, each record is parsed as its readers parse it, so
 * that a file which passes can be used by all of them.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdint.h>

#include "block.h"
#include "fmt.h"

/* The kind of a file by its first bytes. They are not lost: if io is a pipe, p->io reads them again. BLOCK_ANY: not a
 * dinotools file, or one that cannot be read. p must outlive p->io. */
struct verify_peek {
    struct fmt_reader io; /* to be used from now on */
    struct fmt_reader source;
    uint8_t first[24];
    size_t n, at;
};
enum block_kind verify_peek(struct verify_peek *p, const struct fmt_reader *io);

struct verify_counts {
    enum block_kind kind;
    int64_t n_records; /* images, batches, rows, tensors, rows of weights, ranks, photographs and vectors,
                        * members */
};

/* step (may be NULL) is called after each record or block with the number of records so far. */
int verify_whole(const struct fmt_reader *io, struct verify_counts *n, void (*step)(void *arg, int64_t n_records),
                 void *arg, struct fmt_error *e);

#endif
