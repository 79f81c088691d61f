/* verdict-groups.c - see verdict-groups.h. */
#include "verdict-groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view-count.h"

static int allocate(struct verdict_groups *g, int64_t n, int64_t n_rows, struct fmt_error *e)
{
    size_t groups = (size_t)n + 1, photographs = (size_t)n_rows + 1;
    *g = (struct verdict_groups){.n = n};
    g->first = calloc(groups + 1, sizeof *g->first);
    g->score = malloc(photographs * sizeof *g->score);
    g->view = malloc(photographs * sizeof *g->view);
    g->row = malloc(photographs * sizeof *g->row);
    g->n_views = malloc(groups * sizeof *g->n_views);
    g->faulty = malloc(groups * sizeof *g->faulty);
    g->name = malloc(groups * sizeof *g->name);
    if (g->first && g->score && g->view && g->row && g->n_views && g->faulty && g->name)
        return 0;
    verdict_groups_release(g);
    return fmt_no_memory(e);
}

static double score_of(const struct rows *rows, int64_t i, struct verdict_classes c)
{
    const double *p = rows->proba + i * rows->n_classes;
    return c.faulty >= 0 ? p[c.faulty] : 1 - p[c.good];
}

static bool is_faulty(int32_t label, struct verdict_classes c)
{
    return c.faulty >= 0 ? label == c.faulty : label != c.good;
}

static int count_views(struct verdict_groups *g, const struct rows *rows, struct fmt_error *e)
{
    uint8_t (*content)[DIGEST_BYTES] = malloc(((size_t)rows->n + 1) * sizeof *content);
    int status = content ? 0 : fmt_no_memory(e);
    for (int64_t k = 0; k < g->first[g->n] && !status && rows->content; k++)
        memcpy(content[k], rows->content[g->row[k]], DIGEST_BYTES);
    for (int64_t i = 0; i < g->n && !status; i++) {
        int64_t at = g->first[i];
        status = view_count(g->view + at, rows->content ? content + at : NULL, verdict_groups_size(g, i),
                            &g->n_views[i], e);
    }
    free(content);
    return status;
}

int verdict_groups_make(struct verdict_groups *g, const struct rows *rows, struct verdict_classes classes,
                        struct fmt_error *e)
{
    int status = allocate(g, rows->n_groups, rows->n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < g->n; i++) {
        g->faulty[i] = -1;
        g->name[i] = NULL;
    }
    /* first[u + 1] is where the next photograph of group u goes, and so in the end where group u + 1 begins. */
    for (int64_t i = 0; i < rows->n; i++)
        g->first[rows->group[i] + 2]++;
    for (int64_t u = 2; u <= g->n; u++)
        g->first[u] += g->first[u - 1];
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t u = rows->group[i], at = g->first[u + 1]++;
        g->score[at] = score_of(rows, i, classes);
        g->view[at] = rows->group_view[i];
        g->row[at] = i;
        if (rows->label[i] >= 0)
            g->faulty[u] = g->faulty[u] == 1 || is_faulty(rows->label[i], classes);
        g->name[u] = rows->group_name[i][0] ? rows->group_name[i] : rows->key[i];
    }
    status = count_views(g, rows, e);
    if (status)
        verdict_groups_release(g);
    return status;
}

void verdict_groups_release(struct verdict_groups *g)
{
    free(g->first);
    free(g->score);
    free(g->view);
    free(g->row);
    free(g->n_views);
    free(g->faulty);
    free(g->name);
    *g = (struct verdict_groups){.n = 0};
}

void verdict_groups_score(const struct verdict_groups *g, const struct verdict_rule *r, double *score)
{
    for (int64_t i = 0; i < g->n; i++) {
        int64_t at = g->first[i];
        score[i] = rule_score(r, g->score + at, g->view + at, verdict_groups_size(g, i));
    }
}

int64_t verdict_groups_complete(const struct verdict_groups *g, const struct verdict_rule *r, double *score,
                                int8_t *faulty)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n; i++)
        if (verdict_groups_views(g, i) >= r->n_views && !isnan(score[i])) {
            score[n] = score[i];
            faulty[n++] = g->faulty[i];
        }
    return n;
}
