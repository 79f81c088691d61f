/* file-out.c - outputs. A file has no name until it is complete (O_TMPFILE), so nothing is left of it however the
 * process ends. Folders, and files on a file system without unnamed files, have temporary names; a table of these lets
 * exit() and signals remove incomplete outputs. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "input-guard.h"
#include "num.h"
#include "signals.h"

enum { BUFFER_BYTES = 1 << 16, STEM_BYTES = 100, RANDOM_LETTERS = 12, MAX_ATTEMPTS = 100 };

/* ---------------------------------------------------------------- temporary names */

/* To be removed if the process ends now, by exit or by a signal. */
static char **temporary_path;
static int64_t n_temporary, temporary_capacity;
static pthread_mutex_t temporary_lock = PTHREAD_MUTEX_INITIALIZER;

/* Does not release the lock: other threads that create, rename or forget a name wait until the process has ended. */
static void remove_temporaries(void)
{
    pthread_mutex_lock(&temporary_lock);
    for (int64_t i = 0; i < n_temporary; i++)
        file_remove_tree(temporary_path[i], NULL);
}

static void forget(const char *path)
{
    pthread_mutex_lock(&temporary_lock);
    for (int64_t i = 0; i < n_temporary; i++)
        if (temporary_path[i] == path)
            temporary_path[i--] = temporary_path[--n_temporary];
    pthread_mutex_unlock(&temporary_lock);
}

static void end_by_signal(int number)
{
    remove_temporaries();
    signals_die(number);
}

void file_on_signal(void)
{
    /* If the thread cannot be started a signal still ends the tool, but temporary names remain. */
    (void)signals_take(end_by_signal, NULL);
}

static uint64_t random_number(void)
{
    uint64_t number;
    struct timespec now;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
        return number;
    clock_gettime(CLOCK_REALTIME, &now); /* good enough: an existing name is not used */
    return (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
}

/* Bytes of a long name to be used in a temporary one: whole characters of UTF-8. */
static size_t stem_length(const char *name, size_t n)
{
    if (n <= STEM_BYTES)
        return n;
    for (n = STEM_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

/* DIR/NAME -> DIR/.NAME.RANDOM.tmp */
static char *temporary_name(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t base = n;
    while (base > 0 && path[base - 1] != '/')
        base--;
    char *name = malloc(n + 32), letters[RANDOM_LETTERS + 1] = "";
    uint64_t random = random_number();
    for (int i = 0; i < RANDOM_LETTERS; i++, random >>= 5)
        letters[i] = "0123456789abcdefghijklmnopqrstuv"[random & 31];
    if (name)
        sprintf(name, "%.*s.%.*s.%s.tmp", (int)base, path, (int)stem_length(path + base, n - base), path + base,
                letters);
    return name;
}

/* Creates something under a new temporary name beside path by `make`, whose result is in *made, and records the name;
 * no signal is handled in between. NULL and errno: failed. */
static char *make_temporary(const char *path, int (*make)(const char *name, int fd), int fd, int *made)
{
    static bool registered;
    char *name = NULL;
    int number = EEXIST;
    pthread_mutex_lock(&temporary_lock);
    if (!registered)
        registered = atexit(remove_temporaries) == 0;
    bool grown = fmt_grow(&temporary_path, n_temporary, &temporary_capacity, sizeof *temporary_path, NULL) == 0;
    for (int attempt = 0; !name && number == EEXIST && attempt < MAX_ATTEMPTS; attempt++) {
        name = grown ? temporary_name(path) : NULL;
        if (!name) {
            number = ENOMEM;
        } else if ((*made = make(name, fd)) < 0) {
            number = errno;
            free(name);
            name = NULL;
        }
    }
    if (name)
        temporary_path[n_temporary++] = name;
    pthread_mutex_unlock(&temporary_lock);
    errno = number;
    return name;
}

/* The usual modes, which the umask narrows; mkostemp would create files with 0600. */
static int make_file(const char *name, int fd)
{
    (void)fd;
    return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int make_folder(const char *name, int fd)
{
    (void)fd;
    return mkdir(name, 0777);
}

/* Gives a name to a file that has none. */
static int make_link(const char *name, int fd)
{
    char open_file[40];
    snprintf(open_file, sizeof open_file, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, open_file, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* ---------------------------------------------------------------- files */

static int fail_input(struct fmt_error *e, const char *path)
{
    return fmt_fail(e, FMT_UNSUPPORTED, "%.250s: is an input of this run: not replaced", path);
}

/* -1 and errno if no file can have this name, so that the error comes before the work. */
static int check_name(const char *path, bool folder)
{
    struct stat st;
    size_t n = strlen(path);
    bool slash = n > 0 && path[n - 1] == '/';
    if (slash && !folder)
        errno = EISDIR;
    else if (stat(path, &st) == 0 || errno != ENAMETOOLONG)
        return 0;
    return -1;
}

/* Creates a file without a name in the folder of path, or one with a temporary name if the file system cannot. */
static int open_beside(struct file_out *f)
{
    char *directory = check_name(f->path, false) ? NULL : file_directory(f->path);
    if (!directory)
        return -1;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    free(directory);
    if (fd < 0)
        f->temporary = make_temporary(f->path, make_file, -1, &fd);
    return fd;
}

/* These names are links to open files, even regular ones; a rename would replace the link itself. */
int file_descriptor_of(const char *path)
{
    static const char *const before[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(before[i]);
        int64_t fd;
        if (strncmp(path, before[i], n) == 0 && num_i64(path + n, &fd) && fd >= 0 && fd <= INT_MAX)
            return (int)fd;
    }
    return -1;
}

/* msg_finish closes standard output, and whoever opened another open file closes that one. */
static int open_descriptor(int fd)
{
    return fd == STDOUT_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int file_create(struct file_out *f, const char *path, struct fmt_error *e)
{
    struct stat st;
    *f = (struct file_out){.fd = -1};
    int open_fd = file_descriptor_of(path);
    bool there = (open_fd >= 0 ? fstat(open_fd, &st) : stat(path, &st)) == 0;
    if (there && input_guard_is_input(&st))
        return fail_input(e, file_output_name(path));
    f->path = open_fd == STDOUT_FILENO ? strdup("standard output") : open_fd >= 0 ? strdup(path)
                                                                                    : file_resolve_links(path);
    f->buffer = malloc(BUFFER_BYTES);
    f->in_place = open_fd >= 0 || (there && !S_ISREG(st.st_mode));
    if (!f->path || !f->buffer) {
        int status = f->path || errno == ENOMEM ? fmt_no_memory(e) : file_fail(path, e);
        file_abort(f);
        return status;
    }
    f->fd = open_fd >= 0 ? open_descriptor(open_fd) : f->in_place ? open(path, O_WRONLY | O_CLOEXEC) : open_beside(f);
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

/* For a sandbox without /proc, or one in which an unnamed file cannot get a name: what was written is not lost. */
static char *copy_to_temporary(struct file_out *f)
{
    struct stat st;
    off_t at = 0;
    int fd = -1, number = 0;
    char *name = make_temporary(f->path, make_file, -1, &fd);
    if (!name)
        return NULL;
    bool good = fstat(f->fd, &st) == 0;
    while (good && at < st.st_size)
        good = sendfile(fd, f->fd, &at, (size_t)(st.st_size - at)) > 0;
    if (!good || fsync(fd) != 0)
        number = errno;
    if (close(fd) != 0 && !number)
        number = errno;
    if (number) {
        unlink(name);
        forget(name);
        free(name);
        errno = number;
        return NULL;
    }
    return name;
}

/* Gives the file its final name, while no signal or exit of another thread can remove its folder. -1 and errno. */
static int set_final_name(const char *temporary, const struct file_out *f)
{
    pthread_mutex_lock(&temporary_lock);
    int failed = temporary ? rename(temporary, f->path) : make_link(f->path, f->fd), number = errno;
    pthread_mutex_unlock(&temporary_lock);
    errno = number;
    return failed;
}

/* Gives the complete file its final name, in one step if that name is free. To replace an older file it needs a
 * temporary name between two calls. -1 and errno. */
static int publish(struct file_out *f)
{
    int made;
    if (!f->temporary) {
        if (set_final_name(NULL, f) == 0)
            return 0;
        if (errno == EEXIST)
            f->temporary = make_temporary(f->path, make_link, f->fd, &made);
        if (!f->temporary && errno != ENOSPC && errno != EDQUOT)
            f->temporary = copy_to_temporary(f);
    }
    if (!f->temporary || set_final_name(f->temporary, f) != 0)
        return -1;
    forget(f->temporary);
    free(f->temporary);
    f->temporary = NULL;
    return 0;
}

/* An error that only a close reports (NFS, FUSE), found while the file is open. */
static int close_error(int fd)
{
    int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return other >= 0 && close(other) != 0 ? errno : 0;
}

int file_commit(struct file_out *f, struct fmt_error *e)
{
    int number = f->error_number, status = 0;
    if (!number && drain(f, f->buffer, f->used))
        number = f->error_number;
    if (!number && !f->in_place && fsync(f->fd) != 0 && errno != EINVAL)
        number = errno;
    if (!number && f->fd > STDERR_FILENO) /* standard output is closed and checked by msg_finish */
        number = close_error(f->fd);
    if (!number && !f->in_place && input_guard_is_input_path(f->path)) /* read since file_create */
        status = fail_input(e, f->path);
    else if (!number && !f->in_place && publish(f) != 0)
        number = errno;
    if (number) {
        errno = number;
        status = file_fail(f->path, e);
    } else if (!f->in_place && !status) {
        file_sync_dir(f->path);
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
    return file_commit(f, e); /* reports the write that failed, and aborts */
}

int file_save(const char *path, const void *data, size_t n, struct fmt_error *e)
{
    struct file_out f;
    if (file_create(&f, path, e))
        return (int)e->status;
    (void)file_put(&f, data, n); /* file_commit reports its failure */
    return file_commit(&f, e);
}

/* ---------------------------------------------------------------- folders */

/* A new folder replaces all files of the older one: none of them may be an input. */
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
        else if (input_guard_is_input_path(inside))
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
    int made;
    char *real = file_resolve_links(path);
    *temporary = !real || check_name(real, true) ? NULL : make_temporary(real, make_folder, -1, &made);
    status = *temporary ? 0 : file_fail(path, e);
    free(real);
    return status;
}

/* Exchanges the names of the new folder and the older one, in one step. If the file system cannot, the older one is
 * renamed to a third name for a moment, and back if the new one cannot get the final name. -1 and errno. */
static int exchange(const char *temporary, const char *path)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
        return 0;
    char *aside = malloc(strlen(temporary) + 5);
    if (!aside)
        return -1;
    sprintf(aside, "%s.old", temporary);
    int status = rename(path, aside);
    if (status == 0 && (status = rename(temporary, path)) != 0) {
        int number = errno;
        (void)rename(aside, path);
        errno = number;
    } else if (status == 0) {
        status = rename(aside, temporary);
    }
    free(aside);
    return status;
}

int file_commit_dir(char *temporary, const char *path, bool replace, struct fmt_error *e)
{
    char *real = file_resolve_links(path);
    file_sync_dir(temporary);
    pthread_mutex_lock(&temporary_lock); /* a signal, which removes whatever has the temporary name, must wait */
    int failed = real ? rename(temporary, real) : -1, older = real && failed && (errno == ENOTEMPTY || errno == EEXIST);
    if (older && replace)
        failed = exchange(temporary, real);
    pthread_mutex_unlock(&temporary_lock);
    int status = failed ? file_fail(path, e) : 0;
    if (!status && older)
        status = file_remove_tree(temporary, e);
    if (status)
        file_remove_tree(temporary, NULL);
    else
        file_sync_dir(real);
    free(real);
    forget(temporary);
    free(temporary);
    return status;
}
