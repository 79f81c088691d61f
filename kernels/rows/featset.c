/* featset.c - one pass over the file reads the labels, and the values if they fit in memory. All threads read the
 * blocks of a seekable file; those of a pipe are read one after another. */
#include "featset.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

static const unsigned columns =
    ROWS_LABEL | ROWS_GROUP_VIEW | ROWS_KEY | ROWS_GROUP_NAME | ROWS_EXTRA | ROWS_CONTENT;

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the rows");
}

/* A context for copies. They use no scratch, so any arena that has memory will do. */
static struct op_ctx copying(const struct device *device, struct device_arena *memory)
{
    return (struct op_ctx){.backend = device->backend, .scratch = memory};
}

/* Grows by copying; only needed for the values of a pipe. */
static int reserve_values(struct featset *s, int64_t n, const struct device *device, struct fmt_error *e)
{
    struct device_arena grown = {0};
    TENSOR_TAKE(&grown, DTYPE_F32, n, s->rows.dim);
    int status = device_arena_init(&grown, device->backend, grown.high, e);
    if (status)
        return status;
    struct tensor x = TENSOR_TAKE(&grown, DTYPE_F32, n, s->rows.dim);
    struct op_ctx c = copying(device, &grown);
    if (s->rows.n > 0)
        op_copy(&c, tensor_rows(x, 0, s->rows.n), tensor_rows(s->rows.x, 0, s->rows.n));
    status = op_sync(&c, e);
    device_arena_release(&s->values);
    s->values = grown;
    s->rows.x = x;
    return status;
}

static int reserve(struct featset *s, int64_t n, bool in_memory, const struct device *device, struct fmt_error *e)
{
    if (n <= s->capacity)
        return 0;
    int status = rows_reserve(&s->rows, columns, n, e);
    s->capacity = status ? s->capacity : n;
    return status || !in_memory ? status : reserve_values(s, n, device, e);
}

static int open_texts(struct featset *s, int n, struct fmt_error *e)
{
    s->text = calloc((size_t)n, sizeof *s->text);
    s->n_texts = s->text ? n : 0;
    return s->text ? 0 : no_memory(e);
}

/* Stores the rows of a block as rows row, row + 1 ... of the set. */
static int store_block(struct featset *s, const struct feat_block *b, int64_t row, const struct device *device,
                       struct text_pool *text, struct fmt_error *e)
{
    static const uint8_t unknown[DIGEST_BYTES];
    struct rows *r = &s->rows;
    for (int64_t i = 0, to = row; i < b->n_rows; i++, to++) {
        const struct index_labels *l = &b->labels[i];
        r->label[to] = l->label;
        r->group_view[to] = l->group_view;
        r->key[to] = text_copy(text, l->key, strlen(l->key));
        r->group_name[to] = text_copy(text, l->group, strlen(l->group));
        r->extra[to] = text_copy(text, l->extra, strlen(l->extra));
        memcpy(r->content[to], b->contents ? b->contents + i * DIGEST_BYTES : unknown, DIGEST_BYTES);
        if (!r->key[to] || !r->group_name[to] || !r->extra[to])
            return no_memory(e);
    }
    if (!tensor_given(r->x))
        return 0;
    struct op_ctx c = copying(device, &s->values);
    op_copy_in(&c, tensor_rows(r->x, row, b->n_rows), b->x);
    return op_sync(&c, e);
}

static int read_stream(struct featset *s, const struct device *device, struct fmt_error *e)
{
    int status = open_texts(s, 1, e);
    while (!status && (status = feat_next_block(&s->feat, &s->block, e)) == 0) {
        int64_t n = s->rows.n + s->block.n_rows;
        if (n > s->capacity)
            status = reserve(s, num_max(n, num_max(1024, s->capacity + s->capacity / 2)), true, device, e);
        if (!status)
            status = store_block(s, &s->block, s->rows.n, device, s->text, e);
        s->rows.n = n;
    }
    return status == FMT_END ? 0 : status;
}

struct reader { /* of one thread */
    struct feat_block block;
    int status;
    int64_t i_failed; /* the first block that failed: blocks are assigned in order */
    struct fmt_error error;
};

struct reading {
    struct featset *s;
    const struct device *device;
    struct reader *reader;
};

static void read_block(void *arg, int64_t i_block, int worker)
{
    const struct reading *t = arg;
    struct reader *own = &t->reader[worker];
    if (own->status)
        return;
    own->status = feat_read_block(&t->s->feat, i_block, &own->block, &own->error);
    if (!own->status)
        own->status = store_block(t->s, &own->block, own->block.first_row, t->device, &t->s->text[worker],
                                  &own->error);
    if (own->status)
        own->i_failed = i_block;
}

/* The first failure in the order of the file, independent of threads. */
static int first_failure(const struct reader *reader, int n, struct fmt_error *e)
{
    const struct reader *first = NULL;
    for (int i = 0; i < n; i++)
        if (reader[i].status && (!first || reader[i].i_failed < first->i_failed))
            first = &reader[i];
    return first ? fmt_fail(e, (enum fmt_status)first->status, "%s", first->error.text) : 0;
}

static int read_blocks(struct featset *s, int64_t memory_bytes, const struct device *device, struct fmt_error *e)
{
    int n_readers = thread_workers(device->pool);
    int64_t n = s->feat.block.n_records;
    bool in_memory = n <= memory_bytes / (s->rows.dim * (int64_t)sizeof(float));
    struct reading t = {s, device, calloc((size_t)n_readers, sizeof *t.reader)};
    int status = t.reader ? open_texts(s, n_readers, e) : no_memory(e);
    if (!status)
        status = reserve(s, n, in_memory, device, e);
    if (!status) {
        thread_for(device->pool, s->feat.block.n_blocks, read_block, &t);
        status = first_failure(t.reader, n_readers, e);
        s->rows.n = n;
    }
    for (int i = 0; t.reader && i < n_readers; i++)
        feat_block_release(&t.reader[i].block);
    free(t.reader);
    return status;
}

/* struct rows.read */
static int read_values(void *arg, int64_t first, int64_t n, const float **x, int64_t *n_read, struct fmt_error *e)
{
    struct featset *s = arg;
    struct feat_block *b = &s->block;
    if (b->n_rows == 0 || first < b->first_row || first >= b->first_row + b->n_rows) {
        int status = feat_read_block(&s->feat, block_of_record(&s->feat.block, first), b, e);
        if (status) {
            fmt_prefix(e, s->path);
            return status;
        }
    }
    *x = b->x + (first - b->first_row) * s->rows.dim;
    *n_read = num_min(n, b->first_row + b->n_rows - first);
    return 0;
}

static int read_all(struct featset *s, int64_t memory_bytes, const struct device *device, struct fmt_error *e)
{
    struct fmt_reader reader = file_reader(&s->file);
    int status = feat_open(&s->feat, &reader, e);
    if (status)
        return status;
    s->header = s->feat.header;
    s->rows.dim = s->feat.width;
    s->rows.read = read_values;
    s->rows.arg = s;
    memcpy(s->identity, s->feat.block.header.identity, DIGEST_BYTES);
    return s->feat.block.seekable ? read_blocks(s, memory_bytes, device, e) : read_stream(s, device, e);
}

int featset_open(struct featset *s, const char *path, int64_t memory_bytes, const struct device *device,
                 struct fmt_error *e)
{
    *s = (struct featset){.path = path, .file.fd = -1};
    int status = file_open(&s->file, path, e);
    if (status)
        return status;
    status = read_all(s, memory_bytes, device, e);
    if (!status && s->rows.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no rows");
    if (status) {
        fmt_prefix(e, path);
        featset_close(s);
    }
    return status;
}

void featset_close(struct featset *s)
{
    feat_block_release(&s->block);
    feat_close(&s->feat);
    file_close(&s->file);
    for (int i = 0; i < s->n_texts; i++)
        text_release(&s->text[i]);
    free(s->text);
    rows_release(&s->rows);
    device_arena_release(&s->values);
    *s = (struct featset){.file.fd = -1};
}
