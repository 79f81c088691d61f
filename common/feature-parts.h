/* feature-parts.h - files of features in parts (dino-extract --part): which are of one job, and whether all are there.
 *
 *   struct feature_file f[n] = {{.path = path, .feat = &feat, .i = 0}, ...};    open files, parts or not, in any order
 *   feature_parts_arrange(f, n, false, e);
 *   for (k < n) ...                          in the order in which their rows follow one another
 *
 * The parts of a job have one identity, that of the features which one process writes. They form a set, which stands
 * where its first file was named; its rows are those of part 1, then those of part 2, and so on. A file that is no part
 * is a set of its own.
 */
#ifndef FEATURE_PARTS_H
#define FEATURE_PARTS_H

#include <stdbool.h>

#include "feat.h"

struct feature_file {
    const char *path;
    const struct feat *feat;
    int i;   /* which one the caller named, from 0 */
    int set; /* output: the same for all parts of a job; increases */
};

/* FMT_MISMATCH: a part is there twice, or is one of another number of parts. FMT_TRUNCATED, unless allow_missing: parts
 * are missing. The error names them, and a part of another job that was perhaps meant for one of them. */
int feature_parts_arrange(struct feature_file *f, int n, bool allow_missing, struct fmt_error *e);

/* "1, 3-5": the parts of the n files of a set, cut to `bytes`. */
void feature_parts_list(const struct feature_file *f, int n, char *text, size_t bytes);

static inline bool feature_file_is_part(const struct feature_file *f)
{
    return f->feat->header.part.n > 0;
}

#endif
