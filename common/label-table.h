/* label-table.h - labels of photographs as a table (csv.h): a line of names, then a row for each photograph.
 *
 *   path,label,group,view,split,camera
 *   a/0042-0.jpeg,good,0042,0,train,"cam 3, left"
 *
 * Columns are told by their names, whatever their order and the case of letters:
 *   path   also img_path, file, filename, image: needed
 *   label  also gt_label, class: name or number of a class; empty: says nothing
 *   group  also group_id, installation          view   also shot: a whole number          split   train, val or test
 * All others become further keys, as texts, without those that are empty.
 *
 * A row with a mistake becomes a problem with its line; the rows around it are used.
 */
#ifndef LABEL_TABLE_H
#define LABEL_TABLE_H

#include <stdint.h>

#include "fmt.h"
#include "text.h"

enum {
    LABEL_TABLE_BYTES_MAX = 512 << 20,
    LABEL_TABLE_PROBLEMS_MAX = 10000, /* with more of them it is another kind of file */
};

struct label_row {
    const char *path, *label, *group, *split, *extra; /* "" none; extra: a JSON object */
    int32_t group_view;                               /* -1 none */
    int line;                                         /* in which the row begins */
};

struct label_problem {
    int line;
    const char *text;
};

struct label_table {
    struct label_row *row;
    int64_t n_rows, row_capacity;
    struct label_problem *problem;
    int64_t n_problems, problem_capacity;
    struct text_pool text; /* memory of all texts */
};

/* FMT_INVALID: not such a table, "line 1: there is no column path". On failure there is nothing to release. */
int label_table_parse(const char *text, size_t bytes, struct label_table *t, struct fmt_error *e);
void label_table_release(struct label_table *t);

#endif
