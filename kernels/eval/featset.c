/* featset.c - one pass over the file takes the labels, and the values if they are to be held. */
#include "eval/featset.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

static int no_memory(const struct featset *s, struct fmt_error *e)
{
    return fmt_fail(e, FMT_MEMORY, "%s: out of memory after %lld rows", s->path, (long long)s->n);
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

static int make_room(struct featset *s, int64_t n, bool hold, struct fmt_error *e)
{
    if (n <= s->room)
        return 0;
    int64_t room = num_max(n, num_max(1024, s->room + s->room / 2));
    if (s->feat.block.seekable)
        room = num_max(n, s->feat.block.n_records);
    if (resize(&s->label, room, sizeof *s->label) || resize(&s->shot, room, sizeof *s->shot) ||
        resize(&s->key, room, sizeof *s->key) || resize(&s->group, room, sizeof *s->group) ||
        resize(&s->extra, room, sizeof *s->extra) || (hold && resize(&s->x, room, (size_t)s->width * sizeof *s->x)))
        return no_memory(s, e);
    s->room = room;
    return 0;
}

static int take_block(struct featset *s, const struct feat_block *b, bool hold, struct fmt_error *e)
{
    int status = make_room(s, s->n + b->n_rows, hold, e);
    if (status)
        return status;
    for (int32_t i = 0; i < b->n_rows; i++, s->n++) {
        const struct index_labels *l = &b->labels[i];
        s->label[s->n] = l->label;
        s->shot[s->n] = l->shot;
        s->key[s->n] = text_copy(&s->text, l->key, strlen(l->key));
        s->group[s->n] = text_copy(&s->text, l->group, strlen(l->group));
        s->extra[s->n] = text_copy(&s->text, l->extra, strlen(l->extra));
        if (!s->key[s->n] || !s->group[s->n] || !s->extra[s->n])
            return no_memory(s, e);
    }
    if (hold)
        memcpy(s->x + (s->n - b->n_rows) * s->width, b->x, (size_t)(b->n_rows * s->width) * sizeof *s->x);
    return 0;
}

static int read_all(struct featset *s, int64_t hold_bytes, struct fmt_error *e)
{
    struct fmt_reader reader = file_reader(&s->file);
    int status = feat_open(&s->feat, &reader, e);
    if (status)
        return status;
    s->header = s->feat.header;
    s->width = s->feat.width;
    memcpy(s->identity, s->feat.block.header.identity, DIGEST_BYTES);
    bool seekable = s->feat.block.seekable;
    bool hold = !seekable || s->feat.block.n_records <= hold_bytes / (s->width * (int64_t)sizeof(float));
    while ((status = feat_next_block(&s->feat, &s->block, e)) == 0)
        if ((status = take_block(s, &s->block, hold, e)) != 0)
            return status;
    return status == FMT_END ? 0 : status;
}

int featset_open(struct featset *s, const char *path, int64_t hold_bytes, struct fmt_error *e)
{
    *s = (struct featset){.path = path, .file.fd = -1};
    int status = file_open(&s->file, path, e);
    if (status)
        return status;
    status = read_all(s, hold_bytes, e);
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
    text_release(&s->text);
    free(s->label);
    free(s->shot);
    free(s->key);
    free(s->group);
    free(s->extra);
    free(s->x);
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

int featset_check(const struct featset *s, const struct feat_header *h, const char *name, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct feat_header own = s->header;
    if (own.n_classes == 0) {
        own.class_name = h->class_name;
        own.n_classes = h->n_classes;
    }
    int status = feat_compatible(h, &own, &why);
    return status ? fmt_fail(e, (enum fmt_status)status, "%s: does not go with %s: %s", s->path, name, why.text) : 0;
}

int64_t featset_n_labelled(const struct featset *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++)
        n += s->label[i] >= 0;
    return n;
}
