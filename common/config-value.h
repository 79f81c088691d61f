/* config-value.h - what the sources of config.h share and nobody else needs: a value as its reader found it. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config.h"

/* One value before its kind is known: null, one text, or a list of texts. */
struct config_items {
    bool null, list;
    bool quoted; /* one text in quotes: not a word with a meaning of its own, such as None */
    int n;
    const char *item[CONFIG_INTS_MAX];
};

static inline void *config_field(struct config *c, int id)
{
    return (char *)c + config_key(id)->offset;
}

/* All texts that have an effect are names of files. */
static inline bool config_is_path(const struct config_key *k)
{
    return k->kind == CONFIG_TEXT && k->effect != CONFIG_UNUSED;
}

/* Sets key `id`; "key: reason" in e if it cannot have this value. */
int config_take(struct config *c, int id, const struct config_items *v, struct fmt_error *e);

bool config_is_section(const char *name); /* "train", "compute_precision.student" */

/* A copy that lives as long as c; NULL: no memory. */
const char *config_copy_text(struct config *c, const char *text, struct fmt_error *e);

#endif
