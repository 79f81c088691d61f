/* ckpt-set.c - a small file: one block with an entry for each rank. */
#include "ckpt-set.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { ENTRY_BYTES = 8 + CKPT_CHECK_BYTES };

static int check_header(const struct ckpt_set *s, struct fmt_error *e)
{
    if (s->iteration < -1 || s->n_ranks < 2 || s->n_ranks > CKPT_RANKS_MAX)
        return fmt_fail(e, FMT_LIMIT, "iteration %lld of %d ranks", (long long)s->iteration, s->n_ranks);
    return 0;
}

/* ---------------------------------------------------------------- writing */

int ckpt_set_write(const struct ckpt_set *s, const struct provenance *p, const struct fmt_writer *io,
                   struct fmt_error *e)
{
    struct block_header h = {.kind = BLOCK_CKPT_SET, .major = CKPT_SET_MAJOR, .minor = CKPT_SET_MINOR};
    struct block_writer w;
    struct fmt_buffer fields = {0}, entries = {0};
    int status = check_header(s, e);
    if (status)
        return status;
    int bad = bytes_put_i64(&fields, s->iteration);
    bad |= bytes_put_u32(&fields, (uint32_t)s->n_ranks);
    bad |= bytes_put_u32(&fields, 0); /* reserved */
    for (int32_t r = 0; r < s->n_ranks; r++) {
        bad |= bytes_put_i64(&entries, s->seal[r].bytes);
        bad |= bytes_put(&entries, s->seal[r].check, CKPT_CHECK_BYTES);
    }
    h.block_bytes_max = (uint32_t)entries.bytes;
    status = bad ? fmt_no_memory(e) : provenance_begin(p, io, &h, &fields, &w, e);
    if (!status && !(status = block_add(&w, entries.data, entries.bytes, (uint32_t)s->n_ranks, BLOCK_STORED, e)))
        status = block_finish(&w, e);
    else if (!bad)
        block_abandon(&w);
    fmt_buffer_release(&fields);
    fmt_buffer_release(&entries);
    return status;
}

/* ---------------------------------------------------------------- reading */

static int take_fields(struct ckpt_set *s, const struct block_header *h, struct fmt_error *e)
{
    struct bytes c = bytes_over(h->fields, h->fields_bytes);
    s->iteration = bytes_i64(&c);
    s->n_ranks = bytes_i32(&c);
    uint32_t reserved = bytes_u32(&c);
    memcpy(s->identity, h->identity, DIGEST_BYTES);
    if (!bytes_ok(&c) || reserved || (h->minor <= CKPT_SET_MINOR && bytes_left(&c) > 0))
        return fmt_fail(e, FMT_INVALID, "the header of the set is damaged");
    return check_header(s, e);
}

static int take_entries(struct ckpt_set *s, const struct block_buffer *b, struct fmt_error *e)
{
    struct bytes c = bytes_over(b->raw, b->raw_bytes);
    if (b->raw_bytes != (size_t)s->n_ranks * ENTRY_BYTES)
        return fmt_fail(e, FMT_INVALID, "%zu bytes for %d ranks", b->raw_bytes, s->n_ranks);
    s->seal = malloc((size_t)s->n_ranks * sizeof *s->seal);
    if (!s->seal)
        return fmt_no_memory(e);
    for (int32_t r = 0; r < s->n_ranks; r++) {
        s->seal[r].bytes = bytes_i64(&c);
        memcpy(s->seal[r].check, bytes_take(&c, CKPT_CHECK_BYTES), CKPT_CHECK_BYTES);
        if (s->seal[r].bytes < 0)
            return fmt_fail(e, FMT_LIMIT, "the size of rank %d is beyond its limit", r);
    }
    return 0;
}

static int read_blocks(struct ckpt_set *s, struct block_reader *r, struct fmt_error *e)
{
    struct block_buffer b = {0};
    int status = take_fields(s, &r->header, e);
    if (!status && (status = block_next(r, &b, e)) == FMT_END)
        status = fmt_fail(e, FMT_INVALID, "no block");
    if (!status)
        status = block_set_count(r, &b, (uint32_t)s->n_ranks, e);
    if (!status)
        status = take_entries(s, &b, e);
    if (!status && (status = block_next(r, &b, e)) == 0)
        status = fmt_fail(e, FMT_INVALID, "more than one block");
    block_buffer_release(&b);
    return status == FMT_END ? 0 : status;
}

int ckpt_set_read(struct ckpt_set *s, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    *s = (struct ckpt_set){0};
    int status = block_open(&r, io, BLOCK_CKPT_SET, e);
    if (status)
        return status;
    status = read_blocks(s, &r, e);
    block_close(&r);
    if (status)
        ckpt_set_release(s);
    return status;
}

void ckpt_set_release(struct ckpt_set *s)
{
    free(s->seal);
    *s = (struct ckpt_set){0};
}

/* ---------------------------------------------------------------- checking */

int ckpt_set_has(const struct ckpt_set *s, int32_t rank, const struct ckpt *c, struct fmt_error *e)
{
    const struct ckpt_seal *seal = &s->seal[rank];
    if (!c->part || c->header.n_ranks != s->n_ranks || c->header.rank != rank)
        return fmt_fail(e, FMT_MISMATCH, "of rank %d of %d", c->header.rank, c->header.n_ranks);
    if (c->header.iteration != s->iteration)
        return fmt_fail(e, FMT_MISMATCH, "of iteration %lld", (long long)c->header.iteration);
    if (memcmp(c->block.header.identity, s->identity, DIGEST_BYTES) != 0)
        return fmt_fail(e, FMT_MISMATCH, "of another run");
    if (c->seal.bytes != seal->bytes || memcmp(c->seal.check, seal->check, CKPT_CHECK_BYTES) != 0)
        return fmt_fail(e, FMT_MISMATCH, "other bytes");
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const struct ckpt_part *x = a, *y = b;
    if (x->first != y->first)
        return (x->first > y->first) - (x->first < y->first);
    return (x->count > y->count) - (x->count < y->count); /* an empty part before one that begins there */
}

static int fail_range(struct fmt_error *e, int64_t from, int64_t to, const char *what)
{
    if (to - from == 1)
        return fmt_fail(e, FMT_INVALID, "element %lld is %s", (long long)from, what);
    return fmt_fail(e, FMT_INVALID, "elements %lld to %lld are %s", (long long)from, (long long)to - 1, what);
}

int ckpt_set_check_parts(struct ckpt_part *part, int32_t n_parts, int64_t n, struct fmt_error *e)
{
    int64_t end = 0;
    qsort(part, (size_t)n_parts, sizeof *part, by_first);
    for (int32_t i = 0; i < n_parts; i++) {
        const struct ckpt_part *p = &part[i];
        if (p->count == 0)
            continue;
        if (p->first > end)
            return fail_range(e, end, p->first, "missing");
        if (p->first < end)
            return fail_range(e, p->first, p->first + p->count < end ? p->first + p->count : end, "there twice");
        end = p->first + p->count;
    }
    return end < n ? fail_range(e, end, n, "missing") : 0;
}
