/* index.c - the catalogue in memory and as records (bbu-index(5)). A record begins with its size, so that a later minor
 * version can append fields that older readers skip. */
#include "index.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define BLOCK_TARGET ((size_t)1 << 20) /* a block that has reached this size is complete */
#define RECORD_MAX ((size_t)256 << 10) /* no record is larger: six texts of at most 64 KiB */
#define LEVEL 3

enum { DECODING_FILLED = 1, DECODING_PERCENT_SHIFT = 1 }; /* a flag; the seven bits above it */

/* ---------------------------------------------------------------- texts and labels, as bytes */

static int check_labels(const struct index_labels *l, int n_classes, struct fmt_error *e)
{
    if (l->label < -1 || l->label >= n_classes)
        return fmt_fail(e, FMT_LIMIT, "%s: label %d is outside the %s", l->key, l->label,
                        FMT_COUNT(n_classes, "class", "classes"));
    if (l->group_view < -1)
        return fmt_fail(e, FMT_LIMIT, "%s: shot %d", l->key, l->group_view);
    if (!l->extra[0])
        return 0;
    struct cJSON *extra = cJSON_ParseWithOpts(l->extra, NULL, 1);
    bool object = cJSON_IsObject(extra);
    cJSON_Delete(extra);
    return object ? 0 : fmt_fail(e, FMT_INVALID, "%s: further keys are no JSON object", l->key);
}

int index_labels_put(const struct index_labels *l, int n_classes, struct fmt_buffer *to, struct fmt_error *e)
{
    int status = check_labels(l, n_classes, e);
    if (status)
        return status;
    if (bytes_put_u32(to, (uint32_t)l->label) || bytes_put_u32(to, (uint32_t)l->group_view))
        return fmt_no_memory(e);
    if ((status = text_put("a key", l->key, INDEX_TEXT_MAX, to, e)) ||
        (status = text_put("a split", l->split, INDEX_NAME_MAX, to, e)) ||
        (status = text_put("a group", l->group, INDEX_NAME_MAX, to, e)))
        return status;
    return text_put("further keys", l->extra, INDEX_EXTRA_MAX, to, e);
}

size_t index_labels_bytes(const struct index_labels *l)
{
    enum { NUMBERS = 2 * 4, AROUND_TEXT = 2 + 1 }; /* a length, and a zero byte */
    return NUMBERS + 4 * AROUND_TEXT + strlen(l->key) + strlen(l->split) + strlen(l->group) + strlen(l->extra);
}

int index_labels_take(struct bytes *from, int n_classes, struct index_labels *l, struct fmt_error *e)
{
    struct index_labels t;
    int status;
    t.label = bytes_i32(from);
    t.group_view = bytes_i32(from);
    if ((status = text_take("a key", from, INDEX_TEXT_MAX, &t.key, e)) ||
        (status = text_take("a split", from, INDEX_NAME_MAX, &t.split, e)) ||
        (status = text_take("a group", from, INDEX_NAME_MAX, &t.group, e)) ||
        (status = text_take("further keys", from, INDEX_EXTRA_MAX, &t.extra, e)) ||
        (status = check_labels(&t, n_classes, e)))
        return status;
    *l = t;
    return 0;
}

int index_labels_copy(struct text_pool *p, const struct index_labels *from, struct index_labels *to,
                      struct fmt_error *e)
{
    struct index_labels t = *from;
    const char **text[] = {&t.key, &t.split, &t.group, &t.extra};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (!(*text[i] = text_copy(p, *text[i], strlen(*text[i]))))
            return fmt_no_memory(e);
    *to = t;
    return 0;
}

int index_classes_put(char *const *names, int n, struct fmt_buffer *to, struct fmt_error *e)
{
    if (n < 0 || n > INDEX_CLASSES_MAX)
        return fmt_fail(e, FMT_LIMIT, "%d classes, %d are allowed", n, INDEX_CLASSES_MAX);
    int status = bytes_put_u32(to, (uint32_t)n) ? fmt_no_memory(e) : 0;
    for (int i = 0; i < n && status == 0; i++)
        status = text_put("a class", names[i], INDEX_NAME_MAX, to, e);
    return status;
}

int index_classes_take(struct bytes *from, char ***names, int *n_names, struct fmt_error *e)
{
    uint32_t n = bytes_u32(from);
    if (!bytes_ok(from) || n > INDEX_CLASSES_MAX || (size_t)n * 3 > bytes_left(from))
        return fmt_fail(e, FMT_LIMIT, "%u classes in the header", n);
    /* One block: the pointers, then what they point to; texts are copied whole, with lengths and ends. */
    size_t text_bytes = bytes_left(from);
    char **list = malloc(n * sizeof *list + text_bytes + 1);
    if (!list)
        return fmt_no_memory(e);
    char *text = (char *)(list + n);
    for (uint32_t i = 0; i < n; i++) {
        const char *s;
        int status = text_take("a class", from, INDEX_NAME_MAX, &s, e);
        if (status) {
            free(list);
            return status;
        }
        list[i] = text;
        text += strlen(strcpy(text, s)) + 1;
    }
    *names = list;
    *n_names = (int)n;
    return 0;
}

int index_decoding_put(const struct index_decoding *d, struct fmt_buffer *to)
{
    unsigned flags = d->filled ? DECODING_FILLED | (unsigned)d->decoded_percent << DECODING_PERCENT_SHIFT : 0;
    return bytes_put_u8(to, d->bits) | bytes_put_u8(to, (uint8_t)flags);
}

int index_decoding_take(struct bytes *from, struct index_decoding *d, struct fmt_error *e)
{
    uint8_t bits = bytes_u8(from), flags = bytes_u8(from);
    *d = (struct index_decoding){bits, flags & DECODING_FILLED, flags >> DECODING_PERCENT_SHIFT};
    return !d->filled && flags ? fmt_fail(e, FMT_INVALID, "reserved bits are set") : 0;
}

int index_decoding_check(const struct index_decoding *d, bool jpeg, const char *key, struct fmt_error *e)
{
    if (d->bits && (jpeg || d->bits < INDEX_BITS_MIN || d->bits > INDEX_BITS_MAX))
        return fmt_fail(e, FMT_LIMIT, "%s: %d significant bits", key, d->bits);
    if (d->filled && !jpeg)
        return fmt_fail(e, FMT_INVALID, "%s: only JPEG is filled", key);
    return d->decoded_percent > 100 ? fmt_fail(e, FMT_LIMIT, "%s: %d %% of its rows came", key, d->decoded_percent) : 0;
}

/* ---------------------------------------------------------------- in memory */

int index_set_root(struct index *x, const char *root, struct fmt_error *e)
{
    const char *copy = text_copy(&x->text, root, strlen(root));
    if (!copy)
        return fmt_no_memory(e);
    x->root = copy;
    return 0;
}

int index_add_class(struct index *x, const char *name, struct fmt_error *e)
{
    if (x->n_classes == INDEX_CLASSES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d classes", INDEX_CLASSES_MAX);
    /* One block again: pointers and texts move together. */
    size_t old_text = 0, n = (size_t)x->n_classes;
    for (size_t i = 0; i < n; i++)
        old_text += strlen(x->class_name[i]) + 1;
    char **list = malloc((n + 1) * sizeof *list + old_text + strlen(name) + 1);
    if (!list)
        return fmt_no_memory(e);
    char *text = (char *)(list + n + 1);
    for (size_t i = 0; i <= n; i++) {
        list[i] = text;
        text += strlen(strcpy(text, i < n ? x->class_name[i] : name)) + 1;
    }
    free(x->class_name);
    x->class_name = list;
    x->n_classes++;
    return 0;
}

static int grow(struct index *x, struct fmt_error *e)
{
    if (x->n_entries == INDEX_ENTRIES_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d images", INDEX_ENTRIES_MAX);
    if (x->n_entries < x->entry_capacity)
        return 0;
    int64_t capacity = x->entry_capacity ? x->entry_capacity * 2 : 256;
    struct index_entry *grown = realloc(x->entry, (size_t)capacity * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    x->entry = grown;
    x->entry_capacity = capacity;
    return 0;
}

static int check_entry(const struct index_entry *t, int n_classes, struct fmt_error *e)
{
    if (t->width < 1 || t->height < 1 || t->width > INDEX_SIDE_MAX || t->height > INDEX_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "%s: %d x %d pixels", t->path, t->width, t->height);
    if (t->components < 1 || t->components > 4)
        return fmt_fail(e, FMT_LIMIT, "%s: %d components", t->path, t->components);
    if (t->bytes < 0)
        return fmt_fail(e, FMT_LIMIT, "%s: a negative size", t->path);
    if ((unsigned)t->kind > INDEX_TIFF)
        return fmt_fail(e, FMT_LIMIT, "%s: an unknown kind of file (%d)", t->path, (int)t->kind);
    int status = index_decoding_check(&t->decoding, t->kind == INDEX_JPEG, t->path, e);
    return status ? status : check_labels(&t->labels, n_classes, e);
}

int index_add(struct index *x, const struct index_entry *entry, struct fmt_error *e)
{
    struct index_entry t = *entry;
    int status;
    if ((status = check_entry(entry, x->n_classes, e)) || (status = grow(x, e)) ||
        (status = index_labels_copy(&x->text, &entry->labels, &t.labels, e)))
        return status;
    if (!(t.path = text_copy(&x->text, entry->path, strlen(entry->path))))
        return fmt_no_memory(e);
    x->entry[x->n_entries++] = t;
    return 0;
}

void index_release(struct index *x)
{
    free(x->class_name);
    free(x->entry);
    free(x->provenance);
    text_release(&x->text);
    *x = (struct index){0};
}

/* ---------------------------------------------------------------- writing */

static int put_record(const struct index_entry *t, int n_classes, struct fmt_buffer *record, struct fmt_buffer *to,
                      struct fmt_error *e)
{
    record->bytes = 0;
    int bad = bytes_put_i64(record, t->bytes);
    bad |= bytes_put_u32(record, (uint32_t)t->width);
    bad |= bytes_put_u32(record, (uint32_t)t->height);
    bad |= bytes_put_u8(record, (uint8_t)t->components);
    bad |= bytes_put_u8(record, (uint8_t)t->kind);
    bad |= index_decoding_put(&t->decoding, record);
    bad |= bytes_put(record, t->sha256, DIGEST_BYTES);
    if (bad)
        return fmt_no_memory(e);
    int status = check_entry(t, n_classes, e);
    if (status || (status = index_labels_put(&t->labels, n_classes, record, e)) ||
        (status = text_put("a path", t->path, INDEX_TEXT_MAX, record, e)))
        return status;
    return bytes_put_u32(to, (uint32_t)record->bytes) || bytes_put(to, record->data, record->bytes) ? fmt_no_memory(e)
                                                                                                    : 0;
}

static int put_entries(const struct index *x, struct block_writer *w, struct fmt_error *e)
{
    struct fmt_buffer raw = {0}, record = {0};
    uint32_t n = 0;
    int status = 0;
    for (int64_t i = 0; i < x->n_entries && status == 0; i++) {
        status = put_record(&x->entry[i], x->n_classes, &record, &raw, e);
        n++;
        if (status == 0 && (raw.bytes >= BLOCK_TARGET || i + 1 == x->n_entries)) {
            status = block_add(w, raw.data, raw.bytes, n, LEVEL, e);
            raw.bytes = n = 0;
        }
    }
    fmt_buffer_release(&raw);
    fmt_buffer_release(&record);
    return status;
}

/* The lowest version that can say it: catalogues of whole JPEG files are those of 1.0, byte by byte. */
static uint8_t minor_of(const struct index *x)
{
    for (int64_t i = 0; i < x->n_entries; i++) {
        const struct index_entry *t = &x->entry[i];
        if (t->kind != INDEX_JPEG || t->decoding.bits || t->decoding.filled)
            return INDEX_MINOR;
    }
    return 0;
}

int index_write(struct index *x, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e)
{
    struct fmt_buffer fields = {0};
    struct block_writer w = {0};
    struct block_header h = {BLOCK_INDEX, INDEX_MAJOR, minor_of(x), .block_bytes_max = BLOCK_TARGET + RECORD_MAX};
    int status = text_put("the root", x->root ? x->root : "", INDEX_TEXT_MAX, &fields, e);
    if (status == 0)
        status = index_classes_put(x->class_name, x->n_classes, &fields, e);
    if (status == 0)
        status = provenance_begin(p, io, &h, &fields, &w, e);
    if (status == 0)
        status = put_entries(x, &w, e);
    if (status == 0)
        status = block_finish(&w, e);
    if (status == 0)
        memcpy(x->identity, h.identity, DIGEST_BYTES);
    block_abandon(&w);
    fmt_buffer_release(&fields);
    return status;
}

/* ---------------------------------------------------------------- reading */

static int take_record(struct bytes *block, uint8_t minor, struct index *x, struct fmt_error *e)
{
    size_t n = bytes_u32(block);
    const uint8_t *p = bytes_take(block, n);
    if (!p)
        return fmt_fail(e, FMT_INVALID, "a record ends beyond its block");
    struct bytes c = bytes_over(p, n);
    struct index_entry t;
    t.bytes = bytes_i64(&c);
    t.width = bytes_i32(&c);
    t.height = bytes_i32(&c);
    t.components = bytes_u8(&c);
    t.kind = (enum index_kind)bytes_u8(&c);
    int status = index_decoding_take(&c, &t.decoding, e);
    const uint8_t *sha256 = bytes_take(&c, DIGEST_BYTES);
    bool reserved = minor < 1 && (t.kind || t.decoding.bits || t.decoding.filled);
    if (status || (status = index_labels_take(&c, x->n_classes, &t.labels, e)) ||
        (status = text_take("a path", &c, INDEX_TEXT_MAX, &t.path, e)))
        return status;
    if (reserved || (minor <= INDEX_MINOR && bytes_left(&c) > 0))
        return fmt_fail(e, FMT_INVALID, "%s: reserved bits are set, or bytes follow the record", t.path);
    memcpy(t.sha256, sha256, DIGEST_BYTES); /* not NULL: the texts after it were read */
    return index_add(x, &t, e);
}

static int take_fields(const struct block_header *h, struct index *x, struct fmt_error *e)
{
    struct bytes c = bytes_over(h->fields, h->fields_bytes);
    const char *root;
    int status = text_take("the root", &c, INDEX_TEXT_MAX, &root, e);
    if (status || (status = index_classes_take(&c, &x->class_name, &x->n_classes, e)) ||
        (status = index_set_root(x, root, e)))
        return status;
    memcpy(x->identity, h->identity, DIGEST_BYTES);
    return (x->provenance = strdup(h->provenance)) ? 0 : fmt_no_memory(e);
}

int index_read(struct index *x, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    struct block_buffer b = {0};
    *x = (struct index){0};
    int status = block_open(&r, io, BLOCK_INDEX, e);
    if (status)
        return status;
    status = take_fields(&r.header, x, e);
    while (status == 0 && (status = block_next(&r, &b, e)) == 0) {
        struct bytes c = bytes_over(b.raw, b.raw_bytes);
        uint32_t n = 0;
        for (; status == 0 && bytes_left(&c) > 0; n++)
            status = take_record(&c, r.header.minor, x, e);
        if (status == 0)
            status = block_set_count(&r, &b, n, e);
    }
    block_buffer_release(&b);
    block_close(&r);
    if (status == FMT_END)
        return 0;
    index_release(x);
    return status;
}
