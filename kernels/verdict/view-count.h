/* view-count.h - how many views the photographs of a group show, where their files are known.
 *
 * A file that is there under two view numbers shows one of them: a copied photograph does not complete an installation.
 * A view that was photographed twice is one. So it is the most views that can be told apart by a file of their own: a
 * largest matching of views and files (Kuhn 1955), whatever the order of the photographs.
 */
#ifndef VIEW_COUNT_H
#define VIEW_COUNT_H

#include <stdint.h>

#include "digest.h"
#include "fmt.h"

/* views [n]: their numbers, -1 unknown: a view of its own. content [n]: SHA-256 of the file, zeros: unknown, a file of
 * its own; NULL: all unknown, and *count is rule_views (verdict.h). FMT_MEMORY. */
int view_count(const int32_t *views, const uint8_t (*content)[DIGEST_BYTES], int n, int *count, struct fmt_error *e);

#endif
