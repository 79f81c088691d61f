/* featset.c - one pass over the file takes the labels, and the values if they are to be held. The blocks of a seekable
 * file are taken by all threads, each to its rows; those of a pipe one after the other. */
#include "featset.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

static int no_memory(struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "out of memory for the rows");
}

static int resize(void *array, int64_t n, size_t bytes_each)
{
    size_t bytes;
    void **p = array;
    void *grown = num_mul((size_t)n, bytes_each, &bytes) ? realloc(*p, bytes) : NULL;
    if (grown)
        *p = grown;
    return grown ? 0 : -1;
}

/* An arena, for its large pages; grown by copying, which only a pipe's values are. */
static int make_room_for_values(struct featset *s, int64_t n, struct fmt_error *e)
{
    struct arena grown = {0};
    size_t bytes;
    if (!num_mul((size_t)n, (size_t)s->width * sizeof(float), &bytes))
        return no_memory(e);
    ARENA_TAKE(&grown, float, n * s->width);
    int status = arena_init(&grown, grown.high, e);
    if (status)
        return status;
    float *x = ARENA_TAKE(&grown, float, n * s->width);
    if (s->n > 0)
        memcpy(x, s->x, (size_t)(s->n * s->width) * sizeof *x);
    arena_release(&s->values);
    s->values = grown;
    s->x = x;
    return 0;
}

static int make_room(struct featset *s, int64_t n, bool hold, struct fmt_error *e)
{
    if (n <= s->room)
        return 0;
    if (resize(&s->label, n, sizeof *s->label) || resize(&s->shot, n, sizeof *s->shot) ||
        resize(&s->key, n, sizeof *s->key) || resize(&s->group, n, sizeof *s->group) ||
        resize(&s->extra, n, sizeof *s->extra) || resize(&s->content, n, sizeof *s->content))
        return no_memory(e);
    s->room = n;
    return hold ? make_room_for_values(s, n, e) : 0;
}

static int make_texts(struct featset *s, int n, struct fmt_error *e)
{
    s->text = calloc((size_t)n, sizeof *s->text);
    s->n_texts = s->text ? n : 0;
    return s->text ? 0 : no_memory(e);
}

static int take_block(struct featset *s, const struct feat_block *b, int64_t row, struct text_pool *text,
                      struct fmt_error *e)
{
    static const uint8_t not_known[DIGEST_BYTES];
    for (int64_t i = 0, to = row; i < b->n_rows; i++, to++) {
        const struct index_labels *l = &b->labels[i];
        s->label[to] = l->label;
        s->shot[to] = l->group_view;
        s->key[to] = text_copy(text, l->key, strlen(l->key));
        s->group[to] = text_copy(text, l->group, strlen(l->group));
        s->extra[to] = text_copy(text, l->extra, strlen(l->extra));
        memcpy(s->content[to], b->contents ? b->contents + i * DIGEST_BYTES : not_known, DIGEST_BYTES);
        if (!s->key[to] || !s->group[to] || !s->extra[to])
            return no_memory(e);
    }
    if (s->x)
        memcpy(s->x + row * s->width, b->x, (size_t)(b->n_rows * s->width) * sizeof *s->x);
    return 0;
}

static int read_stream(struct featset *s, struct fmt_error *e)
{
    int status = make_texts(s, 1, e);
    while (!status && (status = feat_next_block(&s->feat, &s->block, e)) == 0) {
        int64_t n = s->n + s->block.n_rows;
        if (n > s->room)
            status = make_room(s, num_max(n, num_max(1024, s->room + s->room / 2)), true, e);
        if (!status)
            status = take_block(s, &s->block, s->n, s->text, e);
        s->n = n;
    }
    return status == FMT_END ? 0 : status;
}

struct taker { /* of one thread */
    struct feat_block block;
    int status;
    int64_t i_failed; /* the first block that it could not take: blocks are handed out in order */
    struct fmt_error error;
};

struct taking {
    struct featset *s;
    struct taker *taker;
};

static void take_item(void *arg, int64_t i_block, int worker)
{
    const struct taking *t = arg;
    struct taker *own = &t->taker[worker];
    if (own->status)
        return;
    own->status = feat_read_block(&t->s->feat, i_block, &own->block, &own->error);
    if (!own->status)
        own->status = take_block(t->s, &own->block, own->block.first_row, &t->s->text[worker], &own->error);
    if (own->status)
        own->i_failed = i_block;
}

/* What went wrong first in the file, whoever found it. */
static int first_failure(const struct taker *taker, int n, struct fmt_error *e)
{
    const struct taker *first = NULL;
    for (int i = 0; i < n; i++)
        if (taker[i].status && (!first || taker[i].i_failed < first->i_failed))
            first = &taker[i];
    return first ? fmt_fail(e, (enum fmt_status)first->status, "%s", first->error.text) : 0;
}

static int read_blocks(struct featset *s, int64_t hold_bytes, struct thread_pool *pool, struct fmt_error *e)
{
    int n_takers = thread_workers(pool);
    int64_t n = s->feat.block.n_records;
    bool hold = n <= hold_bytes / (s->width * (int64_t)sizeof(float));
    struct taking t = {s, calloc((size_t)n_takers, sizeof *t.taker)};
    int status = t.taker ? make_texts(s, n_takers, e) : no_memory(e);
    if (!status)
        status = make_room(s, n, hold, e);
    if (!status) {
        thread_for(pool, s->feat.block.n_blocks, take_item, &t);
        status = first_failure(t.taker, n_takers, e);
        s->n = n;
    }
    for (int i = 0; t.taker && i < n_takers; i++)
        feat_block_release(&t.taker[i].block);
    free(t.taker);
    return status;
}

static int read_all(struct featset *s, int64_t hold_bytes, struct thread_pool *pool, struct fmt_error *e)
{
    struct fmt_reader reader = file_reader(&s->file);
    int status = feat_open(&s->feat, &reader, e);
    if (status)
        return status;
    s->header = s->feat.header;
    s->width = s->feat.width;
    memcpy(s->identity, s->feat.block.header.identity, DIGEST_BYTES);
    return s->feat.block.seekable ? read_blocks(s, hold_bytes, pool, e) : read_stream(s, e);
}

int featset_open(struct featset *s, const char *path, int64_t hold_bytes, struct thread_pool *pool,
                 struct fmt_error *e)
{
    *s = (struct featset){.path = path, .file.fd = -1};
    int status = file_open(&s->file, path, e);
    if (status)
        return status;
    status = read_all(s, hold_bytes, pool, e);
    if (!status && s->n == 0)
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
    free(s->label);
    free(s->shot);
    free(s->key);
    free(s->group);
    free(s->extra);
    free(s->content);
    arena_release(&s->values);
    *s = (struct featset){.file.fd = -1};
}

static int read_rows(void *arg, int64_t first, int64_t n, float *x, struct fmt_error *e)
{
    struct featset *s = arg;
    if (s->x) {
        memcpy(x, s->x + first * s->width, (size_t)(n * s->width) * sizeof *x);
        return 0;
    }
    while (n > 0) {
        struct feat_block *b = &s->block;
        if (b->n_rows == 0 || first < b->first_row || first >= b->first_row + b->n_rows) {
            int status = feat_read_block(&s->feat, block_of_record(&s->feat.block, first), b, e);
            if (status) {
                fmt_prefix(e, s->path);
                return status;
            }
        }
        int64_t part = num_min(n, b->first_row + b->n_rows - first);
        memcpy(x, b->x + (first - b->first_row) * s->width, (size_t)(part * s->width) * sizeof *x);
        first += part;
        n -= part;
        x += part * s->width;
    }
    return 0;
}

struct knn_rows featset_rows(struct featset *s)
{
    return (struct knn_rows){s, s->n, s->width, read_rows};
}

int64_t featset_n_labelled(const struct featset *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++)
        n += s->label[i] >= 0;
    return n;
}
