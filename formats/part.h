/* part.h - part I of N of a long job: a contiguous run of the job's items (images, shards). The runs of the N parts
 * cover all items, in order; their sizes differ by one at most, and with more parts than items some are empty.
 *
 *   struct part p;
 *   part_parse("2/7", &p, e);
 *   for (int64_t i = part_first(p, n); i < part_end(p, n); i++) ...
 */
#ifndef PART_H
#define PART_H

#include <stdint.h>

#include "fmt.h"

#define PART_MAX 99999
enum { PART_TEXT = 24 };

struct part {
    int32_t i, n; /* i: 1 .. n; n 0: the whole job */
};

/* "I/N" in decimal digits, 1 <= I <= N <= PART_MAX, else FMT_INVALID: "part 8/7: ...". */
int part_parse(const char *text, struct part *p, struct fmt_error *e);
const char *part_text(struct part p, char out[PART_TEXT]); /* "2/7" */

int64_t part_first(struct part p, int64_t n_items); /* floor(n_items (i - 1) / n) */
int64_t part_end(struct part p, int64_t n_items);   /* the first item of the next part */

#endif
