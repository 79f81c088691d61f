/* linear.c - the header holds everything but the weights; a row of weights is a record. */
#include "linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define BLOCK_TARGET ((int64_t)1 << 20)

static int64_t rows_per_block(int64_t row_bytes)
{
    int64_t n = BLOCK_TARGET / row_bytes;
    return n < 1 ? 1 : n;
}

static int rows_of_classes(int n_classes)
{
    return n_classes == 2 ? 1 : n_classes;
}

static bool is_share(double v)
{
    return v >= 0 && v <= 1;
}

/* ---------------------------------------------------------------- rules */
static int check_point(const struct linear *m, const struct linear_point *p, struct fmt_error *e)
{
    bool reached = !isnan(p->threshold);
    if (p->class_index < 0 || p->class_index >= m->features.n_classes)
        return fmt_fail(e, FMT_LIMIT, "a threshold of class %d", p->class_index);
    if (!is_share(p->target) || isinf(p->threshold) || (reached && (!is_share(p->precision) || !is_share(p->recall))))
        return fmt_fail(e, FMT_INVALID, "a threshold with impossible values");
    return 0;
}

static int check(const struct linear *m, struct fmt_error *e)
{
    if (m->features.n_classes < 2)
        return fmt_fail(e, FMT_INVALID, "a classifier of %s", FMT_COUNT(m->features.n_classes, "class", "classes"));
    if (m->positive < 0 || m->positive >= m->features.n_classes)
        return fmt_fail(e, FMT_LIMIT, "class %d of %d is the positive", m->positive, m->features.n_classes);
    if (m->n_rows != rows_of_classes(m->features.n_classes) || m->dim != feat_width(&m->features))
        return fmt_fail(e, FMT_INVALID, "weights of %d x %lld do not fit the features", m->n_rows, (long long)m->dim);
    if (!(m->C > 0) || !isfinite(m->C) || !(m->gradient >= 0) || !isfinite(m->gradient))
        return fmt_fail(e, FMT_INVALID, "C %g, gradient %g", m->C, m->gradient);
    for (int i = 0; i < m->n_points; i++) {
        int status = check_point(m, &m->point[i], e);
        if (status)
            return status;
    }
    return 0;
}

/* ---------------------------------------------------------------- rows that the classifier has seen */
static int put_hashes(const uint64_t *hash, uint32_t n, struct fmt_buffer *to)
{
    int bad = bytes_put_u32(to, n);
    for (uint32_t i = 0; i < n; i++)
        bad |= bytes_put_u64(to, hash[i]);
    return bad;
}

static int put_seen(const struct linear *m, struct fmt_buffer *to, struct fmt_error *e)
{
    const struct linear_seen *both[] = {&m->fitted, &m->chosen};
    int bad = 0;
    for (int i = 0; i < 2; i++) {
        if (both[i]->n_images > LINEAR_SEEN_MAX || both[i]->n_groups > LINEAR_SEEN_MAX)
            return fmt_fail(e, FMT_LIMIT, "more than %u images or groups that were seen", LINEAR_SEEN_MAX);
        bad |= put_hashes(both[i]->image, both[i]->n_images, to);
        bad |= put_hashes(both[i]->group, both[i]->n_groups, to);
    }
    return bad ? fmt_no_memory(e) : 0;
}

static int take_hashes(struct bytes *c, uint64_t **hash, uint32_t *n_hashes, struct fmt_error *e)
{
    uint32_t n = bytes_u32(c);
    if (n > LINEAR_SEEN_MAX || n > bytes_left(c) / sizeof **hash)
        return fmt_fail(e, FMT_LIMIT, "%u images or groups that were seen", n);
    if (!(*hash = malloc(((size_t)n + 1) * sizeof **hash)))
        return fmt_no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        (*hash)[i] = bytes_u64(c);
        if (i && (*hash)[i] <= (*hash)[i - 1])
            return fmt_fail(e, FMT_INVALID, "the images or groups that were seen are not in order");
    }
    *n_hashes = n;
    return 0;
}

static int take_seen(struct linear *m, struct bytes *c, struct fmt_error *e)
{
    struct linear_seen *both[] = {&m->fitted, &m->chosen};
    int status = 0;
    for (int i = 0; i < 2 && !status; i++)
        if ((status = take_hashes(c, &both[i]->image, &both[i]->n_images, e)) == 0)
            status = take_hashes(c, &both[i]->group, &both[i]->n_groups, e);
    m->has_seen = true;
    return !status && !bytes_ok(c) ? fmt_fail(e, FMT_INVALID, "the classifier's header is too short") : status;
}

void linear_seen_release(struct linear_seen *s)
{
    free(s->image);
    free(s->group);
    *s = (struct linear_seen){0};
}

/* ---------------------------------------------------------------- fields */
/* Where the photograph's score is that of its largest tile, as it always was, the file is one of 1.1. */
static uint8_t minor_of(const struct linear *m)
{
    return m->tile_mean_of > 1 ? 2 : 1;
}

static int put_fields(const struct linear *m, struct fmt_buffer *to, struct fmt_error *e)
{
    int bad = bytes_put_u32(to, (uint32_t)m->positive);
    bad |= bytes_put_u32(to, m->group_mean); /* flags */
    bad |= bytes_put_f64(to, m->C);
    bad |= bytes_put_f64(to, m->gradient);
    bad |= bytes_put_u32(to, (uint32_t)m->n_points);
    for (int i = 0; i < m->n_points; i++) {
        const struct linear_point *p = &m->point[i];
        bad |= bytes_put_u32(to, (uint32_t)p->class_index);
        bad |= bytes_put_u8(to, (uint8_t)p->level);
        bad |= bytes_put_u8(to, p->at_recall);
        bad |= bytes_put_u16(to, 0);
        const double number[] = {p->target, p->threshold, p->precision, p->recall};
        for (int j = 0; j < 4; j++)
            bad |= bytes_put_f64(to, isnan(number[j]) ? (double)NAN : number[j]);
    }
    int status = bad ? fmt_no_memory(e) : feat_header_put(&m->features, to, e);
    if (!status)
        status = put_seen(m, to, e);
    if (!status && minor_of(m) >= 2 && bytes_put_u32(to, (uint32_t)m->tile_mean_of))
        status = fmt_no_memory(e);
    return status;
}

static int take_point(struct bytes *c, struct linear_point *p, struct fmt_error *e)
{
    p->class_index = bytes_i32(c);
    unsigned level = bytes_u8(c), at_recall = bytes_u8(c), reserved = bytes_u16(c);
    p->level = (enum linear_level)level;
    p->at_recall = at_recall;
    double *const number[] = {&p->target, &p->threshold, &p->precision, &p->recall};
    for (int j = 0; j < 4; j++)
        *number[j] = bytes_f64(c);
    if (level > LINEAR_GROUPS || at_recall > 1 || reserved)
        return fmt_fail(e, FMT_INVALID, "reserved bits of a threshold are set");
    return 0;
}

static int take_fields(struct linear *m, const struct block_header *h, struct fmt_error *e)
{
    enum { POINT_BYTES = 40 };
    struct bytes c = bytes_over(h->fields, h->fields_bytes);
    m->positive = bytes_i32(&c);
    uint32_t flags = bytes_u32(&c);
    m->C = bytes_f64(&c);
    m->gradient = bytes_f64(&c);
    uint32_t n = bytes_u32(&c);
    if (flags > 1)
        return fmt_fail(e, FMT_INVALID, "reserved bits of the classifier's header are set");
    if (n > LINEAR_POINTS_MAX || n > bytes_left(&c) / POINT_BYTES)
        return fmt_fail(e, FMT_LIMIT, "%u thresholds", n);
    m->group_mean = flags;
    m->point = calloc((size_t)n + 1, sizeof *m->point);
    if (!m->point)
        return fmt_no_memory(e);
    m->n_points = (int)n;
    for (uint32_t i = 0; i < n; i++) {
        int status = take_point(&c, &m->point[i], e);
        if (status)
            return status;
    }
    int status = feat_header_take(&c, h->minor, &m->features, e);
    if (!status && h->minor >= 1)
        status = take_seen(m, &c, e);
    m->tile_mean_of = !status && h->minor >= 2 ? bytes_i32(&c) : 1;
    if (!status && (!bytes_ok(&c) || m->tile_mean_of < 1))
        status = fmt_fail(e, FMT_LIMIT, "the score of a photograph is the mean of %d of its tiles", m->tile_mean_of);
    if (status)
        return status;
    if (h->minor <= LINEAR_MINOR && bytes_left(&c))
        return fmt_fail(e, FMT_INVALID, "bytes follow the classifier's header");
    m->n_rows = rows_of_classes(m->features.n_classes);
    m->dim = feat_width(&m->features);
    return check(m, e);
}

/* ---------------------------------------------------------------- writing */
static int write_rows(const struct linear *m, struct block_writer *w, struct fmt_error *e)
{
    int64_t row = m->dim + 1, each = rows_per_block(row * 8);
    struct fmt_buffer raw = {0};
    int status = 0;
    for (int64_t first = 0, n; !status && first < m->n_rows; first += n) {
        n = m->n_rows - first < each ? m->n_rows - first : each;
        raw.bytes = 0;
        for (int64_t i = 0; !status && i < n * row; i++)
            if (bytes_put_f64(&raw, m->theta[first * row + i]))
                status = fmt_no_memory(e);
        if (!status)
            status = block_add(w, raw.data, raw.bytes, (uint32_t)n, BLOCK_STORED, e);
    }
    fmt_buffer_release(&raw);
    return status;
}

int linear_write(struct linear *m, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e)
{
    struct fmt_buffer fields = {0};
    struct block_writer w;
    int64_t row_bytes = (m->dim + 1) * 8;
    int status = check(m, e);
    for (int64_t i = 0; !status && i < m->n_rows * (m->dim + 1); i++)
        if (!isfinite(m->theta[i]))
            status = fmt_fail(e, FMT_NONFINITE, "a weight is not finite");
    if (!status)
        status = put_fields(m, &fields, e);
    struct block_header h = {BLOCK_LINEAR, LINEAR_MAJOR, minor_of(m),
                             .block_bytes_max = (uint32_t)(rows_per_block(row_bytes) * row_bytes)};
    if (!status)
        status = provenance_begin(p, io, &h, &fields, &w, e);
    fmt_buffer_release(&fields);
    if (status)
        return status;
    memcpy(m->identity, h.identity, DIGEST_BYTES);
    status = write_rows(m, &w, e);
    if (status) {
        block_abandon(&w);
        return status;
    }
    return block_finish(&w, e);
}

/* ---------------------------------------------------------------- reading */
/* Memory grows with the rows that are there: a header cannot by itself cause a large allocation. */
static int take_block(struct linear *m, const struct block_buffer *b, size_t n, struct fmt_error *e)
{
    size_t row = (size_t)(m->dim + 1);
    double *grown = realloc(m->theta, (n + b->n_records) * row * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    m->theta = grown;
    struct bytes c = bytes_over(b->raw, b->raw_bytes);
    bool finite = true;
    for (size_t i = 0; i < b->n_records * row; i++) {
        double v = bytes_f64(&c);
        m->theta[n * row + i] = v;
        finite = finite && isfinite(v);
    }
    return finite ? 0 : fmt_fail(e, FMT_NONFINITE, "a weight is not finite");
}

static int take_rows(struct linear *m, struct block_reader *r, struct fmt_error *e)
{
    struct block_buffer b = {0};
    size_t row_bytes = (size_t)(m->dim + 1) * 8, n = 0;
    int status;
    while ((status = block_next(r, &b, e)) == 0) {
        size_t rows = b.raw_bytes / row_bytes;
        if (b.raw_bytes % row_bytes || rows == 0 || rows > (size_t)m->n_rows - n)
            status = fmt_fail(e, FMT_INVALID, "block %lld: not rows of %s", (long long)b.i_block,
                              FMT_COUNT(m->dim, "weight", "weights"));
        if (!status)
            status = block_set_count(r, &b, (uint32_t)rows, e);
        if (!status)
            status = take_block(m, &b, n, e);
        if (status)
            break;
        n += rows;
    }
    block_buffer_release(&b);
    if (status == FMT_END)
        status = n == (size_t)m->n_rows ? 0 : fmt_fail(e, FMT_INVALID, "%zu of %d rows of weights", n, m->n_rows);
    return status;
}

int linear_read(struct linear *m, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    *m = (struct linear){0};
    int status = block_open(&r, io, BLOCK_LINEAR, e);
    if (status)
        return status;
    status = take_fields(m, &r.header, e);
    if (!status) {
        memcpy(m->identity, r.header.identity, DIGEST_BYTES);
        m->provenance = strdup(r.header.provenance);
        status = m->provenance ? take_rows(m, &r, e) : fmt_no_memory(e);
    }
    block_close(&r);
    if (status)
        linear_release(m);
    return status;
}

void linear_release(struct linear *m)
{
    feat_header_release(&m->features);
    linear_seen_release(&m->fitted);
    linear_seen_release(&m->chosen);
    free(m->theta);
    free(m->point);
    free(m->provenance);
    *m = (struct linear){0};
}
