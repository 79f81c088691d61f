/* page.c - the body grows in memory; page_close puts the head, with the list of sections, before it. */
#include "page.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "page-style.h"
#include "version.h"

int page_open(struct page *p, const char *title, const char *lead, struct fmt_error *e)
{
    *p = (struct page){.title = title, .lead = lead};
    p->out = open_memstream(&p->body, &p->bytes);
    return p->out ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the page");
}

static void put_escaped(FILE *out, const char *format, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, format, ap) >= 0)
        markup_text(out, text);
    free(text);
}

#define PUT_ESCAPED(out, format)    \
    do {                            \
        va_list ap;                 \
        va_start(ap, format);       \
        put_escaped(out, format, ap); \
        va_end(ap);                 \
    } while (0)

/* ------------------------------------------------------------------ the whole */
static void end_section(struct page *p)
{
    if (p->in_section)
        fputs("</section>\n", p->out);
    p->in_section = false;
}

static void put_head(FILE *out, const struct page *p)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
          "style-src 'unsafe-inline'\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"generator\" content=\"feat-report " DINOTOOLS_VERSION "\">\n"
          "<meta name=\"description\" content=\"", out);
    markup_text(out, p->lead);
    fputs("\">\n<link rel=\"icon\" href=\"data:,\">\n<title>", out);
    markup_text(out, p->title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", page_style);
    fputs("<a class=\"skip\" href=\"#main\">To the content</a>\n<header>\n<h1>", out);
    markup_text(out, p->title);
    fputs("</h1>\n</header>\n<nav aria-label=\"Sections\">\n<ul>\n", out);
    for (int i = 0; i < p->n_sections; i++) {
        fprintf(out, "<li><a href=\"#%s\">", p->section[i].id);
        markup_text(out, p->section[i].heading);
        fputs("</a></li>\n", out);
    }
    fputs("</ul>\n</nav>\n<main id=\"main\">\n", out);
}

int page_close(struct page *p, char **text, size_t *bytes, struct fmt_error *e)
{
    *text = NULL;
    end_section(p);
    FILE *out = fclose(p->out) == 0 ? open_memstream(text, bytes) : NULL;
    bool good = out != NULL;
    if (out) {
        put_head(out, p);
        fwrite(p->body, 1, p->bytes, out);
        fputs("</main>\n<footer>\n<p>Written by feat-report " DINOTOOLS_VERSION ", a program of dinotools. The page is "
              "complete: it asks for no other file.</p>\n</footer>\n</body>\n</html>\n", out);
        good = fclose(out) == 0;
    }
    free(p->body);
    if (!good)
        free(*text);
    *p = (struct page){.out = NULL};
    return good ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory for the page");
}

/* ------------------------------------------------------------------ text */
void page_section(struct page *p, const char *id, const char *heading)
{
    end_section(p);
    if (p->n_sections < PAGE_SECTIONS_MAX) {
        p->section[p->n_sections].id = id;
        p->section[p->n_sections++].heading = heading;
    }
    p->in_section = true;
    fprintf(p->out, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">", id, id, id);
    markup_text(p->out, heading);
    fputs("</h2>\n", p->out);
}

void page_heading(struct page *p, const char *text)
{
    page_heading_id(p, NULL, text);
}

void page_heading_id(struct page *p, const char *id, const char *text)
{
    fprintf(p->out, id ? "<h3 id=\"%s\">" : "<h3>", id);
    markup_text(p->out, text);
    fputs("</h3>\n", p->out);
}

void page_paragraph(struct page *p, const char *format, ...)
{
    fputs("<p>", p->out);
    PUT_ESCAPED(p->out, format);
    fputs("</p>\n", p->out);
}

void page_text(struct page *p, const char *format, ...)
{
    PUT_ESCAPED(p->out, format);
}

void page_details(struct page *p, const char *summary)
{
    fputs("<details>\n<summary>", p->out);
    markup_text(p->out, summary);
    fputs("</summary>\n", p->out);
}

void page_details_end(struct page *p)
{
    fputs("</details>\n", p->out);
}

/* ------------------------------------------------------------------ tables */
/* A wide table scrolls for itself, also by keyboard: so its frame can have the focus, and a name. */
void page_table(struct page *p, const char *caption, const char *const *heading)
{
    int n = ++p->n_tables;
    fprintf(p->out, "<div class=\"scroll\" role=\"region\" aria-labelledby=\"table-%d\" tabindex=\"0\">\n<table>\n"
            "<caption id=\"table-%d\">", n, n);
    markup_text(p->out, caption);
    fputs("</caption>\n<thead>\n<tr>", p->out);
    for (int i = 0; heading[i]; i++) {
        bool number = heading[i][0] == '#'; /* "#score": its column is of numbers */
        fprintf(p->out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
        markup_text(p->out, heading[i] + number);
        fputs("</th>", p->out);
    }
    fputs("</tr>\n</thead>\n<tbody>\n", p->out);
    p->in_row = false;
}

static void begin_cell(struct page *p, bool number)
{
    p->first_cell = !p->in_row;
    if (!p->in_row)
        fputs("<tr>", p->out);
    p->in_row = true;
    fputs(p->first_cell ? "<th scope=\"row\">" : number ? "<td class=\"n\">" : "<td>", p->out);
}

static void end_cell(struct page *p)
{
    fputs(p->first_cell ? "</th>" : "</td>", p->out);
}

void page_cell(struct page *p, const char *format, ...)
{
    begin_cell(p, false);
    PUT_ESCAPED(p->out, format);
    end_cell(p);
}

void page_number(struct page *p, const char *format, ...)
{
    begin_cell(p, true);
    PUT_ESCAPED(p->out, format);
    end_cell(p);
}

void page_link(struct page *p, const char *target, const char *text)
{
    begin_cell(p, false);
    if (target)
        fprintf(p->out, "<a href=\"#%s\">", target);
    markup_text(p->out, text);
    fputs(target ? "</a>" : "", p->out);
    end_cell(p);
}

void page_row_end(struct page *p)
{
    fputs("</tr>\n", p->out);
    p->in_row = false;
}

void page_table_end(struct page *p)
{
    fputs("</tbody>\n</table>\n</div>\n", p->out);
}

const char *page_measure(double value, double low, double high, char out[PAGE_MEASURE_BYTES])
{
    if (!isfinite(value))
        snprintf(out, PAGE_MEASURE_BYTES, "\xE2\x80\x93");
    else if (!isfinite(low) || !isfinite(high))
        snprintf(out, PAGE_MEASURE_BYTES, "%.3f", value);
    else
        snprintf(out, PAGE_MEASURE_BYTES, "%.3f [%.3f, %.3f]", value, low, high);
    return out;
}
