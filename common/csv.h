/* csv.h - records of a table as text: fields separated by commas, semicolons or tabs (RFC 4180 and what spreadsheets
 * make of it).
 *
 *   struct csv c;
 *   csv_open(&c, text, bytes, e);                          finds the separator
 *   while ((status = csv_next(&c, e)) == 0)                c.field[0 .. c.n_fields - 1], c.line
 *       if (c.mistake) ...
 *   csv_close(&c);                                         status is FMT_END at the end
 *
 * Lines end in LF or CRLF. A field in quotation marks holds separators and line ends, and a mark that is doubled; it is
 * taken to the byte. Any other loses blanks at both ends. Records without any text are skipped. The separator is the
 * first of tab, semicolon and comma that the first record has outside quotation marks; a byte order mark is skipped.
 */
#ifndef CSV_H
#define CSV_H

#include <stddef.h>

#include "fmt.h"

enum { CSV_FIELDS_MAX = 256 };

struct csv {
    char separator;
    int line;                          /* where the record begins, from 1 */
    int n_fields;                      /* may be more than CSV_FIELDS_MAX: the first of them are kept */
    const char *field[CSV_FIELDS_MAX]; /* UTF-8 unless there is a mistake; valid until the next record */
    const char *mistake;               /* in the record, which can be passed over; NULL: none */
    const char *at, *end;              /* what is left of the text */
    int next_line;
    struct fmt_buffer bytes; /* of the fields */
};

/* FMT_INVALID: a zero byte, or UTF-16. The text belongs to the caller and must outlive c. */
int csv_open(struct csv *c, const char *text, size_t bytes, struct fmt_error *e);
/* FMT_END: no more records. FMT_INVALID: a quotation mark that is never closed, "line 7: ...". */
int csv_next(struct csv *c, struct fmt_error *e);
void csv_close(struct csv *c);

#endif
