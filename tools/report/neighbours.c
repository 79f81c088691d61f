/* neighbours.c - one search for all photographs that are shown. */
#include "neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "knn.h"

static const char *key_of(const void *rows, int64_t i)
{
    return ((const struct rows *)rows)->key[i];
}

int neighbours_open(struct neighbours *n, const char *const *path, int n_paths, int64_t memory_bytes,
                    const struct device *device, struct fmt_error *e)
{
    *n = (struct neighbours){.device = device};
    int status = featset_open_all(&n->set, path, n_paths, memory_bytes, device, e);
    if (status)
        return status;
    n->open = true;
    struct rows *r = &n->set.rows;
    status = groups_number(&r, 1, e);
    if (!status)
        status = names_open(&n->keys, r->n, key_of, r, e);
    if (status)
        neighbours_close(n);
    return status;
}

struct search {
    struct neighbours *n;
    const struct rows *bank;
    int k;
};

static void on_neighbours(void *arg, int64_t q, int64_t m, const float *similarity, const int64_t *index)
{
    struct search *s = arg;
    for (int64_t i = 0; i < m; i++) {
        struct neighbours_found *to = &s->n->found[q + i];
        for (int k = 0; k < s->k; k++) {
            int64_t at = index[i * s->k + k];
            if (at >= 0)
                to->near[to->n++] = (struct neighbour){s->bank->key[at],
                                                       s->n->set.header.class_name[s->bank->label[at]],
                                                       similarity[i * s->k + k]};
        }
    }
}

static int found_by_key(const void *a, const void *b)
{
    return strcmp(((const struct neighbours_found *)a)->key, ((const struct neighbours_found *)b)->key);
}

static int search(struct neighbours *n, const struct rows *queries, struct fmt_error *e)
{
    struct rows bank = {0};
    int status = rows_select_labelled(&bank, &n->set.rows, NULL, 0, e);
    struct search s = {n, &bank, (int)(bank.n < NEIGHBOURS ? bank.n : NEIGHBOURS)};
    struct knn_search knn = {.bank = &bank, .k = s.k, .exclude_own_group = true};
    struct knn_callback callback = {on_neighbours, &s};
    if (!status && s.k > 0 && queries->n > 0)
        status = knn_search(&knn, queries, 0, queries->n, n->device, &callback, e);
    rows_release(&bank);
    return status;
}

int neighbours_find(struct neighbours *n, const char *const *key, int64_t n_keys, struct fmt_error *e)
{
    struct rows queries = {0};
    int64_t *pick = calloc((size_t)n_keys + 1, sizeof *pick), n_pick = 0;
    n->found = calloc((size_t)n_keys + 1, sizeof *n->found);
    int status = pick && n->found ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < n_keys && !status; i++) {
        int64_t row = names_find_end(&n->keys, key[i]);
        if (row >= 0) {
            n->found[n_pick].key = key[i];
            pick[n_pick++] = row;
        }
    }
    n->n_found = n_pick;
    if (!status)
        status = rows_select(&queries, &n->set.rows, pick, n_pick, e);
    if (!status)
        status = search(n, &queries, e);
    if (!status)
        qsort(n->found, (size_t)n->n_found, sizeof *n->found, found_by_key);
    rows_release(&queries);
    free(pick);
    return status;
}

const struct neighbour *neighbours_of(const struct neighbours *n, const char *key, int *n_near)
{
    const struct neighbours_found wanted = {.key = key},
        *found = n->n_found ? bsearch(&wanted, n->found, (size_t)n->n_found, sizeof *n->found, found_by_key) : NULL;
    *n_near = found ? found->n : 0;
    return found ? found->near : NULL;
}

void neighbours_close(struct neighbours *n)
{
    if (n->open)
        featset_close(&n->set);
    names_close(&n->keys);
    free(n->found);
    *n = (struct neighbours){.device = NULL};
}
