/* annotations.c - the text is checked as a whole, then walked: each entry becomes a cJSON tree of its own for as long
 * as it is read. An entry with a mistake is recorded with its position; parsing continues. */
#include "annotations.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "index.h"
#include "json-scan.h"
#include "num.h"
#include "text.h"

struct reading {
    const char *text;
    struct json_position position;
    bool has_labels; /* some entry has one */
    struct annotations *a;
    struct fmt_error *e;
};

static void find_position(struct reading *r, struct json_span value)
{
    json_position_find(&r->position, r->text, (size_t)(value.at - r->text));
}

/* The list as a whole is refused. */
static int refuse(struct reading *r, struct json_span value, enum fmt_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int refuse(struct reading *r, struct json_span value, enum fmt_status status, const char *format, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    find_position(r, value);
    return fmt_fail(r->e, status, "line %d, column %d: %s", r->position.line, r->position.column, text);
}

/* ---------------------------------------------------------------- one entry */

static int add_problem(struct reading *r, int64_t i, struct json_span entry, const char *mistake)
{
    struct annotations *a = r->a;
    char text[256];
    if (a->n_problems == ANNOTATIONS_PROBLEMS_MAX)
        return refuse(r, entry, FMT_LIMIT, "more than %d entries are wrong; data_list[%lld]: %s",
                      ANNOTATIONS_PROBLEMS_MAX, (long long)i, mistake);
    if (fmt_grow(&a->problem, a->n_problems, &a->problem_capacity, sizeof *a->problem, r->e))
        return FMT_MEMORY;
    int n = snprintf(text, sizeof text, "data_list[%lld]: %s", (long long)i, mistake);
    find_position(r, entry);
    struct annotation_problem *p = &a->problem[a->n_problems];
    *p = (struct annotation_problem){r->position.line, r->position.column, text_copy(&a->text, text, (size_t)n)};
    if (!p->text)
        return fmt_no_memory(r->e);
    a->n_problems++;
    return 0;
}

static bool is_number(const cJSON *v)
{
    return cJSON_IsNumber(v) || cJSON_IsRaw(v); /* json_parse */
}

/* A whole number that a double represents exactly. */
static bool is_whole(const cJSON *v)
{
    bool exact = is_number(v) && fabs(v->valuedouble) < NUM_WHOLE_MAX && v->valuedouble == floor(v->valuedouble);
    return exact && (cJSON_IsNumber(v) || v->valuedouble != 0);
}

static bool is_digits(const cJSON *v)
{
    const char *digits = cJSON_IsRaw(v) ? v->valuestring + (*v->valuestring == '-') : "";
    return *digits && !digits[strspn(digits, "0123456789")];
}

/* The first duplicate key in the tree, or NULL; "" if an object has too many keys to compare. */
static const char *doubled_key(const cJSON *tree)
{
    int n = 0;
    const char *doubled = NULL;
    for (const cJSON *v = tree->child; v && !doubled; v = v->next) {
        if (cJSON_IsObject(tree) && ++n > ANNOTATIONS_KEYS_MAX)
            return "";
        for (const cJSON *w = tree->child; v->string && w != v && !doubled; w = w->next)
            doubled = strcmp(w->string, v->string) == 0 ? v->string : NULL;
        if (!doubled)
            doubled = doubled_key(v);
    }
    return doubled;
}

static const char *label_mistake(const cJSON *label)
{
    if (!label || cJSON_IsNull(label) || is_whole(label))
        return NULL;
    bool large = is_number(label) && fabs(label->valuedouble) >= NUM_WHOLE_MAX;
    return large ? "gt_label is too large for a class" : "gt_label is not a whole number";
}

static const char *group_mistake(const cJSON *group)
{
    if (!group || cJSON_IsNull(group) || is_whole(group) || is_digits(group))
        return NULL;
    if (cJSON_IsRaw(group))
        return "group_id is a number with more digits than are kept; write it in plain digits or as a text";
    if (!cJSON_IsString(group))
        return "group_id is neither a text nor a whole number";
    return strlen(group->valuestring) > INDEX_NAME_MAX ? "group_id is too long" : NULL;
}

static const char *shot_mistake(const cJSON *shot)
{
    if (!shot || cJSON_IsNull(shot))
        return NULL;
    if (is_number(shot) && shot->valuedouble > INT32_MAX)
        return "shot is more than 2147483647";
    return is_whole(shot) && shot->valuedouble >= 0 ? NULL : "shot is not a whole number from 0";
}

/* What is wrong with the entry, in `text` or a constant; NULL: nothing. */
static const char *entry_mistake(const struct reading *r, const cJSON *entry, char text[128])
{
    if (!cJSON_IsObject(entry))
        return "not an object";
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
    const char *mistake = label_mistake(label);
    if (!mistake)
        mistake = group_mistake(group);
    if (!mistake)
        mistake = shot_mistake(shot);
    if (mistake)
        return mistake;
    const char *doubled = doubled_key(entry);
    if (doubled) {
        snprintf(text, 128, *doubled ? "the key %.60s appears twice" : "too many keys", doubled);
        return text;
    }
    return NULL;
}

static const char *copy(struct reading *r, const char *text)
{
    return text_copy(&r->a->text, text, strlen(text));
}

static const char *group_text(struct reading *r, const cJSON *group)
{
    char number[32] = "";
    if (cJSON_IsString(group) || is_digits(group))
        return copy(r, group->valuestring);
    if (is_number(group))
        snprintf(number, sizeof number, "%.0f", group->valuedouble);
    return copy(r, number);
}

static int add_item(struct reading *r, struct json_span entry, const cJSON *tree)
{
    struct annotations *a = r->a;
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(tree, "gt_label");
    const cJSON *shot = cJSON_GetObjectItemCaseSensitive(tree, "shot");
    if (fmt_grow(&a->item, a->n_items, &a->item_capacity, sizeof *a->item, r->e))
        return FMT_MEMORY;
    struct annotation *item = &a->item[a->n_items];
    find_position(r, entry);
    *item = (struct annotation){.extra = "", .label = -1, .group_view = -1, .line = r->position.line};
    item->path = copy(r, cJSON_GetObjectItemCaseSensitive(tree, "img_path")->valuestring);
    item->group = group_text(r, cJSON_GetObjectItemCaseSensitive(tree, "group_id"));
    if (is_number(label))
        item->labelled = true, item->label = (int64_t)label->valuedouble;
    if (is_number(shot))
        item->group_view = (int32_t)shot->valuedouble;
    if (!item->path || !item->group)
        return fmt_no_memory(r->e);
    a->n_items++;
    return 0;
}

/* Removes our keys from the entry's tree and prints the rest. NULL: out of memory. */
static char *print_extra(cJSON *tree)
{
    static const char *const ours[] = {"img_path", "gt_label", "group_id", "shot"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(tree, ours[i]);
    return tree->child ? cJSON_PrintUnformatted(tree) : strdup("");
}

static int add_extra(struct reading *r, int64_t i, struct json_span entry, cJSON *tree)
{
    char *extra = print_extra(tree);
    if (!extra)
        return fmt_no_memory(r->e);
    bool fits = strlen(extra) <= INDEX_EXTRA_MAX;
    const char *stored = fits ? copy(r, extra) : "";
    free(extra);
    if (!stored)
        return fmt_no_memory(r->e);
    if (!fits) {
        char mistake[80];
        snprintf(mistake, sizeof mistake, "the further keys are longer than %d bytes", INDEX_EXTRA_MAX);
        r->a->n_items--;
        return add_problem(r, i, entry, mistake);
    }
    r->a->item[r->a->n_items - 1].extra = stored;
    return 0;
}

static int read_entry(struct reading *r, int64_t i, struct json_span entry)
{
    char text[128];
    if (entry.bytes > ANNOTATIONS_ENTRY_BYTES_MAX)
        return add_problem(r, i, entry, "longer than 1 MiB");
    cJSON *tree = json_parse(entry);
    if (!tree)
        return fmt_no_memory(r->e); /* the text was checked: nothing else can fail */
    const char *mistake = entry_mistake(r, tree, text);
    int status = mistake ? add_problem(r, i, entry, mistake) : add_item(r, entry, tree);
    if (status == 0 && !mistake)
        status = add_extra(r, i, entry, tree);
    cJSON_Delete(tree);
    return status;
}

/* ---------------------------------------------------------------- the list */

/* The member of that name, or one with at == NULL; twice is an error. */
static int find_member(struct reading *r, struct json_span object, const char *name, struct json_span *found)
{
    struct json_walk walk = json_enter(object);
    struct json_span key, value;
    found->at = NULL;
    while (json_next(&walk, &key, &value)) {
        if (!json_text_is(key, name))
            continue;
        if (found->at)
            return refuse(r, key, FMT_INVALID, "the key %s appears twice", name);
        *found = value;
    }
    return 0;
}

/* Sorting brings duplicate names together. */
static int check_names(struct reading *r, struct json_span classes)
{
    const struct annotations *a = r->a;
    const char **sorted = malloc((size_t)a->n_classes * sizeof *sorted), *twice = NULL;
    if (!sorted)
        return fmt_no_memory(r->e);
    memcpy(sorted, a->class_name, (size_t)a->n_classes * sizeof *sorted);
    qsort(sorted, (size_t)a->n_classes, sizeof *sorted, text_order);
    for (int i = 1; i < a->n_classes && !twice; i++)
        twice = strcmp(sorted[i - 1], sorted[i]) == 0 ? sorted[i] : NULL;
    free(sorted);
    return twice ? refuse(r, classes, FMT_INVALID, "metainfo.classes has %.60s twice", twice) : 0;
}

static int read_class(struct reading *r, struct json_span name)
{
    struct annotations *a = r->a;
    bool may_fit = *name.at == '"' && name.bytes <= 6 * INDEX_NAME_MAX + 2; /* if all characters are escapes */
    cJSON *text = may_fit ? cJSON_ParseWithLength(name.at, name.bytes) : NULL;
    if (may_fit && !text)
        return fmt_no_memory(r->e);
    bool fits = may_fit && *text->valuestring && strlen(text->valuestring) <= INDEX_NAME_MAX;
    const char *stored = fits ? copy(r, text->valuestring) : "";
    cJSON_Delete(text);
    if (!fits)
        return refuse(r, name, FMT_INVALID, "metainfo.classes[%d] is not a name", a->n_classes);
    if (!stored)
        return fmt_no_memory(r->e);
    a->class_name[a->n_classes++] = stored;
    return 0;
}

static int read_classes(struct reading *r, struct json_span root)
{
    struct json_span meta, classes = {0}, value;
    int status = find_member(r, root, "metainfo", &meta);
    if (status == 0 && meta.at)
        status = find_member(r, meta, "classes", &classes);
    if (status)
        return status;
    if (!classes.at || *classes.at != '[')
        return fmt_fail(r->e, FMT_INVALID, "metainfo.classes is not there, or not a list");
    int n = 0;
    for (struct json_walk walk = json_enter(classes); n <= INDEX_CLASSES_MAX && json_next(&walk, NULL, &value);)
        n++;
    if (n < 1)
        return refuse(r, classes, FMT_LIMIT, "metainfo.classes has no names");
    if (n > INDEX_CLASSES_MAX)
        return refuse(r, classes, FMT_LIMIT, "metainfo.classes has more than %d names", INDEX_CLASSES_MAX);
    r->a->class_name = calloc((size_t)n, sizeof *r->a->class_name);
    if (!r->a->class_name)
        return fmt_no_memory(r->e);
    for (struct json_walk walk = json_enter(classes); status == 0 && json_next(&walk, NULL, &value);)
        status = read_class(r, value);
    return status ? status : check_names(r, classes);
}

/* Whether any entry has a label: then all must. */
static bool find_a_label(struct json_span list)
{
    struct json_span entry, key, value;
    for (struct json_walk entries = json_enter(list); json_next(&entries, NULL, &entry);)
        for (struct json_walk keys = json_enter(entry); keys.object && json_next(&keys, &key, &value);)
            if (json_text_is(key, "gt_label"))
                return true;
    return false;
}

static int read_list(struct reading *r, struct json_span root)
{
    struct json_span list, entry;
    if (*root.at != '{')
        return refuse(r, root, FMT_INVALID, "not an object");
    int status = find_member(r, root, "data_list", &list);
    if (status)
        return status;
    if (!list.at || *list.at != '[')
        return fmt_fail(r->e, FMT_INVALID, "data_list is not there, or not a list");
    status = read_classes(r, root);
    r->has_labels = find_a_label(list);
    int64_t i = 0;
    for (struct json_walk walk = json_enter(list); status == 0 && json_next(&walk, NULL, &entry); i++)
        status = read_entry(r, i, entry);
    return status;
}

int annotations_parse(const char *text, size_t bytes, struct annotations *a, struct fmt_error *e)
{
    struct reading r = {.text = text, .a = a, .e = e};
    struct json_span root;
    *a = (struct annotations){0};
    if (bytes > ANNOTATIONS_BYTES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d bytes", ANNOTATIONS_BYTES_MAX);
    int status = json_check(text, bytes, ANNOTATIONS_DEPTH_MAX, &root, e);
    if (status == 0)
        status = read_list(&r, root);
    if (status)
        annotations_release(a);
    return status;
}

void annotations_release(struct annotations *a)
{
    free(a->class_name);
    free(a->item);
    free(a->problem);
    text_release(&a->text);
    *a = (struct annotations){0};
}
