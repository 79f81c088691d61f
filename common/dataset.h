/* dataset.h - folders of photographs and their lists: what is there, and what is wrong with it.
 *
 *   struct dataset d;
 *   dataset_init(&d, root, &error);
 *   dataset_find(&d, layout, &error)       walks folders or reads lists; names only (dataset-find.c)
 *   dataset_order_classes(&d, "good,bad", &error)
 *   dataset_read(&d, pool, ..., &error)    decodes every file, in parallel (dataset-read.c)
 *   dataset_check(&d, &error)              groups, splits, contents (dataset-check.c)
 *   for (i < d.n_findings) ...             in an order that depends on the dataset alone
 *   dataset_release(&d);
 *
 * Nothing here stops at the first thing that is wrong: it becomes a finding, and where it is an error, a mark on
 * the images at fault. The functions fail only if memory or the root folder does.
 */
#ifndef DATASET_H
#define DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "text.h"
#include "thread.h"

/* name, error or warning, key in reports, what is counted */
#define DATASET_FINDINGS(X)                                                                        \
    X(MISSING, true, "missing", "missing")                                                         \
    X(EMPTY, true, "empty", "empty")                                                               \
    X(NOT_JPEG, true, "not-jpeg", "not JPEG")                                                      \
    X(DAMAGED, true, "damaged", "cut short or damaged")                                            \
    X(UNSUPPORTED, true, "unsupported", "of an unsupported kind")                                  \
    X(TOO_LARGE, true, "too-large", "too large")                                                   \
    X(UNREADABLE, true, "unreadable", "unreadable")                                                \
    X(OUTSIDE, true, "outside", "outside the dataset")                                             \
    X(BAD_LIST, true, "bad-list", "broken list", "broken lists")                                   \
    X(BAD_ENTRY, true, "bad-entry", "broken entry", "broken entries")                              \
    X(BAD_LABEL, true, "bad-label", "label outside the classes", "labels outside the classes")     \
    X(NAME_CONFLICT, true, "name-conflict", "name with two labels", "names with two labels")       \
    X(CONTENT_CONFLICT, true, "content-conflict", "content with two labels", "contents with two labels") \
    X(LEAK, true, "leak", "group in two splits", "groups in two splits")                           \
    X(ENTRY_TWICE, false, "entry-twice", "entry twice", "entries twice")                           \
    X(CONTENT_TWICE, false, "content-twice", "content under two names", "contents under two names") \
    X(MIXED_GROUP, false, "mixed-group", "group of mixed labels", "groups of mixed labels")        \
    X(NAME_FORMS, false, "name-forms", "name in two Unicode forms", "names in two Unicode forms")  \
    X(SHOTS, false, "shots", "group of an unusual number of shots", "groups of an unusual number of shots") \
    X(OTHER_FOLDER, false, "other-folder", "in another's folder")                                  \
    X(UNLISTED, false, "unlisted", "in no list")                                                   \
    X(NO_LIST, false, "no-list", "split without list", "splits without list")                      \
    X(ODD_JPEG, false, "odd-jpeg", "JPEG file with oddities", "JPEG files with oddities")          \
    X(OTHER_FORMAT, false, "other-format", "image of another format", "images of other formats") \
    X(SYSTEM_FOLDER, false, "system-folder", "folder of a system", "folders of a system")          \
    X(NO_GROUPS, false, "no-groups", "dataset without groups", "datasets without groups")

enum dataset_finding_kind {
#define X(name, error, key, ...) DATASET_##name,
    DATASET_FINDINGS(X)
#undef X
        DATASET_FINDING_KINDS
};

bool dataset_finding_is_error(enum dataset_finding_kind kind);
const char *dataset_finding_key(enum dataset_finding_kind kind);
const char *dataset_finding_counted(enum dataset_finding_kind kind, int64_t n); /* what stands behind the count */

struct dataset_finding {
    enum dataset_finding_kind kind;
    const char *thing; /* a path, a group, a list */
    char *reason;
};

struct dataset_image {
    const char *path; /* below the root, without "." or doubled slashes; of a list of names: as given */
    const char *split, *group, *extra; /* "" none */
    int32_t label, group_view;             /* -1 none */
    bool at_fault;                     /* an error is found with it */
    bool other_form;                   /* lists: a file is there whose name differs in its Unicode form only */
    bool duplicate;                    /* the same entry stood before: not kept */
    bool read;                         /* decoded; what follows is known */
    int64_t bytes;
    int32_t width, height; /* upright, unless the reader was told otherwise */
    int32_t components;    /* of the file: 1, 3 or 4 */
    uint8_t sha256[DIGEST_BYTES];
};

enum dataset_layout {
    DATASET_AUTO,        /* annotations if the folder has them, else a plain folder */
    DATASET_ANNOTATIONS, /* annotations/SPLIT.json, SPLIT/GROUP/GROUP-N.jpeg */
    DATASET_CLASSES,     /* [SPLIT/]CLASS/[GROUP/]NAME.jpeg */
    DATASET_FOLDER       /* [GROUP/]NAME.jpeg, no labels */
};

struct dataset {
    char *root;     /* folder the paths start from; "" the current one */
    bool has_lists; /* annotations layout: every group is expected to have the same number of shots */
    char **class_name;
    int n_classes;
    struct dataset_image *image;
    int64_t n_images, image_capacity;
    struct dataset_finding *finding;
    int64_t n_findings, finding_capacity;
    int64_t n_of_kind[DATASET_FINDING_KINDS];
    struct text_pool text; /* all of them: they end with the dataset */
};

int dataset_init(struct dataset *d, const char *root, struct fmt_error *e);
void dataset_release(struct dataset *d);

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e);
/* Names from standard input, each ended by `end` ('\n' or 0). They may lie anywhere; a name's folder is its group. */
int dataset_find_names(struct dataset *d, char end, struct fmt_error *e);

/* What is wrong with such an order whatever the classes are: FMT_INVALID, a name is empty or stands twice. */
int dataset_check_order(const char *names, struct fmt_error *e);
/* The classes of a dataset that was found in another order: `names` is "good,bad", and has every class once. Labels
 * follow. FMT_INVALID: a class that is not there, is missing, or stands twice. */
int dataset_order_classes(struct dataset *d, const char *names, struct fmt_error *e);

struct dataset_reading {
    int64_t pixels_max; /* jpeg.h */
    bool as_stored;     /* EXIF orientation is not applied */
    void (*progress)(void *arg, int64_t n_done); /* from the calling thread; may be NULL */
    void *arg;
};
int dataset_read(struct dataset *d, struct thread_pool *pool, const struct dataset_reading *how, struct fmt_error *e);

int dataset_check(struct dataset *d, struct fmt_error *e); /* groups and contents; after reading */

int64_t dataset_count(const struct dataset *d, bool errors); /* findings that are errors, or that are warnings */
static inline bool dataset_usable(const struct dataset_image *im)
{
    return im->read && !im->at_fault && !im->duplicate;
}

extern const char *const dataset_splits[4]; /* train, val, test, NULL */

#endif
