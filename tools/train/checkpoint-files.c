/* checkpoint-files.c - a directory is read again each time: others may have removed files meanwhile. */
#include "checkpoint-files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_MAX])
{
    snprintf(out, CHECKPOINT_NAME_MAX, "model_%07" PRId64 ".rank_%d.ckpt", iteration, rank);
    return out;
}

bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank)
{
    int64_t i;
    int r;
    char again[CHECKPOINT_NAME_MAX];
    if (sscanf(name, "model_%" SCNd64 ".rank_%d.ckpt", &i, &r) != 2 || i < 0 || r < 0)
        return false;
    if (strcmp(checkpoint_name(i, r, again), name) != 0) /* no blanks, signs or digits too many */
        return false;
    *iteration = i;
    *rank = r;
    return true;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int checkpoint_list(const char *directory, int rank, struct checkpoint_list *list, struct fmt_error *e)
{
    char **names;
    int64_t n_names;
    *list = (struct checkpoint_list){0};
    if (!file_exists(directory))
        return 0;
    int status = file_list(directory, &names, &n_names, e);
    if (status)
        return status;
    list->iteration = malloc(((size_t)n_names + 1) * sizeof *list->iteration);
    for (int64_t i = 0; list->iteration && i < n_names; i++) {
        int64_t iteration;
        int r;
        if (checkpoint_parse_name(names[i], &iteration, &r) && r == rank)
            list->iteration[list->n++] = iteration;
    }
    file_list_free(names, n_names);
    if (!list->iteration)
        return fmt_no_memory(e);
    qsort(list->iteration, (size_t)list->n, sizeof *list->iteration, ascending);
    return 0;
}

void checkpoint_list_release(struct checkpoint_list *list)
{
    free(list->iteration);
    *list = (struct checkpoint_list){0};
}

/* ENOENT is no failure, but then nothing is removed. */
static int remove_one(const char *directory, int rank, int64_t iteration, bool *removed, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_MAX], *path = file_join(directory, checkpoint_name(iteration, rank, name));
    if (!path)
        return fmt_no_memory(e);
    *removed = unlink(path) == 0;
    int status = *removed || errno == ENOENT ? 0 : file_fail(path, e);
    free(path);
    return status;
}

/* How many of the list are of iterations up to `newest`. */
static int64_t count_to(const struct checkpoint_list *list, int64_t newest)
{
    int64_t n = 0;
    while (n < list->n && list->iteration[n] <= newest)
        n++;
    return n;
}

int checkpoint_prune(const char *directory, int rank, int64_t newest, int64_t max_to_keep,
                     struct fmt_error *e)
{
    struct checkpoint_list list;
    bool removed;
    int status = checkpoint_list(directory, rank, &list, e);
    int64_t n = count_to(&list, newest);
    for (int64_t i = 0; i < n - max_to_keep; i++) {
        int failed = remove_one(directory, rank, list.iteration[i], &removed, status ? NULL : e);
        status = status ? status : failed;
    }
    checkpoint_list_release(&list);
    return status;
}

int64_t checkpoint_evict_oldest(const char *directory, int rank, int64_t last_good, const struct fmt_error *why)
{
    struct checkpoint_list list;
    bool removed = false;
    int64_t i = -1;
    if (why->status != FMT_FULL || checkpoint_list(directory, rank, &list, NULL))
        return -1;
    int64_t n = count_to(&list, last_good);
    while (!removed && ++i < n - 1)
        remove_one(directory, rank, list.iteration[i], &removed, NULL);
    int64_t evicted = removed ? list.iteration[i] : -1;
    checkpoint_list_release(&list);
    return evicted;
}
