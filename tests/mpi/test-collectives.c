/* test-collectives - every call of world.h among processes of MPI, on lengths that are not divisible, shorter than the
 * number of ranks, and longer than the buffers: the bits are those of the tree over the ranks, which each process
 * computes by itself. Any number of processes. */
#include <string.h>

#include "device-memory.h"
#include "mpitest.h"
#include "world-tree.h"

enum { PROCESSES_MAX = 8, TURNS_MAX = 5, RANKS_MAX = PROCESSES_MAX * TURNS_MAX };
enum { LONGEST = 1200007 }; /* more than a buffer, of float64 two */

static struct world w;
static struct device_memory device;
/* The last part of (1 << 19) + 100 float64, or (1 << 20) + 100 float32, ends before the piece that others go on with */
static const int64_t lengths[] = {1, 2, 15, 16, 17, 64, 65, 1000, 4099, (1 << 19) + 100, (1 << 20) + 100, LONGEST};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* What process or rank r brings to a call, for free(): any process can draw it. */
static void *contribution(int r, enum dtype dtype, int64_t n)
{
    uint32_t state = (uint32_t)r * 7919 + (uint32_t)n;
    void *x = malloc((size_t)n * dtype_bytes(dtype));
    if (!x)
        abort();
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        double v = (double)(int32_t)state / (double)(1 << state % 23); /* of many magnitudes: order counts */
        if (dtype == DTYPE_F64)
            ((double *)x)[i] = v / 3;
        else
            ((float *)x)[i] = (float)v / 3;
    }
    return x;
}

/* The result of n_ranks contributions, for free(). */
static void *expected(int n_ranks, enum dtype dtype, int64_t n, enum world_reduction how)
{
    void *in[RANKS_MAX], *out = malloc((size_t)n * dtype_bytes(dtype));
    const void *given[RANKS_MAX];
    for (int r = 0; r < n_ranks; r++)
        given[r] = in[r] = contribution(r, dtype, n);
    if (!out)
        abort();
    world_tree_reduce(out, given, n_ranks, dtype, n, how);
    for (int r = 0; r < n_ranks; r++)
        free(in[r]);
    return out;
}

/* Compares a tensor with host memory, and takes both away. */
static bool same(struct tensor t, void *want, int64_t first, int64_t n)
{
    size_t each = dtype_bytes(t.dtype);
    char *got = to_host(&device, t);
    bool is = tensor_elements(t) == n && memcmp(got, (char *)want + (size_t)first * each, (size_t)n * each) == 0;
    free(got);
    return is;
}

static struct tensor on_device(enum dtype dtype, int r, int64_t n)
{
    void *x = contribution(r, dtype, n);
    struct tensor t = TO_DEVICE(&device, dtype, x, n);
    free(x);
    return t;
}

static struct tensor mine(enum dtype dtype, int64_t n)
{
    return on_device(dtype, w.rank, n);
}

/* The contributions of all turns, one after another. */
static struct tensor of_turns(enum dtype dtype, int64_t n)
{
    struct tensor all = TENSOR_TAKE(&device.memory, dtype, w.turns * n);
    for (int turn = 0; turn < w.turns; turn++) {
        void *x = contribution(world_rank(&w, turn), dtype, n);
        op_copy_in(&device.c, tensor_rows(all, turn * n, n), x);
        free(x);
    }
    return all;
}

static void test_all_reduce(enum dtype dtype, enum world_reduction how, const char *what)
{
    bool good = true;
    for (int i = 0; i < LENGTHS; i++) {
        size_t mark = device.memory.used;
        struct tensor in = of_turns(dtype, lengths[i]),
                      out = w.turns == 1 ? in : TENSOR_TAKE(&device.memory, dtype, lengths[i]);
        void *want = expected(world_ranks(&w), dtype, lengths[i], how);
        world_all_reduce(&w, &device.c, out, in, how);
        good &= same(out, want, 0, lengths[i]);
        free(want);
        device.memory.used = mark;
    }
    ok(good, "all_reduce: %s of %d, in %d turns", what, world_ranks(&w), w.turns);
}

static void test_reduce_scatter(enum dtype dtype, bool view, int64_t grain)
{
    bool good = true;
    int n_slots = world_slots(&w);
    for (int i = 0; i < LENGTHS; i++) {
        int64_t n = lengths[i];
        size_t mark = device.memory.used;
        struct world_part p = world_part(&w, n, grain);
        struct tensor whole, slot[WORLD_SLOTS_MAX];
        for (int k = 0; k < n_slots; k++)
            slot[k] = TENSOR_TAKE(&device.memory, dtype, p.count);
        for (int turn = 0; turn < w.turns; turn++) {
            whole = on_device(dtype, world_rank(&w, turn), n);
            if (view)
                slot[0] = tensor_rows(whole, p.first, p.count);
            world_reduce_scatter(&w, &device.c, slot, turn, whole, grain);
        }
        void *want = expected(world_ranks(&w), dtype, n, WORLD_SUM);
        good &= same(slot[0], want, p.first, p.count);
        free(want);
        device.memory.used = mark;
    }
    ok(good, "reduce_scatter: %s, in %d turns, grain %d%s", dtype == DTYPE_F32 ? "float32" : "float64", w.turns,
       (int)grain, view ? ", a part of the whole" : "");
}

/* Every part from its rank's contribution. */
static void test_all_gather(enum dtype dtype, bool view, int64_t grain)
{
    bool good = true;
    for (int i = 0; i < LENGTHS; i++) {
        int64_t n = lengths[i];
        size_t mark = device.memory.used, each = dtype_bytes(dtype);
        struct world_part p = world_part(&w, n, grain);
        char *want = malloc((size_t)n * each);
        for (int r = 0; r < w.size; r++) {
            struct world_part theirs = world_part_of(&w, r, n, grain);
            char *x = contribution(r, dtype, n);
            memcpy(want + (size_t)theirs.first * each, x + (size_t)theirs.first * each, (size_t)theirs.count * each);
            free(x);
        }
        struct tensor source = mine(dtype, n), part = tensor_rows(source, p.first, p.count),
                      whole = view ? source : TENSOR_TAKE(&device.memory, dtype, n);
        world_all_gather(&w, &device.c, whole, part, grain);
        good &= same(whole, want, 0, n);
        free(want);
        device.memory.used = mark;
    }
    ok(good, "all_gather: %s%s", dtype == DTYPE_F32 ? "float32" : "float64", view ? ", from a part of the whole" : "");
}

static void test_broadcast(void)
{
    struct fmt_error e = {0};
    bool good = true;
    for (int i = 0; i < LENGTHS; i++)
        for (int root = 0; root < w.size; root++) {
            size_t bytes = (size_t)lengths[i] * sizeof(double);
            void *x = contribution(w.rank, DTYPE_F64, lengths[i]), *want = contribution(root, DTYPE_F64, lengths[i]);
            good &= world_broadcast_host(&w, x, bytes, root, &e) == 0 && memcmp(x, want, bytes) == 0;
            free(x), free(want);
        }
    ok(good, "broadcast_host from each of %d: %s", w.size, e.text);
}

static void test_host(void)
{
    struct fmt_error e = {0};
    bool good = true;
    for (int i = 0; i < LENGTHS; i++) {
        double *x = contribution(w.rank, DTYPE_F64, lengths[i]),
               *want = expected(w.size, DTYPE_F64, lengths[i], WORLD_SUM);
        good &= world_all_reduce_host(&w, x, lengths[i], WORLD_SUM, &e) == 0 &&
                memcmp(x, want, (size_t)lengths[i] * sizeof *x) == 0;
        free(x), free(want);
    }
    ok(good, "all_reduce_host: %s", e.text);
    ok(world_all_reduce_host(&w, NULL, 0, WORLD_SUM, &e) == 0, "of nothing");
    int pair[2] = {w.rank, 10 * w.rank}, all[PROCESSES_MAX][2];
    good = world_all_gather_host(&w, all, pair, sizeof pair, &e) == 0;
    for (int r = 0; r < w.size; r++)
        good &= all[r][0] == r && all[r][1] == 10 * r;
    ok(good, "all_gather_host");
    static char much[WORLD_GATHER_MAX + 1];
    ok(world_all_gather_host(&w, NULL, much, sizeof much, &e) == FMT_LIMIT, "%s", e.text);
    ok(world_barrier(&w, &e) == 0 || w.size == 0, "barrier");
}

/* Each process fills its own items; the others' are gathered, whatever their size and number. */
static void test_shares(void)
{
    static const int64_t counts[] = {0, 1, 2, 7, 1000, 70001};
    static const size_t sizes[] = {1, 12, 1536};
    struct fmt_error e = {0};
    struct part own = world_share(&w);
    bool good = own.i == w.rank + 1 && own.n == w.size;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            int64_t n = counts[i], each = (int64_t)sizes[j];
            uint8_t *x = calloc((size_t)(n * each) + 1, 1);
            if (!x)
                abort();
            for (int64_t b = part_first(own, n) * each; b < part_end(own, n) * each; b++)
                x[b] = (uint8_t)(b * 7 % 251);
            good &= world_gather_shares(&w, x, n, sizes[j], &e) == 0 && x[n * each] == 0;
            for (int64_t b = 0; b < n * each; b++)
                good &= x[b] == (uint8_t)(b * 7 % 251);
            free(x);
        }
    ok(good, "gather_shares: every process has the items of all %s", e.text);
}

/* A failure of the last rank is one of all; of two, that of the lower rank is told. */
static void test_agree(void)
{
    struct fmt_error e = {0};
    char want[64];
    bool any;
    int last = w.size - 1, status = w.rank == last ? fmt_fail(&e, FMT_FULL, "disk of %d", w.rank) : 0;
    snprintf(want, sizeof want, w.size > 1 ? "rank %d: disk of %d" : "disk of %d", last, last);
    ok(world_agree(&w, status, &e) == FMT_FULL, "what fails on one rank fails on all");
    is_text(e.text, want, "with its number and its reason");
    e = (struct fmt_error){0};
    status = w.rank == last || w.rank == 0 ? fmt_fail(&e, FMT_IO, "of %d", w.rank) : 0;
    ok(world_agree(&w, status, &e) == FMT_IO && strstr(e.text, "of 0"), "of two failures the lower rank's: %s", e.text);
    struct fmt_error again = e;
    ok(world_agree(&w, (int)again.status, &again) == FMT_IO && strcmp(again.text, e.text) == 0,
       "what all say is not changed by asking again");
    ok(world_agree(&w, 0, &e) == 0, "and nothing, where all went well");
    ok(world_any(&w, w.rank == last, &any, &e) == 0 && any, "what holds on one rank holds on any");
    ok(world_any(&w, false, &any, &e) == 0 && !any, "and what holds on none does not");
}

/* Errors stick: a call that is refused on all ranks does nothing, and those after it neither. */
static void test_refused(void)
{
    struct fmt_error e = {0};
    struct tensor x = mine(DTYPE_F32, 16);
    int64_t before = world_bytes_sent(&w);
    world_all_reduce(&w, &device.c, x, tensor_rows(x, 0, 8), WORLD_SUM);
    world_all_reduce(&w, &device.c, x, x, WORLD_SUM);
    ok(op_sync(&device.c, &e) == FMT_MISMATCH && strstr(e.text, "not what each turn has"), "%s", e.text);
    is_int(world_bytes_sent(&w), before, "nothing was sent");
}

static void test_bytes_sent(void)
{
    enum { N = 1000 };
    struct tensor x = mine(DTYPE_F32, N);
    struct world_part p = world_part(&w, N, WORLD_GRAIN);
    int64_t before = world_bytes_sent(&w);
    world_all_reduce(&w, &device.c, x, x, WORLD_SUM);
    is_int(world_bytes_sent(&w) - before, 4 * (N - p.count) + 4 * p.count * (w.size - 1),
           "a sum sends the others' parts of what is here, and the sum of the own part");
    before = world_bytes_sent(&w);
    double numbers[N] = {0};
    struct fmt_error e = {0};
    world_broadcast_host(&w, numbers, sizeof numbers, 0, &e);
    is_int(world_bytes_sent(&w) - before, w.rank == 0 ? 8 * N * (w.size - 1) : 0, "a broadcast is its root's");
}

static void test_sum_ranks(void)
{
    struct fmt_error e = {0};
    double in[TURNS_MAX][WORLD_FEW], out[WORLD_FEW];
    for (int turn = 0; turn < w.turns; turn++) {
        double *x = contribution(world_rank(&w, turn), DTYPE_F64, WORLD_FEW);
        memcpy(in[turn], x, sizeof in[turn]);
        free(x);
    }
    void *want = expected(world_ranks(&w), DTYPE_F64, WORLD_FEW, WORLD_SUM);
    ok(world_sum_ranks(&w, out, in[0], WORLD_FEW, &e) == 0 && memcmp(out, want, sizeof out) == 0,
       "a few numbers of each rank: %s", e.text);
    free(want);
}

static void test_turns(int turns)
{
    struct fmt_error e = {0};
    ok(world_mpi_take_turns(&w, turns, &e) == 0 && w.turns == turns, "%d turns: %s", turns, e.text);
    test_all_reduce(DTYPE_F32, WORLD_SUM, "float32, sum");
    test_all_reduce(DTYPE_F64, WORLD_SUM, "float64, sum");
    test_all_reduce(DTYPE_F32, WORLD_MAX, "float32, the largest");
    test_all_reduce(DTYPE_F64, WORLD_MAX, "float64, the largest");
    test_reduce_scatter(DTYPE_F32, false, WORLD_GRAIN);
    test_reduce_scatter(DTYPE_F32, false, 4096);
    test_reduce_scatter(DTYPE_F64, false, WORLD_GRAIN);
    test_sum_ranks();
}

/* The same of one process that takes turns, as world_single does. */
static void test_single(void)
{
    struct world all = w;
    w = world_single;
    for (int turns = 1; turns <= TURNS_MAX; turns++) {
        w.turns = turns;
        test_all_reduce(DTYPE_F32, WORLD_SUM, "one process: float32, sum");
        test_all_reduce(DTYPE_F64, WORLD_MAX, "one process: float64, the largest");
        test_reduce_scatter(DTYPE_F32, false, WORLD_GRAIN);
        test_sum_ranks();
    }
    w = all;
}

int main(void)
{
    w = mpitest_open();
    device_memory_open(&device, 1, (size_t)160 << 20);
    ok(w.size <= PROCESSES_MAX && w.rank < w.size, "rank %d of %d: %s", w.rank, w.size, world_mpi_name());
    for (int turns = TURNS_MAX; turns >= 1; turns -= 4)
        test_turns(turns);
    if (w.size == 1)
        test_single();
    test_reduce_scatter(DTYPE_F32, true, WORLD_GRAIN);
    test_reduce_scatter(DTYPE_F64, true, 4096);
    test_all_gather(DTYPE_F32, false, WORLD_GRAIN);
    test_all_gather(DTYPE_F32, true, 4096);
    test_all_gather(DTYPE_F64, true, WORLD_GRAIN);
    test_broadcast();
    test_host();
    test_shares();
    test_agree();
    test_refused();
    test_bytes_sent();
    device_memory_close(&device);
    return mpitest_done(&w);
}
