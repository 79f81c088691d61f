/* verify.h - reads a whole file of ours, of whatever kind, and checks every byte and every rule of its format.
 *
 * That no byte has changed needs the index (block.h); this also parses each record as its readers do, so that a file
 * which passes can be used by all of them.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdint.h>

#include "block.h"
#include "fmt.h"

/* The kind of a file by its first bytes, without losing them: where io is a pipe the reader in `io` below gives
 * them again. BLOCK_ANY: not a file of ours (as far as it can be read). p must outlive p->io. */
struct verify_peek {
    struct fmt_reader io; /* use this one from here on */
    struct fmt_reader source;
    uint8_t first[24];
    size_t n, at;
};
enum block_kind verify_peek(struct verify_peek *p, const struct fmt_reader *io);

struct verify_counts {
    enum block_kind kind;
    int64_t n_records; /* images, batches, rows, tensors, rows of weights */
};

/* step (may be NULL) is called after each record or block with the number of records so far. */
int verify_whole(const struct fmt_reader *io, struct verify_counts *n, void (*step)(void *arg, int64_t n_records),
                 void *arg, struct fmt_error *e);

#endif
