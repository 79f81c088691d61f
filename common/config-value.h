/* config-value.h - what the sources of config.h share and nobody else needs: a value as its reader found it. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config.h"

enum { CONFIG_ITEMS_MAX = CONFIG_PATHS_MAX }; /* of the longest list */

/* One value before its kind is known: null, one text, or a list of texts. */
struct config_items {
    bool null, list;
    bool quoted; /* one text in quotes: not a word with a meaning of its own, such as None */
    int n;
    const char *item[CONFIG_ITEMS_MAX];
};

static inline void *config_field(struct config *c, int id)
{
    return (char *)c + config_key(id)->offset;
}

/* All texts that have an effect are names of files. */
static inline bool config_is_path(const struct config_key *k)
{
    return (k->kind == CONFIG_TEXT || k->kind == CONFIG_PATHS) && k->effect != CONFIG_UNUSED;
}

/* The strings of a TEXT or PATHS field, for reading and writing; *n: how many. */
static inline const char **config_strings(struct config *c, int id, int *n)
{
    struct config_paths *paths = config_field(c, id);
    bool list = config_key(id)->kind == CONFIG_PATHS;
    *n = list ? paths->n : config_key(id)->kind == CONFIG_TEXT ? 1 : 0;
    return list ? paths->item : config_field(c, id);
}

/* Sets key `id`; "key: reason" in e if it cannot have this value. */
int config_take(struct config *c, int id, const struct config_items *v, struct fmt_error *e);

bool config_is_section(const char *name); /* "train", "compute_precision.student" */

/* A copy that lives as long as c; NULL: no memory. */
const char *config_copy_text(struct config *c, const char *text, struct fmt_error *e);

#endif
