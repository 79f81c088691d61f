/* test-ckpt-set.c - parts of a state in several files: element ranges across pieces, and what makes them one set. */
#include <stdlib.h>
#include <string.h>

#include "formatbed.h"

/* ---------------------------------------------------------------- elements of a part */
enum { PIECE = CKPT_PIECE_BYTES / sizeof(float), N = 3 * PIECE + 77, FIRST = 5, COUNT = 2 * PIECE + 9 };

static float value(int64_t i)
{
    return (float)(i % 1000003) * 0.5f;
}

static struct fmt_buffer write_part(struct ckpt_seal *seal)
{
    struct ckpt_tensor t = {.name = "x", .dtype = DTYPE_F32, .n_dims = 2, .dims = {1, N}, .first = FIRST,
                            .count = COUNT};
    struct ckpt_header h = {7, 1, 3, "{}"};
    struct ckpt_writer w;
    struct provenance p;
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    float *x = malloc(COUNT * sizeof *x);
    for (int64_t i = 0; i < COUNT; i++)
        x[i] = value(FIRST + i);
    sample_provenance(&p, true);
    ok(ckpt_create(&w, &io, &h, &t, 1, &p, &e) == 0 && ckpt_add(&w, x, COUNT * sizeof *x, &e) == 0 &&
           ckpt_finish(&w, &e) == 0, "a part is written %s", e.text);
    *seal = w.seal;
    provenance_release(&p);
    free(x);
    return b;
}

struct taken {
    int64_t next; /* element */
    bool good;
};

static int take(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e)
{
    struct taken *t = arg;
    const float *x = data;
    (void)e;
    t->good = t->good && at == t->next && k > 0;
    for (int64_t i = 0; i < k; i++)
        t->good = t->good && x[i] == value(at + i);
    t->next = at + k;
    return 0;
}

/* Elements [first, first + n), of which the file has those from `begin` to `end`. */
static void check_range(struct ckpt *c, int64_t first, int64_t n, int64_t begin, int64_t end)
{
    struct taken t = {begin, true};
    struct fmt_error e = {0};
    int status = ckpt_read_pieces(c, 0, first, n, take, &t, &c->buffer, &e);
    ok(status == 0 && t.good && t.next == end, "elements %lld to %lld: %lld to %lld %s", (long long)first,
       (long long)(first + n), (long long)begin, (long long)end, e.text);
}

static void test_ranges(void)
{
    struct ckpt_seal seal;
    struct fmt_buffer b = write_part(&seal);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct ckpt c;
    struct fmt_error e = {0};
    if (!ok(ckpt_open(&c, &io, &e) == 0, "it is opened %s", e.text))
        return;
    const struct ckpt_tensor *t = &c.tensor[0];
    ok(c.part && c.block.header.major == 2 && c.header.rank == 1 && c.header.n_ranks == 3, "as rank 1 of 3");
    ok(t->n == N && t->first == FIRST && t->count == COUNT && t->bytes == COUNT * 4, "which has elements of a whole");
    ok(c.seal.bytes == seal.bytes && memcmp(c.seal.check, seal.check, sizeof seal.check) == 0 &&
           seal.bytes == (int64_t)b.bytes, "its seal is what the writer said");
    check_range(&c, 0, N, FIRST, FIRST + COUNT);
    check_range(&c, 0, FIRST + 1, FIRST, FIRST + 1);
    check_range(&c, FIRST + COUNT - 1, N - FIRST - COUNT + 1, FIRST + COUNT - 1, FIRST + COUNT);
    check_range(&c, PIECE - 3, PIECE + 10, PIECE - 3, 2 * PIECE + 7);
    check_range(&c, FIRST + PIECE, PIECE, FIRST + PIECE, FIRST + 2 * PIECE); /* exactly one piece */
    struct taken none = {-1, true};
    ok(ckpt_read_pieces(&c, 0, 0, FIRST, take, &none, &c.buffer, &e) == 0 && none.next == -1, "before it: nothing");
    ok(ckpt_read_pieces(&c, 0, FIRST + COUNT, 1, take, &none, &c.buffer, &e) == 0 && none.next == -1, "nor behind it");
    is_int(ckpt_read_pieces(&c, 0, 0, N + 1, take, &none, &c.buffer, NULL), FMT_INVALID, "beyond the tensor: refused");
    is_int(ckpt_read_pieces(&c, 0, INT64_MAX, INT64_MAX, take, &none, &c.buffer, NULL), FMT_INVALID, "far beyond, too");
    ckpt_close(&c);
    fmt_buffer_release(&b);
}

/* ---------------------------------------------------------------- what the table may say */
static void refuse(int64_t first, int64_t count, int n_ranks)
{
    struct ckpt_tensor t = {.name = "x", .dtype = DTYPE_F32, .n_dims = 1, .dims = {8}, .first = first, .count = count};
    struct ckpt_header h = {0, 0, n_ranks, "{}"};
    struct ckpt_writer w;
    struct provenance p;
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    provenance_init(&p, "sample", "1.0", false);
    is_int(ckpt_create(&w, &io, &h, &t, 1, &p, NULL), FMT_LIMIT, "%lld elements from %lld on, of 8, on %d ranks",
           (long long)count, (long long)first, n_ranks);
    provenance_release(&p);
    fmt_buffer_release(&b);
}

static void test_limits(void)
{
    refuse(-1, 1, 2);
    refuse(0, -1, 2);
    refuse(0, 9, 2);
    refuse(8, 1, 2);
    refuse(INT64_MAX, INT64_MAX, 2);
    refuse(0, 8, CKPT_RANKS_MAX + 1);
}

/* ---------------------------------------------------------------- coverage */
static int check(int n, const struct ckpt_part *given, struct fmt_error *e)
{
    struct ckpt_part part[5];
    *e = (struct fmt_error){0};
    memcpy(part, given, (size_t)n * sizeof *part);
    return ckpt_set_check_parts(part, n, 100, e);
}

static void test_parts(void)
{
    struct fmt_error e;
    ok(check(3, (struct ckpt_part[]){{0, 40}, {40, 59}, {99, 1}}, &e) == 0, "parts side by side are a whole");
    ok(check(3, (struct ckpt_part[]){{60, 40}, {0, 10}, {10, 50}}, &e) == 0, "in any order");
    ok(check(5, (struct ckpt_part[]){{0, 0}, {0, 100}, {100, 0}, {50, 0}, {0, 0}}, &e) == 0, "empty ones are nowhere");
    is_int(check(2, (struct ckpt_part[]){{0, 40}, {41, 59}}, &e), FMT_INVALID, "a gap");
    is_text(e.text, "element 40 is missing", "... is named");
    is_int(check(2, (struct ckpt_part[]){{0, 40}, {40, 59}}, &e), FMT_INVALID, "a missing end");
    is_text(e.text, "element 99 is missing", "... is named");
    is_int(check(2, (struct ckpt_part[]){{0, 60}, {40, 60}}, &e), FMT_INVALID, "an overlap");
    is_text(e.text, "elements 40 to 59 are there twice", "... is named");
    is_int(check(3, (struct ckpt_part[]){{0, 100}, {20, 5}, {25, 75}}, &e), FMT_INVALID, "one within another");
    is_text(e.text, "elements 20 to 24 are there twice", "... is named");
    is_int(check(1, (struct ckpt_part[]){{50, 0}}, &e), FMT_INVALID, "nothing");
}

/* ---------------------------------------------------------------- a set and its files */
static struct fmt_buffer part_bytes(int rank, struct ckpt_seal *seal)
{
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    ok(sample_part(&io, rank, true, seal, &e) == 0, "the part of rank %d %s", rank, e.text);
    return b;
}

static int has(const struct ckpt_set *s, int rank, const struct fmt_buffer *b, struct fmt_error *e)
{
    struct fmt_memory m = {b->data, b->bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct ckpt c;
    *e = (struct fmt_error){0};
    int status = ckpt_open(&c, &io, e);
    if (status)
        return status;
    status = ckpt_set_has(s, rank, &c, e);
    ckpt_close(&c);
    return status;
}

static void test_set(void)
{
    struct ckpt_seal seal[2];
    struct fmt_buffer part[2] = {part_bytes(0, &seal[0]), part_bytes(1, &seal[1])}, b = make(BLOCK_CKPT_SET, true);
    struct fmt_memory m = {b.data, b.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct ckpt_set s;
    struct fmt_error e = {0};
    if (!ok(ckpt_set_read(&s, &io, &e) == 0 && s.n_ranks == 2 && s.iteration == 99, "a set is read %s", e.text))
        return;
    for (int r = 0; r < 2; r++)
        ok(has(&s, r, &part[r], &e) == 0, "it has the part of rank %d %s", r, e.text);
    is_int(has(&s, 0, &part[1], &e), FMT_MISMATCH, "the part of another rank is refused");
    is_text(e.text, "of rank 1 of 2", "... and named");
    struct fmt_buffer whole = make(BLOCK_CKPT, true);
    is_int(has(&s, 0, &whole, &e), FMT_MISMATCH, "a whole state, too");
    s.iteration = 98;
    is_int(has(&s, 0, &part[0], &e), FMT_MISMATCH, "one of another iteration, too");
    is_text(e.text, "of iteration 99", "... and named");
    s.iteration = 99;
    s.identity[0] ^= 1;
    is_int(has(&s, 0, &part[0], &e), FMT_MISMATCH, "of another run");
    is_text(e.text, "of another run", "... and named");
    s.identity[0] ^= 1;
    s.seal[1].check[15] ^= 1;
    is_int(has(&s, 1, &part[1], &e), FMT_MISMATCH, "of equal work with other bytes");
    is_text(e.text, "other bytes", "... and named");
    ckpt_set_release(&s);
    fmt_buffer_release(&whole);
    fmt_buffer_release(&b);
    fmt_buffer_release(&part[0]);
    fmt_buffer_release(&part[1]);
}

/* A state in one file and in several has one identity, and so has its set. */
static void test_identity(void)
{
    struct fmt_buffer whole = make(BLOCK_CKPT, true), part = make(SAMPLE_CKPT_PART, true),
                      set = make(BLOCK_CKPT_SET, true), other = make(BLOCK_FEAT, true);
    ok(memcmp(whole.data + 40, part.data + 40, DIGEST_BYTES) == 0, "a part has the identity of the whole");
    ok(memcmp(whole.data + 40, set.data + 40, DIGEST_BYTES) == 0, "so has the set");
    ok(memcmp(whole.data + 40, other.data + 40, DIGEST_BYTES) != 0, "other kinds have others");
    fmt_buffer_release(&whole), fmt_buffer_release(&part), fmt_buffer_release(&set), fmt_buffer_release(&other);
}

int main(void)
{
    test_ranges();
    test_limits();
    test_parts();
    test_set();
    test_identity();
    return tap_done();
}
