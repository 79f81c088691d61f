/* annotations.h - the list of a split as the dataset has it (annotations/train.json):
 *
 *   {"metainfo": {"classes": ["negative", "positive"]},
 *    "data_list": [{"img_path": "train/7/7-0.jpeg", "gt_label": 0, "group_id": "7", "site": "north"}, ...]}
 *
 * img_path is a must. gt_label is a whole number, or null for no label; a list in which no entry has one is a list
 * without labels, but a single entry without is a mistake. group_id is a text or a whole number. shot is a whole
 * number. All other keys of an entry are kept as a JSON object in text.
 *
 *   struct annotations a;
 *   if (annotations_parse(text, bytes, &a, &error)) ...   broken JSON: "line 12, column 3: ..."; nothing to release
 *   for (i < a.n_problems) ...                            entries that are wrong; they are not among the items
 *   annotations_release(&a);
 *
 * Whether labels fit the classes, and paths the disk, is for the caller (dataset.h). The text is believed in
 * nothing: sizes, depth and counts are limited, a key that comes twice in an entry is a problem of that entry.
 */
#ifndef ANNOTATIONS_H
#define ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

enum {
    ANNOTATIONS_BYTES_MAX = 1 << 29,
    ANNOTATIONS_DEPTH_MAX = 32,
    ANNOTATIONS_KEYS_MAX = 256, /* of one entry */
};

struct annotation {
    char *path, *group, *extra; /* group and extra: "" none */
    int64_t label;              /* as written, in the classes or not */
    bool labelled;
    int32_t shot; /* -1 none */
    int line;     /* where the entry begins; 0 not known */
};

struct annotation_problem {
    int line, column;
    char *text;
};

struct annotations {
    char **class_name;
    int n_classes;
    struct annotation *item;
    int64_t n_items;
    struct annotation_problem *problem;
    int64_t n_problems;
};

int annotations_parse(const char *text, size_t bytes, struct annotations *a, struct fmt_error *e);
void annotations_release(struct annotations *a);

#endif
