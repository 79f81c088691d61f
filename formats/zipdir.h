/* zipdir.h - the members of a zip file, of which stored ones can be read: what a .pth container needs.
 *
 * Sizes and offsets are read only from the central directory (PyTorch leaves the local ones 0 and puts descriptors
 * after the data); zip64 is supported. Compressed and encrypted members are listed, since names show what the file is,
 * but nothing here reads them. Refused: several disks, duplicate names, members that overlap each other or the
 * directory, sizes beyond the end of the file.
 */
#ifndef ZIPDIR_H
#define ZIPDIR_H

#include <stdbool.h>

#include "fmt.h"

enum {
    ZIPDIR_MEMBERS_MAX = 1000000,
    ZIPDIR_DIRECTORY_MAX = 256 << 20 /* bytes of the central directory */
};

struct zipdir_member {
    char *name; /* without a zero byte */
    uint64_t at, bytes; /* of the data, in the file */
    bool packed;        /* compressed or encrypted */
    uint64_t header_at;
    uint32_t crc; /* from the directory; some writers leave it 0 */
};

struct zipdir {
    struct zipdir_member *member; /* sorted by name */
    int64_t n;
};

/* r must have read_at and a size. */
int zipdir_read(const struct fmt_reader *r, struct zipdir *z, struct fmt_error *e);
const struct zipdir_member *zipdir_find(const struct zipdir *z, const char *name);
void zipdir_release(struct zipdir *z);

/* ---- writing: stored members, one after the other, data at multiples of 64 bytes.
 *   zipdir_start(&w, sink); zipdir_begin(&w, "a/data/0", bytes, e); ... zipdir_put ...; zipdir_finish(&w, e); */
struct zipdir_writer {
    const struct fmt_writer *sink;
    struct zipdir_member *member;
    int64_t n, capacity;
    uint64_t at; /* bytes written */
    uint64_t left; /* of the open member's data */
    uint32_t crc_table[4][256];
};
void zipdir_start(struct zipdir_writer *w, const struct fmt_writer *sink);
/* Begins a member of `bytes` bytes; the one before must be complete. */
int zipdir_begin(struct zipdir_writer *w, const char *name, uint64_t bytes, struct fmt_error *e);
int zipdir_put(struct zipdir_writer *w, const void *data, size_t n, struct fmt_error *e);
int zipdir_finish(struct zipdir_writer *w, struct fmt_error *e); /* writes the directory and releases w */
void zipdir_writer_release(struct zipdir_writer *w);

#endif
