/* watch-groups.c - see watch-groups.h. There are few at a time, so they are searched one by one. */
#include "watch-groups.h"

#include <stdlib.h>
#include <string.h>

struct watch_group *watch_groups_find(struct watch_groups *g, const char *name, bool *is_new, struct fmt_error *e)
{
    for (int64_t i = g->n - 1; i >= 0; i--)
        if (strcmp(g->item[i].name, name) == 0) {
            *is_new = false;
            return &g->item[i];
        }
    if (fmt_grow(&g->item, g->n, &g->capacity, sizeof *g->item, e))
        return NULL;
    struct watch_group *made = &g->item[g->n];
    *made = (struct watch_group){.name = strdup(name)};
    if (!made->name) {
        fmt_no_memory(e);
        return NULL;
    }
    g->n++;
    *is_new = true;
    return made;
}

struct watch_photo *watch_group_photo(const struct watch_group *g, const char *name)
{
    for (int64_t i = 0; i < g->n; i++)
        if (strcmp(g->photo[i].name, name) == 0)
            return &g->photo[i];
    return NULL;
}

bool watch_group_has_key(const struct watch_group *g, const char *key)
{
    for (int64_t i = 0; i < g->n; i++)
        if (strcmp(g->photo[i].key, key) == 0)
            return true;
    return false;
}

static struct watch_photo *append(struct watch_group *g, const struct watch_arrival *a, struct fmt_error *e)
{
    if (fmt_grow(&g->photo, g->n, &g->capacity, sizeof *g->photo, e))
        return NULL;
    struct watch_photo *p = &g->photo[g->n++];
    *p = (struct watch_photo){.name = strdup(a->name), .key = strdup(a->key), .view = a->view};
    if (p->name && p->key)
        return p;
    watch_group_drop(g, g->n - 1);
    fmt_no_memory(e);
    return NULL;
}

int watch_group_add(struct watch_group *g, const struct watch_arrival *a, int64_t now_ms, struct fmt_error *e)
{
    struct watch_photo *p = watch_group_photo(g, a->name);
    if (!p && (p = append(g, a, e)) == NULL)
        return FMT_MEMORY;
    if (!watch_stamp_same(p->stamp, a->stamp))
        p->looked_ms = now_ms;
    p->stamp = a->stamp;
    p->settled = a->settled;
    p->asked = p->asked || a->asked;
    g->arrived_ms = now_ms;
    return 0;
}

void watch_group_drop(struct watch_group *g, int64_t i)
{
    free(g->photo[i].name);
    free(g->photo[i].key);
    g->photo[i] = g->photo[--g->n];
}

int watch_group_views(const struct watch_group *g)
{
    int n = 0;
    for (int64_t i = 0; i < g->n; i++) {
        bool again = false;
        for (int64_t k = 0; k < i && g->photo[i].view >= 0; k++)
            again = again || g->photo[k].view == g->photo[i].view;
        n += !again;
    }
    return n;
}

static void release_group(struct watch_group *g)
{
    while (g->n > 0)
        watch_group_drop(g, g->n - 1);
    free(g->photo);
    free(g->name);
}

void watch_groups_remove(struct watch_groups *g, int64_t i)
{
    release_group(&g->item[i]);
    memmove(&g->item[i], &g->item[i + 1], (size_t)(g->n - i - 1) * sizeof *g->item);
    g->n--;
}

int watch_groups_move(struct watch_groups *g, int64_t i, struct watch_groups *to, int64_t most, struct fmt_error *e)
{
    int64_t older = 0;
    while (older < to->n && strcmp(to->item[older].name, g->item[i].name) != 0)
        older++;
    if (older < to->n)
        watch_groups_remove(to, older);
    else if (to->n == most)
        watch_groups_remove(to, 0);
    if (fmt_grow(&to->item, to->n, &to->capacity, sizeof *to->item, e))
        return FMT_MEMORY;
    to->item[to->n++] = g->item[i];
    g->item[i] = (struct watch_group){.name = NULL};
    watch_groups_remove(g, i);
    return 0;
}

void watch_groups_release(struct watch_groups *g)
{
    for (int64_t i = 0; i < g->n; i++)
        release_group(&g->item[i]);
    free(g->item);
    *g = (struct watch_groups){.n = 0};
}
