/* test-params-cut - units of a table, and what processes hold of them: all of each element once, parts at multiples of
 * the grain; arrays over a cut begin with the values of the whole, and take what they have of what is written.
 */
#include <stdlib.h>
#include <string.h>

#include "device-memory.h"
#include "params-array.h"
#include "tap.h"
#include "vit.h"
#include "head.h"

enum { SIZES_MAX = 9 };

static struct params table;

static void build_table(void)
{
    struct vit vit;
    struct head head;
    struct fmt_error e = {0};
    struct vit_config c = {.C = 48, .depth = 3, .n_heads = 2, .patch = 4, .grid = 5, .hidden = 100, .layerscale = 1,
                           .qkv_bias = true, .proj_bias = true, .ffn_bias = true};
    struct head_config h = {.in_dim = 48, .hidden_dim = 40, .bottleneck_dim = 8, .n_prototypes = 700, .n_layers = 3};
    ok(vit_params(&vit, &c, &table, &e) == 0 && head_params(&head, &h, HEAD_DINO, 4, &table, &e) == 0, "a table: %s",
       e.text);
}

static struct params_cut cut_of(enum params_hold backbone, enum params_hold head, int rank, int size)
{
    const enum params_hold hold[PARAMS_MODULES_MAX] = {backbone, head};
    struct params_cut cut;
    struct fmt_error e = {0};
    if (params_cut_build(&cut, &table, hold, rank, size, &e))
        ok(false, "%s", e.text);
    return cut;
}

static void test_units(void)
{
    struct params_cut cut = cut_of(HOLD_ALL, HOLD_ALL, 0, 1);
    is_int(cut.n_units, 6, "embeddings, three blocks, a norm, a head");
    int64_t end = 0, largest = 0;
    bool good = true, found = true;
    for (int u = 0; u < cut.n_units; u++) {
        const struct params_unit *unit = &cut.unit[u];
        good &= unit->first == end && unit->at == end && unit->part_first == end && unit->part_count == unit->count;
        end += unit->count;
        largest = unit->module == 0 && unit->count > largest ? unit->count : largest;
        found &= params_cut_find(&cut, unit->first) == u && params_cut_find(&cut, end - 1) == u;
    }
    ok(good && end == table.count && cut.count == end, "follow one another; who holds all has the layout of the table");
    ok(found && cut.unit_max == largest, "an element's unit is found, and the largest of the backbone");
    ok(cut.unit[1].layer == 1 && cut.unit[1].count == cut.unit[3].count && cut.unit[5].module == 1, "blocks are alike");
    params_cut_release(&cut);
}

static void test_parts(void)
{
    bool good = true, grain = true;
    for (int size = 1; size <= SIZES_MAX; size++) {
        int64_t n_held = 0, *held = calloc((size_t)table.count, sizeof *held);
        for (int rank = 0; rank < size; rank++) {
            struct params_cut cut = cut_of(HOLD_PART, HOLD_PART, rank, size);
            int64_t at = 0;
            for (int u = 0; u < cut.n_units; u++) {
                const struct params_unit *unit = &cut.unit[u];
                grain &= unit->part_count == 0 || (unit->part_first - unit->first) % PARAMS_GRAIN == 0;
                good &= unit->at == at;
                at += unit->part_count;
                for (int64_t i = 0; i < unit->part_count; i++)
                    held[unit->part_first + i]++;
            }
            good &= at == cut.count;
            n_held += at;
            params_cut_release(&cut);
        }
        for (int64_t i = 0; i < table.count; i++)
            good &= held[i] == 1;
        good &= n_held == table.count;
        free(held);
    }
    ok(good, "on 1 to %d processes each element is held once", SIZES_MAX);
    ok(grain, "and parts begin at multiples of the grain");
    struct params_cut mixed = cut_of(HOLD_NOTHING, HOLD_ALL, 1, 3);
    ok(mixed.count == mixed.unit[5].count && mixed.unit[5].at == 0 && mixed.unit[2].part_count == 0,
       "a module may be held as a whole and another not at all");
    params_cut_release(&mixed);
}

static void test_arrays(void)
{
    enum { SIZE = 3 };
    struct device_memory m;
    device_memory_open(&m, 1, (size_t)16 << 20);
    struct params_array whole = params_array_take(&m.memory, &table, DTYPE_F32);
    params_init(&m.c, &whole, 5);
    float *all = to_host(&m, whole.data), *changed = malloc((size_t)table.count * sizeof *changed);
    bool same = true, written = true;
    for (int rank = 0; rank < SIZE; rank++) {
        struct params_cut cut = cut_of(HOLD_PART, HOLD_PART, rank, SIZE);
        struct params_array a = params_array_take_cut(&m.memory, &cut, DTYPE_F32);
        params_init(&m.c, &a, 5);
        for (int row = 0; row < table.n_rows; row++) {
            int64_t first, n = params_held(&a, row, &first), at = table.rows[row].offset + first;
            float *got = n ? to_host(&m, params_range(&a, at, n)) : NULL;
            same &= n == 0 || memcmp(got, all + at, (size_t)n * sizeof *got) == 0;
            free(got);
            for (int64_t i = 0; i < table.rows[row].count; i++)
                changed[i] = (float)(row + i % 100);
            params_write(&m.c, &a, row, 0, table.rows[row].count, changed);
            got = n ? to_host(&m, params_range(&a, at, n)) : NULL;
            written &= n == 0 || memcmp(got, changed + first, (size_t)n * sizeof *got) == 0;
            free(got);
        }
        params_cut_release(&cut);
    }
    ok(same, "parts begin with the values of the whole");
    ok(written && device_did_all(&m.c), "of a row that is written a part takes what it has");
    free(all), free(changed);
    device_memory_close(&m);
}

int main(void)
{
    build_table();
    test_units();
    test_parts();
    test_arrays();
    params_release(&table);
    return tap_done();
}
