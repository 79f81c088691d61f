/* view-count.c - see view-count.h. Views and files are numbered by the first photograph that has them. */
#include "view-count.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

struct matching {
    int n;
    int *view, *file; /* [n] of each photograph */
    int *view_of;     /* [n] which view a file stands for; -1: none yet */
    bool *tried;      /* [n] files, in this search */
};

/* Whether any file is there twice; numbers them. */
static bool number_files(const uint8_t (*content)[DIGEST_BYTES], int n, int *file)
{
    bool again = false;
    for (int i = 0; i < n; i++) {
        file[i] = i;
        for (int k = 0; k < i && digest_is_set(content[i]) && file[i] == i; k++)
            if (memcmp(content[k], content[i], DIGEST_BYTES) == 0)
                file[i] = k;
        again = again || file[i] != i;
    }
    return again;
}

static void number_views(const int32_t *views, int n, int *view)
{
    for (int i = 0; i < n; i++) {
        view[i] = i;
        for (int k = 0; k < i && views[i] >= 0 && view[i] == i; k++)
            if (views[k] == views[i])
                view[i] = k;
    }
}

/* Finds the view a file of its own; one that has it may have to take another. */
static bool find_file(struct matching *m, int view)
{
    for (int i = 0; i < m->n; i++) {
        int file = m->file[i];
        if (m->view[i] != view || m->tried[file])
            continue;
        m->tried[file] = true;
        if (m->view_of[file] < 0 || find_file(m, m->view_of[file])) {
            m->view_of[file] = view;
            return true;
        }
    }
    return false;
}

static int match(struct matching *m)
{
    int count = 0;
    memset(m->view_of, -1, (size_t)m->n * sizeof *m->view_of);
    for (int i = 0; i < m->n; i++) {
        memset(m->tried, 0, (size_t)m->n * sizeof *m->tried);
        count += m->view[i] == i && find_file(m, i);
    }
    return count;
}

int view_count(const int32_t *views, const uint8_t (*content)[DIGEST_BYTES], int n, int *count, struct fmt_error *e)
{
    *count = rule_views(views, n);
    if (!content || n < 2)
        return 0;
    int *numbers = malloc(3 * (size_t)n * sizeof *numbers);
    bool *tried = malloc((size_t)n * sizeof *tried);
    struct matching m = {n, numbers, numbers + n, numbers + 2 * (size_t)n, tried};
    int status = numbers && tried ? 0 : fmt_no_memory(e);
    if (!status && number_files(content, n, m.file)) {
        number_views(views, n, m.view);
        *count = match(&m);
    }
    free(numbers);
    free(tried);
    return status;
}
