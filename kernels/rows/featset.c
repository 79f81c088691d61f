/* featset.c - one pass over the file reads the labels, and the values if they fit in memory. The blocks of a seekable
 * file are read by all threads, those of a pipe one after the other. */
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

/* An arena, for its large pages. It grows by copying: only the values of a pipe do so. */
static int reserve_values(struct featset *s, int64_t n, struct fmt_error *e)
{
    struct arena grown = {0};
    ARENA_TAKE(&grown, float, n * s->rows.dim);
    int status = arena_init(&grown, grown.high, e);
    if (status)
        return status;
    float *x = ARENA_TAKE(&grown, float, n * s->rows.dim);
    if (s->rows.n > 0)
        memcpy(x, s->x, (size_t)(s->rows.n * s->rows.dim) * sizeof *x);
    arena_release(&s->values);
    s->values = grown;
    s->rows.x = s->x = x;
    return 0;
}

static int reserve(struct featset *s, int64_t n, bool in_memory, struct fmt_error *e)
{
    if (n <= s->capacity)
        return 0;
    int status = rows_reserve(&s->rows, columns, n, e);
    s->capacity = status ? s->capacity : n;
    return status || !in_memory ? status : reserve_values(s, n, e);
}

static int open_texts(struct featset *s, int n, struct fmt_error *e)
{
    s->text = calloc((size_t)n, sizeof *s->text);
    s->n_texts = s->text ? n : 0;
    return s->text ? 0 : no_memory(e);
}

/* The rows of a block become rows row, row + 1 ... of the set. */
static int take_block(struct featset *s, const struct feat_block *b, int64_t row, struct text_pool *text,
                      struct fmt_error *e)
{
    static const uint8_t not_known[DIGEST_BYTES];
    struct rows *r = &s->rows;
    for (int64_t i = 0, to = row; i < b->n_rows; i++, to++) {
        const struct index_labels *l = &b->labels[i];
        r->label[to] = l->label;
        r->group_view[to] = l->group_view;
        r->key[to] = text_copy(text, l->key, strlen(l->key));
        r->group_name[to] = text_copy(text, l->group, strlen(l->group));
        r->extra[to] = text_copy(text, l->extra, strlen(l->extra));
        memcpy(r->content[to], b->contents ? b->contents + i * DIGEST_BYTES : not_known, DIGEST_BYTES);
        if (!r->key[to] || !r->group_name[to] || !r->extra[to])
            return no_memory(e);
    }
    if (s->x)
        memcpy(s->x + row * r->dim, b->x, (size_t)(b->n_rows * r->dim) * sizeof *s->x);
    return 0;
}

static int read_stream(struct featset *s, struct fmt_error *e)
{
    int status = open_texts(s, 1, e);
    while (!status && (status = feat_next_block(&s->feat, &s->block, e)) == 0) {
        int64_t n = s->rows.n + s->block.n_rows;
        if (n > s->capacity)
            status = reserve(s, num_max(n, num_max(1024, s->capacity + s->capacity / 2)), true, e);
        if (!status)
            status = take_block(s, &s->block, s->rows.n, s->text, e);
        s->rows.n = n;
    }
    return status == FMT_END ? 0 : status;
}

struct reader { /* of one thread */
    struct feat_block block;
    int status;
    int64_t i_failed; /* the first block that failed: blocks are handed out in order */
    struct fmt_error error;
};

struct reading {
    struct featset *s;
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
        own->status = take_block(t->s, &own->block, own->block.first_row, &t->s->text[worker], &own->error);
    if (own->status)
        own->i_failed = i_block;
}

/* The failure that comes first in the file, whichever thread found it. */
static int first_failure(const struct reader *reader, int n, struct fmt_error *e)
{
    const struct reader *first = NULL;
    for (int i = 0; i < n; i++)
        if (reader[i].status && (!first || reader[i].i_failed < first->i_failed))
            first = &reader[i];
    return first ? fmt_fail(e, (enum fmt_status)first->status, "%s", first->error.text) : 0;
}

static int read_blocks(struct featset *s, int64_t memory_bytes, struct thread_pool *pool, struct fmt_error *e)
{
    int n_readers = thread_workers(pool);
    int64_t n = s->feat.block.n_records;
    bool in_memory = n <= memory_bytes / (s->rows.dim * (int64_t)sizeof(float));
    struct reading t = {s, calloc((size_t)n_readers, sizeof *t.reader)};
    int status = t.reader ? open_texts(s, n_readers, e) : no_memory(e);
    if (!status)
        status = reserve(s, n, in_memory, e);
    if (!status) {
        thread_for(pool, s->feat.block.n_blocks, read_block, &t);
        status = first_failure(t.reader, n_readers, e);
        s->rows.n = n;
    }
    for (int i = 0; t.reader && i < n_readers; i++)
        feat_block_release(&t.reader[i].block);
    free(t.reader);
    return status;
}

/* struct rows.read */
static int read_values(void *arg, int64_t first, int64_t n, float *x, struct fmt_error *e)
{
    struct featset *s = arg;
    for (int64_t part; n > 0; first += part, n -= part, x += part * s->rows.dim) {
        struct feat_block *b = &s->block;
        if (b->n_rows == 0 || first < b->first_row || first >= b->first_row + b->n_rows) {
            int status = feat_read_block(&s->feat, block_of_record(&s->feat.block, first), b, e);
            if (status) {
                fmt_prefix(e, s->path);
                return status;
            }
        }
        part = num_min(n, b->first_row + b->n_rows - first);
        memcpy(x, b->x + (first - b->first_row) * s->rows.dim, (size_t)(part * s->rows.dim) * sizeof *x);
    }
    return 0;
}

static int read_all(struct featset *s, int64_t memory_bytes, struct thread_pool *pool, struct fmt_error *e)
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
    return s->feat.block.seekable ? read_blocks(s, memory_bytes, pool, e) : read_stream(s, e);
}

int featset_open(struct featset *s, const char *path, int64_t memory_bytes, struct thread_pool *pool,
                 struct fmt_error *e)
{
    *s = (struct featset){.path = path, .file.fd = -1};
    int status = file_open(&s->file, path, e);
    if (status)
        return status;
    status = read_all(s, memory_bytes, pool, e);
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
    arena_release(&s->values);
    *s = (struct featset){.file.fd = -1};
}
