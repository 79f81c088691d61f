/* test-params - tables of parameters: modules, layout, rows that are trained and rows that are not; arrays over a table
 * and parts of them. */
#include <stdio.h>
#include <string.h>

#include "device-memory.h"
#include "head.h"
#include "optim.h"
#include "params.h"
#include "tap.h"
#include "vit.h"

static int add(struct params *t, const char *name, int64_t n)
{
    int index = -1;
    struct param row = {.n_dims = 1, .dims = {n}, .init = INIT_CONSTANT, .value = 2, .layer = 1};
    ok(params_add(t, name, &row, &index, NULL) == 0, "%s is added", name);
    return index;
}

static void test_modules(void)
{
    struct params t = {0};
    struct fmt_error e = {0};
    int64_t offset = -1;
    ok(params_add_module(&t, "trunk", &e) == 0, "a module");
    int a = add(&t, "a", 5), b = add(&t, "b", 40);
    ok(params_add_module(&t, "pixel_decoder", &e) == 0, "and another");
    int c = add(&t, "c", 16);
    is_text(t.rows[b].name, "trunk.b", "a row is named after its module");
    ok(t.rows[a].module == 0 && t.rows[c].module == 1 && t.rows[a].dtype == DTYPE_F32 && t.rows[a].trained,
       "rows belong to the module that was begun last, are float32 and trained");
    ok(t.rows[b].offset == 16 && t.rows[c].offset == 64 && t.count == 80, "rows begin at multiples of 16 elements");
    ok(params_find(&t, "pixel_decoder.c") == c && params_find(&t, "c") < 0, "rows are found by their whole name");
    int m = params_find_module(&t, "pixel_decoder");
    ok(m == 1 && params_find_module(&t, "backbone") < 0, "modules by theirs");
    ok(params_module_span(&t, m, &offset) == 16 && offset == 64 && params_module_span(&t, 0, &offset) == 64 &&
           offset == 0 && params_module_span(&t, -1, &offset) == 0,
       "a module's span has its padding");
    ok(params_module_elements(&t, 0) == 45 && params_module_elements(&t, -1) == 0, "its elements have not");
    ok(params_add_module(&t, "trunk", &e) == FMT_INVALID, "no module twice: %s", e.text);
    char name[PARAMS_MODULE_NAME_MAX];
    for (int i = t.n_modules; i < PARAMS_MODULES_MAX; i++) {
        snprintf(name, sizeof name, "m%d", i);
        ok(params_add_module(&t, name, &e) == 0, "module %d", i);
    }
    e = (struct fmt_error){0};
    ok(params_add_module(&t, "more", &e) == FMT_LIMIT, "and no more than the limit: %s", e.text);
    struct param bad = {.n_dims = 2, .dims = {3, 0}};
    ok(params_add(&t, "bad", &bad, NULL, &e) == FMT_LIMIT, "no dimension of 0");
    params_release(&t);
}

/* Rows 1 and 4 rest: they are in no run, and no range of the update covers them. */
static void test_trained(void)
{
    enum { ROWS = 6 };
    struct params t = {0};
    struct update_range ranges[ROWS];
    params_add_module(&t, "trunk", NULL);
    for (int i = 0; i < ROWS; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%d", i);
        add(&t, name, 10 + i);
    }
    t.rows[1].trained = t.rows[4].trained = false;
    int64_t first, count, seen[3][2];
    int n = 0;
    for (int row = 0; params_trained_range(&t, 0, &row, &first, &count) && n < 3; n++)
        seen[n][0] = first, seen[n][1] = count;
    ok(n == 3 && seen[0][0] == 0 && seen[0][1] == 16 && seen[1][0] == 32 && seen[1][1] == 32 && seen[2][0] == 80 &&
           seen[2][1] == 16,
       "runs of trained rows leave out the others");
    struct optim_config o = {.rule = UPDATE_SGD, .layerwise_decay = 1, .patch_embed_lr_mult = 1, .depth = 2};
    struct schedule_rates rates = {.lr = 0.5, .last_layer_lr = 0.5};
    struct optim_module module[PARAMS_MODULES_MAX] = {{.clip = 1, .steps = 1}};
    const int64_t same[ROWS] = {0, 16, 32, 48, 64, 80};
    struct optim_extent extent = {0, t.count, 0, same};
    int64_t n_ranges = optim_ranges(&o, &t, &extent, &rates, module, ranges);
    ok(n_ranges == 3 && ranges[1].offset == 32 && ranges[1].count == 29 && ranges[2].offset == 80,
       "ranges of the update leave them out as well");
    module[0].frozen = true;
    ok(optim_ranges(&o, &t, &extent, &rates, module, ranges) == 0, "a frozen module has none");
    params_release(&t);
}

/* Two heads of one kind, as no settings have them today, stand in one table. */
static void test_more_heads(void)
{
    struct params t = {0};
    struct vit vit;
    struct head head[2];
    struct fmt_error e = {0};
    const struct vit_config small = {.C = 8, .depth = 1, .n_heads = 2, .patch = 4, .grid = 2,
                                     .ffn = VIT_MLP, .hidden = 16};
    const struct head_config h = {.in_dim = 8, .hidden_dim = 4, .bottleneck_dim = 2, .n_prototypes = 3, .n_layers = 2};
    ok(vit_params(&vit, &small, &t, &e) == 0 && head_params(&head[0], &h, HEAD_DINO, 2, &t, &e) == 0 &&
           head_params(&head[1], &h, "distill_head", 2, &t, &e) == 0,
       "a backbone and two heads %s", e.text);
    ok(t.n_modules == 3 && params_find(&t, "distill_head.last_layer.weight_v") == t.n_rows - 1 &&
           params_module_elements(&t, 1) == params_module_elements(&t, 2),
       "three modules, one of a name that no enum knows");
    ok(head_params(&head[1], &h, HEAD_DINO, 2, &t, &e) == FMT_INVALID, "not two of one name: %s", e.text);
    params_release(&t);
}

/* ---- arrays, and parts of them ---- */

static void small_network(struct vit *vit, struct head *head, struct params *t)
{
    const struct vit_config v = {.C = 8, .depth = 2, .n_heads = 2, .patch = 4, .grid = 3, .ffn = VIT_MLP, .hidden = 20,
                                 .qkv_bias = true, .layerscale = 1e-5f};
    const struct head_config h = {.in_dim = 8, .hidden_dim = 7, .bottleneck_dim = 3, .n_prototypes = 11, .n_layers = 2};
    ok(vit_params(vit, &v, t, NULL) == 0 && head_params(head, &h, HEAD_DINO, 3, t, NULL) == 0, "a small network");
}

/* Rows are tensors, and are read and written piece by piece. */
static void test_rows(struct device_memory *m, const struct params *t, const struct vit *vit)
{
    struct params_array w = params_array_take(&m->memory, t, DTYPE_F32);
    params_init(&m->c, &w, 3);
    int row = vit->block[1].qkv_w;
    struct tensor qkv = params_tensor(&w, row);
    ok(qkv.n_dims == 2 && qkv.dims[0] == 24 && qkv.dims[1] == 8 && !tensor_given(params_tensor(&w, -1)),
       "a row has the dimensions of the table, row -1 is left out");
    float *all = to_host(m, w.data), piece[50], other[2] = {7, 8};
    const float *values = all + t->rows[row].offset;
    params_read(&m->c, &w, row, 100, 50, piece);
    ok(memcmp(piece, values + 100, sizeof piece) == 0, "a piece of it is read");
    params_write(&m->c, &w, row, 101, 2, other);
    params_read(&m->c, &w, row, 100, 50, piece);
    ok(piece[0] == values[100] && piece[1] == 7 && piece[2] == 8 && piece[3] == values[103], "and written");
    bool padding = true;
    for (int i = 0; i + 1 < t->n_rows; i++)
        for (int64_t k = t->rows[i].offset + t->rows[i].count; k < t->rows[i + 1].offset; k++)
            padding = padding && all[k] == 0;
    ok(padding && device_did_all(&m->c), "what is between rows is zero");
    free(all);
}

/* Elements [first, first + count) of everything that an update needs. */
struct shard {
    struct params_array w, m, v, g, teacher;
};

static struct shard take_shard(struct device_memory *m, const struct params *t, int64_t first, int64_t count)
{
    struct shard s;
    struct params_array *const all[] = {&s.w, &s.m, &s.v, &s.g, &s.teacher};
    for (int i = 0; i < 5; i++) {
        *all[i] = params_array_take_part(&m->memory, t, DTYPE_F32, first, count);
        params_init(&m->c, all[i], (uint64_t)i); /* moments are not as after a step, and need not be */
    }
    op_copy(&m->c, s.v.data, s.w.data);
    return s;
}

static void update(struct device_memory *m, const struct params *t, const struct shard *s)
{
    struct update_range ranges[64];
    int64_t offset[64];
    const struct optim_config o = {.rule = UPDATE_SGD, .beta1 = 0.9, .layerwise_decay = 0.9, .patch_embed_lr_mult = 0.2,
                                   .depth = 2};
    const struct schedule_rates rates = {.lr = 0.1, .last_layer_lr = 0.05, .weight_decay = 0.04};
    const struct optim_module module[PARAMS_MODULES_MAX] = {{.clip = 0.5, .steps = 1}, {.clip = 1, .steps = 1}};
    for (int i = 0; i < t->n_rows; i++)
        offset[i] = t->rows[i].offset;
    struct optim_extent extent = {s->w.first, s->w.count, s->teacher.first, offset};
    struct update u = {.rule = o.rule, .ranges = ranges, .student = s->w.data, .m = s->m.data, .v = s->v.data,
                       .grad = s->g.data, .teacher = s->teacher.data, .teacher_momentum = 0.7, .beta1 = o.beta1};
    u.n_ranges = optim_ranges(&o, t, &extent, &rates, module, ranges);
    op_update(&m->c, &u);
}

/* Three parts, cut anywhere, begin with the values of the whole and are updated as the whole is: bit for bit. */
static void test_shards(struct device_memory *m, const struct params *t)
{
    const int64_t cut[] = {0, 333, 1000, t->count};
    struct shard whole = take_shard(m, t, 0, t->count);
    float *begin = to_host(m, whole.w.data);
    update(m, t, &whole);
    float *student = to_host(m, whole.w.data), *teacher = to_host(m, whole.teacher.data);
    bool same_begin = true, same = true, moved = memcmp(begin, student, (size_t)t->count * sizeof *begin) != 0;
    for (int i = 0; i < 3; i++) {
        int64_t n = cut[i + 1] - cut[i];
        struct shard s = take_shard(m, t, cut[i], n);
        float *a = to_host(m, s.w.data);
        update(m, t, &s);
        float *b = to_host(m, s.w.data), *c = to_host(m, s.teacher.data);
        same_begin = same_begin && memcmp(a, begin + cut[i], (size_t)n * sizeof *a) == 0;
        same = same && memcmp(b, student + cut[i], (size_t)n * sizeof *b) == 0 &&
               memcmp(c, teacher + cut[i], (size_t)n * sizeof *c) == 0;
        free(a), free(b), free(c);
    }
    ok(same_begin, "parts begin with the values of the whole");
    ok(same && moved && device_did_all(&m->c), "and are updated as the whole is, teacher and all");
    free(begin), free(student), free(teacher);
}

/* The memory of an array, lent to an arena and given back: as large as it was, usable as a whole. */
static void test_lent_memory(struct device_memory *m, const struct params *t)
{
    size_t mark = m->memory.used;
    struct device_arena lent = {0};
    struct params_array a = params_array_take(&m->memory, t, DTYPE_F32),
                        b = params_array_take(&m->memory, t, DTYPE_F32);
    params_init(&m->c, &b, 1);
    float *before = to_host(m, b.data);
    device_arena_borrow(&lent, m->c.backend, a.data);
    struct tensor first = TENSOR_TAKE(&lent, DTYPE_F32, 100), second = TENSOR_TAKE(&lent, DTYPE_F64, 10);
    ok(lent.size == (size_t)t->count * sizeof(float) && first.data.at == a.data.data.at &&
           second.data.at > first.data.at,
       "an arena in the memory of an array");
    op_fill(&m->c, first, 1), op_fill(&m->c, second, 2);
    size_t high = lent.high;
    device_arena_return(&lent);
    params_clear(&m->c, &a);
    float *cleared = to_host(m, a.data), *after = to_host(m, b.data);
    bool zero = true;
    for (int64_t i = 0; i < t->count; i++)
        zero = zero && cleared[i] == 0;
    ok(zero && memcmp(before, after, (size_t)t->count * sizeof *after) == 0,
       "is the array's again, its neighbour untouched");
    device_arena_borrow(&lent, m->c.backend, (struct tensor){.dtype = DTYPE_U8, .n_dims = 1, .dims = {64}});
    TENSOR_TAKE(&lent, DTYPE_U8, 64);
    ok(device_arena_planning(&lent) && high > 0 && lent.high == high,
       "planned memory makes a planning arena, which keeps its most");
    free(before), free(cleared), free(after);
    m->memory.used = mark;
}

static void test_arrays(void)
{
    struct device_memory m;
    struct params t = {0};
    struct vit vit;
    struct head head;
    device_memory_open(&m, 2, 1 << 20);
    small_network(&vit, &head, &t);
    test_rows(&m, &t, &vit);
    test_shards(&m, &t);
    test_lent_memory(&m, &t);
    params_release(&t);
    device_memory_close(&m);
}

int main(void)
{
    test_modules();
    test_trained();
    test_more_heads();
    test_arrays();
    return tap_done();
}
