/* page.h - one HTML page: a heading, sections that a list at the top links to, tables, figures.
 *
 *   struct page p;
 *   page_open(&p, "Report on test.json", e);
 *   page_section(&p, "verdicts", "Verdicts");
 *   page_paragraph(&p, "Of %d installations %d fail.", n, n_fail);
 *   page_table(&p, "Verdicts by label", (const char *[]){"label", "pass", "fail", NULL});
 *   page_cell(&p, "good"); page_number(&p, 12); ...  page_row_end(&p);
 *   page_table_end(&p);
 *   page_close(&p, &text, &bytes, e);         for free()
 *
 * Nothing in the page asks for another file, and a policy in it forbids that whatever a name holds. It is read without
 * script, by keyboard, on a phone and in print: tables scroll for themselves, colours are never the only sign. All
 * texts are escaped (markup.h), but for what the caller writes to p.out itself. The body is built in memory.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fmt.h"

enum { PAGE_SECTIONS_MAX = 16 };

struct page {
    FILE *out; /* the body */
    char *body;
    size_t bytes;
    const char *title, *lead; /* of page_open; lead: what the page is about, for search and previews */
    struct {
        const char *id, *heading; /* not copied */
    } section[PAGE_SECTIONS_MAX];
    int n_sections, n_tables;
    bool in_section, in_row, first_cell;
};

#define PAGE_FORMAT(n) __attribute__((format(printf, n, n + 1)))

int page_open(struct page *p, const char *title, const char *lead, struct fmt_error *e); /* texts are not copied */
/* Ends the last section too. *text is for free(). */
int page_close(struct page *p, char **text, size_t *bytes, struct fmt_error *e);

void page_section(struct page *p, const char *id, const char *heading);
void page_heading(struct page *p, const char *text); /* below that of the section */
void page_heading_id(struct page *p, const char *id, const char *text); /* that links lead to; id NULL: none */
void page_paragraph(struct page *p, const char *format, ...) PAGE_FORMAT(2);
void page_text(struct page *p, const char *format, ...) PAGE_FORMAT(2); /* escaped, without an element */

/* heading: ends with NULL. The first cell of a row is its heading. */
void page_table(struct page *p, const char *caption, const char *const *heading);
void page_cell(struct page *p, const char *format, ...) PAGE_FORMAT(2);
void page_number(struct page *p, const char *format, ...) PAGE_FORMAT(2); /* a cell, set to the right */
/* A cell that links to an element of the page; target NULL: it does not. */
void page_link(struct page *p, const char *target, const char *text);
void page_row_end(struct page *p);
void page_table_end(struct page *p);

void page_details(struct page *p, const char *summary); /* what a reader opens */
void page_details_end(struct page *p);

/* "0.931 [0.895, 0.962]", "0.931" without an interval, a dash for what is not defined. out: the result. */
enum { PAGE_MEASURE_BYTES = 80 };
const char *page_measure(double value, double low, double high, char out[PAGE_MEASURE_BYTES]);

#endif
