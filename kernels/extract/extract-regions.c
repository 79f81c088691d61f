/* extract-regions.c - regions as text. */
#include "extract-regions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "resize.h"

enum { WORDS_MAX = 6, LINE_MAX = 200 };

/* Words of the line, in place; returns how many, at most WORDS_MAX + 1. */
static int split(char *line, char **word)
{
    int n = 0;
    line[strcspn(line, "#")] = 0;
    for (char *p = strtok_r(line, " \t\r", &line); p && n <= WORDS_MAX; p = strtok_r(NULL, " \t\r", &line))
        word[n++] = p;
    return n;
}

static bool is_name(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
            return false;
    return n > 0 && n < EXTRACT_REGION_NAME_MAX;
}

static bool take_numbers(char *const *word, struct extract_region *r)
{
    double v[4];
    for (int i = 0; i < 4; i++) {
        bool whole = strchr(word[i], '.') == NULL;
        if (!num_f64(word[i], &v[i]) || v[i] < 0 || v[i] > (whole ? RESIZE_SIDE_MAX : 1))
            return false;
        if (i > 0 && whole != r->in_pixels)
            return false;
        r->in_pixels = whole;
    }
    r->x = v[0];
    r->y = v[1];
    r->width = v[2];
    r->height = v[3];
    return v[2] > 0 && v[3] > 0 && (r->in_pixels || (v[0] + v[2] <= 1 + 1e-9 && v[1] + v[3] <= 1 + 1e-9));
}

static int take_region(char *const *word, int n, struct extract_regions *r, struct fmt_error *e)
{
    struct extract_region region = {.view = -1};
    int64_t view = -1;
    if (n < 5 || n > WORDS_MAX || !is_name(word[0]) || !take_numbers(word + 1, &region) ||
        (n == WORDS_MAX && (!num_i64(word[5], &view) || view < 0 || view > INT32_MAX)))
        return fmt_fail(e, FMT_INVALID,
                        "region %.60s: not NAME X Y WIDTH HEIGHT [VIEW], in pixels or in shares such as 0.25", word[0]);
    if (r->n == EXTRACT_REGIONS_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d regions", EXTRACT_REGIONS_MAX);
    memcpy(region.name, word[0], strlen(word[0]) + 1);
    region.view = (int)view;
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->item[i].name, region.name) == 0 && (r->item[i].view == view || r->item[i].view < 0 || view < 0))
            return fmt_fail(e, FMT_INVALID, "region %s: twice", region.name);
    r->item[r->n++] = region;
    return 0;
}

/* The region in the form of a line; returns its bytes. */
static int put_region(const struct extract_region *r, char *text, size_t bytes)
{
    int n = r->in_pixels ? snprintf(text, bytes, "%s %.0f %.0f %.0f %.0f", r->name, r->x, r->y, r->width, r->height)
                         : snprintf(text, bytes, "%s %.6f %.6f %.6f %.6f", r->name, r->x, r->y, r->width, r->height);
    return r->view < 0 ? n : n + snprintf(text + n, bytes - (size_t)n, " %d", r->view);
}

void extract_regions_text(const struct extract_regions *r, char text[EXTRACT_REGIONS_TEXT_MAX])
{
    size_t at = 0;
    *text = 0;
    for (int i = 0; i < r->n; i++) {
        char line[LINE_MAX];
        put_region(&r->item[i], line, sizeof line);
        at += (size_t)snprintf(text + at, EXTRACT_REGIONS_TEXT_MAX - at, "%s%s", i > 0 ? "; " : "", line);
    }
}

static int check_length(const struct extract_regions *r, struct fmt_error *e)
{
    size_t bytes = 0;
    for (int i = 0; i < r->n; i++) {
        char line[LINE_MAX];
        bytes += (size_t)put_region(&r->item[i], line, sizeof line) + 2;
    }
    return bytes < EXTRACT_REGIONS_TEXT_MAX ? 0 : fmt_fail(e, FMT_LIMIT, "the regions take %zu bytes, the limit is %d",
                                                           bytes, EXTRACT_REGIONS_TEXT_MAX);
}

int extract_regions_parse(const char *text, size_t bytes, struct extract_regions *r, struct fmt_error *e)
{
    struct extract_regions found = {0};
    int status = 0;
    for (size_t at = 0; at < bytes && !status;) {
        char line[LINE_MAX], *word[WORDS_MAX + 1];
        size_t n = 0;
        while (at + n < bytes && text[at + n] != '\n' && text[at + n] != ';')
            n++;
        if (n >= LINE_MAX || memchr(text + at, 0, n))
            return fmt_fail(e, FMT_INVALID, "regions: a line of %zu bytes, or one with a zero byte", n);
        memcpy(line, text + at, n);
        line[n] = 0;
        int n_words = split(line, word);
        if (n_words > 0)
            status = take_region(word, n_words, &found, e);
        at += n + 1;
    }
    if (!status && found.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no regions");
    if (!status)
        status = check_length(&found, e);
    if (!status)
        *r = found;
    return status;
}

int extract_tiles_parse(const char *text, int64_t *side, int64_t *overlap, struct fmt_error *e)
{
    char first[24];
    size_t n = strcspn(text, ":");
    int64_t s = 0, o = 0;
    snprintf(first, sizeof first, "%.*s", (int)num_min((int64_t)n, 23), text);
    if (!num_i64(first, &s) || s < 1 || s > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_INVALID, "tiles %.60s: not SIDE or SIDE:OVERLAP in pixels", text);
    o = s / 8;
    if (text[n] == ':' && (!num_i64(text + n + 1, &o) || o < 0 || o > s / 2))
        return fmt_fail(e, FMT_INVALID, "tiles %.60s: an overlap is from 0 to half the side", text);
    *side = s;
    *overlap = o;
    return 0;
}
