/* cases-settle.c - a watch that judges an installation again writes the lines of its photographs again, too: sorted by
 * name and order, the last of each stays.
 */
#include <stdlib.h>
#include <string.h>

#include "cases-read.h"

static int by_name(const void *a, const void *b)
{
    const struct judged_line *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int found_by_name(const void *name, const void *line)
{
    return strcmp(name, ((const struct judged_line *)line)->name);
}

struct judged_line *cases_line_of(const struct cases *c, const char *installation)
{
    return c->n_lines ? bsearch(installation, c->line, (size_t)c->n_lines, sizeof *c->line, found_by_name) : NULL;
}

static void keep_last_lines(struct cases *c)
{
    int64_t n = 0;
    if (c->n_lines)
        qsort(c->line, (size_t)c->n_lines, sizeof *c->line, by_name);
    for (int64_t i = 0; i < c->n_lines; i++)
        if (i + 1 == c->n_lines || strcmp(c->line[i].name, c->line[i + 1].name) != 0)
            c->line[n++] = c->line[i];
    c->n_lines = n;
}

/* ------------------------------------------------------------------ lists of photographs */
struct listed {
    const char *photograph;
    const struct judged_line *line;
    bool has_line; /* of its own */
};

static int by_photograph(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    int order = strcmp(x->photograph, y->photograph);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static struct listed *list_all(const struct cases *c, int64_t *n)
{
    *n = 0;
    for (int64_t i = 0; i < c->n_lines; i++)
        *n += c->line[i].n_photographs;
    struct listed *all = calloc((size_t)*n + 1, sizeof *all), *to = all;
    for (int64_t i = 0; all && i < c->n_lines; i++) {
        const char *name = c->line[i].photographs;
        for (int64_t k = 0; k < c->line[i].n_photographs; k++, name += strlen(name) + 1)
            *to++ = (struct listed){name, &c->line[i], false};
    }
    if (all)
        qsort(all, (size_t)*n, sizeof *all, by_photograph);
    return all;
}

/* ------------------------------------------------------------------ lines of photographs */
static int by_key(const void *a, const void *b, void *cases)
{
    const struct cases *c = cases;
    int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
    int order = strcmp(c->photo[i].key, c->photo[k].key);
    return order ? order : (i > k) - (i < k);
}

/* Does its installation know it? */
static bool is_of_its_installation(const struct cases *c, const struct case_photo *s, struct listed *all, int64_t n)
{
    const struct judged_line *line = cases_line_of(c, s->group[0] ? s->group : s->key);
    const struct listed wanted = {.photograph = s->key, .line = line};
    if (!line || line->n_photographs == 0)
        return true;
    struct listed *found = bsearch(&wanted, all, (size_t)n, sizeof *all, by_photograph);
    if (found)
        found->has_line = true;
    return found != NULL;
}

static int drop_superseded(struct cases *c, struct listed *all, int64_t n, struct fmt_error *e)
{
    int64_t *order = calloc((size_t)c->n_photos + 1, sizeof *order), n_kept = 0;
    bool *kept = calloc((size_t)c->n_photos + 1, sizeof *kept);
    bool good = order && kept;
    for (int64_t i = 0; good && i < c->n_photos; i++)
        order[i] = i;
    if (good && c->n_photos)
        qsort_r(order, (size_t)c->n_photos, sizeof *order, by_key, c);
    for (int64_t i = 0; good && i < c->n_photos; i++) {
        const struct case_photo *s = &c->photo[order[i]];
        bool last = i + 1 == c->n_photos || strcmp(s->key, c->photo[order[i + 1]].key) != 0;
        kept[order[i]] = last && is_of_its_installation(c, s, all, n);
    }
    for (int64_t i = 0; good && i < c->n_photos; i++)
        if (kept[i])
            c->photo[n_kept++] = c->photo[i];
    c->n_photos = good ? n_kept : c->n_photos;
    free(order);
    free(kept);
    return good ? 0 : fmt_no_memory(e);
}

static int add_listed(struct cases *c, const struct listed *all, int64_t n, struct fmt_error *e)
{
    for (int64_t i = 0; i < n; i++) {
        struct case_photo *s = all[i].has_line ? NULL : cases_add_photo(c, e);
        if (!all[i].has_line && !s)
            return FMT_MEMORY;
        if (s) {
            s->key = all[i].photograph;
            s->group = all[i].line->name;
        }
    }
    return 0;
}

int cases_settle(struct cases *c, bool with_photographs, struct fmt_error *e)
{
    int64_t n;
    keep_last_lines(c);
    if (!with_photographs)
        return 0;
    struct listed *all = list_all(c, &n);
    int status = all ? drop_superseded(c, all, n, e) : fmt_no_memory(e);
    if (!status)
        status = add_listed(c, all, n, e);
    free(all);
    return status;
}
