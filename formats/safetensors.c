/* safetensors.c - the header is read whole and parsed by cJSON. The ranges of the data are sorted to be checked: each
 * must begin where the one before ends. */
#include "safetensors.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

struct range {
    uint64_t begin, end;
    const char *name;
};

/* A whole number from 0 to max that a double holds exactly. */
static bool whole_number(const cJSON *item, uint64_t max, uint64_t *v)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > (double)max)
        return false;
    *v = (uint64_t)item->valuedouble;
    return (double)*v == item->valuedouble;
}

static int read_meta(const cJSON *object, struct named_tensor_set *set, struct fmt_error *e)
{
    const cJSON *item;
    if (!cJSON_IsObject(object))
        return fmt_fail(e, FMT_INVALID, "__metadata__ is no object");
    cJSON_ArrayForEach(item, object)
    {
        if (!cJSON_IsString(item))
            return fmt_fail(e, FMT_INVALID, "__metadata__: %.100s is no text", item->string);
        if (named_tensor_add_meta(set, item->string, item->valuestring, e))
            return (int)e->status;
    }
    return 0;
}

static int read_shape(const cJSON *shape, const char *name, int64_t *dims, int *n_dims, struct fmt_error *e)
{
    const cJSON *item;
    if (!cJSON_IsArray(shape))
        return fmt_fail(e, FMT_INVALID, "%.200s: no shape", name);
    *n_dims = 0;
    cJSON_ArrayForEach(item, shape)
    {
        uint64_t v;
        if (*n_dims == NAMED_TENSOR_DIMS_MAX)
            return fmt_fail(e, FMT_LIMIT, "%.200s: more than %d dimensions", name, NAMED_TENSOR_DIMS_MAX);
        if (!whole_number(item, (uint64_t)1 << 53, &v))
            return fmt_fail(e, FMT_INVALID, "%.200s: shape is not a list of integers", name);
        dims[(*n_dims)++] = (int64_t)v;
    }
    return 0;
}

/* One entry: "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}. */
static int read_tensor(const struct fmt_reader *r, uint64_t base, const cJSON *item, struct named_tensor_set *set,
                       struct range *range, struct fmt_error *e)
{
    int64_t dims[NAMED_TENSOR_DIMS_MAX];
    int n_dims = 0;
    const char *name = item->string;
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsObject(item) || !cJSON_IsString(type) || cJSON_GetArraySize(offsets) != 2)
        return fmt_fail(e, FMT_INVALID, "%.200s: its entry lacks dtype or data_offsets", name);
    if (read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), name, dims, &n_dims, e))
        return (int)e->status;
    uint64_t begin, end, max = r->size - base;
    if (!whole_number(cJSON_GetArrayItem(offsets, 0), max, &begin) ||
        !whole_number(cJSON_GetArrayItem(offsets, 1), max, &end) || begin > end)
        return fmt_fail(e, FMT_INVALID, "%.200s: data_offsets leave the file", name);
    enum dtype dtype = dtype_of_name(type->valuestring);
    char why[80];
    snprintf(why, sizeof why, "of type %.20s, which is not known here", type->valuestring);
    int status = dtype ? named_tensor_add(set, name, dtype, n_dims, dims, NULL, r, base + begin, base + end, e)
                       : named_tensor_add_unusable(set, name, why, e);
    if (status)
        return status;
    const struct named_tensor *t = &set->item[set->n - 1];
    if (dtype && (uint64_t)t->n * dtype_bytes(dtype) != end - begin)
        return fmt_fail(e, FMT_INVALID, "%.200s: data_offsets do not fit its shape", name);
    *range = (struct range){begin, end, t->name};
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end; /* an empty tensor sorts before the one that begins at its offset */
}

static int check_ranges(struct range *range, int64_t n, uint64_t data_bytes, struct fmt_error *e)
{
    uint64_t at = 0;
    if (n > 1)
        qsort(range, (size_t)n, sizeof *range, by_begin);
    for (int64_t i = 0; i < n; i++) {
        if (range[i].begin != at)
            return fmt_fail(e, FMT_INVALID, "%.200s: its data %s", range[i].name,
                            range[i].begin < at ? "overlap another tensor's" : "leave a gap before them");
        at = range[i].end;
    }
    if (at < data_bytes)
        return fmt_fail(e, FMT_INVALID, "%s after the last tensor", FMT_COUNT(data_bytes - at, "byte", "bytes"));
    if (at > data_bytes)
        return fmt_fail(e, FMT_TRUNCATED, "ends early: %s expected",
                        FMT_COUNT(at - data_bytes, "more byte", "more bytes"));
    return 0;
}

static int read_entries(const struct fmt_reader *r, uint64_t base, const cJSON *header, struct named_tensor_set *set,
                        struct fmt_error *e)
{
    int64_t n_tensors = 0;
    const cJSON *item;
    int n_entries = cJSON_GetArraySize(header);
    struct range *range = malloc(((size_t)n_entries + 1) * sizeof *range);
    if (!range)
        return fmt_no_memory(e);
    int status = 0;
    cJSON_ArrayForEach(item, header)
    {
        if (strcmp(item->string, "__metadata__") == 0)
            status = read_meta(item, set, e);
        else
            status = read_tensor(r, base, item, set, &range[n_tensors++], e);
        if (status)
            break;
    }
    if (!status)
        status = named_tensor_check_unique(set, e);
    if (!status)
        status = check_ranges(range, n_tensors, r->size - base, e);
    free(range);
    return status;
}

int safetensors_read(const struct fmt_reader *r, struct named_tensor_set *set, struct fmt_error *e)
{
    struct fmt_error why = {0};
    if (!e)
        e = &why;
    uint8_t head[8];
    if (!r->read_at || r->size == UINT64_MAX)
        return fmt_fail(e, FMT_UNSUPPORTED, "safetensors cannot be read from a pipe");
    if (fmt_read_at_exact(r, 0, head, sizeof head, e))
        return (int)e->status;
    struct bytes c = bytes_over(head, sizeof head);
    uint64_t n = bytes_u64(&c);
    if (n > SAFETENSORS_HEADER_MAX)
        return fmt_fail(e, FMT_MAGIC, "no safetensors file, or one with a header of more than %d bytes",
                        SAFETENSORS_HEADER_MAX);
    if (n > r->size - sizeof head)
        return fmt_fail(e, FMT_TRUNCATED, "ends early: the header has %" PRIu64 " bytes", n);
    char *text = malloc((size_t)n + 1);
    if (!text)
        return fmt_no_memory(e);
    if (fmt_read_at_exact(r, sizeof head, text, (size_t)n, e)) {
        free(text);
        return (int)e->status;
    }
    text[n] = 0;
    const char *end = NULL;
    cJSON *header = text[0] == '{' ? cJSON_ParseWithLengthOpts(text, (size_t)n + 1, &end, 1) : NULL;
    if (header && memchr(text, 0, (size_t)n)) {
        cJSON_Delete(header);
        header = NULL;
    }
    int status = header ? read_entries(r, sizeof head + n, header, set, e)
                        : fmt_fail(e, FMT_INVALID, "its header is no JSON object");
    cJSON_Delete(header);
    free(text);
    if (status)
        named_tensor_release(set);
    return status;
}

/* ------------------------------------------------------------------ writing */
static bool put_text(struct fmt_buffer *b, const char *text)
{
    return fmt_buffer_append(b, text, strlen(text)) == 0;
}

static bool put_quoted(struct fmt_buffer *b, const char *text)
{
    cJSON *item = cJSON_CreateString(text);
    char *quoted = item ? cJSON_PrintUnformatted(item) : NULL;
    bool good = quoted && put_text(b, quoted);
    cJSON_free(quoted);
    cJSON_Delete(item);
    return good;
}

static bool put_meta(struct fmt_buffer *b, const struct named_tensor_meta *meta, int64_t n_meta)
{
    bool good = put_text(b, "\"__metadata__\":{");
    for (int64_t i = 0; i < n_meta && good; i++)
        good = (i == 0 || put_text(b, ",")) && put_quoted(b, meta[i].key) && put_text(b, ":") &&
               put_quoted(b, meta[i].value);
    return good && put_text(b, "}");
}

static bool put_entry(struct fmt_buffer *b, const struct named_tensor_out *t, uint64_t begin, uint64_t end)
{
    char dims[NAMED_TENSOR_DIMS_TEXT_MAX], text[NAMED_TENSOR_DIMS_TEXT_MAX + 128];
    snprintf(text, sizeof text, ":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
             dtype_name(t->dtype), named_tensor_dims_text(t->dims, t->n_dims, dims), begin, end);
    return put_quoted(b, t->name) && put_text(b, text);
}

static int make_header(struct fmt_buffer *b, const struct named_tensor_out *list, int64_t n,
                       const struct named_tensor_meta *meta, int64_t n_meta, struct fmt_error *e)
{
    uint64_t at = 0;
    bool good = put_text(b, "{") && (n_meta == 0 || put_meta(b, meta, n_meta));
    for (int64_t i = 0; i < n && good; i++) {
        uint64_t bytes;
        if (!named_tensor_out_bytes(&list[i], &bytes) || at + bytes > INT64_MAX)
            return fmt_fail(e, FMT_INVALID, "%.200s: its size does not fit", list[i].name);
        good = (i + n_meta == 0 || put_text(b, ",")) && put_entry(b, &list[i], at, at + bytes);
        at += bytes;
    }
    good = good && put_text(b, "}");
    while (good && b->bytes % 8)
        good = put_text(b, " ");
    if (good && b->bytes > SAFETENSORS_HEADER_MAX)
        return fmt_fail(e, FMT_LIMIT, "a header of more than %d bytes", SAFETENSORS_HEADER_MAX);
    return good ? 0 : fmt_no_memory(e);
}

int safetensors_write(const struct fmt_writer *w, const struct named_tensor_out *list, int64_t n,
                      const struct named_tensor_meta *meta, int64_t n_meta, const struct named_tensor_values *values,
                      struct fmt_error *e)
{
    struct fmt_buffer header = {0}, length = {0};
    int status = make_header(&header, list, n, meta, n_meta, e);
    if (!status && bytes_put_u64(&length, header.bytes))
        status = fmt_no_memory(e);
    if (!status)
        status = fmt_write_all(w, length.data, length.bytes, e);
    if (!status)
        status = fmt_write_all(w, header.data, header.bytes, e);
    for (int64_t i = 0; i < n && !status; i++)
        status = named_tensor_write_values(w, list, i, values, e);
    fmt_buffer_release(&header);
    fmt_buffer_release(&length);
    return status;
}
