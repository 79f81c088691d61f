/* featset.c - one pass over the files reads the labels, and the values if they fit in memory. All threads read the
 * blocks of seekable files; those of a pipe are read one after another. */
#include "featset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "part-set.h"

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
    while (!status && (status = feat_next_block(&s->file->feat, &s->block, e)) == 0) {
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

/* The file that has block i_block of the set, or its row i_row; the other is -1. */
static const struct featset_file *file_with(const struct featset *s, int64_t i_block, int64_t i_row)
{
    int low = 0, high = s->n_files;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (s->file[middle].first_block <= i_block || s->file[middle].first_row <= i_row)
            low = middle;
        else
            high = middle;
    }
    return &s->file[low];
}

static void read_block(void *arg, int64_t i_block, int worker)
{
    const struct reading *t = arg;
    struct reader *own = &t->reader[worker];
    const struct featset_file *f = file_with(t->s, i_block, -1);
    if (own->status)
        return;
    own->status = feat_read_block(&f->feat, i_block - f->first_block, &own->block, &own->error);
    if (!own->status)
        own->status = store_block(t->s, &own->block, f->first_row + own->block.first_row, t->device,
                                  &t->s->text[worker], &own->error);
    if (own->status) {
        own->i_failed = i_block;
        fmt_prefix(&own->error, f->path);
    }
}

/* The first failure in the order of the files, independent of threads. */
static int first_failure(const struct reader *reader, int n, struct fmt_error *e)
{
    const struct reader *first = NULL;
    for (int i = 0; i < n; i++)
        if (reader[i].status && (!first || reader[i].i_failed < first->i_failed))
            first = &reader[i];
    return first ? fmt_fail(e, (enum fmt_status)first->status, "%s", first->error.text) : 0;
}

static int read_blocks(struct featset *s, int64_t n_rows, int64_t n_blocks, int64_t memory_bytes,
                       const struct device *device, struct fmt_error *e)
{
    int n_readers = thread_workers(device->pool);
    bool in_memory = n_rows <= memory_bytes / (s->rows.dim * (int64_t)sizeof(float));
    struct reading t = {s, device, calloc((size_t)n_readers, sizeof *t.reader)};
    int status = t.reader ? open_texts(s, n_readers, e) : no_memory(e);
    if (!status)
        status = reserve(s, n_rows, in_memory, device, e);
    if (!status) {
        thread_for(device->pool, n_blocks, read_block, &t);
        status = first_failure(t.reader, n_readers, e);
        s->rows.n = n_rows;
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
    const struct featset_file *f = file_with(s, -1, first);
    struct feat_block *b = &s->block;
    int64_t row = first - f->first_row;
    if (b->n_rows == 0 || f != &s->file[s->i_block_file] || row < b->first_row || row >= b->first_row + b->n_rows) {
        int status = feat_read_block(&f->feat, block_of_record(&f->feat.block, row), b, e);
        if (status) {
            fmt_prefix(e, f->path);
            if (s->n_files > 1)
                fmt_prefix(e, s->path);
            return status;
        }
        s->i_block_file = (int)(f - s->file);
    }
    *x = b->x + (row - b->first_row) * s->rows.dim;
    *n_read = num_min(n, b->first_row + b->n_rows - row);
    return 0;
}

/* ---------------------------------------------------------------- opening */
static int open_file(struct featset_file *f, const char *path, struct fmt_error *e)
{
    *f = (struct featset_file){.path = path, .file.fd = -1};
    int status = file_open(&f->file, path, e);
    if (status)
        return status;
    struct fmt_reader reader = file_reader(&f->file);
    status = feat_open(&f->feat, &reader, e);
    if (status)
        fmt_prefix(e, path);
    return status;
}

/* The rows of b may follow those of a. */
static int check_same(const struct featset_file *a, const struct featset_file *b, struct fmt_error *e)
{
    struct fmt_error why = {0};
    char what[120];
    if (!b->feat.block.seekable || !a->feat.block.seekable)
        return fmt_fail(e, FMT_UNSUPPORTED, "%.150s: a pipe is a set by itself",
                        b->feat.block.seekable ? a->path : b->path);
    if (feat_compatible(&a->feat.header, &b->feat.header, false, &why))
        return fmt_fail(e, why.status, "%.100s: is incompatible with %.100s: %s", b->path, a->path, why.text);
    if (recipe_uncompared(&a->feat.header.recipe, &b->feat.header.recipe, what, sizeof what) > 0)
        return fmt_fail(e, FMT_MISMATCH,
                        "%.100s, %.100s: cannot compare (missing in one file): %s; feat-cat joins them", a->path,
                        b->path, what);
    return 0;
}

/* That of a single job, or that which feat-cat gives to the join of several sets. */
static int identify(struct featset *s, const struct part_file *order, struct fmt_error *e)
{
    struct provenance join;
    int status = 0, n_sets = 0;
    provenance_init(&join, "feat-cat", "", false);
    for (int k = 0; k < s->n_files; k++)
        if (k == 0 || order[k].set != order[k - 1].set) {
            provenance_input(&join, "features", order[k].header->identity);
            n_sets++;
        }
    if (n_sets == 1)
        memcpy(s->identity, order[0].header->identity, DIGEST_BYTES);
    else
        status = provenance_identity(&join, BLOCK_FEAT, FEAT_MAJOR, s->identity, e);
    provenance_release(&join);
    return status;
}

/* Puts the files into the order of their rows. */
static int arrange(struct featset *s, struct fmt_error *e)
{
    struct part_file *order = calloc((size_t)s->n_files, sizeof *order);
    struct featset_file *sorted = calloc((size_t)s->n_files, sizeof *sorted);
    int status = order && sorted ? 0 : fmt_no_memory(e);
    for (int i = 0; i < s->n_files && !status; i++)
        order[i] = part_file_of_features(s->file[i].path, &s->file[i].feat, i);
    struct fmt_error why = {0};
    if (!status && part_set_arrange(order, s->n_files, false, &why))
        status = fmt_fail(e, why.status, "%s%s", why.text, why.status == FMT_TRUNCATED ? "; feat-cat joins all" : "");
    if (!status)
        status = identify(s, order, e);
    if (!status) {
        for (int k = 0; k < s->n_files; k++) {
            sorted[k] = s->file[order[k].i];
            sorted[k].feat.block.io.arg = &sorted[k].file; /* the reader had the address of the old place */
        }
        struct featset_file *unsorted = s->file;
        s->file = sorted;
        sorted = unsorted;
    }
    free(order);
    free(sorted);
    return status;
}

static int open_files(struct featset *s, const char *const *path, int n, struct fmt_error *e)
{
    int status = (s->file = calloc((size_t)n, sizeof *s->file)) ? 0 : fmt_no_memory(e);
    if (n > 1)
        file_allow_many();
    for (; s->n_files < n && !status; s->n_files++)
        status = open_file(&s->file[s->n_files], path[s->n_files], e);
    if (!status)
        status = arrange(s, e);
    for (int k = 1; k < n && !status; k++)
        status = check_same(&s->file[0], &s->file[k], e);
    return status;
}

static int read_all(struct featset *s, int64_t memory_bytes, const struct device *device, struct fmt_error *e)
{
    int64_t n_rows = 0, n_blocks = 0;
    for (int k = 0; k < s->n_files; k++) {
        struct featset_file *f = &s->file[k];
        f->first_row = n_rows;
        f->first_block = n_blocks;
        n_rows += f->feat.block.n_records;
        n_blocks += f->feat.block.n_blocks;
    }
    s->header = s->file->feat.header;
    s->header.part = (struct part){0};
    s->rows.dim = s->file->feat.width;
    s->rows.read = read_values;
    s->rows.arg = s;
    if (s->file->feat.block.seekable)
        return read_blocks(s, n_rows, n_blocks, memory_bytes, device, e);
    int status = read_stream(s, device, e);
    if (status)
        fmt_prefix(e, s->path);
    return status;
}

static int name_set(struct featset *s, const char *const *path, int n, struct fmt_error *e)
{
    s->path = path[0];
    if (n == 1)
        return 0;
    if (asprintf(&s->name, "%s and %s", path[0], FMT_COUNT(n - 1, "other", "others")) < 0) {
        s->name = NULL;
        return fmt_no_memory(e);
    }
    s->path = s->name;
    return 0;
}

int featset_open_query(struct featset *s, const char *const *path, int n, int64_t memory_bytes,
                       const struct device *device, struct fmt_error *e)
{
    *s = (struct featset){0};
    int status = name_set(s, path, n, e);
    if (!status)
        status = open_files(s, path, n, e);
    if (!status)
        status = read_all(s, memory_bytes, device, e);
    if (!status && s->rows.n == 0)
        status = rows_reserve(&s->rows, columns, 0, e); /* there all the same */
    if (status)
        featset_close(s);
    return status;
}

int featset_open_all(struct featset *s, const char *const *path, int n, int64_t memory_bytes,
                     const struct device *device, struct fmt_error *e)
{
    int status = featset_open_query(s, path, n, memory_bytes, device, e);
    if (!status && s->rows.n == 0) {
        status = fmt_fail(e, FMT_END, "%s: no rows", s->path);
        featset_close(s);
    }
    return status;
}

int featset_open(struct featset *s, const char *path, int64_t memory_bytes, const struct device *device,
                 struct fmt_error *e)
{
    return featset_open_all(s, &path, 1, memory_bytes, device, e);
}

void featset_close(struct featset *s)
{
    feat_block_release(&s->block);
    for (int k = 0; k < s->n_files; k++) {
        feat_close(&s->file[k].feat);
        file_close(&s->file[k].file);
    }
    free(s->file);
    for (int i = 0; i < s->n_texts; i++)
        text_release(&s->text[i]);
    free(s->text);
    free(s->name);
    rows_release(&s->rows);
    device_arena_release(&s->values);
    *s = (struct featset){0};
}
