/* cases-read.h - lines of bbu-inspect, as they stand in a file (cases.h). Part of cases.c. */
#ifndef CASES_READ_H
#define CASES_READ_H

#include "cases.h"

struct judged_line { /* an installation as bbu-inspect or feat-verdict judged it */
    const char *name, *reason;
    double score, share; /* share: of faulty ones among those with this score; NAN */
    enum verdict verdict;
    int8_t label;        /* 1 faulty, 0 good, -1 unknown */
    int64_t n_views;
    int64_t order;       /* of the line */
    const char *photographs; /* n_photographs names, each with its zero byte */
    int64_t n_photographs;   /* 0: the line has no list */
};

/* A photograph more, zeros but for its texts, which are ""; NULL: no memory. */
struct case_photo *cases_add_photo(struct cases *c, struct fmt_error *e);
const char *cases_copy(struct cases *c, const char *text); /* NULL: no memory; of NULL: "" */

/* Reads all lines of text. FMT_INVALID names the line. */
int cases_read_lines(struct cases *c, const char *text, size_t bytes, struct fmt_error *e);
/* Once all lines are read: of several lines for an installation, or for a photograph, the last counts, and where that
 * of an installation lists its photographs no other is one of it: it is from before a photograph was taken again.
 * Photographs that are listed without a line of their own are added. Then lines are in the order of names.
 * with_photographs: false where c->photo are those of predictions, which stay as they are. */
int cases_settle(struct cases *c, bool with_photographs, struct fmt_error *e);
/* Its line; NULL: none. After cases_settle. */
struct judged_line *cases_line_of(const struct cases *c, const char *installation);

/* Is this the first line of such a file? */
bool cases_is_line(const char *text, size_t bytes);

#endif
