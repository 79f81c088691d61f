/* name-list.c - see name-list.h. */
#include "name-list.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "text.h"

enum { TEXT_BYTES_MAX = 1 << 30 };

static int add(struct name_list *l, const char *name, struct fmt_error *e)
{
    int status = fmt_grow(&l->name, l->n, &l->capacity, sizeof *l->name, e);
    if (!status)
        l->name[l->n++] = name;
    return status;
}

static int sort(struct name_list *l, struct fmt_error *e)
{
    if (l->n > 0)
        qsort(l->name, (size_t)l->n, sizeof *l->name, text_order);
    l->met = calloc((size_t)l->n + 1, sizeof *l->met);
    return l->met ? 0 : fmt_no_memory(e);
}

static int add_lines(struct name_list *l, struct fmt_error *e)
{
    char *rest = l->text, *line;
    int status = 0;
    while (!status && (line = strsep(&rest, "\n")) != NULL) {
        size_t n = strlen(line);
        if (n > 0 && line[n - 1] == '\r')
            line[--n] = 0;
        if (n > 0)
            status = add(l, line, e);
    }
    return status;
}

int name_list_read(struct name_list *l, const char *path, struct fmt_error *e)
{
    uint8_t *data;
    size_t bytes;
    int status = file_load(path, TEXT_BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    if (memchr(data, 0, bytes))
        status = fmt_fail(e, FMT_INVALID, "%s: a bank, or a text with a key or group in each line, is needed", path);
    else if (!(l->text = strndup((const char *)data, bytes)))
        status = fmt_no_memory(e);
    free(data);
    if (!status)
        status = add_lines(l, e);
    return status ? status : sort(l, e);
}

int name_list_take_bank(struct name_list *l, const struct bank *b, struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; i < b->n_photographs && !status; i++)
        status = add(l, b->photograph[i].key, e);
    return status ? status : sort(l, e);
}

bool name_list_has(void *list, const struct bank_photograph *p)
{
    struct name_list *l = list;
    const char *name[] = {p->key, p->group};
    bool any = false;
    for (int k = 0; k < 2; k++) {
        const char **found = name[k][0] && l->n > 0
                                 ? bsearch(&name[k], l->name, (size_t)l->n, sizeof *l->name, text_order) : NULL;
        if (found)
            any = l->met[found - l->name] = true;
    }
    return any;
}

/* Of equal names one is met. */
int64_t name_list_missing(const struct name_list *l, const char **first)
{
    int64_t n = 0;
    *first = NULL;
    for (int64_t i = 0, end; i < l->n; i = end) {
        bool met = false;
        for (end = i; end < l->n && strcmp(l->name[end], l->name[i]) == 0; end++)
            met = met || l->met[end];
        if (!met && n++ == 0)
            *first = l->name[i];
    }
    return n;
}

void name_list_release(struct name_list *l)
{
    free(l->name);
    free(l->met);
    free(l->text);
    *l = (struct name_list){.n = 0};
}
