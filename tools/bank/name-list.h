/* name-list.h - keys and groups of photographs to look for: the lines of a text, or the photographs of a bank.
 *
 *   struct name_list l = {0};
 *   name_list_read(&l, "stale.txt", e);            or name_list_take_bank(&l, &bank, e), which must outlive l
 *   bank_subtract(&b, name_list_has, &l, &n, e);
 *   name_list_release(&l);
 */
#ifndef NAME_LIST_H
#define NAME_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "bank.h"

struct name_list {
    const char **name; /* [n] ascending */
    bool *met;         /* [n] name_list_has has found it in a photograph */
    int64_t n, capacity;
    char *text; /* of a file: the memory of the names */
};

/* A key or group in each line, which may end as on Windows; empty lines are passed over. FMT_INVALID: no text. Errors
 * name the path. */
int name_list_read(struct name_list *l, const char *path, struct fmt_error *e);
int name_list_take_bank(struct name_list *l, const struct bank *b, struct fmt_error *e); /* keys; not copied */
bool name_list_has(void *list, const struct bank_photograph *p); /* its key or its group */
/* How many names no photograph had until now, and the first of them. */
int64_t name_list_missing(const struct name_list *l, const char **first);
void name_list_release(struct name_list *l);

#endif
