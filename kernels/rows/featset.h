/* featset.h - files of features for the classifiers: labels and names of all rows in memory, the values in memory of
 * the device or, if they exceed a limit, read again block by block.
 *
 *   struct featset s;
 *   featset_open(&s, "train.feat", memory_bytes, &device, e);
 *                                   "-": standard input, whose values are always in memory
 *   featset_open_all(&s, paths, n, memory_bytes, &device, e);
 *                                   several files as one set: their rows follow one another
 *   s.rows                          columns label, group_view, key, group_name, extra, content
 *   featset_close(&s);
 *
 * Several files are the same set, to the last bit of what is computed from it, as the one file that feat-cat makes of
 * them. Parts of a job (part-set.h) may be named in any order, but a set has all of them or none: fitted to, or
 * scored on, a part of the rows, results would look like those of all.
 */
#ifndef FEATSET_H
#define FEATSET_H

#include <stdint.h>

#include "device-arena.h"
#include "feat.h"
#include "file.h"
#include "rows.h"
#include "text.h"

struct featset_file {
    const char *path;
    struct file file;
    struct feat feat;
    int64_t first_row, first_block; /* of the set */
};

struct featset {
    const char *path; /* of several files "a.feat and 6 others" */
    const char *role; /* "train", "query" ... in messages and reports; set by the caller */
    struct feat_header header;
    uint8_t identity[DIGEST_BYTES]; /* of several files: that of the file which feat-cat makes of them */
    struct rows rows; /* texts and values live as long as the set */
    struct featset_file *file; /* [n_files] in the order of their rows */
    int n_files;
    /* for reading values that are not in memory */
    struct feat_block block;
    int i_block_file; /* the file that the block is of */
    /* memory */
    int64_t capacity; /* rows */
    struct device_arena values;
    struct text_pool *text; /* [n_texts]: one per reading thread */
    int n_texts;
    char *name; /* the path of several files */
};

/* memory_bytes: limit for the values. The device's threads read the blocks of a seekable file. Errors name the path.
 * FMT_END: no rows. */
int featset_open(struct featset *s, const char *path, int64_t memory_bytes, const struct device *device,
                 struct fmt_error *e);
/* FMT_MISMATCH: rows that do not belong together, or recipes that do not record the same items; FMT_TRUNCATED: parts
 * are missing. */
int featset_open_all(struct featset *s, const char *const *path, int n, int64_t memory_bytes,
                     const struct device *device, struct fmt_error *e);
/* The same without FMT_END: of a query no rows are no error, but a day without photographs. */
int featset_open_query(struct featset *s, const char *const *path, int n, int64_t memory_bytes,
                       const struct device *device, struct fmt_error *e);
void featset_close(struct featset *s); /* a zeroed struct is allowed */

/* As feat_compatible, but classes are compared by name, and only classes that occur in rows: labels are renumbered to
 * the classes of h. A classifier of two classes accepts rows of only one of them, and any classifier accepts rows
 * without classes. name: the file that h is from. */
int featset_check(struct featset *s, const struct feat_header *h, const char *name, bool allow_precision,
                  struct fmt_error *e);

#endif
