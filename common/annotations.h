/* annotations.h - the list of a split as the dataset has it (annotations/train.json):
 *
 *   {"metainfo": {"classes": ["negative", "positive"]},
 *    "data_list": [{"img_path": "train/7/7-0.jpeg", "gt_label": 0, "group_id": "7", "site": "north"}, ...]}
 *
 * img_path is a must. gt_label is a whole number, or null for no label; a list in which no entry has one is a list
 * without labels, but a single entry without is a mistake. group_id is a text or a whole number, of as many digits as
 * it has. shot is a whole number. All other keys of an entry are kept as a JSON object in text, in which a number that
 * a double does not hold stands as it was written.
 *
 *   struct annotations a;
 *   if (annotations_parse(text, bytes, &a, &error)) ...   broken JSON: "line 12, column 3: ..."; nothing to release
 *   for (i < a.n_problems) ...                            entries that are wrong; they are not among the items
 *   annotations_release(&a);
 *
 * Whether labels fit the classes, and paths the disk, is for the caller (dataset.h). The text is believed in
 * nothing: it is checked to the letter (json-scan.h), then entries are read one by one, so that memory follows the
 * entries and not the text. A key that comes twice is a problem of its entry, at any depth, as the entry is carried on;
 * elsewhere only keys that are read may not come twice.
 */
#ifndef ANNOTATIONS_H
#define ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "text.h"

enum {
    ANNOTATIONS_BYTES_MAX = 1 << 29,
    ANNOTATIONS_ENTRY_BYTES_MAX = 1 << 20,
    ANNOTATIONS_DEPTH_MAX = 32,
    ANNOTATIONS_KEYS_MAX = 256,       /* of one object in an entry */
    ANNOTATIONS_PROBLEMS_MAX = 10000, /* with more it is another kind of file */
};

struct annotation {
    const char *path, *group, *extra; /* group and extra: "" none */
    int64_t label;                    /* as written, in the classes or not */
    bool labelled;
    int32_t group_view; /* -1 none */
    int line;     /* where the entry begins */
};

struct annotation_problem {
    int line, column;
    const char *text;
};

struct annotations {
    const char **class_name;
    int n_classes;
    struct annotation *item;
    int64_t n_items, item_capacity;
    struct annotation_problem *problem;
    int64_t n_problems, problem_capacity;
    struct text_pool text; /* all of them: they end with the annotations */
};

int annotations_parse(const char *text, size_t bytes, struct annotations *a, struct fmt_error *e);
void annotations_release(struct annotations *a);

#endif
