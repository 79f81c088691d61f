/* names.c - sorted copies. */
#include "names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static int compare(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

int names_open(struct names *f, int64_t n, const char *(*name_of)(const void *arg, int64_t i), const void *arg,
               struct fmt_error *e)
{
    *f = (struct names){.item = calloc((size_t)n + 1, sizeof *f->item)};
    bool good = f->item != NULL;
    for (int64_t i = 0; i < n && good; i++) {
        f->item[i] = (struct name){utf8_repair(name_of(arg, i)), i};
        good = f->item[i].text != NULL;
        f->n += good;
    }
    if (!good) {
        names_close(f);
        return fmt_no_memory(e);
    }
    qsort(f->item, (size_t)n, sizeof *f->item, compare);
    return 0;
}

static int64_t find(const struct names *f, const char *name)
{
    int64_t low = 0, high = f->n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (strcmp(f->item[middle].text, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->n && strcmp(f->item[low].text, name) == 0 ? f->item[low].i : -1;
}

int64_t names_find_end(const struct names *f, const char *name)
{
    int64_t found = -1;
    for (const char *at = name; at && found < 0; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        found = find(f, at);
    return found;
}

void names_close(struct names *f)
{
    for (int64_t i = 0; i < f->n; i++)
        free(f->item[i].text);
    free(f->item);
    *f = (struct names){.n = 0};
}
