/* report.c - the tree. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report_node *report_add(struct report_node *parent, enum report_kind kind, const char *name)
{
    struct report_node *node = parent ? calloc(1, sizeof *node) : NULL;
    if (!node) {
        if (parent)
            parent->incomplete = true;
        return NULL;
    }
    node->kind = kind;
    node->name = name;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    return parent->last = node;
}

static void set_text(struct report_node *node, char **to, const char *format, va_list args)
{
    if (node && vasprintf(to, format, args) < 0) {
        *to = NULL;
        node->incomplete = true;
    }
}

void report_title(struct report_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(node, node ? &node->title : NULL, format, args);
    va_end(args);
}

void report_shown(struct report_node *number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(number, number ? &number->text : NULL, format, args);
    va_end(args);
}

void report_note(struct report_node *parent, const char *format, ...)
{
    struct report_node *node = report_add(parent, REPORT_NOTE, NULL);
    va_list args;
    va_start(args, format);
    set_text(node, node ? &node->text : NULL, format, args);
    va_end(args);
}

struct report_node *report_text(struct report_node *parent, const char *name, const char *text)
{
    struct report_node *node = report_add(parent, REPORT_TEXT, name);
    if (node && !(node->text = strdup(text)))
        node->incomplete = true;
    return node;
}

struct report_node *report_count(struct report_node *parent, const char *name, int64_t count)
{
    struct report_node *node = report_add(parent, REPORT_COUNT, name);
    if (node)
        node->count = count;
    return node;
}

struct report_node *report_number(struct report_node *parent, const char *name, double number)
{
    struct report_node *node = report_add(parent, REPORT_NUMBER, name);
    if (node)
        node->number = number;
    return node;
}

struct report_node *report_bool(struct report_node *parent, const char *name, bool value)
{
    struct report_node *node = report_add(parent, REPORT_BOOL, name);
    if (node)
        node->count = value;
    return node;
}

struct report_node *report_measure(struct report_node *parent, const char *name, const char *title, double value,
                                   double low, double high)
{
    struct report_node *node = report_number(parent, name, value);
    report_title(node, "%s", title);
    if (node) {
        node->kind = REPORT_MEASURE;
        node->low = low;
        node->high = high;
    }
    return node;
}

struct report_node *report_matrix(struct report_node *parent, const char *name, const int64_t *cell,
                                  char *const *label, int n)
{
    struct report_node *node = report_add(parent, REPORT_MATRIX, name);
    if (node) {
        node->cell = cell;
        node->label = label;
        node->n = n;
    }
    return node;
}

bool report_complete(const struct report_node *report)
{
    bool complete = !report->incomplete;
    for (const struct report_node *child = report->first; child && complete; child = child->next)
        complete = report_complete(child);
    return complete;
}

void report_release(struct report_node *report)
{
    for (struct report_node *child = report->first, *next; child; child = next) {
        next = child->next;
        report_release(child);
        free(child);
    }
    free(report->title);
    free(report->text);
    *report = (struct report_node){0};
}
