/* annotations.c - cJSON makes the tree; json-scan.h guards it and tells where entries stand. The tree is walked once,
 * in order; an entry with a mistake becomes a problem with its place and the others go on. */
#include "annotations.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "index.h"
#include "json-scan.h"

#define EXACT_MAX 9007199254740992.0 /* whole numbers beyond are rounded by JSON readers */

struct reading {
    const char *text;
    struct json_place place;
    const size_t *offset; /* of the entries; n_offsets may differ from their number if the key was escaped */
    int64_t n_offsets;
    bool has_labels; /* some entry has one */
    struct annotations *a;
    struct fmt_error *e;
};

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory");
}

static bool is_whole(const cJSON *v)
{
    return cJSON_IsNumber(v) && fabs(v->valuedouble) < EXACT_MAX && v->valuedouble == floor(v->valuedouble);
}

static void entry_place(struct reading *r, int64_t i, int *line, int *column)
{
    *line = *column = 0;
    if (i < r->n_offsets) {
        json_place_find(&r->place, r->text, r->offset[i]);
        *line = r->place.line;
        *column = r->place.column;
    }
}

static int add_problem(struct reading *r, int64_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int add_problem(struct reading *r, int64_t i, const char *format, ...)
{
    struct annotations *a = r->a;
    char text[256];
    va_list ap;
    va_start(ap, format);
    int n = snprintf(text, sizeof text, "data_list[%lld]: ", (long long)i);
    vsnprintf(text + n, sizeof text - (size_t)n, format, ap);
    va_end(ap);
    if ((a->n_problems & (a->n_problems - 1)) == 0) { /* grows at powers of two */
        size_t room = a->n_problems ? 2 * (size_t)a->n_problems : 1;
        struct annotation_problem *grown = realloc(a->problem, room * sizeof *grown);
        if (!grown)
            return no_memory(r->e);
        a->problem = grown;
    }
    struct annotation_problem *p = &a->problem[a->n_problems];
    p->text = strdup(text);
    if (!p->text)
        return no_memory(r->e);
    entry_place(r, i, &p->line, &p->column);
    a->n_problems++;
    return 0;
}

/* The first key that an object has twice, or NULL; "" if it has too many to look. */
static const char *doubled_key(const cJSON *object)
{
    int n = 0;
    for (const cJSON *v = object->child; v; v = v->next) {
        if (++n > ANNOTATIONS_KEYS_MAX)
            return "";
        for (const cJSON *w = object->child; w != v; w = w->next)
            if (strcmp(w->string, v->string) == 0)
                return v->string;
    }
    return NULL;
}

/* Numbers that cannot be carried on unchanged. */
static bool has_rounded_number(const cJSON *v)
{
    if (cJSON_IsNumber(v))
        return !(fabs(v->valuedouble) < EXACT_MAX);
    for (const cJSON *w = v->child; w; w = w->next)
        if (has_rounded_number(w))
            return true;
    return false;
}

/* Detaches what is ours from the entry; the rest is printed. */
static char *take_extra(cJSON *entry)
{
    static const char *const ours[] = {"img_path", "gt_label", "group_id", "shot"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(entry, ours[i]);
    if (!entry->child)
        return strdup("");
    char *printed = cJSON_PrintUnformatted(entry), *text = printed ? strdup(printed) : NULL;
    cJSON_free(printed);
    return text;
}

/* NULL when fine, else what is wrong with the entry as a whole. */
static const char *entry_mistake(const struct reading *r, const cJSON *entry, char room[128])
{
    const cJSON *path = cJSON_GetObjectItemCaseSensitive(entry, "img_path");
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(entry, "gt_label");
    const cJSON *group = cJSON_GetObjectItemCaseSensitive(entry, "group_id");
    const cJSON *shot = cJSON_GetObjectItemCaseSensitive(entry, "shot");
    if (!cJSON_IsString(path) || !*path->valuestring)
        return "img_path is not a text";
    if (strlen(path->valuestring) > INDEX_TEXT_MAX)
        return "img_path is too long";
    if (!label && r->has_labels)
        return "gt_label is missing";
    if (label && !cJSON_IsNull(label) && !is_whole(label))
        return "gt_label is not a whole number";
    if (group && !cJSON_IsNull(group) && !cJSON_IsString(group) && !is_whole(group))
        return "group_id is neither a text nor a whole number";
    if (cJSON_IsString(group) && strlen(group->valuestring) > INDEX_NAME_MAX)
        return "group_id is too long";
    if (shot && !cJSON_IsNull(shot) && (!is_whole(shot) || shot->valuedouble < 0 || shot->valuedouble > INT32_MAX))
        return "shot is not a whole number from 0";
    const char *doubled = doubled_key(entry);
    if (doubled) {
        snprintf(room, 128, *doubled ? "the key %.60s comes twice" : "too many keys", doubled);
        return room;
    }
    if (has_rounded_number(entry))
        return "a number is too large to be kept exactly; write it as a text";
    return NULL;
}

static char *group_text(const cJSON *group)
{
    char number[32] = "";
    if (cJSON_IsString(group))
        return strdup(group->valuestring);
    if (cJSON_IsNumber(group))
        snprintf(number, sizeof number, "%.0f", group->valuedouble);
    return strdup(number);
}

static int read_entry(struct reading *r, int64_t i, cJSON *entry)
{
    struct annotations *a = r->a;
    char room[128];
    int column;
    const char *mistake = cJSON_IsObject(entry) ? entry_mistake(r, entry, room) : "not an object";
    if (mistake)
        return add_problem(r, i, "%s", mistake);
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(entry, "gt_label");
    const cJSON *shot = cJSON_GetObjectItemCaseSensitive(entry, "shot");
    struct annotation *item = &a->item[a->n_items];
    *item = (struct annotation){.label = -1, .shot = -1};
    item->path = strdup(cJSON_GetObjectItemCaseSensitive(entry, "img_path")->valuestring);
    item->group = group_text(cJSON_GetObjectItemCaseSensitive(entry, "group_id"));
    if (cJSON_IsNumber(label))
        item->labelled = true, item->label = (int64_t)label->valuedouble;
    if (cJSON_IsNumber(shot))
        item->shot = (int32_t)shot->valuedouble;
    entry_place(r, i, &item->line, &column);
    item->extra = take_extra(entry);
    a->n_items++;
    if (!item->path || !item->group || !item->extra)
        return no_memory(r->e);
    if (strlen(item->extra) > INDEX_EXTRA_MAX) {
        a->n_items--;
        free(item->path), free(item->group), free(item->extra);
        return add_problem(r, i, "the further keys are longer than %d bytes", INDEX_EXTRA_MAX);
    }
    return 0;
}

static int read_entries(struct reading *r, const cJSON *list)
{
    int64_t n = 0, i = 0;
    for (const cJSON *v = list->child; v; v = v->next, n++)
        r->has_labels = r->has_labels || cJSON_GetObjectItemCaseSensitive(v, "gt_label");
    r->a->item = calloc((size_t)n + 1, sizeof *r->a->item);
    if (!r->a->item)
        return no_memory(r->e);
    for (cJSON *v = list->child; v; v = v->next, i++) {
        int status = read_entry(r, i, v);
        if (status)
            return status;
    }
    return 0;
}

static int read_classes(struct reading *r, const cJSON *root)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(root, "metainfo");
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(meta, "classes");
    struct annotations *a = r->a;
    if (!cJSON_IsArray(classes))
        return fmt_fail(r->e, FMT_INVALID, "metainfo.classes is not there, or not a list");
    int n = cJSON_GetArraySize(classes);
    if (n < 1 || n > INDEX_CLASSES_MAX)
        return fmt_fail(r->e, FMT_LIMIT, "metainfo.classes has %d names", n);
    a->class_name = calloc((size_t)n, sizeof *a->class_name);
    if (!a->class_name)
        return no_memory(r->e);
    for (const cJSON *v = classes->child; v; v = v->next) {
        if (!cJSON_IsString(v) || !*v->valuestring || strlen(v->valuestring) > INDEX_NAME_MAX)
            return fmt_fail(r->e, FMT_INVALID, "metainfo.classes[%d] is not a name", a->n_classes);
        for (int i = 0; i < a->n_classes && n <= 4096; i++)
            if (strcmp(a->class_name[i], v->valuestring) == 0)
                return fmt_fail(r->e, FMT_INVALID, "metainfo.classes has %.60s twice", v->valuestring);
        a->class_name[a->n_classes] = strdup(v->valuestring);
        if (!a->class_name[a->n_classes++])
            return no_memory(r->e);
    }
    return 0;
}

static int read_tree(struct reading *r, const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return fmt_fail(r->e, FMT_INVALID, "line 1, column 1: not an object");
    const char *doubled = doubled_key(root);
    if (doubled)
        return fmt_fail(r->e, FMT_INVALID, *doubled ? "the key %.60s comes twice" : "too many keys", doubled);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "data_list");
    if (!cJSON_IsArray(list))
        return fmt_fail(r->e, FMT_INVALID, "data_list is not there, or not a list");
    int status = read_classes(r, root);
    return status ? status : read_entries(r, list);
}

/* cJSON's tree, or NULL and the place where it gave up. */
static cJSON *parse(const char *text, size_t bytes, struct fmt_error *e)
{
    struct json_place p = {0};
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, bytes, &end, 0);
    size_t at = (size_t)(end - text);
    if (!root) {
        json_place_find(&p, text, at < bytes ? at : bytes);
        fmt_fail(e, FMT_INVALID, "line %d, column %d: broken JSON", p.line, p.column);
        return NULL;
    }
    while (at < bytes && text[at] && strchr(" \t\r\n", text[at]))
        at++;
    if (at < bytes) {
        json_place_find(&p, text, at);
        fmt_fail(e, FMT_INVALID, "line %d, column %d: something follows the end of the JSON", p.line, p.column);
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

int annotations_parse(const char *text, size_t bytes, struct annotations *a, struct fmt_error *e)
{
    size_t *offset = NULL;
    *a = (struct annotations){0};
    struct reading r = {.text = text, .a = a, .e = e};
    if (bytes > ANNOTATIONS_BYTES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d bytes", ANNOTATIONS_BYTES_MAX);
    int status = json_scan(text, bytes, ANNOTATIONS_DEPTH_MAX, "data_list", &offset, &r.n_offsets, e);
    if (status)
        return status;
    r.offset = offset;
    cJSON *root = parse(text, bytes, e);
    status = root ? read_tree(&r, root) : FMT_INVALID;
    cJSON_Delete(root);
    free(offset);
    if (status)
        annotations_release(a);
    return status;
}

void annotations_release(struct annotations *a)
{
    for (int i = 0; i < a->n_classes; i++)
        free(a->class_name[i]);
    for (int64_t i = 0; i < a->n_items; i++) {
        free(a->item[i].path);
        free(a->item[i].group);
        free(a->item[i].extra);
    }
    for (int64_t i = 0; i < a->n_problems; i++)
        free(a->problem[i].text);
    free(a->class_name);
    free(a->item);
    free(a->problem);
    *a = (struct annotations){0};
}
