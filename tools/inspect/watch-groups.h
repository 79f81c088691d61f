/* watch-groups.h - the installations of which photographs have arrived and that are not judged yet. */
#ifndef WATCH_GROUPS_H
#define WATCH_GROUPS_H

#include "photo-list.h"
#include "watch-journal.h"

struct watch_photo {
    char *name, *key; /* key: by which it is remembered */
    int32_t view;
    bool asked;   /* named on standard input: judged also if it was judged before */
    uint8_t content[DIGEST_BYTES]; /* of the file that was judged */
    bool settled; /* it was closed after writing, or did not change between two looks */
    struct watch_stamp stamp;
    int64_t looked_ms; /* when it had this stamp first */
};

struct watch_group {
    char *name;
    struct watch_photo *photo;
    int64_t n, capacity;
    int64_t arrived_ms; /* the last photograph */
    int n_tries;        /* in which a photograph could not be read */
    int64_t again_ms;   /* not before this is it tried again */
};

struct watch_groups { /* in the order in which their first photographs arrived; zero-initialise */
    struct watch_group *item;
    int64_t n, capacity;
};

/* The group; a new one if there is none. NULL: no memory. */
struct watch_group *watch_groups_find(struct watch_groups *g, const char *name, bool *is_new, struct fmt_error *e);
/* What arrives. Texts are copied. */
struct watch_arrival {
    const char *name, *key;
    int32_t view;
    bool settled, asked;
    struct watch_stamp stamp;
};
/* A photograph that arrives, or is written again. */
int watch_group_add(struct watch_group *g, const struct watch_arrival *a, int64_t now_ms, struct fmt_error *e);
struct watch_photo *watch_group_photo(const struct watch_group *g, const char *name); /* NULL: there is none */
bool watch_group_has_key(const struct watch_group *g, const char *key); /* the file, by whatever name */
void watch_group_drop(struct watch_group *g, int64_t i);
/* Different views, each photograph without a number counting as one: what rule_views (verdict.h) will count. */
int watch_group_views(const struct watch_group *g);
void watch_groups_remove(struct watch_groups *g, int64_t i);
/* To the end of others, which are at most `most`: one of the same name there, or else the first, makes room. */
int watch_groups_move(struct watch_groups *g, int64_t i, struct watch_groups *to, int64_t most, struct fmt_error *e);
void watch_groups_release(struct watch_groups *g);

#endif
