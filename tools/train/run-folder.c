/* run-folder.c - the lock is on the directory itself: it needs no file, and ends with the process. */
#include "run-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "teacher-folder.h"

/* run_folder_clear removes the first N_JSON_FILES; config.yaml is written by each process. */
static const char *const outputs[] = {RUN_FILE_METRICS, RUN_FILE_TIMES, RUN_FILE_SCORES, RUN_FILE_SETTINGS};
enum { N_JSON_FILES = 3, N_OUTPUTS = 4 };

int run_folder_join(const struct config *c, int *lock, struct fmt_error *e)
{
    const char *path = c->train.output_dir;
    int status = file_make_dirs(path, e);
    if (status)
        return status;
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *lock < 0 ? file_fail(path, e) : 0;
}

int run_folder_lock(const struct config *c, int *lock, struct fmt_error *e)
{
    const char *path = c->train.output_dir;
    int status = run_folder_join(c, lock, e);
    if (status)
        return status;
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fmt_fail(e, FMT_MISMATCH, "%.250s: another dino-train is already running in this directory", path);
    run_folder_sweep(path);
    return 0;
}

int run_folder_check(const struct config *c, int lock, struct fmt_error *e)
{
    struct stat locked, named;
    if (fstat(lock, &locked) == 0 && stat(c->train.output_dir, &named) == 0 && locked.st_dev == named.st_dev &&
        locked.st_ino == named.st_ino)
        return 0;
    return fmt_fail(e, FMT_IO, "%.250s: the directory of the run was removed or replaced", c->train.output_dir);
}

int run_folder_save_settings(const struct config *c, struct fmt_error *e)
{
    struct fmt_buffer text = {0};
    char *path = file_join(c->train.output_dir, RUN_FILE_SETTINGS);
    int status = path ? config_write(c, true, &text, e) : fmt_no_memory(e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status)
        status = file_save(path, text.data, text.bytes, e);
    free(path);
    fmt_buffer_release(&text);
    return status;
}

static int remove_output(const struct config *c, const char *name, struct fmt_error *e)
{
    char *path = file_join(c->train.output_dir, name);
    int status = path ? file_remove_tree(path, e) : fmt_no_memory(e);
    free(path);
    return status;
}

int run_folder_clear(const struct config *c, struct fmt_error *e)
{
    int status = 0;
    for (int i = 0; i < N_JSON_FILES && !status; i++)
        status = remove_output(c, outputs[i], e);
    if (!status)
        status = checkpoint_remove_all(c->train.output_dir, e);
    return status ? status : remove_output(c, TEACHER_FOLDERS, e);
}

/* ---------------------------------------------------------------- what killed processes left */
/* The folders that hold outputs: the directory, and each folder of its eval/, but not eval/ itself. */
enum { DEPTH_FOLDER, DEPTH_EVAL, DEPTH_DIRECTORY };

static bool is_output(const char *name, int depth)
{
    int64_t iteration;
    int rank;
    if (depth == DEPTH_FOLDER)
        return strcmp(name, TEACHER_SAFETENSORS) == 0 || strcmp(name, TEACHER_PTH) == 0;
    for (int i = 0; i < N_OUTPUTS; i++)
        if (strcmp(name, outputs[i]) == 0)
            return true;
    return checkpoint_parse_name(name, &iteration, &rank);
}

/* Whether it is ".NAME.RANDOM.tmp" as file_create makes it, or ".NAME.PID.tmp" as former versions did, of an output of
 * a run. Whose other files they are is not known: a run's folder may be anybody's, it is "." by default. */
static bool is_leftover(const char *temporary, int depth)
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
           letters > 0 && is_output(name, depth);
}

static void sweep(const char *directory, int depth)
{
    char **names;
    int64_t n;
    if (file_list(directory, &names, &n, NULL))
        return;
    for (int64_t i = 0; i < n; i++) {
        char *path = file_join(directory, names[i]);
        bool deeper = depth == DEPTH_EVAL || (depth == DEPTH_DIRECTORY && strcmp(names[i], TEACHER_FOLDERS) == 0);
        if (path && depth != DEPTH_EVAL && is_leftover(names[i], depth))
            unlink(path);
        else if (path && deeper && file_is_dir(path))
            sweep(path, depth - 1);
        free(path);
    }
    file_list_free(names, n);
}

void run_folder_sweep(const char *directory)
{
    sweep(directory, DEPTH_DIRECTORY);
}
