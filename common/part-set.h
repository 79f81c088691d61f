/* part-set.h - files of parts of jobs (part.h): which are of one job, and whether all are there.
 *
 *   struct part_file f[n] = {part_file_of_features(path, &feat, 0), ...};    parts or not, in any order
 *   part_set_arrange(f, n, false, e);
 *   for (k < n) ...                          in the order in which their contents follow one another
 *
 * The parts of a job have one identity, that of the whole. They form a set, which stands where its first file was
 * named, in the order of their numbers. A file that is no part is a set of its own.
 */
#ifndef PART_SET_H
#define PART_SET_H

#include <stdbool.h>

#include "feat.h"

struct part_file { /* nothing is copied */
    const char *path;
    struct part part;                   /* n 0: it is no part */
    const struct block_header *header;  /* identity, provenance */
    const struct feat_header *features; /* to say how two jobs differ; NULL: other files */
    int i;   /* which one the caller named, from 0 */
    int set; /* output: the same for all parts of a job; increases */
};

static inline struct part_file part_file_of_features(const char *path, const struct feat *f, int i)
{
    return (struct part_file){path, f->header.part, &f->block.header, &f->header, i, 0};
}

/* FMT_MISMATCH: a part is there twice, or is one of another number of parts. FMT_TRUNCATED, unless allow_missing: parts
 * are missing. The error names them, and a part of another job that was perhaps meant for one of them. */
int part_set_arrange(struct part_file *f, int n, bool allow_missing, struct fmt_error *e);
/* How many of the n arranged files belong to the set of the first one. */
int part_set_size(const struct part_file *f, int n);
/* "1, 3-5": the parts of the n files of a set, cut to `bytes`. */
void part_set_list(const struct part_file *f, int n, char *text, size_t bytes);

#endif
