/* verify.c - one walk for each kind, by the functions that all readers of that kind use. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "bank.h"
#include "ckpt-set.h"
#include "feat.h"
#include "index.h"
#include "inspector.h"
#include "linear.h"
#include "readings.h"
#include "shard.h"
#include "views.h"

struct walk {
    struct verify_counts *n;
    void (*step)(void *arg, int64_t n_records);
    void *arg;
};

static void count(struct walk *w, int64_t n)
{
    w->n->n_records += n;
    if (w->step)
        w->step(w->arg, w->n->n_records);
}

/* ---------------------------------------------------------------- the first bytes */

static int64_t peeked_read(void *arg, void *buffer, size_t n)
{
    struct verify_peek *p = arg;
    if (p->at == p->n)
        return p->source.read(p->source.arg, buffer, n);
    size_t take = p->n - p->at < n ? p->n - p->at : n;
    memcpy(buffer, p->first + p->at, take);
    p->at += take;
    return (int64_t)take;
}

enum block_kind verify_peek(struct verify_peek *p, const struct fmt_reader *io)
{
    *p = (struct verify_peek){.io = *io, .source = *io};
    bool seekable = io->read_at && io->size != UINT64_MAX;
    while (p->n < sizeof p->first) {
        int64_t got = seekable ? io->read_at(io->arg, p->n, p->first + p->n, sizeof p->first - p->n)
                               : io->read(io->arg, p->first + p->n, sizeof p->first - p->n);
        if (got <= 0)
            break; /* whoever reads on meets the end, or the error, again */
        p->n += (size_t)got;
    }
    if (!seekable)
        p->io = (struct fmt_reader){p, peeked_read, NULL, UINT64_MAX};
    return block_kind_of(p->first, p->n);
}

/* ---------------------------------------------------------------- walks */

static int walk_index(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct index x;
    int status = index_read(&x, io, e);
    if (status)
        return status;
    count(w, x.n_entries);
    index_release(&x);
    return 0;
}

static int walk_shard(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct shard s;
    struct block_buffer b = {0};
    struct shard_image image;
    int status = shard_open(&s, io, e);
    if (status)
        return status;
    while ((status = shard_next(&s, &b, &image, e)) == 0)
        count(w, 1);
    block_buffer_release(&b);
    shard_close(&s);
    return status;
}

static int walk_views(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct views v;
    struct views_batch batch = {0};
    int status = views_open(&v, io, e);
    if (status)
        return status;
    status = views_batch_init(&batch, &v.header, e);
    while (status == 0 && (status = views_next(&v, &batch, e)) == 0)
        count(w, 1);
    views_batch_release(&batch);
    views_close(&v);
    return status;
}

static int walk_feat(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct feat f;
    struct feat_block b = {0};
    int status = feat_open(&f, io, e);
    if (status)
        return status;
    while ((status = feat_next_block(&f, &b, e)) == 0)
        count(w, b.n_rows);
    feat_block_release(&b);
    feat_close(&f);
    return status;
}

/* Piece by piece, since a tensor may be larger than memory. */
static int walk_ckpt(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct ckpt c;
    struct block_buffer b = {0};
    int status = ckpt_open(&c, io, e);
    if (status)
        return status;
    for (int64_t i = 0; i < c.n_tensors && status == 0; i++)
        if ((status = ckpt_check(&c, i, &b, e)) == 0)
            count(w, 1);
    if (status == 0)
        status = ckpt_check_end(&c, &b, e);
    block_buffer_release(&b);
    ckpt_close(&c);
    return status;
}

/* The files that the set names are elsewhere. */
static int walk_ckpt_set(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct ckpt_set s;
    int status = ckpt_set_read(&s, io, e);
    if (status)
        return status;
    count(w, s.n_ranks);
    ckpt_set_release(&s);
    return 0;
}

static int walk_linear(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct linear m;
    int status = linear_read(&m, io, e);
    if (status)
        return status;
    count(w, m.n_rows);
    linear_release(&m);
    return 0;
}

static int walk_readings(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct readings r;
    struct image_reading reading;
    int status = readings_open(&r, io, e);
    if (status)
        return status;
    while ((status = readings_next(&r, &reading, e)) == 0)
        count(w, 1);
    readings_close(&r);
    return status;
}

static int walk_bank(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    struct bank b;
    int status = bank_read(&b, io, e);
    if (status)
        return status;
    count(w, b.n_photographs + b.n_vectors);
    bank_release(&b);
    return 0;
}

static void count_members(void *arg, int64_t n)
{
    struct walk *w = arg;
    count(w, n - w->n->n_records);
}

static int walk_inspector(const struct fmt_reader *io, struct walk *w, struct fmt_error *e)
{
    int64_t n = 0;
    return inspector_check(io, count_members, w, &n, e);
}

int verify_whole(const struct fmt_reader *io, struct verify_counts *n, void (*step)(void *arg, int64_t n_records),
                 void *arg, struct fmt_error *e)
{
    struct verify_peek p;
    struct walk w = {n, step, arg};
    struct block_reader r;
    *n = (struct verify_counts){verify_peek(&p, io), 0};
    int status = 0;
    switch (n->kind) {
    case BLOCK_INDEX: status = walk_index(&p.io, &w, e); break;
    case BLOCK_SHARD: status = walk_shard(&p.io, &w, e); break;
    case BLOCK_VIEWS: status = walk_views(&p.io, &w, e); break;
    case BLOCK_FEAT: status = walk_feat(&p.io, &w, e); break;
    case BLOCK_CKPT: status = walk_ckpt(&p.io, &w, e); break;
    case BLOCK_LINEAR: status = walk_linear(&p.io, &w, e); break;
    case BLOCK_READINGS: status = walk_readings(&p.io, &w, e); break;
    case BLOCK_CKPT_SET: status = walk_ckpt_set(&p.io, &w, e); break;
    case BLOCK_BANK: status = walk_bank(&p.io, &w, e); break;
    case BLOCK_INSPECTOR: status = walk_inspector(&p.io, &w, e); break;
    case BLOCK_ANY: /* block_open finds the reason */
        if ((status = block_open(&r, &p.io, BLOCK_ANY, e)) == 0) {
            block_close(&r);
            status = fmt_fail(e, FMT_MAGIC, "not a file of dinotools");
        }
    }
    return status == FMT_END ? 0 : status;
}
