/* test-params - tables of parameters: modules, layout, rows that are trained and rows that are not. */
#include <stdio.h>
#include <string.h>

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
    for (int row = 0; params_trained_run(&t, 0, &row, &first, &count) && n < 3; n++)
        seen[n][0] = first, seen[n][1] = count;
    ok(n == 3 && seen[0][0] == 0 && seen[0][1] == 16 && seen[1][0] == 32 && seen[1][1] == 32 && seen[2][0] == 80 &&
           seen[2][1] == 16,
       "runs of trained rows leave out the others");
    struct optim_config o = {.rule = UPDATE_SGD, .layerwise_decay = 1, .patch_embed_lr_mult = 1, .depth = 2};
    struct schedule_rates rates = {.lr = 0.5, .last_layer_lr = 0.5};
    struct optim_module module[PARAMS_MODULES_MAX] = {{.clip = 1, .steps = 1}};
    const int64_t same[ROWS] = {0, 16, 32, 48, 64, 80};
    struct optim_extent extent = {0, t.count, same};
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

int main(void)
{
    test_modules();
    test_trained();
    test_more_heads();
    return tap_done();
}
