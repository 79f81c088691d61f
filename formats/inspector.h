/* inspector.h - the one file that judges photographs (bbu-inspector(5)): the files that it was made from, each whole,
 * and the settings that join them.
 *
 * Members are in the order of their roles, at most one of each: settings (JSON, one object) and weights, which every
 * inspector has; a classifier or a bank, or both; the bank of faults that goes with the bank; the reference of the
 * gates. Each is cut into pieces of INSPECTOR_PIECE bytes, the last one shorter; a piece is a block. The header has
 * name, size and SHA-256 of each member.
 *
 *   writing:  struct inspector_part part[] = {{INSPECTOR_SETTINGS, "settings", reader, 3}, ...};
 *             inspector_write(part, n, &prov, &io, e);
 *   reading:  inspector_open(&x, &io, e);                   a source with read_at
 *             i = inspector_find(&x, INSPECTOR_WEIGHTS)     -1: there is none
 *             inspector_load(&x, i, &data, e);              the whole member, for free(); its SHA-256 is checked
 *             inspector_source_init(&s, &x, i);             or: s.reader, a file inside the file, a piece at a time
 *             inspector_close(&x);
 *   checking: inspector_check(&io, step, arg, &n, e);       any source: every byte and the SHA-256 of each member
 */
#ifndef INSPECTOR_H
#define INSPECTOR_H

#include <stdint.h>

#include "block.h"
#include "provenance.h"
#include "text.h"

#define INSPECTOR_MAJOR 1
#define INSPECTOR_MINOR 0
#define INSPECTOR_PIECE ((size_t)1 << 20)
#define INSPECTOR_NAME_MAX 255                        /* bytes */
#define INSPECTOR_MEMBER_BYTES_MAX ((uint64_t)1 << 40) /* of a file */
#define INSPECTOR_SETTINGS_BYTES_MAX ((uint64_t)16 << 20)

enum inspector_role {
    INSPECTOR_SETTINGS = 1, INSPECTOR_WEIGHTS, INSPECTOR_CLASSIFIER, INSPECTOR_BANK, INSPECTOR_FAULTS,
    INSPECTOR_REFERENCE, INSPECTOR_ROLE_LAST = INSPECTOR_REFERENCE
};
enum { INSPECTOR_MEMBERS_MAX = INSPECTOR_ROLE_LAST };
/* "settings", "weights", "classifier", "bank", "faults", "reference" */
const char *inspector_role_name(enum inspector_role role);

struct inspector_part { /* a file on its way into an inspector; read twice */
    enum inspector_role role;
    const char *name;
    struct fmt_reader reader; /* with read_at and a size */
    int level;                /* BLOCK_STORED, or a level of zstd */
};

/* FMT_MISMATCH: a file changed while it was read. identity: that of the inspector. */
int inspector_write(const struct inspector_part *part, int n, const struct provenance *p, const struct fmt_writer *io,
                    uint8_t identity[DIGEST_BYTES], struct fmt_error *e);

struct inspector_member {
    enum inspector_role role;
    const char *name; /* that of a file without its folder: no control characters, no slash, not "." nor ".."; unique */
    uint64_t bytes;   /* at least 1 */
    uint8_t sha256[DIGEST_BYTES];
    int64_t first_block;
};

struct inspector {
    struct block_reader block; /* .header.identity, .header.provenance */
    struct inspector_member member[INSPECTOR_MEMBERS_MAX];
    int n_members;
    struct text_pool text;
};

int inspector_open(struct inspector *x, const struct fmt_reader *io, struct fmt_error *e);
void inspector_close(struct inspector *x); /* a zeroed struct is allowed */
int inspector_find(const struct inspector *x, enum inspector_role role); /* which member; -1: none */
/* *data is for free() and has a zero byte after the member. */
int inspector_load(const struct inspector *x, int i, uint8_t **data, struct fmt_error *e);

/* A member as a source of bytes for one thread at a time. Whole pieces are decoded straight into the caller's memory,
 * others by way of the piece last read; each is checked, the SHA-256 is not. */
struct inspector_source {
    const struct inspector *of;
    int member;
    uint64_t at; /* of reading in order */
    int64_t i_piece; /* in `piece`; -1: none */
    struct block_buffer piece;
    struct fmt_reader reader;
};
void inspector_source_init(struct inspector_source *s, const struct inspector *x, int i);
void inspector_source_release(struct inspector_source *s);

/* step (may be NULL) is called with the number of members so far. */
int inspector_check(const struct fmt_reader *io, void (*step)(void *arg, int64_t n_members), void *arg,
                    int64_t *n_members, struct fmt_error *e);

#endif
