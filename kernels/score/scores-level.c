/* scores-level.c - see scores-level.h. */
#include "scores-level.h"

#include <stdlib.h>

#include "group-scores.h"
#include "groups.h"
#include "linear.h"

static const int64_t *group_of(const struct rows *r, int64_t *n_units)
{
    *n_units = r->n_groups;
    return r->group;
}

static const int32_t *group_view_of(const struct rows *r)
{
    return r->group_view;
}

const struct scores_level scores_levels[SCORES_LEVELS] = {
    [SCORES_IMAGES] = {"image", "images", NULL, NULL, SCORES_IMAGES, LINEAR_IMAGES},
    [SCORES_GROUPS] = {"group", "groups", group_of, NULL, SCORES_GROUPS, LINEAR_GROUPS},
    [SCORES_VIEWS] = {"shot", "shot", NULL, group_view_of, SCORES_IMAGES, SCORES_NOT_STORED},
};

int scores_level_joins_rows(const struct scores_level *level, const struct rows *rows, bool *joins,
                            struct fmt_error *e)
{
    int64_t n_units;
    const int64_t *unit = level->unit(rows, &n_units);
    bool *seen = calloc((size_t)n_units + 1, sizeof *seen);
    *joins = false;
    if (!seen)
        return fmt_fail(e, FMT_MEMORY, "out of memory for the scores");
    for (int64_t i = 0; i < rows->n && !*joins; i++)
        if (rows->label[i] >= 0) {
            *joins = seen[unit[i]];
            seen[unit[i]] = true;
        }
    free(seen);
    return 0;
}

void scores_level_rows_close(struct scores_level_rows *l)
{
    rows_release(&l->rows);
    ranking_release(&l->ranking);
}

int scores_level_rows_open(struct scores_level_rows *l, const struct rows *rows, const struct scores_level *level,
                           int32_t number, int positive, bool group_mean, struct thread_pool *pool,
                           struct fmt_error *e)
{
    int64_t n_units = 0;
    const int64_t *unit = level->unit ? level->unit(rows, &n_units) : NULL;
    const int32_t *part = level->part ? level->part(rows) : NULL;
    *l = (struct scores_level_rows){.n_mixed = 0};
    int status = unit ? group_scores(&l->rows, &l->n_mixed, rows, unit, n_units, positive, group_mean, e)
                      : rows_select_labelled(&l->rows, rows, part, number, e);
    if (!status && !unit)
        status = groups_compact(&l->rows, e);
    if (!status)
        status = ranking_make(&l->ranking, &l->rows, pool, e);
    if (status)
        scores_level_rows_close(l);
    return status;
}
