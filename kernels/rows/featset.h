/* featset.h - a file of features for the classifiers: labels and names of all rows in memory, the values in memory of
 * the device or, if they exceed a limit, read again block by block.
 *
 *   struct featset s;
 *   featset_open(&s, "train.feat", memory_bytes, &device, e);
 *                                   "-": standard input, whose values are always in memory
 *   s.rows                          columns label, group_view, key, group_name, extra, content
 *   featset_close(&s);
 */
#ifndef FEATSET_H
#define FEATSET_H

#include <stdint.h>

#include "device-arena.h"
#include "feat.h"
#include "file.h"
#include "rows.h"
#include "text.h"

struct featset {
    const char *path;
    const char *role; /* "train", "query" ... in messages and reports; set by the caller */
    struct feat_header header;
    uint8_t identity[DIGEST_BYTES];
    struct rows rows; /* texts and values live as long as the set */
    /* for reading values that are not in memory */
    struct file file;
    struct feat feat;
    struct feat_block block;
    /* memory */
    int64_t capacity; /* rows */
    struct device_arena values;
    struct text_pool *text; /* [n_texts]: one per reading thread */
    int n_texts;
};

/* memory_bytes: limit for the values. The device's threads read the blocks of a seekable file. Errors name the path. */
int featset_open(struct featset *s, const char *path, int64_t memory_bytes, const struct device *device,
                 struct fmt_error *e);
void featset_close(struct featset *s);

/* As feat_compatible, but classes are compared by name, and only classes that occur in rows: labels are renumbered to
 * the classes of h. A classifier of two classes accepts rows of only one of them, and any classifier accepts rows
 * without classes. name: the file that h is from. */
int featset_check(struct featset *s, const struct feat_header *h, const char *name, bool allow_precision,
                  struct fmt_error *e);

#endif
