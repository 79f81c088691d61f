/* feature-export.c - "%.9g" always writes a point: the tools never call setlocale. */
#include "feature-export.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "bytes.h"
#include "json-report.h"
#include "json-scan.h"
#include "printable.h"
#include "utf8.h"

static int put(struct fmt_buffer *out, const char *s)
{
    return bytes_put(out, s, strlen(s));
}

static int put_int(struct fmt_buffer *out, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    return put(out, text);
}

static int put_value(struct fmt_buffer *out, char before, float v)
{
    char text[24];
    text[0] = before;
    int n = snprintf(text + 1, sizeof text - 1, "%.9g", (double)v);
    return bytes_put(out, text, (size_t)n + 1);
}

static const char *class_of(const struct feat_header *h, const struct index_labels *l)
{
    return l->label >= 0 && l->label < h->n_classes ? h->class_name[l->label] : NULL;
}

static int put_name(struct fmt_buffer *out, const char *s)
{
    char escaped[5];
    int bad = 0;
    for (; *s; s++)
        bad |= bytes_put(out, escaped, (size_t)printable_escape(*s, escaped));
    return bad;
}

int feature_export_text(const struct feat_header *h, const struct feat_row *row, struct fmt_buffer *out)
{
    const struct index_labels *l = &row->labels;
    const char *class_name = class_of(h, l);
    int bad = put_name(out, l->key) | put(out, "\t");
    bad |= put_name(out, l->split) | put(out, "\t");
    bad |= put_name(out, l->group) | put(out, "\t");
    bad |= l->group_view >= 0 ? put_int(out, l->group_view) : 0;
    bad |= put(out, "\t");
    bad |= class_name ? put_name(out, class_name) : 0;
    int64_t width = feat_width(h);
    for (int64_t i = 0; i < width; i++)
        bad |= put_value(out, '\t', row->x[i]);
    return bad | put(out, "\n");
}

/* ---------------------------------------------------------------- JSON */

static void add_text(struct cJSON *o, const char *key, const char *text)
{
    if (text && text[0])
        json_report_text(o, key, text);
    else
        cJSON_AddNullToObject(o, key);
}

static void add_int(struct cJSON *o, const char *key, int64_t value)
{
    if (value >= 0)
        json_report_int(o, key, value);
    else
        cJSON_AddNullToObject(o, key);
}

/* Large numbers remain as they are written. NULL: out of memory. */
static struct cJSON *extra_json(const char *extra)
{
    struct json_span root;
    if (!*extra)
        return cJSON_CreateNull();
    return json_check(extra, strlen(extra), 1000, &root, NULL) == 0 ? json_parse(root) : cJSON_Parse(extra);
}

/* All but x, for free(). NULL: out of memory. */
static char *labels_json(const struct feat_header *h, const struct feat_row *row)
{
    const struct index_labels *l = &row->labels;
    char hex[DIGEST_HEX] = "";
    struct cJSON *o = cJSON_CreateObject();
    json_report_text(o, "key", l->key);
    add_text(o, "split", l->split);
    add_text(o, "group", l->group);
    add_int(o, "shot", l->group_view);
    add_int(o, "label", l->label);
    add_text(o, "class", class_of(h, l));
    cJSON_AddItemToObject(o, "extra", extra_json(l->extra));
    if (row->content)
        digest_hex(row->content, hex);
    add_text(o, "content", hex);
    char *text = cJSON_PrintUnformatted(o), *valid = text ? utf8_repair(text) : NULL;
    cJSON_free(text);
    cJSON_Delete(o);
    return valid;
}

int feature_export_json(const struct feat_header *h, const struct feat_row *row, struct fmt_buffer *out)
{
    char *labels = labels_json(h, row);
    if (!labels)
        return -1;
    int bad = bytes_put(out, labels, strlen(labels) - 1); /* without the closing brace */
    free(labels);
    int64_t width = row->x ? feat_width(h) : 0;
    bad |= width ? put(out, ",\"x\":") : 0;
    for (int64_t i = 0; i < width; i++)
        bad |= put_value(out, i ? ',' : '[', row->x[i]);
    return bad | put(out, width ? "]}\n" : "}\n");
}

/* ---------------------------------------------------------------- .npy */

int feature_export_npy_header(const struct feat_header *h, int64_t n_rows, struct fmt_buffer *out)
{
    /* Magic, version and length are 10 bytes; the text is padded so that the values begin at a multiple of 64. */
    char text[192];
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64 ", ", n_rows);
    size_t left = sizeof text - (size_t)n;
    n += h->n_tokens > 1 ? snprintf(text + n, left, "%" PRId32 ", %" PRId32 "), }", h->n_tokens, h->dim)
                         : snprintf(text + n, left, "%" PRId32 "), }", h->dim);
    while ((10 + n + 1) % 64 != 0)
        text[n++] = ' ';
    text[n++] = '\n';
    int bad = bytes_put(out, "\x93NUMPY\x01\x00", 8);
    bad |= bytes_put_u16(out, (uint16_t)n);
    return bad | bytes_put(out, text, (size_t)n);
}

int feature_export_npy_values(const struct feat_header *h, const float *x, struct fmt_buffer *out)
{
    return bytes_put_f32s(out, x, feat_width(h));
}
