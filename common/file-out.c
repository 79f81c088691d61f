/* file-out.c - outputs: written beside, synced, renamed. Temporary names are kept in a table so that exit() and signals
 * can remove what is half-written. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inputs.h"
#include "signals.h"

enum { BUFFER_BYTES = 1 << 16, N_TEMPORARY = 64 };

/* ---------------------------------------------------------------- temporary names */

/* What has to go if the process ends now, by exit or by a signal. */
static char *temporary_path[N_TEMPORARY];
static pthread_mutex_t temporary_lock = PTHREAD_MUTEX_INITIALIZER;

/* Keeps the lock: whoever else would rename or forget a name has to wait for the end. */
static void remove_temporaries(void)
{
    pthread_mutex_lock(&temporary_lock);
    for (int i = 0; i < N_TEMPORARY; i++)
        if (temporary_path[i])
            file_remove_tree(temporary_path[i], NULL);
}

static int remember(char *path)
{
    static bool registered;
    int status = -1;
    pthread_mutex_lock(&temporary_lock);
    if (!registered)
        registered = atexit(remove_temporaries) == 0;
    for (int i = 0; i < N_TEMPORARY && status; i++)
        if (!temporary_path[i]) {
            temporary_path[i] = path;
            status = 0;
        }
    pthread_mutex_unlock(&temporary_lock);
    return status;
}

static void forget(const char *path)
{
    pthread_mutex_lock(&temporary_lock);
    for (int i = 0; i < N_TEMPORARY; i++)
        if (temporary_path[i] == path)
            temporary_path[i] = NULL;
    pthread_mutex_unlock(&temporary_lock);
}

static void end_by_signal(int number)
{
    remove_temporaries();
    signals_die(number);
}

void file_on_signal(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    /* Without a thread to spare a signal ends the tool all the same; the hidden file stays. */
    (void)signals_take(ends, (int)(sizeof ends / sizeof *ends), end_by_signal, NULL);
}

/* DIR/NAME -> DIR/.NAME.PID.tmp */
static char *temporary_name(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t base = n;
    while (base > 0 && path[base - 1] != '/')
        base--;
    char *name = malloc(n + 32);
    if (name)
        sprintf(name, "%.*s.%.*s.%ld.tmp", (int)base, path, (int)(n - base), path + base, (long)getpid());
    return name;
}

/* ---------------------------------------------------------------- files */

static int fail_input(struct fmt_error *e, const char *path)
{
    return fmt_fail(e, FMT_UNSUPPORTED, "%.250s: is an input of this run: not replaced", path);
}

int file_create(struct file_out *f, const char *path, struct fmt_error *e)
{
    struct stat st;
    *f = (struct file_out){.fd = -1};
    bool standard = strcmp(path, "-") == 0;
    bool there = (standard ? fstat(STDOUT_FILENO, &st) : stat(path, &st)) == 0;
    if (there && inputs_have(&st))
        return fail_input(e, file_output_name(path));
    f->path = strdup(standard ? "standard output" : path);
    f->buffer = malloc(BUFFER_BYTES);
    bool in_place = standard || (there && !S_ISREG(st.st_mode));
    f->temporary = in_place ? NULL : temporary_name(path);
    if (!f->path || !f->buffer || (!in_place && !f->temporary)) {
        file_abort(f);
        return fmt_no_memory(e);
    }
    if (standard)
        f->fd = STDOUT_FILENO;
    else if (in_place)
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
    else if (remember(f->temporary) == 0)
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int status = file_fail(path, e);
        file_abort(f);
        return status;
    }
    return 0;
}

int file_create_binary(struct file_out *f, const char *path, struct fmt_error *e)
{
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return fmt_fail(e, FMT_INVALID, FILE_TERMINAL);
    return file_create(f, path, e);
}

static int drain(struct file_out *f, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(f->fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EPIPE && f->fd == STDOUT_FILENO && signals_pipe_ends())
            end_by_signal(SIGPIPE);
        if (put < 0) {
            f->error_number = errno;
            return -1;
        }
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

int file_put(struct file_out *f, const void *data, size_t n)
{
    if (f->error_number)
        return -1;
    f->bytes += n;
    if (n > BUFFER_BYTES - f->used) {
        if (drain(f, f->buffer, f->used))
            return -1;
        f->used = 0;
    }
    if (n >= BUFFER_BYTES)
        return drain(f, data, n);
    if (n > 0)
        memcpy(f->buffer + f->used, data, n);
    f->used += n;
    return 0;
}

static int put_callback(void *arg, const void *data, size_t n)
{
    return file_put(arg, data, n);
}

struct fmt_writer file_writer(struct file_out *f)
{
    return (struct fmt_writer){f, put_callback};
}

int file_commit(struct file_out *f, struct fmt_error *e)
{
    int number = f->error_number;
    if (!number && drain(f, f->buffer, f->used))
        number = f->error_number;
    if (!number && f->temporary && fsync(f->fd) != 0 && errno != EINVAL)
        number = errno;
    if (f->fd > STDERR_FILENO && close(f->fd) != 0 && !number)
        number = errno; /* standard output is closed and checked by msg_finish */
    f->fd = -1;
    int status = 0;
    if (!number && f->temporary && inputs_have_path(f->path)) /* it was read since */
        status = fail_input(e, f->path);
    else if (!number && f->temporary && rename(f->temporary, f->path) != 0)
        number = errno;
    if (number) {
        errno = number;
        status = file_fail(f->path, e);
    } else if (f->temporary && !status) {
        forget(f->temporary);
        file_sync_dir(f->path);
        free(f->temporary);
        f->temporary = NULL;
    }
    file_abort(f);
    return status;
}

void file_abort(struct file_out *f)
{
    if (f->fd > STDERR_FILENO)
        close(f->fd);
    if (f->temporary) {
        unlink(f->temporary);
        forget(f->temporary);
    }
    free(f->temporary);
    free(f->path);
    free(f->buffer);
    *f = (struct file_out){.fd = -1};
}

int file_finish(struct file_out *f, int status, struct fmt_error *e)
{
    if (status && !f->error_number) {
        file_abort(f);
        return status;
    }
    if (e)
        *e = (struct fmt_error){0};
    return file_commit(f, e); /* knows which write failed, and aborts then */
}

int file_save(const char *path, const void *data, size_t n, struct fmt_error *e)
{
    struct file_out f;
    if (file_create(&f, path, e))
        return (int)e->status;
    (void)file_put(&f, data, n); /* its failure is kept and told by the commit */
    return file_commit(&f, e);
}

/* ---------------------------------------------------------------- folders */

/* A folder takes the place of all that is in the older one. */
static int check_replaced_dir(const char *path, struct fmt_error *e)
{
    char **names;
    int64_t n;
    if (!file_is_dir(path))
        return 0;
    int status = file_list(path, &names, &n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++) {
        char *inside = file_join(path, names[i]);
        if (!inside)
            status = fmt_no_memory(e);
        else if (inputs_have_path(inside))
            status = fail_input(e, inside);
        free(inside);
    }
    file_list_free(names, n);
    return status;
}

int file_create_dir(const char *path, char **temporary, struct fmt_error *e)
{
    int status = check_replaced_dir(path, e);
    if (status)
        return status;
    char *name = temporary_name(path);
    if (!name)
        return fmt_no_memory(e);
    if (file_remove_tree(name, e) || remember(name) || mkdir(name, 0777) != 0) {
        status = file_fail(path, e);
        forget(name);
        free(name);
        return status;
    }
    *temporary = name;
    return 0;
}

/* The new folder and the older one change names in one step. Where the file system knows no such step the older one
 * moves aside for a moment, and back if the new one cannot take its place. */
static int replace_dir(const char *temporary, const char *path, struct fmt_error *e)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
        return file_remove_tree(temporary, e);
    char *aside = malloc(strlen(temporary) + 5);
    if (!aside)
        return fmt_no_memory(e);
    sprintf(aside, "%s.old", temporary);
    int status = 0;
    if (rename(path, aside) != 0)
        status = file_fail(path, e);
    else if (rename(temporary, path) == 0)
        status = file_remove_tree(aside, e);
    else {
        status = file_fail(path, e);
        (void)rename(aside, path);
    }
    free(aside);
    return status;
}

int file_commit_dir(char *temporary, const char *path, bool replace, struct fmt_error *e)
{
    int status = 0;
    file_sync_dir(temporary);
    if (rename(temporary, path) != 0)
        status = replace && (errno == ENOTEMPTY || errno == EEXIST) ? replace_dir(temporary, path, e)
                                                                    : file_fail(path, e);
    if (status)
        file_remove_tree(temporary, NULL);
    else
        file_sync_dir(path);
    forget(temporary);
    free(temporary);
    return status;
}
