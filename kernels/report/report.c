/* report.c - builds and releases the tree. */
#include "report.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report_node *report_put(struct report_node *parent, struct report_node node)
{
    struct report_node *added = parent ? malloc(sizeof *added) : NULL;
    if (!added) {
        if (parent)
            parent->incomplete = true;
        return NULL;
    }
    *added = node;
    if (parent->last)
        parent->last->next = added;
    else
        parent->first = added;
    return parent->last = added;
}

/* Sets a text of the node from the arguments after `format`. */
#define SET_TEXT(node, text, format)                            \
    va_list args;                                               \
    va_start(args, format);                                     \
    if ((node) && vasprintf(&(node)->text, format, args) < 0) { \
        (node)->text = NULL;                                    \
        (node)->incomplete = true;                              \
    }                                                           \
    va_end(args)

void report_title(struct report_node *node, const char *format, ...)
{
    SET_TEXT(node, title, format);
}

void report_shown(struct report_node *number, const char *format, ...)
{
    SET_TEXT(number, text, format);
}

struct report_node *report_note(struct report_node *parent, const char *format, ...)
{
    struct report_node *node = report_add(parent, REPORT_NOTE, NULL);
    SET_TEXT(node, text, format);
    return node;
}

void report_extend(struct report_node *note, const char *format, ...)
{
    struct report_node added = {.kind = REPORT_NOTE}, *more = &added;
    SET_TEXT(more, text, format);
    size_t n = note && note->text ? strlen(note->text) : 0;
    char *text = n && more->text ? realloc(note->text, n + strlen(more->text) + 1) : NULL;
    if (text)
        note->text = strcpy(text + n, more->text) - n;
    else if (note)
        note->incomplete = true;
    free(more->text);
}

struct report_node *report_text(struct report_node *parent, const char *name, const char *text)
{
    struct report_node *node = report_note(parent, "%s", text);
    if (node) {
        node->kind = REPORT_TEXT;
        node->name = name;
    }
    return node;
}

struct report_node *report_json(struct report_node *parent, cJSON *object)
{
    struct report_node *node = report_put(parent, (struct report_node){REPORT_JSON, .json = object});
    if (!node)
        cJSON_Delete(object);
    else if (!object)
        node->incomplete = true;
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
    cJSON_Delete(report->json);
    free(report->title);
    free(report->text);
    *report = (struct report_node){0};
}
