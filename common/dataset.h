/* dataset.h - folders of photographs and their lists: what they contain, and what is wrong with it.
 *
 *   struct dataset d;
 *   dataset_init(&d, root, &error);
 *   dataset_find(&d, layout, &error)       finds the names, in folders or lists
 *   dataset_order_classes(&d, "good,bad", &error)   dataset_take_labels(&d, "labels.csv", &error)
 *   dataset_note_groups(&d, false, &error)
 *   dataset_read(&d, 0, d.n_images, pool, ..., result)   decodes every file, in parallel
 *   dataset_note_results(&d, result, &error)
 *   dataset_check(&d, &error)              checks groups, splits, contents
 *   for (i < d.n_findings) ...             in an order that depends only on the dataset
 *   dataset_release(&d);
 *
 * A fault does not stop the work: it becomes a finding, and an error also marks the images at fault. The functions fail
 * only if memory runs out or the root folder cannot be read.
 */
#ifndef DATASET_H
#define DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "group-pattern.h"
#include "index.h"
#include "text.h"
#include "thread.h"

/* name, whether it is an error, key in reports, the counted noun (singular; plural if it differs) */
#define DATASET_FINDINGS(X)                                                                        \
    X(MISSING, true, "missing", "missing")                                                         \
    X(EMPTY, true, "empty", "empty")                                                               \
    X(NO_PHOTOGRAPH, true, "no-photograph", "not JPEG, PNG or TIFF")                               \
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
    X(CONTENT_GROUPS, false, "content-groups", "content in two groups", "contents in two groups")  \
    X(CONTENT_LEAK, false, "content-leak", "content in two splits", "contents in two splits")      \
    X(MIXED_GROUP, false, "mixed-group", "group of mixed labels", "groups of mixed labels")        \
    X(NAME_FORMS, false, "name-forms", "name in two Unicode forms", "names in two Unicode forms")  \
    X(GROUP_SIZE, false, "group-size", "group of an unusual size", "groups of an unusual size")    \
    X(RELABELLED, false, "relabelled", "label changed by the table", "labels changed by the table") \
    X(RESPELLED, false, "respelled", "path written otherwise", "paths written otherwise")          \
    X(UNLABELLED, false, "unlabelled", "in no row of the table")                                   \
    X(OTHER_FOLDER, false, "other-folder", "in another's folder")                                  \
    X(UNLISTED, false, "unlisted", "in no list")                                                   \
    X(NO_LIST, false, "no-list", "split without list", "splits without list")                      \
    X(EMPTY_CLASS, false, "empty-class", "class without images", "classes without images")         \
    X(UNDIVIDED, false, "undivided", "split without images of a class", "splits without images of a class") \
    X(ODD_JPEG, false, "odd-jpeg", "JPEG file with oddities", "JPEG files with oddities")          \
    X(ODD_FILE, false, "odd-file", "PNG or TIFF file with oddities", "PNG or TIFF files with oddities") \
    X(FILLED, false, "filled", "JPEG file cut short and filled", "JPEG files cut short and filled") \
    X(FEWER_BITS, true, "fewer-bits", "dataset almost black", "datasets almost black")             \
    X(OTHER_FORMAT, false, "other-format", "image of another format", "images of other formats") \
    X(SYSTEM_FOLDER, false, "system-folder", "folder of a system", "folders of a system")          \
    X(NO_GROUPS, false, "no-groups", "dataset without groups", "datasets without groups")          \
    X(VIEW_NAMES, false, "view-names", "name that looks like a view", "names that look like views") \
    X(OTHER_NAME, false, "other-name", "name that the pattern does not fit", "names that the pattern does not fit") \
    X(SPLIT_FOLDER, false, "split-folder", "folder named as a split", "folders named as splits")

enum dataset_finding_kind {
#define X(name, error, key, ...) DATASET_##name,
    DATASET_FINDINGS(X)
#undef X
        DATASET_FINDING_KINDS
};

bool dataset_finding_is_error(enum dataset_finding_kind kind);
const char *dataset_finding_key(enum dataset_finding_kind kind);
bool dataset_finding_of_key(const char *key, enum dataset_finding_kind *kind);
const char *dataset_finding_counted(enum dataset_finding_kind kind, int64_t n); /* the noun after the count n */

struct dataset_finding {
    enum dataset_finding_kind kind;
    const char *thing; /* a path, a group, a list */
    char *reason;
    int64_t n; /* how many it stands for: 1, or those of one cause that were counted together */
};

struct dataset_image {
    const char *path; /* below the root, without "." or doubled slashes; names from standard input: as given */
    const char *split, *group, *extra; /* "" none */
    const char *installation;          /* the group as it was found: before dataset_group_by_label */
    int32_t label, group_view;         /* -1 none; group_view: "shot" in lists and files */
    bool group_said;                   /* by a list, a table, or a pattern that its name fits: not just its folder */
    bool at_fault;                     /* there is an error with it */
    const char *near;                  /* lists: a file that is there and looks like it; NULL: none, or it is there */
    bool duplicate;                    /* repeats an earlier entry */
    bool read;                         /* decoded; what follows is valid */
    int64_t bytes;
    int32_t width, height; /* upright, or as stored if dataset_reading says so */
    int32_t components;    /* of the file: 1 .. 4 */
    enum index_kind kind;
    struct index_decoding decoding;
    uint16_t sample_max; /* the largest of 16 bits; 0: samples have at most 8 */
    uint8_t sha256[DIGEST_BYTES];
};

enum dataset_layout {
    DATASET_AUTO,        /* annotations if the folder has them, else a plain folder */
    DATASET_ANNOTATIONS, /* annotations/SPLIT.json, SPLIT/GROUP/GROUP-N.jpeg */
    DATASET_CLASSES,     /* [SPLIT/]CLASS/[GROUP/]NAME.jpeg */
    DATASET_FOLDER       /* [GROUP/]NAME.jpeg, no labels */
};

struct dataset_format { /* files of a format that is not decoded */
    const char *what, *first;
    int64_t n;
};

struct dataset {
    char *root;     /* the folder that paths are relative to; "" the current one */
    bool has_lists; /* annotations layout: all groups are expected to have the same number of views */
    bool has_class_folders; /* classes layout */
    const struct group_pattern *pattern; /* the caller's: how names give groups, where no list does; NULL: folders do */
    char **class_name;
    int n_classes;
    struct dataset_image *image;
    int64_t n_images, image_capacity;
    struct dataset_finding *finding;
    int64_t n_findings, finding_capacity;
    int64_t n_of_kind[DATASET_FINDING_KINDS];
    struct dataset_format *format; /* while folders are walked */
    int n_formats;
    struct text_pool text; /* memory of all texts */
};

int dataset_init(struct dataset *d, const char *root, struct fmt_error *e);
void dataset_release(struct dataset *d);

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e);
/* Labels from a table (label-table.h), after dataset_find*; see dataset-labels.c for its rules. Only what is wrong with
 * the whole file is an error, FMT_INVALID, and begins with its name; rows at fault are findings. */
int dataset_take_labels(struct dataset *d, const char *path, struct fmt_error *e);
/* Names from standard input, each ended by `end` ('\n' or 0). Files may be anywhere; the folder is the group. */
int dataset_find_names(struct dataset *d, char end, struct fmt_error *e);

/* Findings about groups that nobody has stated: names that look like views of one installation although there is no
 * pattern, names that the pattern does not fit, no groups at all. After dataset_take_labels, before
 * dataset_group_by_label; divided: splits will be drawn. */
int dataset_note_groups(struct dataset *d, bool divided, struct fmt_error *e);
/* Findings: folders of a plain dataset that are called as splits are, which the user may have meant. When groups are
 * noted. */
int dataset_note_split_folders(struct dataset *d, bool divided, struct fmt_error *e);

/* Checks an order of classes before the classes are known. FMT_INVALID: a name is empty or a duplicate. */
int dataset_check_order(const char *names, struct fmt_error *e);
/* Puts the classes into the order of `names`, "good,bad", and renumbers labels. A name that is no class becomes one, so
 * that sets of good parts only have the classes of the others. FMT_INVALID: a class is missing among the names, or a
 * name is there twice. */
int dataset_order_classes(struct dataset *d, const char *names, struct fmt_error *e);
int dataset_note_empty_classes(struct dataset *d, struct fmt_error *e); /* findings: those that no image has */
/* Makes this class the second of two: that is the positive one wherever there are two. FMT_INVALID: not one of two. */
int dataset_set_positive(struct dataset *d, const char *name, struct fmt_error *e);

/* Makes groups of the names of groups and labels: "ID:CLASS" for images that have both. For an installation that was
 * photographed again after its repair. After the classes are in order. */
int dataset_group_by_label(struct dataset *d, struct fmt_error *e);

/* What reading an image gave, beside the fields of the image itself. */
struct dataset_result {
    bool failed, odd; /* an error; a warning */
    bool no_memory;   /* not a fault of the image */
    enum dataset_finding_kind kind;
    char *reason;     /* for free(); NULL: out of memory, or nothing was found */
};

struct dataset_reading {
    int64_t pixels_max; /* image-info.h, as what follows */
    bool as_stored;     /* EXIF orientation is not applied */
    int bits;
    bool fill;
    void (*progress)(void *arg, int64_t n_done); /* from the calling thread; may be NULL */
    void *arg;
};
/* Decodes images first .. end - 1, of those that are not at fault already and no duplicates, into result [n_images],
 * which is zeroed before. */
void dataset_read(struct dataset *d, int64_t first, int64_t end, struct thread_pool *pool,
                  const struct dataset_reading *how, struct dataset_result *result);
/* The results of all images become findings, in their order; releases the reasons. */
int dataset_note_results(struct dataset *d, struct dataset_result *result, struct fmt_error *e);

int dataset_check(struct dataset *d, struct fmt_error *e); /* after dataset_note_results */

/* Splits, drawn from the seed, for a dataset that has none: after dataset_check, for the images that can be used.
 *
 * Images of one installation, and images of one content, are never divided. What belongs together so is dealt out label
 * by label, large sets first, each to the split that lacks most of its share. The lots depend on contents only, not on
 * names nor on the order in which files were found. Splits that got no image of a class become findings. */
struct dataset_shares {
    double of_split[3]; /* train, val, test; they add up to 1 */
};
/* "70,15,15": any three numbers from 0 that are not all 0. */
int dataset_parse_shares(const char *text, struct dataset_shares *shares, struct fmt_error *e);
int dataset_divide(struct dataset *d, const struct dataset_shares *shares, uint64_t seed, struct fmt_error *e);

/* A finding if samples of 16 bits use so few of them that the photographs would be almost black: of all of them none
 * reaches a quarter of the range. For when nobody has said how many bits are significant. */
int dataset_check_bits(struct dataset *d, struct fmt_error *e);

int64_t dataset_count(const struct dataset *d, bool errors); /* of findings that are errors, or of warnings */
static inline bool dataset_usable(const struct dataset_image *im)
{
    return im->read && !im->at_fault && !im->duplicate;
}

extern const char *const dataset_splits[4]; /* train, val, test, NULL */

#endif
