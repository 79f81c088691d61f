/* test-checkpoint-reader.c - a state in 1 to 70 files is read as one: by any of its files, elements by ranges, more
 * files than are open at a time; and what is wrong with a set is said of all ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint-name.h"
#include "checkpoint-reader.h"
#include "file.h"
#include "tap.h"
#include "tensorfile.h"
#include "world.h"

enum { N = 5000, M = 7, TENSORS = 3, RANKS_MAX = 70 };

static float value(int tensor, int64_t i)
{
    return (float)(tensor * 100000 + i);
}

static int64_t elements(int tensor)
{
    return tensor == 0 ? N : tensor == 1 ? M : 1;
}

/* What is written: the parts of world_part, unless a test has changed them. */
struct written {
    int n_ranks;
    int64_t iteration;
    const char *state;
    uint8_t run; /* another one is another run */
    struct ckpt_part part[RANKS_MAX][TENSORS];
    struct ckpt_seal seal[RANKS_MAX];
};

static struct written parts_of(int n_ranks)
{
    struct written x = {.n_ranks = n_ranks, .iteration = 19, .state = "{\"a\":1}"};
    for (int rank = 0; rank < n_ranks; rank++)
        for (int t = 0; t < TENSORS; t++) {
            struct world w = {.rank = rank, .size = n_ranks, .turns = 1};
            struct world_part p = world_part(&w, elements(t), WORLD_GRAIN);
            x.part[rank][t] = (struct ckpt_part){p.first, p.count};
        }
    return x;
}

static void provenance_of(const struct written *x, struct provenance *p)
{
    provenance_init(p, "test", "1", false);
    provenance_int(p, "run", x->run);
    provenance_int(p, "iteration", x->iteration);
}

static int put(struct ckpt_writer *w, const struct written *x, int rank, struct fmt_error *e)
{
    static float values[N];
    int status = 0;
    for (int t = 0; t < TENSORS && !status; t++) {
        struct ckpt_part p = x->n_ranks > 1 ? x->part[rank][t] : (struct ckpt_part){0, elements(t)};
        for (int64_t i = 0; i < p.count; i++)
            values[i] = value(t, p.first + i);
        status = ckpt_add(w, values, (size_t)p.count * sizeof *values, e);
    }
    return status;
}

static char *path_in(const char *folder, int rank)
{
    char name[CHECKPOINT_NAME_MAX];
    return file_join(folder, checkpoint_name(19, rank, name));
}

static void write_rank(const char *folder, struct written *x, int rank)
{
    struct ckpt_tensor t[TENSORS] = {{.name = "x", .n_dims = 2, .dims = {N / 10, 10}},
                                     {.name = "y", .n_dims = 1, .dims = {M}}, {.name = "z"}};
    struct ckpt_header h = {x->iteration, rank, x->n_ranks, x->state};
    struct fmt_error e = {0};
    struct ckpt_writer w;
    struct file_out out;
    struct provenance p;
    char *path = path_in(folder, rank);
    for (int k = 0; k < TENSORS; k++) {
        t[k].dtype = DTYPE_F32;
        t[k].first = x->part[rank][k].first;
        t[k].count = x->part[rank][k].count;
    }
    provenance_of(x, &p);
    bool good = file_make_dirs(folder, &e) == 0 && file_create(&out, path, &e) == 0;
    struct fmt_writer io = file_writer(&out);
    good = good && ckpt_create(&w, &io, &h, t, TENSORS, &p, &e) == 0 && put(&w, x, rank, &e) == 0 &&
           ckpt_finish(&w, &e) == 0 && file_commit(&out, &e) == 0;
    if (!good)
        ok(false, "rank %d is written: %s", rank, e.text);
    x->seal[rank] = w.seal;
    provenance_release(&p);
    free(path);
}

static void write_set(const char *folder, struct written *x)
{
    struct ckpt_set s = {.iteration = x->iteration, .n_ranks = x->n_ranks, .seal = x->seal};
    struct fmt_error e = {0};
    struct file_out out;
    struct provenance p;
    char *path = path_in(folder, CHECKPOINT_SET);
    provenance_of(x, &p);
    bool good = file_create(&out, path, &e) == 0;
    struct fmt_writer io = file_writer(&out);
    good = good && ckpt_set_write(&s, &p, &io, &e) == 0 && file_commit(&out, &e) == 0;
    if (!good)
        ok(false, "the set is written: %s", e.text);
    provenance_release(&p);
    free(path);
}

static char *write_all(const char *name, struct written *x)
{
    char *folder = file_join(tap_scratch(), name);
    for (int rank = 0; rank < x->n_ranks; rank++)
        write_rank(folder, x, rank);
    if (x->n_ranks > 1)
        write_set(folder, x);
    return folder;
}

/* ---------------------------------------------------------------- reading */
struct got {
    int tensor;
    int64_t first, n, n_got;
    bool good;
};

static int take(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e)
{
    struct got *g = arg;
    const float *x = data;
    (void)e;
    g->good = g->good && at >= g->first && at + k <= g->first + g->n;
    for (int64_t i = 0; i < k && g->good; i++)
        g->good = x[i] == value(g->tensor, at + i);
    g->n_got += k;
    return 0;
}

static bool read_range(struct checkpoint_reader *r, int tensor, int64_t first, int64_t n)
{
    struct got g = {tensor, first, n, 0, true};
    return checkpoint_reader_read(r, tensor, first, n, take, &g, NULL) == 0 && g.good && g.n_got == n;
}

/* What each of `size` processes would take. */
static bool read_by(struct checkpoint_reader *r, int size)
{
    bool good = true;
    for (int rank = 0; rank < size; rank++)
        for (int t = 0; t < TENSORS; t++) {
            struct world w = {.rank = rank, .size = size, .turns = 1};
            struct world_part p = world_part(&w, elements(t), WORLD_GRAIN);
            good = good && read_range(r, t, p.first, p.count);
        }
    return good;
}

static bool read_whole(struct checkpoint_reader *r)
{
    static float x[N];
    bool good = true;
    for (int t = 0; t < TENSORS; t++) {
        good = good && checkpoint_reader_read_all(r, t, x, NULL) == 0;
        for (int64_t i = 0; i < elements(t); i++)
            good = good && x[i] == value(t, i);
    }
    return good;
}

/* Also by the name of a rank that the set does not have, and by that of the set. */
static void test_sizes(void)
{
    static const int sizes[] = {1, 2, 3, 4, RANKS_MAX};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        char name[20];
        struct written x = parts_of(sizes[k]);
        snprintf(name, sizeof name, "of-%d", sizes[k]);
        char *folder = write_all(name, &x);
        int by[] = {0, sizes[k] - 1, sizes[k] + 3, CHECKPOINT_SET};
        for (int b = 0; b < 4; b++) {
            struct checkpoint_reader r;
            struct fmt_error e = {0};
            char *path = path_in(folder, by[b]);
            if (ok(checkpoint_reader_open(&r, path, &e) == 0, "%d files, by the name of rank %d %s", sizes[k], by[b],
                   e.text)) {
                ok(r.set.n_ranks == sizes[k] && r.set.iteration == 19, "it is one of %d", sizes[k]);
                ok(read_by(&r, 1) && read_by(&r, 2) && read_by(&r, 3) && read_by(&r, 4), "read by 1 to 4 processes");
                ok(read_whole(&r), "and whole");
                ok(r.n_open <= 64, "by at most 64 files at a time");
                checkpoint_reader_close(&r);
            }
            free(path);
        }
        free(folder);
    }
}

/* ---------------------------------------------------------------- what is wrong */
static void refuse(const char *folder, int rank, const char *text)
{
    struct checkpoint_reader r;
    struct fmt_error e = {0};
    char *path = path_in(folder, rank);
    if (ok(checkpoint_reader_open(&r, path, &e) != 0, "refused: %s", text))
        ok(strstr(e.text, text) != NULL, "... %s", e.text);
    else
        checkpoint_reader_close(&r);
    free(path);
}

static void test_wrong(void)
{
    struct written x = parts_of(4), other = parts_of(4);
    char *folder = write_all("wrong", &x), *path = path_in(folder, 1);
    unlink(path);
    refuse(folder, 0, "19.set: the set is not complete: missing: rank 1");
    other.run = 1;
    write_rank(folder, &other, 2);
    refuse(folder, CHECKPOINT_SET, "missing: rank 1; different: rank 2 (of another run)");
    other = parts_of(4);
    other.state = "{\"a\":2}";
    write_rank(folder, &other, 1);
    write_rank(folder, &other, 2);
    refuse(folder, 3, "different: ranks 1, 2 (the first: other bytes)");
    x.seal[1] = other.seal[1], x.seal[2] = other.seal[2];
    write_set(folder, &x);
    refuse(folder, 3, "different: ranks 1, 2 (the first: a table or a state unlike rank 0's)");
    free(path);
    free(folder);
}

static void test_coverage(void)
{
    static const struct {
        const char *name, *text;
        struct ckpt_part part;
    } cases[] = {{"gap", "x: element 1248 is missing", {1249, N - 1249}},
                 {"overlap", "x: element 1247 is there twice", {1247, N - 1247}},
                 {"end", "x: element 4999 is missing", {1248, N - 1249}}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct written x = parts_of(4);
        x.part[0][0].count = 1248;
        x.part[1][0] = cases[k].part;
        x.part[2][0].count = x.part[3][0].count = 0;
        char *folder = write_all(cases[k].name, &x);
        refuse(folder, 2, cases[k].text);
        free(folder);
    }
}

/* Ranks beyond what a line has room for. */
static void test_many(void)
{
    struct written x = parts_of(RANKS_MAX);
    char *folder = write_all("many", &x);
    for (int rank = 1; rank < RANKS_MAX; rank += 2) {
        char *path = path_in(folder, rank);
        unlink(path);
        free(path);
    }
    refuse(folder, 0, "missing: ranks 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, ");
    struct fmt_error e = {0};
    struct checkpoint_reader r;
    char *path = path_in(folder, 0);
    checkpoint_reader_open(&r, path, &e);
    ok(strstr(e.text, " ...") != NULL, "and more: %s", e.text);
    free(path);
    free(folder);
}

/* As a file of tensors, which dino-weights, dino-extract and bbu-info take it for. */
static void test_tensorfile(void)
{
    struct tensorfile f;
    struct fmt_error e = {0};
    struct written x = parts_of(3);
    char *folder = write_all("tensors", &x), *path = path_in(folder, 2);
    if (ok(tensorfile_open(&f, path, &e) == 0, "a file of tensors %s", e.text)) {
        float v[20];
        const struct named_tensor *t = named_tensor_find(&f.set, "x");
        bool good = t && named_tensor_read_f32(t, 1660, 20, v, &e) == 0;
        for (int i = 0; i < 20 && good; i++)
            good = v[i] == value(0, 1660 + i);
        ok(good, "elements across two files %s", e.text);
        is_text(named_tensor_meta_find(&f.set, "a"), "1", "and the state");
        tensorfile_close(&f);
    }
    free(path);
    free(folder);
}

static void test_names(void)
{
    char *path = checkpoint_sibling("a.rank_1.ckpt/b.rank_12.ckpt", 3);
    is_text(path, "a.rank_1.ckpt/b.rank_3.ckpt", "another rank's file is beside it");
    free(path);
    path = checkpoint_sibling("x/a.set", CHECKPOINT_SET);
    is_text(path, "x/a.set", "the set's, too");
    free(path);
    static const char *const none[] = {"a.ckpt", "a.rank_.ckpt", "a.rank_1.pth", "rank_1.ckpt", "", ".ckpt", "set"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ok(!checkpoint_sibling(none[i], 0), "%s has no others beside it", none[i]);
}

int main(void)
{
    test_sizes();
    test_wrong();
    test_coverage();
    test_many();
    test_tensorfile();
    test_names();
    return tap_done();
}
