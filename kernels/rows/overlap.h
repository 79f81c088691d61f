/* overlap.h - data leakage: rows to be scored whose image, or another image of whose group, was learned from.
 *
 *   struct overlap o;
 *   overlap_sets(&train, &query, false, &o, e);          both in memory
 *   overlap_seen(&model.fitted, &query, &o, e);          rows that a classifier records (overlap_remember)
 *   if (overlap_any(&o)) ...  o.n_images, o.image: how many of the query's rows, and the key of the first
 *
 * Columns used: label, key, group_name, content. Images are recognised by the SHA-256 of their files, groups by their
 * names. If a file of features records no hashes of contents (version 1.0), rows are compared by their keys, which is
 * weaker: two images may have the same name. Rows without a label are neither learned from nor scored and do not count.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include <stdbool.h>
#include <stdint.h>

#include "linear.h"
#include "rows.h"

struct overlap {
    int64_t n_images, n_groups, n_keys; /* rows of the query by content; its groups; its rows by key alone */
    const char *image, *group, *key;    /* the first of each in the order of the rows, or NULL: key, name, key */
};

static inline bool overlap_any(const struct overlap *o)
{
    return o->n_images > 0 || o->n_groups > 0;
}

/* exclude_own_group: true if the caller already excludes rows of the same group (k-NN that leaves the group out). Then
 * groups do not count, and images count only where they are in two groups. Both sets may be the same: a row is not
 * compared with itself. */
int overlap_sets(const struct rows *learned, const struct rows *query, bool exclude_own_group, struct overlap *o,
                 struct fmt_error *e);
int overlap_seen(const struct linear_seen *seen, const struct rows *query, struct overlap *o, struct fmt_error *e);

/* The images and groups of the labelled rows; free with linear_seen_release. If the content of a row is unknown, only
 * its group is recorded. */
int overlap_remember(const struct rows *r, struct linear_seen *seen, struct fmt_error *e);

/* The result as text: "test.feat: 12 of its images are in train.feat, the first is a/1.jpg; so are 3 of its groups, the
 * first is a"; if only keys match, that they may be the same images. "" if nothing was found. */
enum { OVERLAP_TEXT = 400 };
const char *overlap_text(const struct overlap *o, const char *query, const char *learned, char out[OVERLAP_TEXT]);
/* Decides whether such rows are scored. FMT_MISMATCH: they are refused; otherwise sets `warning`, possibly to "". */
int overlap_judge(const struct overlap *o, const char *query, const char *learned, bool allowed,
                  char warning[OVERLAP_TEXT], struct fmt_error *e);
/* For a tool that has no --allow-overlap: such rows are always refused. */
int overlap_refuse(const struct overlap *o, const char *query, const char *learned, struct fmt_error *e);

#endif
