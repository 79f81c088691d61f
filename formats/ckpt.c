/* ckpt.c - block 0 is the table. Then follows what the file has of the tensors, in pieces of 4 MiB; the last piece may
 * be shorter, an empty tensor has one empty piece. So the table gives the blocks of a tensor, and random access needs
 * no further index.
 * Stored, not compressed: moments and weights hardly shrink, and the run waits while it writes a checkpoint. */
#include "ckpt.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* Element types by their code in the table. */
static const enum dtype dtype_of_code[] = {DTYPE_NONE, DTYPE_F32, DTYPE_F64, DTYPE_I64, DTYPE_U8};
enum { N_CODES = sizeof dtype_of_code / sizeof *dtype_of_code };

static int code_of(enum dtype dtype) /* 0: checkpoints have no such elements */
{
    for (int code = 1; code < N_CODES; code++)
        if (dtype_of_code[code] == dtype)
            return code;
    return 0;
}

/* Bytes of the whole tensor; -1: beyond a limit, or of another element type. */
static int64_t tensor_size(const struct ckpt_tensor *t)
{
    int64_t bytes = (int64_t)dtype_bytes(t->dtype);
    if (code_of(t->dtype) == 0 || t->n_dims < 0 || t->n_dims > CKPT_DIMS_MAX)
        return -1;
    for (int32_t i = 0; i < t->n_dims; i++)
        if (t->dims[i] < 0 || __builtin_mul_overflow(bytes, t->dims[i], &bytes) || bytes > CKPT_TENSOR_BYTES_MAX)
            return -1;
    return bytes;
}

/* Bytes that a file has of a tensor that was checked. */
static int64_t file_size(const struct ckpt_tensor *t, bool part)
{
    return part ? t->count * (int64_t)dtype_bytes(t->dtype) : tensor_size(t);
}

static int64_t pieces_of(int64_t bytes)
{
    int64_t piece = (int64_t)CKPT_PIECE_BYTES;
    return bytes == 0 ? 1 : (bytes + piece - 1) / piece;
}

static int check_tensor(const struct ckpt_tensor *t, bool part, struct fmt_error *e)
{
    size_t n = strlen(t->name);
    if (n < 1 || n > CKPT_NAME_MAX)
        return fmt_fail(e, FMT_LIMIT, "a tensor's name of %zu bytes", n);
    if (tensor_size(t) < 0)
        return fmt_fail(e, FMT_LIMIT, "%s: a shape or type beyond the limits", t->name);
    int64_t whole = tensor_size(t) / (int64_t)dtype_bytes(t->dtype);
    if (part && (t->first < 0 || t->count < 0 || t->first > whole || t->count > whole - t->first))
        return fmt_fail(e, FMT_LIMIT, "%s: %lld elements from %lld on, of %lld", t->name, (long long)t->count,
                        (long long)t->first, (long long)whole);
    return 0;
}

static int check_header(const struct ckpt_header *h, bool part, struct fmt_error *e)
{
    if (h->iteration < -1 || h->n_ranks < 1 || h->rank < 0 || h->rank >= h->n_ranks ||
        (part && (h->n_ranks < 2 || h->n_ranks > CKPT_RANKS_MAX)))
        return fmt_fail(e, FMT_LIMIT, "iteration %lld of rank %d of %d", (long long)h->iteration, h->rank,
                        h->n_ranks);
    return 0;
}

/* ---------------------------------------------------------------- writing */

static int put_table(const struct ckpt_header *h, const struct ckpt_tensor *tensor, int64_t n_tensors,
                     struct fmt_buffer *to, struct fmt_error *e)
{
    size_t state_bytes = strlen(h->state);
    if (state_bytes > CKPT_STATE_MAX || n_tensors > CKPT_TENSORS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%lld tensors, a state of %zu bytes", (long long)n_tensors, state_bytes);
    int bad = bytes_put_u32(to, (uint32_t)n_tensors);
    bad |= bytes_put_u32(to, (uint32_t)state_bytes);
    bad |= bytes_put(to, h->state, state_bytes + 1);
    for (int64_t i = 0; i < n_tensors; i++) {
        const struct ckpt_tensor *t = &tensor[i];
        int status = check_tensor(t, h->n_ranks > 1, e);
        if (status)
            return status;
        size_t n = strlen(t->name);
        bad |= bytes_put_u16(to, (uint16_t)n);
        bad |= bytes_put(to, t->name, n + 1);
        bad |= bytes_put_u8(to, (uint8_t)code_of(t->dtype));
        bad |= bytes_put_u8(to, (uint8_t)t->n_dims);
        for (int32_t d = 0; d < t->n_dims; d++)
            bad |= bytes_put_i64(to, t->dims[d]);
        if (h->n_ranks > 1) {
            bad |= bytes_put_i64(to, t->first);
            bad |= bytes_put_i64(to, t->count);
        }
    }
    return bad ? fmt_no_memory(e) : 0;
}

int ckpt_create(struct ckpt_writer *w, const struct fmt_writer *io, const struct ckpt_header *h,
                const struct ckpt_tensor *tensor, int64_t n_tensors, const struct provenance *p, struct fmt_error *e)
{
    bool part = h->n_ranks > 1;
    *w = (struct ckpt_writer){.tensor = tensor, .n_tensors = n_tensors, .part = part};
    struct fmt_buffer fields = {0}, table = {0};
    int status = check_header(h, part, e);
    if (status == 0 && (bytes_put_i64(&fields, h->iteration) || bytes_put_u32(&fields, (uint32_t)h->rank) ||
                        bytes_put_u32(&fields, (uint32_t)h->n_ranks)))
        status = fmt_no_memory(e);
    if (status == 0)
        status = put_table(h, tensor, n_tensors, &table, e);
    size_t bytes_max = table.bytes > CKPT_PIECE_BYTES ? table.bytes : CKPT_PIECE_BYTES;
    if (status == 0 && bytes_max > BLOCK_BYTES_MAX)
        status = fmt_fail(e, FMT_LIMIT, "the table of tensors is too large");
    struct block_header block = {BLOCK_CKPT, part ? CKPT_PART_MAJOR : CKPT_MAJOR, CKPT_MINOR,
                                 .block_bytes_max = (uint32_t)bytes_max};
    if (status == 0)
        status = provenance_begin(p, io, &block, &fields, &w->block, e);
    if (status == 0)
        status = block_add(&w->block, table.data, table.bytes, 0, 1, e);
    memcpy(w->identity, block.identity, DIGEST_BYTES);
    fmt_buffer_release(&fields);
    fmt_buffer_release(&table);
    return status;
}

/* Bytes of the piece that follows the first `done` bytes of the tensor. */
static size_t next_piece(int64_t bytes, int64_t done)
{
    return bytes - done < (int64_t)CKPT_PIECE_BYTES ? (size_t)(bytes - done) : CKPT_PIECE_BYTES;
}

/* Writes the next whole piece of tensor i_tensor. */
static int put_piece(struct ckpt_writer *w, int64_t tensor_bytes, const void *data, size_t n, struct fmt_error *e)
{
    int status = block_add(&w->block, data, n, w->done == 0, BLOCK_STORED, e);
    w->done += (int64_t)n;
    if (w->done == tensor_bytes) {
        w->done = 0;
        w->i_tensor++;
    }
    return status;
}

int ckpt_add(struct ckpt_writer *w, const void *data, size_t bytes, struct fmt_error *e)
{
    static const uint8_t nothing[1];
    const uint8_t *p = bytes > 0 ? data : nothing; /* data may be NULL then */
    do {
        if (w->i_tensor == w->n_tensors)
            return bytes == 0 ? 0 : fmt_fail(e, FMT_INVALID, "%s more than the table of tensors has",
                                             FMT_COUNT(bytes, "byte", "bytes"));
        int64_t tensor_bytes = file_size(&w->tensor[w->i_tensor], w->part);
        size_t piece = next_piece(tensor_bytes, w->done), have = w->piece.bytes;
        size_t take = piece - have < bytes ? piece - have : bytes;
        int status = 0;
        if (have == 0 && take == piece) { /* directly from the caller's memory */
            status = put_piece(w, tensor_bytes, p, piece, e);
        } else {
            if (bytes_put(&w->piece, p, take))
                return fmt_no_memory(e);
            if (w->piece.bytes == piece) {
                status = put_piece(w, tensor_bytes, w->piece.data, piece, e);
                w->piece.bytes = 0;
            }
        }
        if (status)
            return status;
        p += take;
        bytes -= take;
    } while (bytes > 0);
    return 0;
}

int ckpt_finish(struct ckpt_writer *w, struct fmt_error *e)
{
    int status = 0;
    if (w->i_tensor != w->n_tensors || w->piece.bytes > 0)
        status = fmt_fail(e, FMT_INVALID, "%s: not all of its bytes were given", w->tensor[w->i_tensor].name);
    if (status == 0)
        status = block_finish(&w->block, e);
    w->seal.bytes = (int64_t)w->block.bytes;
    memcpy(w->seal.check, w->block.index_check, CKPT_CHECK_BYTES);
    ckpt_abandon(w);
    return status;
}

void ckpt_abandon(struct ckpt_writer *w)
{
    fmt_buffer_release(&w->piece);
    block_abandon(&w->block);
}

/* ---------------------------------------------------------------- reading */

static int take_tensor(struct bytes *c, bool part, struct ckpt_tensor *t, struct fmt_error *e)
{
    size_t n = bytes_u16(c);
    t->name = (const char *)bytes_take(c, n + 1);
    if (!t->name || memchr(t->name, 0, n + 1) != t->name + n)
        return fmt_fail(e, FMT_INVALID, "the name of a tensor is damaged");
    uint8_t code = bytes_u8(c);
    t->dtype = code < N_CODES ? dtype_of_code[code] : DTYPE_NONE;
    t->n_dims = bytes_u8(c);
    if (t->n_dims > CKPT_DIMS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%s: %d dimensions", t->name, t->n_dims);
    for (int32_t d = 0; d < t->n_dims; d++)
        t->dims[d] = bytes_i64(c);
    if (part) {
        t->first = bytes_i64(c);
        t->count = bytes_i64(c);
    }
    if (!bytes_ok(c))
        return fmt_fail(e, FMT_INVALID, "the table of tensors is too short");
    int status = check_tensor(t, part, e);
    if (status)
        return status;
    t->n = tensor_size(t) / (int64_t)dtype_bytes(t->dtype);
    t->count = part ? t->count : t->n;
    t->bytes = file_size(t, part);
    return 0;
}

static int take_table(struct ckpt *c, struct fmt_error *e)
{
    struct bytes b = bytes_over(c->buffer.raw, c->buffer.raw_bytes);
    uint32_t n = bytes_u32(&b);
    size_t state_bytes = bytes_u32(&b);
    if (n > CKPT_TENSORS_MAX || state_bytes > CKPT_STATE_MAX)
        return fmt_fail(e, FMT_LIMIT, "%u tensors, a state of %zu bytes", n, state_bytes);
    c->header.state = (const char *)bytes_take(&b, state_bytes + 1);
    if (!c->header.state || memchr(c->header.state, 0, state_bytes + 1) != c->header.state + state_bytes)
        return fmt_fail(e, FMT_INVALID, "the state is damaged");
    if (n > bytes_left(&b) / 5)
        return fmt_fail(e, FMT_INVALID, "the table of tensors is too short");
    c->tensor = calloc(n + 1, sizeof *c->tensor);
    if (!c->tensor)
        return fmt_no_memory(e);
    c->n_tensors = n;
    int64_t block = 1;
    for (uint32_t i = 0; i < n; i++) {
        struct ckpt_tensor *t = &c->tensor[i];
        int status = take_tensor(&b, c->part, t, e);
        if (status)
            return status;
        t->first_block = block;
        t->n_blocks = pieces_of(t->bytes);
        block += t->n_blocks;
        if (block > BLOCK_COUNT_MAX)
            return fmt_fail(e, FMT_LIMIT, "the tensors need more blocks than a file can have");
    }
    if (bytes_left(&b) > 0)
        return fmt_fail(e, FMT_INVALID, "bytes follow the table of tensors");
    if (c->block.seekable && (block != c->block.n_blocks || n != c->block.n_records))
        return fmt_fail(e, FMT_INVALID, "the blocks are not those of the table of tensors");
    return 0;
}

struct by_name {
    const char *name;
    int64_t i;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct by_name *)a)->name, ((const struct by_name *)b)->name);
}

/* Indices of the tensors sorted by name, for ckpt_find; names are unique. */
static int sort_names(struct ckpt *c, struct fmt_error *e)
{
    size_t n = (size_t)c->n_tensors;
    struct by_name *list = malloc((n + 1) * sizeof *list);
    c->by_name = malloc((n + 1) * sizeof *c->by_name);
    int status = list && c->by_name ? 0 : fmt_no_memory(e);
    for (size_t i = 0; i < n && status == 0; i++)
        list[i] = (struct by_name){c->tensor[i].name, (int64_t)i};
    if (status == 0)
        qsort(list, n, sizeof *list, compare_names);
    for (size_t i = 0; i < n && status == 0; i++) {
        c->by_name[i] = list[i].i;
        if (i > 0 && strcmp(list[i - 1].name, list[i].name) == 0)
            status = fmt_fail(e, FMT_INVALID, "tensor %s appears twice", list[i].name);
    }
    free(list);
    return status;
}

static int take_fields(struct ckpt *c, struct fmt_error *e)
{
    struct bytes b = bytes_over(c->block.header.fields, c->block.header.fields_bytes);
    c->header.iteration = bytes_i64(&b);
    c->header.rank = bytes_i32(&b);
    c->header.n_ranks = bytes_i32(&b);
    if (!bytes_ok(&b))
        return fmt_fail(e, FMT_INVALID, "the header of the checkpoint is too short");
    c->part = c->block.header.major == CKPT_PART_MAJOR;
    c->seal.bytes = c->block.seekable ? (int64_t)c->block.io.size : 0;
    memcpy(c->seal.check, c->block.index_check, CKPT_CHECK_BYTES);
    return check_header(&c->header, c->part, e);
}

int ckpt_open(struct ckpt *c, const struct fmt_reader *io, struct fmt_error *e)
{
    *c = (struct ckpt){0};
    int status = block_open(&c->block, io, BLOCK_CKPT, e);
    if (status)
        return status;
    if ((status = take_fields(c, e)) == 0 && (status = block_next(&c->block, &c->buffer, e)) == FMT_END)
        status = fmt_fail(e, FMT_INVALID, "no table of tensors");
    if (status || (status = block_set_count(&c->block, &c->buffer, 0, e)) || (status = take_table(c, e)) ||
        (status = sort_names(c, e)))
        ckpt_close(c);
    return status;
}

int64_t ckpt_find(const struct ckpt *c, const char *name)
{
    int64_t low = 0, high = c->n_tensors;
    while (low < high) {
        int64_t middle = low + (high - low) / 2, i = c->by_name[middle];
        int order = strcmp(name, c->tensor[i].name);
        if (order == 0)
            return i;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

static void values_to_host(uint8_t *p, size_t n, enum dtype dtype)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)p, (void)n, (void)dtype;
#else
    size_t each = dtype_bytes(dtype);
    for (size_t i = 0; i + each <= n; i += each)
        for (size_t j = 0; j < each / 2; j++) {
            uint8_t t = p[i + j];
            p[i + j] = p[i + each - 1 - j];
            p[i + each - 1 - j] = t;
        }
#endif
}

/* Into `to`, or into the buffer's own memory if that is NULL. */
static int read_piece(struct ckpt *c, int64_t i_block, int first, void *to, size_t n, struct block_buffer *b,
                      struct fmt_error *e)
{
    int status = c->block.seekable ? block_read_into(&c->block, i_block, to, n, b, e)
                                   : block_next_into(&c->block, to, n, b, e);
    if (status == FMT_END)
        return fmt_fail(e, FMT_INVALID, "fewer blocks than the table of tensors requires");
    if (status)
        return status;
    if (b->raw_bytes != n)
        return fmt_fail(e, FMT_INVALID, "a block of %s, %zu expected", FMT_COUNT(b->raw_bytes, "byte", "bytes"), n);
    return c->block.seekable ? block_check_count(&c->block, b, (uint32_t)first, e)
                             : block_set_count(&c->block, b, (uint32_t)first, e);
}

/* Where elements [first, first + n) go: side by side to `to`, or, piece by piece, through `memory` to `take`; all NULL:
 * nowhere. */
struct pieces {
    int64_t first, n;
    uint8_t *to, *memory;
    ckpt_take *take;
    void *arg;
};

/* Elements [at, at + k) of the tensor are in `data`: those that are asked for are handed on. */
static int hand_on(const struct pieces *p, int64_t at, int64_t k, size_t each, const uint8_t *data, struct fmt_error *e)
{
    int64_t begin = at > p->first ? at : p->first, end = at + k < p->first + p->n ? at + k : p->first + p->n;
    return begin < end ? p->take(p->arg, begin, data + (size_t)(begin - at) * each, end - begin, e) : 0;
}

static int read_pieces(struct ckpt *c, int64_t i, const struct pieces *p, struct block_buffer *b, struct fmt_error *e)
{
    const struct ckpt_tensor *t = &c->tensor[i];
    size_t each = dtype_bytes(t->dtype);
    if (!c->block.seekable && i != c->i_next)
        return fmt_fail(e, FMT_UNSUPPORTED, "%s: a pipe gives tensors in order only", t->name);
    int64_t done = 0;
    for (int64_t piece = 0; piece < t->n_blocks; piece++) {
        size_t n = next_piece(t->bytes, done);
        int64_t at = t->first + done / (int64_t)each, k = (int64_t)(n / each);
        uint8_t *to = n == 0 ? NULL : p->to ? p->to + done : p->memory;
        done += (int64_t)n;
        if (p->take && c->block.seekable && (at >= p->first + p->n || at + k <= p->first))
            continue; /* none of it is asked for */
        int status = read_piece(c, t->first_block + piece, piece == 0, to, n, b, e);
        if (!status && to)
            values_to_host(to, n, t->dtype);
        if (!status && p->take)
            status = hand_on(p, at, k, each, to, e);
        if (status) {
            fmt_prefix(e, t->name);
            return status;
        }
    }
    if (!c->block.seekable)
        c->i_next = i + 1;
    return 0;
}

int ckpt_read(struct ckpt *c, int64_t i, void *to, int64_t bytes, struct block_buffer *b, struct fmt_error *e)
{
    if (i < 0 || i >= c->n_tensors)
        return fmt_fail(e, FMT_INVALID, "no tensor %lld", (long long)i);
    const struct ckpt_tensor *t = &c->tensor[i];
    if (bytes != t->bytes)
        return fmt_fail(e, FMT_MISMATCH, "%s has %s where %lld belong", t->name, FMT_COUNT(t->bytes, "byte", "bytes"),
                        (long long)bytes);
    return read_pieces(c, i, &(struct pieces){.to = to}, b, e);
}

int ckpt_read_pieces(struct ckpt *c, int64_t i, int64_t first, int64_t n, ckpt_take *take, void *arg,
                     struct block_buffer *b, struct fmt_error *e)
{
    if (i < 0 || i >= c->n_tensors)
        return fmt_fail(e, FMT_INVALID, "no tensor %lld", (long long)i);
    if (first < 0 || n < 0 || first > c->tensor[i].n || n > c->tensor[i].n - first)
        return fmt_fail(e, FMT_INVALID, "%s: %lld elements from %lld on, of %lld", c->tensor[i].name, (long long)n,
                        (long long)first, (long long)c->tensor[i].n);
    uint8_t *memory = malloc(next_piece(c->tensor[i].bytes, 0) + 1);
    if (!memory)
        return fmt_no_memory(e);
    struct pieces p = {first, n, .memory = memory, .take = take, .arg = arg};
    int status = read_pieces(c, i, &p, b, e);
    free(memory);
    return status;
}

int ckpt_check(struct ckpt *c, int64_t i, struct block_buffer *b, struct fmt_error *e)
{
    return read_pieces(c, i, &(struct pieces){0}, b, e);
}

int ckpt_check_end(struct ckpt *c, struct block_buffer *b, struct fmt_error *e)
{
    if (c->block.seekable)
        return 0;
    if (c->i_next != c->n_tensors)
        return fmt_fail(e, FMT_INVALID, "tensors are left");
    int status = block_next(&c->block, b, e);
    if (status == 0)
        return fmt_fail(e, FMT_INVALID, "more blocks than the table of tensors has");
    return status == FMT_END ? 0 : status;
}

void ckpt_close(struct ckpt *c)
{
    free(c->tensor);
    free(c->by_name);
    block_buffer_release(&c->buffer);
    block_close(&c->block);
    *c = (struct ckpt){0};
}
