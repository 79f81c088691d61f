/* Columns of rows: memory that grows, parts of rows, features of a part read in pieces. */
#include <stdlib.h>
#include <string.h>

#include "rowsbed.h"
#include "tap.h"

enum { N = 7, DIM = 3 };

/* A source that is not in memory: row i is 10 i, 10 i + 1, 10 i + 2. Counts its calls; fails from row `limit` on. */
struct source {
    int n_calls;
    int64_t limit;
};

static int read_source(void *arg, int64_t first, int64_t n, const float **x, int64_t *n_read, struct fmt_error *e)
{
    static float rows[2 * DIM]; /* two at a time */
    struct source *s = arg;
    s->n_calls++;
    if (first >= s->limit)
        return fmt_fail(e, FMT_IO, "row %d cannot be read", (int)s->limit);
    for (int i = 0; i < 2 * DIM; i++)
        rows[i] = (float)(10 * (first + i / DIM) + i % DIM);
    *x = rows;
    *n_read = n < 2 ? n : 2;
    return 0;
}

static struct rows some_rows(struct source *s)
{
    struct rows r = {.n = N, .n_classes = 2, .dim = DIM, .read = read_source, .arg = s};
    if (rows_reserve(&r, ROWS_LABEL | ROWS_KEY | ROWS_CONTENT | ROWS_PROBA, N, NULL))
        exit(1);
    for (int i = 0; i < N; i++) {
        static const char *const keys[N] = {"a", "b", "c", "d", "e", "f", "g"};
        r.label[i] = i % 3 - 1;
        r.key[i] = keys[i];
        memset(r.content[i], i, DIGEST_BYTES);
        r.proba[2 * i] = i;
        r.proba[2 * i + 1] = -i;
    }
    return r;
}

static void test_select(void)
{
    struct source source = {.limit = N};
    struct rows all = some_rows(&source), part, part_of_part;
    static const int64_t pick[] = {1, 4, 5, 6}, again[] = {3, 0};
    ok(rows_select(&part, &all, pick, 4, NULL) == 0 && part.n == 4, "a part");
    ok(part.label[1] == all.label[4] && strcmp(part.key[3], "g") == 0 && part.content[2][31] == 5 &&
           part.proba[7] == -6 && !part.group && !part.weight,
       "has every column of the whole, and no other");
    ok(rows_select(&part_of_part, &part, again, 2, NULL) == 0 && part_of_part.index[0] == 6 &&
           part_of_part.index[1] == 1 && strcmp(part_of_part.key[0], "g") == 0,
       "a part of a part knows its rows in the whole");
    rows_release(&part_of_part);
    rows_release(&part);
    ok(rows_select_labelled(&part, &all, NULL, 0, NULL) == 0 && part.n == rows_n_labelled(&all) && part.n == 4 &&
           strcmp(part.key[0], "b") == 0 && part.label[0] == 0,
       "the labelled rows");
    rows_release(&part);
    ok(rows_select(&part, &all, NULL, N, NULL) == 0 && !part.index && part.key[6] == all.key[6], "a copy of all");
    rows_release(&part);
    ok(rows_reserve(&all, ROWS_LABEL, 1000000, NULL) == 0 && all.label[6] == -1 && all.label[5] == 1,
       "memory grows, entries stay");
    rows_drop(&all, ROWS_KEY | ROWS_CONTENT);
    ok(!all.key && !all.content && all.label, "columns can be dropped");
    rows_release(&all);
}

/* Rows first .. first + n - 1 through a tensor to x. */
static int load(const struct device *d, const struct rows *r, int64_t first, int64_t n, float *x, struct fmt_error *e)
{
    struct device_arena memory;
    float zeros[N * DIM] = {0};
    struct tensor to = rows_on_device(d, &memory, zeros, NULL, N, DIM).x;
    struct op_ctx c = {.backend = d->backend, .scratch = &memory};
    int status = rows_load(r, first, n, &c, tensor_rows(to, 0, n), e);
    op_copy_out(&c, x, tensor_rows(to, 0, n));
    device_arena_release(&memory);
    return status;
}

static void test_load(void)
{
    struct source source = {.limit = N};
    struct device device = test_device(1);
    struct rows all = some_rows(&source), part;
    static const int64_t pick[] = {0, 2, 3, 4, 6};
    float x[5 * DIM], memory[N * DIM];
    struct fmt_error e = {0};
    rows_select(&part, &all, pick, 5, NULL);
    ok(load(&device, &part, 0, 5, x, &e) == 0 && x[0] == 0 && x[1 * DIM] == 20 && x[3 * DIM + 2] == 42 &&
           x[4 * DIM] == 60,
       "features of a part");
    is_int(source.n_calls, 4, "rows that follow each other are asked for in one piece, and come in two");
    ok(load(&device, &part, 2, 2, x, &e) == 0 && x[0] == 30 && x[DIM] == 40, "from its middle");
    source.limit = 4;
    ok(load(&device, &part, 0, 5, x, &e) == FMT_IO && strcmp(e.text, "row 4 cannot be read") == 0, "a failure: %s",
       e.text);
    for (int i = 0; i < N * DIM; i++)
        memory[i] = (float)(10 * (i / DIM) + i % DIM);
    part.host_x = memory;
    ok(load(&device, &part, 3, 2, x, &e) == 0 && x[0] == 40 && x[DIM + 1] == 61, "the same from memory");
    struct device_arena on_device;
    part.x = rows_on_device(&device, &on_device, memory, NULL, N, DIM).x;
    ok(load(&device, &part, 3, 2, x, &e) == 0 && x[0] == 40 && x[DIM + 1] == 61, "and from a tensor");
    device_arena_release(&on_device);
    rows_release(&part);
    rows_release(&all);
    test_device_close(&device);
}

int main(void)
{
    test_select();
    test_load();
    return tap_done();
}
