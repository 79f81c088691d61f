/* feat.c - rows of features. A block is a number of rows, the matrix of their values, then their labels: the values are
 * aligned and contiguous, so that products read them in place. Stored, not compressed: compression saves less than a
 * tenth of the float32 values of a network. */
#include "feat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "finite.h"

#define ROW_TARGET ((int64_t)1 << 20)    /* approximate bytes of values in a block */
#define ROWS_MAX ((int64_t)4096)         /* rows in a block */
#define LABELS_MAX ((size_t)16 << 20)    /* bytes of labels in a block, without those of the last row */
#define LABELS_ROW_MAX ((size_t)96 << 10) /* bytes of labels of a row: four texts at their limits */
#define CONTENTS_MAX ((size_t)ROWS_MAX * DIGEST_BYTES)
#define VALUES_AT ((size_t)16)           /* of the matrix in a block */
#define PART_ITEM "part"                 /* of the recipe */

static const char *const kind_name[] = {"", "cls", "mean", "cls+mean", "patch", "head"};

const char *feat_kind_name(enum feat_kind kind)
{
    return kind >= FEAT_CLS && kind <= FEAT_HEAD ? kind_name[kind] : "?";
}

bool feat_kind_parse(const char *name, enum feat_kind *kind)
{
    for (int i = FEAT_CLS; i <= FEAT_HEAD; i++)
        if (strcmp(name, kind_name[i]) == 0) {
            *kind = (enum feat_kind)i;
            return true;
        }
    return false;
}

int64_t feat_width(const struct feat_header *h)
{
    return (int64_t)h->n_tokens * h->dim;
}

/* ---------------------------------------------------------------- header */

static int check_header(const struct feat_header *h, struct fmt_error *e)
{
    if (h->kind < FEAT_CLS || h->kind > FEAT_HEAD)
        return fmt_fail(e, FMT_LIMIT, "features of an unknown kind (%d)", (int)h->kind);
    if (h->dim < 1 || h->dim > FEAT_DIM_MAX || h->n_tokens < 1 || h->n_tokens > FEAT_WIDTH_MAX ||
        feat_width(h) > FEAT_WIDTH_MAX)
        return fmt_fail(e, FMT_LIMIT, "rows of %d x %d values", h->n_tokens, h->dim);
    if (h->grid_h < 0 || h->grid_w < 0 || h->grid_h > INDEX_SIDE_MAX || h->grid_w > INDEX_SIDE_MAX ||
        h->image_h < 0 || h->image_w < 0 || h->image_h > INDEX_SIDE_MAX || h->image_w > INDEX_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "images of %d x %d pixels, %d x %d patches", h->image_h, h->image_w,
                        h->grid_h, h->grid_w);
    int64_t tokens = h->kind == FEAT_PATCH ? (int64_t)h->grid_h * h->grid_w : 1;
    if (h->n_tokens != tokens)
        return fmt_fail(e, FMT_INVALID, "%s a row where %lld belong", FMT_COUNT(h->n_tokens, "token", "tokens"),
                        (long long)tokens);
    if (h->n_layers < 0 || h->n_layers > FEAT_LAYERS_MAX || (h->n_layers > 0 && h->dim % h->n_layers != 0))
        return fmt_fail(e, FMT_LIMIT, "%s in %s", FMT_COUNT(h->n_layers, "layer", "layers"),
                        FMT_COUNT(h->dim, "value", "values"));
    if (h->layers && __builtin_popcountll(h->layers) != h->n_layers)
        return fmt_fail(e, FMT_INVALID, "%s, but others are named", FMT_COUNT(h->n_layers, "layer", "layers"));
    return 0;
}

/* The recipe of a part has an item more: other versions of the readers take it for rows that were made differently. */
static int put_recipe(const struct feat_header *h, struct fmt_buffer *to, struct fmt_error *e)
{
    char text[PART_TEXT];
    struct recipe r = {.n = 0};
    if (h->part.n == 0)
        return recipe_put(&h->recipe, to, e);
    int status = recipe_copy(&r, &h->recipe, e);
    if (!status)
        status = recipe_add(&r, PART_ITEM, part_text(h->part, text), e);
    if (!status)
        status = recipe_put(&r, to, e);
    recipe_release(&r);
    return status;
}

static int take_recipe(struct bytes *c, struct feat_header *h, struct fmt_error *e)
{
    int status = recipe_take(c, &h->recipe, e);
    const char *part = status ? NULL : recipe_find(&h->recipe, PART_ITEM);
    if (part) {
        status = part_parse(part, &h->part, e);
        recipe_remove(&h->recipe, PART_ITEM);
    }
    return status;
}

int feat_header_put(const struct feat_header *h, struct fmt_buffer *to, struct fmt_error *e)
{
    int bad = bytes_put_u8(to, (uint8_t)h->kind);
    bad |= bytes_put_u8(to, (uint8_t)(h->normalised | h->unit << 1)); /* flags */
    bad |= bytes_put_u16(to, 0); /* reserved */
    const int32_t size[] = {h->dim, h->n_tokens, h->grid_h, h->grid_w, h->image_h, h->image_w, h->n_layers};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        bad |= bytes_put_u32(to, (uint32_t)size[i]);
    bad |= bytes_put_u64(to, h->layers);
    bad |= bytes_put(to, h->weights, DIGEST_BYTES);
    int status = bad ? fmt_no_memory(e) : index_classes_put(h->class_name, h->n_classes, to, e);
    return status ? status : put_recipe(h, to, e);
}

int feat_header_take(struct bytes *c, uint8_t minor, struct feat_header *h, struct fmt_error *e)
{
    *h = (struct feat_header){0};
    h->kind = (enum feat_kind)bytes_u8(c);
    uint8_t flags = bytes_u8(c);
    uint16_t reserved = bytes_u16(c);
    int32_t *const size[] = {&h->dim, &h->n_tokens, &h->grid_h, &h->grid_w, &h->image_h, &h->image_w, &h->n_layers};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        *size[i] = bytes_i32(c);
    h->layers = bytes_u64(c);
    const uint8_t *weights = bytes_take(c, DIGEST_BYTES);
    if (!weights)
        return fmt_fail(e, FMT_INVALID, "the header of the features is too short");
    memcpy(h->weights, weights, DIGEST_BYTES);
    if (flags > 3 || reserved)
        return fmt_fail(e, FMT_INVALID, "reserved bits of the features' header are set");
    h->normalised = flags & 1;
    h->unit = flags >> 1;
    int status = check_header(h, e);
    if (!status)
        status = index_classes_take(c, &h->class_name, &h->n_classes, e);
    if (!status && minor >= 1 && (status = take_recipe(c, h, e)) != 0)
        feat_header_release(h);
    return status;
}

void feat_header_release(struct feat_header *h)
{
    free(h->class_name);
    recipe_release(&h->recipe);
    *h = (struct feat_header){0};
}

/* ---------------------------------------------------------------- compatibility */

static int compatible_classes(const struct feat_header *a, const struct feat_header *b, struct fmt_error *e)
{
    if (a->n_classes != b->n_classes)
        return fmt_fail(e, FMT_MISMATCH, "%s, other file has %d", FMT_COUNT(b->n_classes, "class", "classes"),
                        a->n_classes);
    for (int i = 0; i < a->n_classes; i++)
        if (strcmp(a->class_name[i], b->class_name[i]) != 0)
            return fmt_fail(e, FMT_MISMATCH, "class %d is \"%s\", other file has \"%s\"", i, b->class_name[i],
                            a->class_name[i]);
    return 0;
}

/* "blocks 1, other file has 0"; the first ones if there are too many for the message. */
static int fail_layers(const struct feat_header *a, const struct feat_header *b, struct fmt_error *e)
{
    const struct feat_header *h[] = {a, b};
    char list[2][100];
    for (int k = 0; k < 2; k++) {
        size_t at = (size_t)snprintf(list[k], sizeof list[k], "%s", h[k]->layers ? "" : "none");
        for (int i = 0; i < 64 && at < sizeof list[k] - 4; i++)
            if (h[k]->layers >> i & 1)
                at += (size_t)snprintf(list[k] + at, sizeof list[k] - at, "%s%d", at ? "," : "", i);
    }
    return fmt_fail(e, FMT_MISMATCH, "of other layers: blocks %s, other file has %s", list[1], list[0]);
}

const char *feat_precision(const struct feat_header *h)
{
    const char *precision = recipe_find(&h->recipe, RECIPE_PRECISION);
    return precision ? precision : "f32";
}

bool feat_same_precision(const struct feat_header *a, const struct feat_header *b)
{
    const char *precision = feat_precision(a);
    return strcmp(precision, feat_precision(b)) == 0 && strcmp(precision, FEAT_PRECISION_MIXED) != 0;
}

int feat_compatible(const struct feat_header *a, const struct feat_header *b, bool allow_precision,
                    struct fmt_error *e)
{
    if (memcmp(a->weights, b->weights, DIGEST_BYTES) != 0) {
        char of_a[DIGEST_HEX], of_b[DIGEST_HEX];
        digest_hex(a->weights, of_a);
        digest_hex(b->weights, of_b);
        return fmt_fail(e, FMT_MISMATCH, "made by different weights (%.12s, other file has %.12s)", of_b, of_a);
    }
    if (a->kind != b->kind)
        return fmt_fail(e, FMT_MISMATCH, "features of kind %s, other file has %s", feat_kind_name(b->kind),
                        feat_kind_name(a->kind));
    if (a->n_layers != b->n_layers || a->layers != b->layers)
        return fail_layers(a, b, e);
    if (a->dim != b->dim || a->n_tokens != b->n_tokens)
        return fmt_fail(e, FMT_MISMATCH, "rows of %d x %d values, other file has %d x %d", b->n_tokens, b->dim,
                        a->n_tokens, a->dim);
    if (a->normalised != b->normalised)
        return fmt_fail(e, FMT_MISMATCH, "%s, other file has %s", b->normalised ? "normalised" : "not normalised",
                        a->normalised ? "normalised" : "not normalised");
    if (a->unit != b->unit)
        return fmt_fail(e, FMT_MISMATCH, "%s, other file has %s", b->unit ? "of unit length" : "of any length",
                        a->unit ? "of unit length" : "of any length");
    int status = recipe_compare(&a->recipe, &b->recipe, e);
    if (status)
        return status;
    if (!allow_precision && !feat_same_precision(a, b))
        return fmt_fail(e, FMT_MISMATCH, "precision %.40s, other file has %.40s (--allow-precision takes both)",
                        feat_precision(b), feat_precision(a));
    if (a->image_h != b->image_h || a->image_w != b->image_w || a->grid_h != b->grid_h || a->grid_w != b->grid_w)
        return fmt_fail(e, FMT_MISMATCH, "from images of %d x %d pixels, other file has %d x %d", b->image_h,
                        b->image_w, a->image_h, a->image_w);
    return compatible_classes(a, b, e);
}

bool feat_uncompared(const struct feat_header *a, const struct feat_header *b, char *text, size_t bytes)
{
    static const char *const all = "how the photographs were resized, cut and normalised";
    char names[400];
    bool neither = a->recipe.n == 0 && b->recipe.n == 0;
    int n = neither ? 0 : recipe_uncompared(&a->recipe, &b->recipe, names, sizeof names);
    snprintf(text, bytes, "cannot compare (missing in %s): %s", neither ? "both files" : "one file",
             neither ? all : names);
    return neither || n > 0;
}

/* ---------------------------------------------------------------- values as bytes */

/* Converts to the byte order of the host, in place. */
static void values_to_host(uint8_t *p, int64_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)p, (void)n;
#else
    for (int64_t i = 0; i < n; i++, p += 4) {
        struct bytes c = bytes_over(p, 4);
        uint32_t u = bytes_u32(&c);
        memcpy(p, &u, 4);
    }
#endif
}

/* ---------------------------------------------------------------- writing */

int feat_create(struct feat_writer *w, const struct fmt_writer *io, const struct feat_header *h,
                const struct provenance *p, struct fmt_error *e)
{
    *w = (struct feat_writer){.header = *h};
    int status = check_header(h, e);
    if (status)
        return status;
    int64_t row_bytes = feat_width(h) * (int64_t)sizeof(float), rows = ROW_TARGET / row_bytes;
    w->rows_per_block = (uint32_t)(rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows);
    size_t bytes_max = VALUES_AT + (size_t)row_bytes * w->rows_per_block + LABELS_MAX + LABELS_ROW_MAX + CONTENTS_MAX;
    struct block_header block = {BLOCK_FEAT, FEAT_MAJOR, FEAT_MINOR, .block_bytes_max = (uint32_t)bytes_max};
    struct fmt_buffer fields = {0};
    status = feat_header_put(h, &fields, e);
    if (status == 0)
        status = provenance_begin(p, io, &block, &fields, &w->block, e);
    memcpy(w->identity, block.identity, DIGEST_BYTES);
    fmt_buffer_release(&fields);
    return status;
}

static int flush(struct feat_writer *w, struct fmt_error *e)
{
    for (size_t i = 0; i < 4; i++)
        w->x.data[i] = (uint8_t)(w->n_rows >> (8 * i));
    if (bytes_put(&w->x, w->labels.data, w->labels.bytes) || bytes_put(&w->x, w->contents.data, w->contents.bytes))
        return fmt_no_memory(e);
    int status = block_add(&w->block, w->x.data, w->x.bytes, w->n_rows, BLOCK_STORED, e);
    w->n_rows = 0;
    w->x.bytes = w->labels.bytes = w->contents.bytes = 0;
    return status;
}

int feat_add(struct feat_writer *w, const struct feat_row *row, struct fmt_error *e)
{
    int64_t width = feat_width(&w->header);
    if (!finite_all(row->x, width))
        return fmt_fail(e, FMT_NONFINITE, "%s: a value is not finite", row->labels.key);
    static const uint8_t head[VALUES_AT]; /* flush sets the number of rows */
    if (w->n_rows == 0 && bytes_put(&w->x, head, VALUES_AT))
        return fmt_no_memory(e);
    int status = index_labels_put(&row->labels, w->header.n_classes, &w->labels, e);
    if (status)
        return status;
    static const uint8_t not_known[DIGEST_BYTES];
    if (bytes_put_f32s(&w->x, row->x, width) ||
        bytes_put(&w->contents, row->content ? row->content : not_known, DIGEST_BYTES))
        return fmt_no_memory(e);
    w->n_rows++;
    return w->n_rows == w->rows_per_block || w->labels.bytes >= LABELS_MAX ? flush(w, e) : 0;
}

int feat_finish(struct feat_writer *w, struct fmt_error *e)
{
    int status = w->n_rows > 0 ? flush(w, e) : 0;
    if (status == 0)
        status = block_finish(&w->block, e);
    feat_abandon(w);
    return status;
}

void feat_abandon(struct feat_writer *w)
{
    fmt_buffer_release(&w->x);
    fmt_buffer_release(&w->labels);
    fmt_buffer_release(&w->contents);
    block_abandon(&w->block);
}

/* ---------------------------------------------------------------- reading */

int feat_open(struct feat *f, const struct fmt_reader *io, struct fmt_error *e)
{
    *f = (struct feat){0};
    int status = block_open(&f->block, io, BLOCK_FEAT, e);
    struct bytes fields = bytes_over(f->block.header.fields, f->block.header.fields_bytes);
    if (status == 0)
        status = feat_header_take(&fields, f->block.header.minor, &f->header, e);
    if (status)
        feat_close(f);
    else
        f->width = feat_width(&f->header);
    return status;
}

static int take_block(const struct feat *f, struct feat_block *b, struct fmt_error *e)
{
    struct bytes c = bytes_over(b->buffer.raw, b->buffer.raw_bytes);
    uint32_t n = bytes_u32(&c);
    uint64_t reserved = bytes_u32(&c) | bytes_u64(&c);
    /* A division, since n may be anything and a product could overflow. */
    if (!bytes_ok(&c) || n < 1 || n > bytes_left(&c) / ((size_t)f->width * sizeof(float)))
        return fmt_fail(e, FMT_INVALID, "a block of features is too short for its %u rows", n);
    if (reserved)
        return fmt_fail(e, FMT_INVALID, "reserved bits of a block of features are set");
    const uint8_t *values = bytes_take(&c, (size_t)n * (size_t)f->width * sizeof(float));
    values_to_host(b->buffer.memory.data + (values - b->buffer.raw), (int64_t)n * f->width);
    b->x = (const float *)(const void *)values;
    if (!finite_all(b->x, (int64_t)n * f->width))
        return fmt_fail(e, FMT_NONFINITE, "a value of the rows from %lld is not finite",
                        (long long)b->buffer.first_record);
    if ((int64_t)n > b->labels_capacity) {
        free(b->labels_memory);
        b->labels_capacity = 0;
        if (!(b->labels_memory = malloc(n * sizeof *b->labels_memory)))
            return fmt_no_memory(e);
        b->labels_capacity = (int32_t)n;
    }
    for (uint32_t i = 0; i < n; i++) {
        int status = index_labels_take(&c, f->header.n_classes, &b->labels_memory[i], e);
        if (status)
            return status;
    }
    uint8_t minor = f->block.header.minor;
    b->contents = minor >= 1 ? bytes_take(&c, (size_t)n * DIGEST_BYTES) : NULL;
    if (!bytes_ok(&c) || (minor <= FEAT_MINOR && bytes_left(&c) > 0))
        return fmt_fail(e, FMT_INVALID, "a block of features has less or more than its %s",
                        FMT_COUNT(n, "row", "rows"));
    b->labels = b->labels_memory;
    b->n_rows = (int32_t)n;
    b->first_row = b->buffer.first_record;
    return 0;
}

int feat_next_block(struct feat *f, struct feat_block *b, struct fmt_error *e)
{
    int status = block_next(&f->block, &b->buffer, e);
    if (status || (status = take_block(f, b, e)))
        return status;
    return block_set_count(&f->block, &b->buffer, (uint32_t)b->n_rows, e);
}

int feat_read_block(const struct feat *f, int64_t i_block, struct feat_block *b, struct fmt_error *e)
{
    int status = block_read(&f->block, i_block, &b->buffer, e);
    if (status || (status = take_block(f, b, e)))
        return status;
    return block_check_count(&f->block, &b->buffer, (uint32_t)b->n_rows, e);
}

void feat_block_release(struct feat_block *b)
{
    block_buffer_release(&b->buffer);
    free(b->labels_memory);
    *b = (struct feat_block){0};
}

void feat_close(struct feat *f)
{
    feat_header_release(&f->header);
    block_close(&f->block);
    *f = (struct feat){0};
}

/* ---------------------------------------------------------------- a whole file */

static int table_append(struct feat_table *t, const struct feat_block *b, int64_t *capacity, struct fmt_error *e)
{
    if (t->n_rows + b->n_rows > *capacity) {
        int64_t more = *capacity * 2 > t->n_rows + b->n_rows ? *capacity * 2 : t->n_rows + b->n_rows;
        float *x = realloc(t->x, (size_t)more * (size_t)t->width * sizeof *x);
        if (x)
            t->x = x;
        struct index_labels *labels = realloc(t->labels, (size_t)more * sizeof *labels);
        if (labels)
            t->labels = labels;
        if (!x || !labels)
            return fmt_no_memory(e);
        *capacity = more;
    }
    memcpy(t->x + t->n_rows * t->width, b->x, (size_t)b->n_rows * (size_t)t->width * sizeof *t->x);
    for (int32_t i = 0; i < b->n_rows; i++) {
        int status = index_labels_copy(&t->text, &b->labels[i], &t->labels[t->n_rows + i], e);
        if (status)
            return status;
    }
    t->n_rows += b->n_rows;
    return 0;
}

int feat_load(struct feat_table *t, const struct fmt_reader *io, struct fmt_error *e)
{
    struct feat f;
    *t = (struct feat_table){0};
    int status = feat_open(&f, io, e);
    if (status)
        return status;
    t->header = f.header; /* now owned by the table; the reader still needs the number of classes */
    f.header = (struct feat_header){.n_classes = t->header.n_classes};
    t->width = f.width;
    memcpy(t->identity, f.block.header.identity, DIGEST_BYTES);
    struct feat_block b = {0};
    int64_t capacity = 0;
    while ((status = feat_next_block(&f, &b, e)) == 0)
        if ((status = table_append(t, &b, &capacity, e)))
            break;
    feat_block_release(&b);
    feat_close(&f);
    if (status == FMT_END)
        return 0;
    feat_table_release(t);
    return status;
}

void feat_table_release(struct feat_table *t)
{
    feat_header_release(&t->header);
    free(t->x);
    free(t->labels);
    text_release(&t->text);
    *t = (struct feat_table){0};
}
