/* params-cut.h - which elements of a table's layout (params.h) a process holds. The layout is cut into units, which a
 * network uses one after another: the rows of a module with the same `layer`. A backbone's units are its embeddings,
 * each of its blocks, and its last norm; a head is one unit. A process holds all of a unit, an equal part, or nothing.
 *
 *   struct params_cut cut = {0};
 *   params_cut_build(&cut, &table, hold, rank, size, e);
 *   a = params_array_take_cut(&arena, &cut, DTYPE_F32);        params-array.h
 *   params_cut_release(&cut);
 *
 * Parts begin at multiples of PARAMS_GRAIN from the unit's first element, whatever the number of processes, so that
 * what is computed grain by grain has the same bits on any number of them. A unit of any size is covered by the parts,
 * each element by one; the last processes may have none. The parts are those of world_part(w, count, PARAMS_GRAIN),
 * which gathers and scatters them: both are num_share().
 */
#ifndef PARAMS_CUT_H
#define PARAMS_CUT_H

#include <stdint.h>

#include "fmt.h"
#include "params.h"

enum { PARAMS_GRAIN = 4096 };

enum params_hold { HOLD_ALL, HOLD_PART, HOLD_NOTHING };

struct params_unit {
    int module, layer;
    int64_t first, count;           /* elements of the layout, padding included */
    int64_t part_first, part_count; /* those that are held */
    int64_t at;                     /* where these begin in an array over the cut */
};

struct params_cut {
    const struct params *table; /* not owned; final */
    int n_units;
    struct params_unit *unit;   /* [n_units], in the order of the layout; owned */
    int64_t count;              /* elements of an array over the cut */
    int64_t unit_max;           /* of the largest unit of the backbone, the first module */
};

/* hold: of each module. */
int params_cut_build(struct params_cut *cut, const struct params *t, const enum params_hold hold[PARAMS_MODULES_MAX],
                     int rank, int size, struct fmt_error *e);
void params_cut_release(struct params_cut *cut);

/* The unit of an element. */
int params_cut_find(const struct params_cut *cut, int64_t element);

#endif
