/* params-cut.c - units by the table's rows, and the arithmetic of their parts. */
#include "params-cut.h"

#include <stdlib.h>

#include "num.h"

static bool begins_unit(const struct params *t, int i)
{
    return i == 0 || t->rows[i].module != t->rows[i - 1].module || t->rows[i].layer != t->rows[i - 1].layer;
}

static void list_units(struct params_cut *cut)
{
    const struct params *t = cut->table;
    for (int i = 0; i < t->n_rows; i++)
        if (begins_unit(t, i))
            cut->unit[cut->n_units++] = (struct params_unit){
                .module = t->rows[i].module, .layer = t->rows[i].layer, .first = t->rows[i].offset};
    for (int u = 0; u < cut->n_units; u++) {
        struct params_unit *unit = &cut->unit[u];
        unit->count = (u + 1 < cut->n_units ? unit[1].first : t->count) - unit->first;
        if (unit->module == 0)
            cut->unit_max = num_max(cut->unit_max, unit->count);
    }
}

static void hold_part(struct params_unit *unit, enum params_hold hold, int rank, int size)
{
    int64_t skipped = 0;
    unit->part_count = hold == HOLD_ALL ? unit->count : 0;
    if (hold == HOLD_PART)
        unit->part_count = num_share(unit->count, rank, size, PARAMS_GRAIN, &skipped);
    unit->part_first = unit->first + skipped;
}

int params_cut_build(struct params_cut *cut, const struct params *t, const enum params_hold hold[PARAMS_MODULES_MAX],
                     int rank, int size, struct fmt_error *e)
{
    *cut = (struct params_cut){.table = t, .unit = calloc((size_t)t->n_rows, sizeof *cut->unit)};
    if (!cut->unit)
        return fmt_no_memory(e);
    list_units(cut);
    for (int u = 0; u < cut->n_units; u++) {
        struct params_unit *unit = &cut->unit[u];
        hold_part(unit, hold[unit->module], rank, size);
        unit->at = cut->count;
        cut->count += unit->part_count;
    }
    return 0;
}

void params_cut_release(struct params_cut *cut)
{
    free(cut->unit);
    *cut = (struct params_cut){0};
}

int params_cut_find(const struct params_cut *cut, int64_t element)
{
    int low = 0, high = cut->n_units - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (cut->unit[middle].first <= element)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
