/* csv.c - one field at a time goes into a buffer, with a zero byte after it; pointers are set when the record is whole,
 * as the buffer may move until then. */
#include "csv.h"

#include <string.h>

#include "bytes.h"
#include "utf8.h"

static bool is_line_end(const struct csv *c)
{
    return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && c->end - c->at > 1 && c->at[1] == '\n');
}

static void skip_line_end(struct csv *c)
{
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end)
        c->at++;
    c->next_line++;
}

static bool is_blank(const struct csv *c, char byte)
{
    return byte == ' ' || (byte == '\t' && c->separator != '\t');
}

/* The bytes between quotation marks, the first of which is here. */
static int read_quoted(struct csv *c, struct fmt_error *e)
{
    int opened = c->next_line;
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->end - c->at < 2 || *++c->at != '"')) {
            c->at += c->end - c->at == 1 && *c->at == '"'; /* the last byte of the text */
            return 0;
        }
        c->next_line += *c->at == '\n';
        if (bytes_put_u8(&c->bytes, (uint8_t)*c->at))
            return fmt_no_memory(e);
    }
    return fmt_fail(e, FMT_INVALID, "line %d: a quotation mark is opened and never closed", opened);
}

/* Up to the separator or the end of the record, without the blanks before either. */
static int read_plain(struct csv *c, struct fmt_error *e)
{
    const char *from = c->at;
    while (!is_line_end(c) && *c->at != c->separator)
        c->at++;
    const char *to = c->at;
    while (to > from && is_blank(c, to[-1]))
        to--;
    return bytes_put(&c->bytes, from, (size_t)(to - from)) ? fmt_no_memory(e) : 0;
}

static int read_field(struct csv *c, struct fmt_error *e)
{
    while (c->at < c->end && is_blank(c, *c->at))
        c->at++;
    if (c->at == c->end || *c->at != '"')
        return read_plain(c, e);
    int status = read_quoted(c, e);
    size_t n = c->bytes.bytes;
    if (!status)
        status = read_plain(c, e);
    if (!status && c->bytes.bytes > n)
        c->mistake = "text follows a closing quotation mark";
    return status;
}

static bool is_utf8(const char *s, size_t n)
{
    uint32_t code;
    for (size_t i = 0, k; i < n; i += k)
        if ((k = utf8_decode(s + i, n - i, &code)) == 0)
            return false;
    return true;
}

static int read_record(struct csv *c, struct fmt_error *e)
{
    size_t start[CSV_FIELDS_MAX];
    int status;
    c->bytes.bytes = 0;
    c->n_fields = 0;
    c->mistake = NULL;
    c->line = c->next_line;
    for (bool more = true; more; c->n_fields++) {
        if (c->n_fields < CSV_FIELDS_MAX)
            start[c->n_fields] = c->bytes.bytes;
        if ((status = read_field(c, e)) != 0)
            return status;
        if (bytes_put_u8(&c->bytes, 0))
            return fmt_no_memory(e);
        more = !is_line_end(c);
        if (more)
            c->at++;
    }
    if (c->at < c->end)
        skip_line_end(c);
    for (int i = 0; i < c->n_fields && i < CSV_FIELDS_MAX; i++)
        c->field[i] = (const char *)c->bytes.data + start[i];
    if (!is_utf8((const char *)c->bytes.data, c->bytes.bytes))
        c->mistake = "bytes that are not UTF-8: save the table as UTF-8, or iconv -f CP1252 -t UTF-8 FILE >NEW";
    return 0;
}

int csv_next(struct csv *c, struct fmt_error *e)
{
    int status = 0;
    do {
        if (c->at == c->end)
            return FMT_END;
        status = read_record(c, e);
    } while (!status && c->bytes.bytes == (size_t)c->n_fields); /* nothing but the zero bytes */
    return status;
}

/* The separator of the first record that is not empty. */
static char find_separator(const char *at, const char *end)
{
    bool quoted = false, tab = false, semicolon = false, any = false;
    for (; at < end && (quoted || *at != '\n' || !any); at++) {
        if (*at == '"')
            quoted = !quoted;
        any = any || (*at != '\n' && *at != '\r');
        tab = tab || (!quoted && *at == '\t');
        semicolon = semicolon || (!quoted && *at == ';');
    }
    return tab ? '\t' : semicolon ? ';' : ',';
}

int csv_open(struct csv *c, const char *text, size_t bytes, struct fmt_error *e)
{
    bool wide = bytes >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
    *c = (struct csv){.at = text, .end = text + bytes, .next_line = 1};
    if (bytes && (wide || memchr(text, 0, bytes)))
        return fmt_fail(e, FMT_INVALID, wide ? "UTF-16, where UTF-8 is needed: iconv -f UTF-16 -t UTF-8 FILE >NEW"
                                                  : "a zero byte");
    if (bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        c->at += 3;
    c->separator = find_separator(c->at, c->end);
    return 0;
}

void csv_close(struct csv *c)
{
    fmt_buffer_release(&c->bytes);
    *c = (struct csv){0};
}
