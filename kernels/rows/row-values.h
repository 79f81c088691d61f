/* row-values.h - the values that rows have for a key of their annotation (column extra).
 *
 *   const char **site = calloc(rows.n, sizeof *site);
 *   row_values(&rows, "site", &pool, site, e);
 */
#ifndef ROW_VALUES_H
#define ROW_VALUES_H

#include <stddef.h>

#include "rows.h"
#include "text.h"

/* value [n]: a text as it is, another value as JSON; "" where a row has none, or null. The texts are in the pool.
 * FMT_INVALID: no row has the key: "no photograph has the key Site; there are site, date". */
int row_values(const struct rows *r, const char *key, struct text_pool *pool, const char **value,
               struct fmt_error *e);
/* Adds the keys that the rows have to a list of this form, as far as there is room: " site, date,". */
void row_keys_list(const struct rows *r, char *list, size_t bytes);

#endif
