/* cases-read.h - lines of bbu-inspect, as they stand in a file (cases.h). Part of cases.c. */
#ifndef CASES_READ_H
#define CASES_READ_H

#include "cases.h"

struct judged_line { /* an installation as bbu-inspect judged it */
    const char *name, *reason;
    double score;
    enum verdict verdict;
    int64_t n_views;
    int64_t order; /* of the line */
};

/* A photograph more, zeros but for its texts, which are ""; NULL: no memory. */
struct case_photo *cases_add_photo(struct cases *c, struct fmt_error *e);
const char *cases_copy(struct cases *c, const char *text); /* NULL: no memory; of NULL: "" */

/* Reads all lines of text. FMT_INVALID names the line. */
int cases_read_lines(struct cases *c, const char *text, size_t bytes, struct fmt_error *e);
/* Is this the first line of such a file? */
bool cases_is_line(const char *text, size_t bytes);

#endif
