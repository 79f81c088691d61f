/* gate-recent.h - the photographs that were seen last, to find those that are used again. Their prints are in a file
 * that never grows beyond a fixed number of photographs; in memory each takes 2.2 KB.
 *
 *   struct gate_recent r;
 *   gate_recent_open(&r, "verdicts.prints", most, e);      NULL: a file in memory, gone with the process
 *   gate_recent_add(&r, &seen, e);
 *   gate_recent_sync(&r, e);                               what was added survives a power cut
 *   r.item[i].sketch ...; gate_recent_read(&r, i, &seen, e);
 *   gate_recent_close(&r);
 *
 * The file: a head of GATE_RECENT_HEAD bytes, "bbu-inspect prints 1", a newline and zeros; then a slot for each
 * photograph, little-endian:
 *
 *   offset  bytes  what
 *        0      8  XXH64 of all that follows in the slot
 *        8      8  number of the photograph, from 1; it is in slot (number - 1) mod `most`
 *       16    200  its name, cut, zero bytes behind it
 *      216    200  its installation, the same
 *      416      8  XXH64 of the name, uncut
 *      424      8  XXH64 of the installation, uncut; 0: none
 *      432   9216  its print (gate-print.h)
 *     9648   1152  its sketch (gate-search.h): i16
 *    10800   1024  and scales: f32
 *
 * A slot whose check does not fit, as one that was being written when the power was cut, is free. One process at a
 * time.
 */
#ifndef GATE_RECENT_H
#define GATE_RECENT_H

#include "gate-search.h"
#include "gate.h"

enum { GATE_RECENT_HEAD = 4096, GATE_RECENT_SLOT = 11824, GATE_RECENT_MOST = 1000000 };

struct gate_recent {
    int fd;
    char *path; /* for messages */
    int64_t most, n; /* items, a slot each */
    uint64_t next; /* number of the next photograph */
    struct gate_recent_item {
        uint64_t number;
        uint64_t name, group; /* hashes; name 0: a free slot */
        struct gate_sketch sketch;
    } *item; /* [most] */
};

struct gate_seen {
    char key[GATE_NAME_MAX], group[GATE_NAME_MAX]; /* cut */
    struct gate_print print;
};

uint64_t gate_recent_hash(const char *text); /* "": 0, else not 0 */

/* FMT_INVALID: another kind of file. */
int gate_recent_open(struct gate_recent *r, const char *path, int64_t most, struct fmt_error *e);
void gate_recent_close(struct gate_recent *r); /* a struct that is zeroed but for fd -1 is allowed */

/* In place of the same photograph of the same installation, or else of the oldest one. */
int gate_recent_add(struct gate_recent *r, const char *key, const char *group, const struct gate_print *print,
                    struct fmt_error *e);
int gate_recent_sync(struct gate_recent *r, struct fmt_error *e);
/* Called by several threads at once. */
int gate_recent_read(const struct gate_recent *r, int64_t i, struct gate_seen *seen, struct fmt_error *e);

#endif
