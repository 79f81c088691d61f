/* featset.h - a file of features as the classifiers need it: labels and names of all rows in memory, values in memory
 * or, where they are more than wanted, read again block by block.
 *
 *   struct featset s;
 *   featset_open(&s, "train.feat", hold_bytes, pool, e);  "-": standard input, always held
 *   s.label[i], s.group[i] ...;  featset_rows(&s)        as a source for knn.h;  s.x [n,width] if held
 *   featset_close(&s);
 */
#ifndef FEATSET_H
#define FEATSET_H

#include <stdint.h>

#include "arena.h"
#include "knn.h"
#include "score-inputs.h"
#include "overlap.h"
#include "feat.h"
#include "file.h"
#include "text.h"

struct featset {
    const char *path;
    const char *role; /* "train", "query" ... in messages and reports; the caller's to set */
    struct feat_header header;
    uint8_t identity[DIGEST_BYTES];
    int64_t n, width;
    int32_t *label, *shot;              /* [n], -1 none */
    const char **key, **group, **extra; /* [n], "" none */
    uint8_t (*content)[DIGEST_BYTES];   /* [n] SHA-256 of the image's file; zeros: not known */
    float *x;                           /* [n,width], or NULL */
    /* how the values are read again */
    struct file file;
    struct feat feat;
    struct feat_block block;
    /* where all that lies */
    int64_t room;
    struct arena values;
    struct text_pool *text; /* [n_texts]: each thread that reads has its own */
    int n_texts;
};

/* hold_bytes: the most that the values may take in memory. pool: threads that read a seekable file's blocks, or NULL.
 * Errors name the path. */
int featset_open(struct featset *s, const char *path, int64_t hold_bytes, struct thread_pool *pool,
                 struct fmt_error *e);
void featset_close(struct featset *s);
struct knn_rows featset_rows(struct featset *s); /* from one thread */
/* As feat_compatible, but classes are compared by name, and only those that rows have: labels are numbered anew, as h
 * numbers them. Rows of one class go with a classifier of two, rows without classes with any. name: of what h is
 * from. */
int featset_check(struct featset *s, const struct feat_header *h, const char *name, struct fmt_error *e);
int64_t featset_n_labelled(const struct featset *s);

/* What a user should know of two sets that belong together, or "": that they have other classes, or the same in another
 * order; what could not be compared, since one of them does not say it. */
enum { FEATSET_TEXT = 640 };
const char *featset_classes_text(const struct featset *s, const struct feat_header *h, const char *name,
                                 char out[FEATSET_TEXT]);
const char *featset_unsaid_text(const struct featset *s, const struct feat_header *h, const char *name,
                                char out[FEATSET_TEXT]);

struct overlap_rows featset_overlap_rows(const struct featset *s); /* while the set is open */
struct featset_leaks {
    bool apart;   /* rows of one group never meet (overlap.h) */
    bool allowed; /* scored all the same */
};
/* Rows of the query that were learned from, noted in the origins. FMT_MISMATCH: refused; else what is to be told as a
 * warning, or "". */
int featset_overlap(const struct featset *learned, const struct featset *query, const struct featset_leaks *how,
                    struct score_inputs *origins, char warning[OVERLAP_TEXT], struct fmt_error *e);

#endif
