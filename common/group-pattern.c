/* group-pattern.c - a matcher that takes the longest {group}, so that of "A-1-2" the group is "A-1". */
#include "group-pattern.h"

#include <ctype.h>
#include <string.h>

#include "text.h"

#define GROUP "{group}"
#define VIEW "{view}"

struct span {
    const char *at;
    size_t bytes;
};

struct matching {
    struct span group;
    int32_t view;
};

/* ------------------------------------------------------------------ parsing */
static int check_one(const char *pattern, struct fmt_error *e)
{
    int n_groups = 0, n_views = 0;
    for (const char *p = pattern; *p; p++) {
        bool group = text_after(p, GROUP) != NULL, view = text_after(p, VIEW) != NULL;
        n_groups += group;
        n_views += view;
        if (*p == '{' && !group && !view)
            return fmt_fail(e, FMT_INVALID, "pattern %.80s: braces around something else than group or view", pattern);
    }
    if (n_groups != 1 || n_views > 1)
        return fmt_fail(e, FMT_INVALID, "pattern %.80s: %s", pattern,
                        n_groups == 0 ? "no {group}" : n_groups > 1 ? "{group} twice" : "{view} twice");
    return 0;
}

int group_pattern_parse(struct group_pattern *p, const char *text, struct fmt_error *e)
{
    size_t n = strlen(text);
    *p = (struct group_pattern){.n = 0};
    if (n > GROUP_PATTERN_MAX)
        return fmt_fail(e, FMT_LIMIT, "a pattern of more than %d bytes", GROUP_PATTERN_MAX);
    memcpy(p->text, text, n + 1);
    for (char *rest = p->text, *one; (one = strsep(&rest, "|")) != NULL;) {
        int status = p->n < GROUP_PATTERNS_MAX ? check_one(one, e)
                                               : fmt_fail(e, FMT_LIMIT, "more than %d patterns", GROUP_PATTERNS_MAX);
        if (status)
            return status;
        p->first[p->n++] = (int)(one - p->text);
    }
    return 0;
}

/* ------------------------------------------------------------------ matching */
enum { NAME_MAX_BYTES = 4096, ROW_BYTES = NAME_MAX_BYTES / 8 + 1 };

/* For each part of the pattern, from some byte of it on, and each rest of the name: does the one fit the other? Filled
 * from the ends of both, so that the work is the product of their lengths, whatever the pattern and the name are. */
struct fitting {
    const char *pattern, *name;
    size_t n; /* bytes of the name */
    uint8_t fits[GROUP_PATTERN_MAX + 1][ROW_BYTES];
};

static bool fits(const struct fitting *f, const char *pattern, size_t i)
{
    return f->fits[pattern - f->pattern][i / 8] >> i % 8 & 1;
}

/* Bytes of the view number at i, which is one or two digits with no digit after them; 0: there is none. */
static size_t view_bytes(const struct fitting *f, size_t i)
{
    size_t n = 0;
    while (n < 3 && i + n < f->n && isdigit((unsigned char)f->name[i + n]))
        n++;
    return n < 3 ? n : 0;
}

static bool within_component(const struct fitting *f, size_t i)
{
    return i < f->n && f->name[i] != '/';
}

/* Does the pattern fit the name from byte i on, where everything after its first item is known already? {group} is one
 * character and then what * is. */
static bool fits_at(const struct fitting *f, const char *pattern, size_t i)
{
    const char *after;
    if (!*pattern)
        return i == f->n;
    if ((after = text_after(pattern, GROUP)) != NULL)
        return within_component(f, i) && (fits(f, after, i + 1) || fits(f, pattern, i + 1));
    if ((after = text_after(pattern, VIEW)) != NULL)
        return view_bytes(f, i) > 0 && fits(f, after, i + view_bytes(f, i));
    if (*pattern == '*')
        return fits(f, pattern + 1, i) || (within_component(f, i) && fits(f, pattern, i + 1));
    return i < f->n && f->name[i] == *pattern && fits(f, pattern + 1, i + 1);
}

static void fill(struct fitting *f)
{
    for (const char *p = f->pattern + strlen(f->pattern); p >= f->pattern; p--) {
        uint8_t *row = f->fits[p - f->pattern];
        memset(row, 0, f->n / 8 + 1);
        for (size_t i = f->n + 1; i-- > 0;)
            row[i / 8] |= (uint8_t)(fits_at(f, p, i) << i % 8);
    }
}

/* The longest piece of the component from byte i on after which the rest of the pattern fits. */
static size_t longest(const struct fitting *f, const char *after, size_t i)
{
    size_t n = 0, best = 0;
    for (;; n++) {
        best = fits(f, after, i + n) ? n : best;
        if (!within_component(f, i + n))
            return best;
    }
}

static void find_items(const struct fitting *f, struct matching *m)
{
    const char *after;
    size_t i = 0;
    for (const char *p = f->pattern; *p;) {
        if ((after = text_after(p, GROUP)) != NULL) {
            m->group = (struct span){f->name + i, longest(f, after, i + 1) + 1};
            i += m->group.bytes;
        } else if ((after = text_after(p, VIEW)) != NULL) {
            size_t n = view_bytes(f, i);
            m->view = n == 2 ? 10 * (f->name[i] - '0') + f->name[i + 1] - '0' : f->name[i] - '0';
            i += n;
        } else {
            after = p + 1;
            i += *p == '*' ? longest(f, after, i) : 1;
        }
        p = after;
    }
}

static bool match(const char *pattern, const char *name, const char *end, struct matching *m)
{
    struct fitting f; /* not zeroed: fill sets what is used of it */
    f.pattern = pattern;
    f.name = name;
    f.n = (size_t)(end - name);
    if (f.n > NAME_MAX_BYTES)
        return false;
    fill(&f);
    if (!fits(&f, pattern, 0))
        return false;
    find_items(&f, m);
    return true;
}

static size_t count_slashes(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '/';
    return n;
}

/* Where the last n + 1 components of name .. end begin; NULL: it has fewer. */
static const char *tail_of(const char *name, const char *end, size_t n)
{
    const char *p = end;
    while (p > name && (p[-1] != '/' || n-- > 0))
        p--;
    return p > name || n == 0 ? p : NULL;
}

bool group_pattern_match(const struct group_pattern *p, const char *name, struct group_match *m)
{
    const char *end = name + text_stem(name);
    for (int i = 0; i < p->n; i++) {
        struct matching found = {.view = -1};
        const char *tail = tail_of(name, end, count_slashes(group_pattern_one(p, i)));
        if (!tail || !match(group_pattern_one(p, i), tail, end, &found))
            continue;
        size_t before = (size_t)(tail - name), n = found.group.bytes;
        if (before + n > INDEX_TEXT_MAX)
            return false;
        memcpy(m->group, name, before);
        memcpy(m->group + before, found.group.at, n);
        m->group[before + n] = 0;
        m->view = found.view;
        return true;
    }
    return false;
}
