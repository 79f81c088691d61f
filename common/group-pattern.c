/* group-pattern.c - a small matcher that tries the longest {group} first, so that of "A-1-2" the group is "A-1". */
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
static bool match(const char *pattern, const char *name, const char *end, struct matching *m);

/* name .. end without a slash: how many bytes an item may stand for at most. */
static size_t component_left(const char *name, const char *end)
{
    const char *slash = memchr(name, '/', (size_t)(end - name));
    return (size_t)((slash ? slash : end) - name);
}

static bool match_group(const char *pattern, const char *name, const char *end, struct matching *m)
{
    for (size_t n = component_left(name, end); n > 0; n--) {
        m->group = (struct span){name, n};
        if (match(pattern, name + n, end, m))
            return true;
    }
    return false;
}

static bool match_view(const char *pattern, const char *name, const char *end, struct matching *m)
{
    int32_t view = 0;
    for (size_t n = 1; n <= 2 && name + n <= end && isdigit((unsigned char)name[n - 1]); n++) {
        view = 10 * view + (name[n - 1] - '0');
        bool ended = name + n == end || !isdigit((unsigned char)name[n]);
        if (ended && match(pattern, name + n, end, m)) {
            m->view = view;
            return true;
        }
    }
    return false;
}

static bool match(const char *pattern, const char *name, const char *end, struct matching *m)
{
    const char *after;
    if (!*pattern)
        return name == end;
    if ((after = text_after(pattern, GROUP)) != NULL)
        return match_group(after, name, end, m);
    if ((after = text_after(pattern, VIEW)) != NULL)
        return match_view(after, name, end, m);
    if (*pattern == '*') {
        for (size_t n = component_left(name, end) + 1; n-- > 0;)
            if (match(pattern + 1, name + n, end, m))
                return true;
        return false;
    }
    return name < end && *name == *pattern && match(pattern + 1, name + 1, end, m);
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
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
    const char *end = dot && dot > base ? dot : base + strlen(base);
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
