/* watch-groups.h - the installations of which photographs have arrived and that are not judged yet. */
#ifndef WATCH_GROUPS_H
#define WATCH_GROUPS_H

#include "photo-list.h"
#include "watch-journal.h"

struct watch_photo {
    char *name;
    int32_t view;
    bool settled; /* it was closed after writing, or did not change between two looks */
    struct watch_stamp stamp;
    int64_t looked_ms; /* when it had this stamp first */
};

struct watch_group {
    char *name;
    struct watch_photo *photo;
    int64_t n, capacity;
    int64_t arrived_ms; /* the last photograph */
};

struct watch_groups { /* in the order in which their first photographs arrived; zero-initialise */
    struct watch_group *item;
    int64_t n, capacity;
};

/* The group; a new one if there is none. NULL: no memory. */
struct watch_group *watch_groups_find(struct watch_groups *g, const char *name, bool *is_new, struct fmt_error *e);
/* A photograph that arrives, or is written again. */
int watch_group_add(struct watch_group *g, const char *name, int32_t view, bool settled, struct watch_stamp stamp,
                    int64_t now_ms, struct fmt_error *e);
/* Different views, each photograph without a number counting as one: what rule_views (verdict.h) will count. */
int watch_group_views(const struct watch_group *g);
void watch_groups_remove(struct watch_groups *g, int64_t i);
void watch_groups_release(struct watch_groups *g);

#endif
