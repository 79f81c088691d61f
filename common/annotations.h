/* annotations.h - the list of a split as it comes with the dataset (annotations/train.json):
 *
 *   {"metainfo": {"classes": ["negative", "positive"]},
 *    "data_list": [{"img_path": "train/7/7-0.jpeg", "gt_label": 0, "group_id": "7", "site": "north"}, ...]}
 *
 * img_path is mandatory. gt_label is a whole number, or null for no label; a list in which no entry has gt_label is a
 * list without labels, else an entry without it is an error. group_id is a text or a whole number of any length. shot,
 * the number of a view of the group, is a whole number. All other keys of an entry are stored as the text of a JSON
 * object, in which a number that a double cannot represent is written as it was.
 *
 *   struct annotations a;
 *   if (annotations_parse(text, bytes, &a, &error)) ...   broken JSON: "line 12, column 3: ..."; nothing to release
 *   for (i < a.n_problems) ...                            wrong entries, which are not among the items
 *   annotations_release(&a);
 *
 * The caller checks labels against classes, and paths against the disk (dataset.h). The text is not trusted: it is
 * checked completely (json-scan.h), then entries are read one by one, so that memory depends on the entries and not on
 * the text. A duplicate key at any depth of an entry is a problem of the entry, since the entry is stored; elsewhere
 * only keys that are read must be unique.
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
    ANNOTATIONS_KEYS_MAX = 256,       /* in an object of an entry */
    ANNOTATIONS_PROBLEMS_MAX = 10000, /* with more of them it is another kind of file */
};

struct annotation {
    const char *path, *group, *extra; /* group and extra: "" none */
    int64_t label;                    /* as written, not compared with the classes */
    bool labelled;
    int32_t group_view; /* -1 none */
    int line;           /* in which the entry begins */
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
    struct text_pool text; /* memory of all texts */
};

int annotations_parse(const char *text, size_t bytes, struct annotations *a, struct fmt_error *e);
void annotations_release(struct annotations *a);

#endif
