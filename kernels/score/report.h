/* report.h - a report is a tree of named values: built once, then given to a printer (report-print.h).
 *
 *   struct report_node r = {0};                                  the root, an object
 *   report_text(&r, "tool", "feat-knn");
 *   report_note(&r, "k-NN, k = %d", k);                          a sentence, for people only
 *   struct report_node *all = report_add(&r, REPORT_RECORDS, NULL), *one = report_add(all, REPORT_OBJECT, NULL);
 *   report_title(one, "images (%d)", n);
 *   report_measure(one, "accuracy", "accuracy", 0.9, 0.85, 0.95);
 *   report_print_text(stdout, &r, e);  report_print_json(stdout, &r, e);
 *   report_release(&r);
 *
 * A node has a name for programs, a title for people, or both; printers leave out what has none of their kind. Where
 * memory runs out the tree is incomplete: adding goes on without effect, and printers say so.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum report_kind {
    REPORT_OBJECT,
    REPORT_LIST,
    REPORT_RECORDS, /* objects with the same members: one record each, or columns side by side */
    REPORT_NOTE,    /* text: a sentence */
    REPORT_TEXT,
    REPORT_COUNT,
    REPORT_NUMBER,
    REPORT_BOOL,
    REPORT_MEASURE, /* number with an interval */
    REPORT_MATRIX   /* counts [n,n], rows and columns with labels */
};

struct report_node {
    enum report_kind kind;
    const char *name; /* not copied */
    char *title;
    char *text; /* of a number: what people read in its place (report_shown) */
    int64_t count;
    double number, low, high; /* NAN: none */
    const int64_t *cell;      /* not copied, and the labels neither */
    char *const *label;
    int n;
    struct report_node *first, *last, *next;
    bool incomplete;
};

/* Each adds a node after the others of parent and returns it; NULL: no memory. NULL is allowed as a parent. */
struct report_node *report_add(struct report_node *parent, enum report_kind kind, const char *name);
struct report_node *report_text(struct report_node *parent, const char *name, const char *text);
struct report_node *report_count(struct report_node *parent, const char *name, int64_t count);
struct report_node *report_number(struct report_node *parent, const char *name, double number);
struct report_node *report_bool(struct report_node *parent, const char *name, bool value);
struct report_node *report_measure(struct report_node *parent, const char *name, const char *title, double value,
                                   double low, double high);
struct report_node *report_matrix(struct report_node *parent, const char *name, const int64_t *cell,
                                  char *const *label, int n);
void report_note(struct report_node *parent, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_title(struct report_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_shown(struct report_node *number, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool report_complete(const struct report_node *report);
void report_release(struct report_node *report); /* the root itself is the caller's */

#endif
