/* report.h - a report is a tree of named values: built once, then passed to a printer (report-print.h).
 *
 *   struct report_node r = {0};                                  the root, an object
 *   report_text(&r, "tool", "feat-knn");
 *   report_note(&r, "k-NN, k = %d", k);                          a sentence, for people only
 *   struct report_node *all = report_add(&r, REPORT_RECORDS, NULL), *one = report_add(all, REPORT_OBJECT, NULL);
 *   report_title(one, "images (%d)", n);
 *   report_put(one, (struct report_node){REPORT_MEASURE, "accuracy", .number = 0.9, .low = 0.85, .high = 0.95});
 *   report_print_text(stdout, &r, e);  report_print_json(stdout, &r, e);
 *   report_release(&r);
 *
 * A node has a name for programs, a title for people, or both. Each printer uses one of them; printers skip nodes
 * without one. If memory runs out, the tree is incomplete: further nodes are not added, and printers return FMT_MEMORY.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum report_kind {
    REPORT_OBJECT,
    REPORT_LIST,
    REPORT_RECORDS, /* objects: one record each, or columns side by side where they have the same members */
    REPORT_NOTE,    /* text: a sentence, for people only */
    REPORT_BREAK,   /* what follows stands apart: a blank line, for people only */
    REPORT_TEXT,
    REPORT_COUNT,
    REPORT_NUMBER,
    REPORT_BOOL,
    REPORT_MEASURE, /* number with an interval */
    REPORT_MATRIX,  /* counts [n,n], rows and columns with labels */
    REPORT_JSON     /* its members become members of its parent, for programs only */
};

struct cJSON;

struct report_node {
    enum report_kind kind;
    const char *name; /* not copied */
    char *title;
    char *text; /* of a number: printed instead of it in text (report_shown) */
    int64_t count;
    double number, low, high; /* NAN: none */
    const int64_t *cell;      /* not copied; neither are the labels */
    char *const *label;
    int n;
    struct cJSON *json; /* of REPORT_JSON, owned */
    struct report_node *first, *last, *next;
    bool incomplete;
};

#define REPORT_FORMAT __attribute__((format(printf, 2, 3)))

/* Each adds a node after the others of parent and returns it; NULL: no memory. NULL is allowed as a parent. */
struct report_node *report_put(struct report_node *parent, struct report_node node);
struct report_node *report_text(struct report_node *parent, const char *name, const char *text);
struct report_node *report_note(struct report_node *parent, const char *format, ...) REPORT_FORMAT;
/* Takes an object, which is made elsewhere; NULL, as without memory: the report is incomplete. */
struct report_node *report_json(struct report_node *parent, struct cJSON *object);
void report_extend(struct report_node *note, const char *format, ...) REPORT_FORMAT; /* more of its sentence */

static inline struct report_node *report_add(struct report_node *parent, enum report_kind kind, const char *name)
{
    return report_put(parent, (struct report_node){.kind = kind, .name = name});
}
static inline struct report_node *report_count(struct report_node *parent, const char *name, int64_t count)
{
    return report_put(parent, (struct report_node){.kind = REPORT_COUNT, .name = name, .count = count});
}
static inline struct report_node *report_number(struct report_node *parent, const char *name, double number)
{
    return report_put(parent, (struct report_node){.kind = REPORT_NUMBER, .name = name, .number = number});
}

void report_title(struct report_node *node, const char *format, ...) REPORT_FORMAT;
void report_shown(struct report_node *number, const char *format, ...) REPORT_FORMAT;

bool report_complete(const struct report_node *report);
void report_release(struct report_node *report); /* does not free the root itself */

#endif
