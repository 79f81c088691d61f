/* checkpoint.c - names and housekeeping. What is inside a checkpoint is in checkpoint-state.c. */
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "teacher-export.h"

const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_ROOM])
{
    snprintf(out, CHECKPOINT_NAME_ROOM, "model_%07" PRId64 ".rank_%d.ckpt", iteration, rank);
    return out;
}

bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank)
{
    int64_t i;
    int r;
    char again[CHECKPOINT_NAME_ROOM];
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

/* Removes this checkpoint. ENOENT is no failure, but nothing is removed then. */
static int remove_one(const char *directory, int rank, int64_t iteration, bool *removed, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_ROOM], *path = file_join(directory, checkpoint_name(iteration, rank, name));
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

int checkpoint_prune(const char *directory, int rank, int64_t newest, int64_t keep, struct fmt_error *e)
{
    struct checkpoint_list list;
    bool removed;
    int status = checkpoint_list(directory, rank, &list, e);
    int64_t n = count_to(&list, newest);
    for (int64_t i = 0; i < n - keep; i++) {
        int failed = remove_one(directory, rank, list.iteration[i], &removed, status ? NULL : e);
        status = status ? status : failed;
    }
    checkpoint_list_release(&list);
    return status;
}

int64_t checkpoint_make_room(const char *directory, int rank, int64_t last_good, const struct fmt_error *why)
{
    struct checkpoint_list list;
    bool removed = false;
    int64_t i = -1;
    if (why->status != FMT_FULL || checkpoint_list(directory, rank, &list, NULL))
        return -1;
    int64_t n = count_to(&list, last_good);
    while (!removed && ++i < n - 1)
        remove_one(directory, rank, list.iteration[i], &removed, NULL);
    int64_t gone = removed ? list.iteration[i] : -1;
    checkpoint_list_release(&list);
    return gone;
}

/* ---------------------------------------------------------------- what killed processes left */
/* An output of a run: at the top of its folder, or beside a teacher in eval/. */
static bool is_output(const char *name, bool top)
{
    static const char *const at_top[] = {"training_metrics.json", "training_times.json", "evaluation.json",
                                         "config.yaml"};
    int64_t iteration;
    int rank;
    bool is = false;
    for (size_t i = 0; top && i < sizeof at_top / sizeof *at_top && !is; i++)
        is = strcmp(name, at_top[i]) == 0;
    if (top)
        return is || checkpoint_parse_name(name, &iteration, &rank);
    return strcmp(name, TEACHER_EXPORT_SAFETENSORS) == 0 || strcmp(name, TEACHER_EXPORT_PTH) == 0;
}

/* Whether it is ".NAME.RANDOM.tmp" as file_create makes it, or ".NAME.PID.tmp" as former versions did, of an output of
 * a run. Whose other files they are is not known: a run's folder may be anybody's, it is "." by default. */
static bool is_left(const char *temporary, bool top)
{
    char name[100];
    size_t n = strlen(temporary);
    if (n < 7 || n >= sizeof name || temporary[0] != '.' || strcmp(temporary + n - 4, ".tmp") != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(n - 5), temporary + 1);
    char *dot = strrchr(name, '.');
    if (!dot)
        return false;
    *dot = 0;
    size_t letters = strlen(dot + 1), digits = strspn(dot + 1, "0123456789");
    return (digits == letters || (letters == 12 && strspn(dot + 1, "0123456789abcdefghijklmnopqrstuv") == 12)) &&
           letters > 0 && is_output(name, top);
}

static void sweep(const char *directory, int depth)
{
    char **names;
    int64_t n;
    if (file_list(directory, &names, &n, NULL))
        return;
    for (int64_t i = 0; i < n; i++) {
        char *path = file_join(directory, names[i]);
        if (path && depth != 1 && is_left(names[i], depth == 2))
            unlink(path);
        else if (path && file_is_dir(path) && (depth == 1 || (depth == 2 && strcmp(names[i], "eval") == 0)))
            sweep(path, depth - 1);
        free(path);
    }
    file_list_free(names, n);
}

void checkpoint_sweep(const char *directory)
{
    sweep(directory, 2);
}

const char *const run_input_name[INPUTS] = {"data", "weights", "knn_train", "knn_val"};
const char *const run_input_key[INPUTS] = {"train.dataset_path", "MODEL.WEIGHTS or student.pretrained_weights",
                                           "evaluation.knn_train", "evaluation.knn_val"};

static void tell_setting(const struct checkpoint_file *f, const struct config *config, int id,
                         void (*tell)(void *arg, const char *line), void *arg)
{
    char line[500], *there = config_value(&f->settings, id), *here = config_value(config, id);
    snprintf(line, sizeof line, "%s: %.150s there, %.150s here", config_key(id)->name, there ? there : "?",
             here ? here : "?");
    tell(arg, line);
    free(there);
    free(here);
}

int checkpoint_differences(const struct checkpoint_file *f, const struct config *config,
                           void (*tell)(void *arg, const char *line), void *arg)
{
    int n = 0;
    for (int id = config_differ(&f->settings, config, CONFIG_RESULT, 0); id < CONFIG_N_KEYS;
         id = config_differ(&f->settings, config, CONFIG_RESULT, id + 1), n++)
        tell_setting(f, config, id, tell, arg);
    return n;
}
