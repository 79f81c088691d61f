/* bank.c - fields, then blocks of photographs, then blocks of vectors. The fields say how many records are photographs,
 * so that a reader knows what a block holds without looking into it. */
#include "bank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "finite.h"

#define BLOCK_TARGET ((size_t)1 << 20)
#define PHOTOGRAPH_BYTES_MAX ((size_t)16 << 10) /* two texts at their limits and the rest of the record */

static size_t vector_bytes(const struct bank *b)
{
    return 2 * sizeof(uint32_t) + (size_t)b->features.dim * sizeof(float);
}

/* ---------------------------------------------------------------- rules */

/* Of several classes one is the defect. */
static int check_positive(const struct bank *b, struct fmt_error *e)
{
    const struct feat_header *h = &b->features;
    bool is_one = h->n_classes < 2;
    for (int c = 0; c < h->n_classes && !is_one; c++)
        is_one = strcmp(h->class_name[c], b->positive) == 0;
    return is_one ? 0 : fmt_fail(e, FMT_INVALID, "\"%.100s\", the positive class, is none of its %d classes",
                                 b->positive, h->n_classes);
}

static int check_fields(const struct bank *b, int64_t n_photographs, int64_t n_vectors, struct fmt_error *e)
{
    if (!(b->largest > 0 && b->largest <= 1))
        return fmt_fail(e, FMT_LIMIT, "scores from a share of %g of the tokens", b->largest);
    if (n_photographs < 1 || n_photographs > BANK_PHOTOGRAPHS_MAX || n_vectors < 1 || n_vectors > BANK_VECTORS_MAX)
        return fmt_fail(e, FMT_LIMIT, "a bank of %lld vectors from %s", (long long)n_vectors,
                        FMT_COUNT(n_photographs, "photograph", "photographs"));
    return check_positive(b, e);
}

static int check_origin(const struct bank *b, struct bank_vector v, struct fmt_error *e)
{
    if (v.photograph < 0 || v.photograph >= b->n_photographs || v.token < 0)
        return fmt_fail(e, FMT_LIMIT, "a vector of token %d of photograph %d", v.token, v.photograph);
    if (!b->photograph[v.photograph].offered)
        return fmt_fail(e, FMT_INVALID, "%s: a vector of a photograph that was only scored",
                        b->photograph[v.photograph].key);
    return 0;
}

/* ---------------------------------------------------------------- making */

int bank_init(struct bank *b, const struct feat_header *h, const char *positive, struct fmt_error *e)
{
    struct fmt_buffer bytes = {0};
    *b = (struct bank){.largest = BANK_LARGEST};
    int status = feat_header_put(h, &bytes, e);
    struct bytes c = bytes_over(bytes.data, bytes.bytes);
    if (!status)
        status = feat_header_take(&c, FEAT_MINOR, &b->features, e);
    fmt_buffer_release(&bytes);
    if (!status && !(b->positive = text_copy(&b->text, positive, strlen(positive))))
        status = fmt_no_memory(e);
    return status;
}

int bank_add_photograph(struct bank *b, const struct bank_photograph *p, struct fmt_error *e)
{
    struct bank_photograph copy = *p;
    if (isinf(p->score))
        return fmt_fail(e, FMT_NONFINITE, "%s: the score is not finite", p->key);
    if (p->label < -1 || p->label >= b->features.n_classes)
        return fmt_fail(e, FMT_LIMIT, "%s: label %d of %s", p->key, p->label,
                        FMT_COUNT(b->features.n_classes, "class", "classes"));
    if (b->n_photographs == BANK_PHOTOGRAPHS_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %lld photographs", (long long)BANK_PHOTOGRAPHS_MAX);
    int status = fmt_grow(&b->photograph, b->n_photographs, &b->photograph_capacity, sizeof *b->photograph, e);
    if (status)
        return status;
    copy.key = text_copy(&b->text, p->key, strlen(p->key));
    copy.group = text_copy(&b->text, p->group, strlen(p->group));
    if (!copy.key || !copy.group)
        return fmt_no_memory(e);
    b->photograph[b->n_photographs++] = copy;
    return 0;
}

/* Room for one more vector. Memory grows with the vectors that are there: fields cannot by themselves cause a large
 * allocation. */
static int grow_vectors(struct bank *b, struct fmt_error *e)
{
    int64_t larger = b->vector_capacity ? 2 * b->vector_capacity : 1;
    if (b->n_vectors == BANK_VECTORS_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %lld vectors", (long long)BANK_VECTORS_MAX);
    if (b->n_vectors < b->vector_capacity)
        return 0;
    struct bank_vector *origin = realloc(b->origin, (size_t)larger * sizeof *origin);
    if (!origin)
        return fmt_no_memory(e);
    b->origin = origin;
    float *x = realloc(b->x, (size_t)(larger * b->features.dim) * sizeof *x);
    if (!x)
        return fmt_no_memory(e);
    b->x = x;
    b->vector_capacity = larger;
    return 0;
}

/* The values of the next vector are there already. */
static int add_vector(struct bank *b, struct bank_vector origin, struct fmt_error *e)
{
    int status = check_origin(b, origin, e);
    if (!status && !finite_all(b->x + b->n_vectors * b->features.dim, b->features.dim))
        status = fmt_fail(e, FMT_NONFINITE, "a value of vector %lld is not finite", (long long)b->n_vectors);
    if (!status)
        b->origin[b->n_vectors++] = origin;
    return status;
}

int bank_add_vector(struct bank *b, const float *x, struct bank_vector origin, struct fmt_error *e)
{
    int status = grow_vectors(b, e);
    if (status)
        return status;
    memcpy(b->x + b->n_vectors * b->features.dim, x, (size_t)b->features.dim * sizeof *x);
    return add_vector(b, origin, e);
}

void bank_release(struct bank *b)
{
    feat_header_release(&b->features);
    free(b->photograph);
    free(b->origin);
    free(b->x);
    free(b->provenance);
    text_release(&b->text);
    *b = (struct bank){0};
}

/* ---------------------------------------------------------------- writing */

static int put_fields(const struct bank *b, struct fmt_buffer *to, struct fmt_error *e)
{
    int bad = bytes_put_u32(to, (uint32_t)b->n_photographs);
    bad |= bytes_put_u32(to, (uint32_t)b->n_vectors);
    bad |= bytes_put_f64(to, b->largest);
    bad |= bytes_put(to, b->faults, DIGEST_BYTES);
    int status = bad ? fmt_no_memory(e) : feat_header_put(&b->features, to, e);
    return status ? status : text_put("the positive class", b->positive, INDEX_NAME_MAX, to, e);
}

static int put_photograph(const struct bank_photograph *p, struct fmt_buffer *to, struct fmt_error *e)
{
    int bad = bytes_put_u32(to, p->offered); /* flags */
    bad |= bytes_put_u32(to, (uint32_t)p->label);
    bad |= bytes_put_f64(to, isnan(p->score) ? (double)NAN : p->score);
    bad |= bytes_put(to, p->content, DIGEST_BYTES);
    int status = bad ? fmt_no_memory(e) : text_put("a key", p->key, INDEX_TEXT_MAX, to, e);
    return status ? status : text_put("a group", p->group, INDEX_NAME_MAX, to, e);
}

static int put_vector(const struct bank *b, int64_t i, struct fmt_buffer *to, struct fmt_error *e)
{
    int bad = bytes_put_u32(to, (uint32_t)b->origin[i].photograph);
    bad |= bytes_put_u32(to, (uint32_t)b->origin[i].token);
    bad |= bytes_put_f32s(to, b->x + i * b->features.dim, b->features.dim);
    return bad ? fmt_no_memory(e) : 0;
}

static int write_records(const struct bank *b, bool vectors, struct block_writer *w, struct fmt_error *e)
{
    struct fmt_buffer raw = {0};
    uint32_t in_block = 0;
    int status = 0;
    int64_t n = vectors ? b->n_vectors : b->n_photographs;
    for (int64_t i = 0; !status && i < n; i++) {
        status = vectors ? put_vector(b, i, &raw, e) : put_photograph(&b->photograph[i], &raw, e);
        in_block++;
        bool full = raw.bytes + (vectors ? vector_bytes(b) : 0) > BLOCK_TARGET || i == n - 1;
        if (!status && full) {
            status = block_add(w, raw.data, raw.bytes, in_block, BLOCK_STORED, e);
            raw.bytes = in_block = 0;
        }
    }
    fmt_buffer_release(&raw);
    return status;
}

static int check(const struct bank *b, struct fmt_error *e)
{
    int status = check_fields(b, b->n_photographs, b->n_vectors, e);
    for (int64_t i = 0; !status && i < b->n_vectors; i++)
        status = check_origin(b, b->origin[i], e);
    if (!status && !finite_all(b->x, b->n_vectors * b->features.dim))
        status = fmt_fail(e, FMT_NONFINITE, "a value of a vector is not finite");
    return status;
}

int bank_write(struct bank *b, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e)
{
    struct fmt_buffer fields = {0};
    struct block_writer w;
    size_t vectors = vector_bytes(b), photographs = BLOCK_TARGET + PHOTOGRAPH_BYTES_MAX;
    struct block_header h = {BLOCK_BANK, BANK_MAJOR, BANK_MINOR,
                             .block_bytes_max = (uint32_t)(vectors > photographs ? vectors : photographs)};
    int status = check(b, e);
    if (!status)
        status = put_fields(b, &fields, e);
    if (!status)
        status = provenance_begin(p, io, &h, &fields, &w, e);
    fmt_buffer_release(&fields);
    if (status)
        return status;
    memcpy(b->identity, h.identity, DIGEST_BYTES);
    status = write_records(b, false, &w, e);
    if (!status)
        status = write_records(b, true, &w, e);
    if (status) {
        block_abandon(&w);
        return status;
    }
    return block_finish(&w, e);
}

/* ---------------------------------------------------------------- reading */

struct counts {
    int64_t n_photographs, n_vectors; /* that the fields announce */
};

static int take_fields(struct bank *b, const struct block_header *h, struct counts *n, struct fmt_error *e)
{
    struct bytes c = bytes_over(h->fields, h->fields_bytes);
    *n = (struct counts){bytes_u32(&c), bytes_u32(&c)};
    b->largest = bytes_f64(&c);
    const uint8_t *faults = bytes_take(&c, DIGEST_BYTES);
    if (!faults)
        return fmt_fail(e, FMT_INVALID, "the bank's header is too short");
    memcpy(b->faults, faults, DIGEST_BYTES);
    const char *positive = "";
    int status = feat_header_take(&c, FEAT_MINOR, &b->features, e);
    if (!status)
        status = text_take("the positive class", &c, INDEX_NAME_MAX, &positive, e);
    if (!status && !(b->positive = text_copy(&b->text, positive, strlen(positive))))
        status = fmt_no_memory(e);
    if (!status && h->minor <= BANK_MINOR && bytes_left(&c))
        status = fmt_fail(e, FMT_INVALID, "bytes follow the bank's header");
    return status ? status : check_fields(b, n->n_photographs, n->n_vectors, e);
}

static int take_photograph(struct bank *b, struct bytes *c, struct fmt_error *e)
{
    struct bank_photograph p;
    uint32_t flags = bytes_u32(c);
    p.label = bytes_i32(c);
    p.offered = flags & 1;
    p.score = bytes_f64(c);
    const uint8_t *content = bytes_take(c, DIGEST_BYTES);
    int status = text_take("a key", c, INDEX_TEXT_MAX, &p.key, e);
    if (!status)
        status = text_take("a group", c, INDEX_NAME_MAX, &p.group, e);
    if (status)
        return status;
    if (flags > 1)
        return fmt_fail(e, FMT_INVALID, "%s: reserved bits are set", p.key);
    memcpy(p.content, content, DIGEST_BYTES); /* not NULL: the texts after it were read */
    return bank_add_photograph(b, &p, e);
}

static int take_vector(struct bank *b, struct bytes *c, struct fmt_error *e)
{
    struct bank_vector v;
    if (bytes_left(c) < vector_bytes(b))
        return fmt_fail(e, FMT_INVALID, "the last vector of a block is cut");
    int status = grow_vectors(b, e);
    if (status)
        return status;
    v.photograph = bytes_i32(c);
    v.token = bytes_i32(c);
    for (int64_t i = 0; i < b->features.dim; i++)
        b->x[b->n_vectors * b->features.dim + i] = bytes_f32(c);
    return add_vector(b, v, e);
}

/* Sets *n_taken. */
static int take_block(struct bank *b, const struct counts *n, const struct block_buffer *raw, uint32_t *n_taken,
                      struct fmt_error *e)
{
    struct bytes c = bytes_over(raw->raw, raw->raw_bytes);
    bool vectors = b->n_photographs == n->n_photographs;
    int status = 0;
    for (*n_taken = 0; !status && bytes_left(&c) > 0; ++*n_taken) {
        if (vectors ? b->n_vectors == n->n_vectors : b->n_photographs == n->n_photographs)
            return fmt_fail(e, FMT_INVALID, "block %lld: more records than the header says", (long long)raw->i_block);
        status = vectors ? take_vector(b, &c, e) : take_photograph(b, &c, e);
    }
    return status;
}

static int take_blocks(struct bank *b, const struct counts *n, struct block_reader *r, struct fmt_error *e)
{
    struct block_buffer raw = {0};
    int status = 0;
    while (!status && (status = block_next(r, &raw, e)) == 0) {
        uint32_t n_taken;
        status = take_block(b, n, &raw, &n_taken, e);
        if (!status)
            status = block_set_count(r, &raw, n_taken, e);
    }
    block_buffer_release(&raw);
    if (status != FMT_END)
        return status;
    if (b->n_photographs < n->n_photographs || b->n_vectors < n->n_vectors)
        return fmt_fail(e, FMT_INVALID, "%lld of %lld photographs, %lld of %lld vectors", (long long)b->n_photographs,
                        (long long)n->n_photographs, (long long)b->n_vectors, (long long)n->n_vectors);
    return 0;
}

int bank_read(struct bank *b, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    struct counts n;
    *b = (struct bank){0};
    int status = block_open(&r, io, BLOCK_BANK, e);
    if (status)
        return status;
    status = take_fields(b, &r.header, &n, e);
    if (!status) {
        memcpy(b->identity, r.header.identity, DIGEST_BYTES);
        b->provenance = strdup(r.header.provenance);
        status = b->provenance ? take_blocks(b, &n, &r, e) : fmt_no_memory(e);
    }
    block_close(&r);
    if (status)
        bank_release(b);
    return status;
}
