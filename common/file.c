/* file.c - descriptors behind callbacks; temporary names are kept in a table so that exit() can remove them. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
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

/* What has to go if the process ends now, by exit or by a signal. */
static char *temporary_path[N_TEMPORARY];
static pthread_mutex_t temporary_lock = PTHREAD_MUTEX_INITIALIZER;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Keeps the lock: whoever else would rename or forget a name has to wait for the end. */
static void remove_temporaries(void)
{
    pthread_mutex_lock(&temporary_lock);
    for (int i = 0; i < N_TEMPORARY; i++)
        if (temporary_path[i])
            nftw(temporary_path[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
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

static int fail_errno(struct fmt_error *e, const char *path)
{
    return fmt_fail(e, FMT_IO, "%.250s: %s", path, strerror(errno));
}

static int fail_input(struct fmt_error *e, const char *path)
{
    return fmt_fail(e, FMT_UNSUPPORTED, "%.250s: is an input of this run: not replaced", path);
}

static int64_t fd_read(void *arg, void *buffer, size_t n)
{
    struct file *f = arg;
    for (;;) {
        ssize_t got = read(f->fd, buffer, n > SSIZE_MAX ? SSIZE_MAX : n);
        if (got >= 0 || errno != EINTR) {
            if (got < 0)
                f->error_number = errno;
            return got;
        }
    }
}

static int64_t fd_read_at(void *arg, uint64_t offset, void *buffer, size_t n)
{
    const struct file *f = arg;
    if (offset > INT64_MAX)
        return 0;
    for (;;) {
        ssize_t got = pread(f->fd, buffer, n > SSIZE_MAX ? SSIZE_MAX : n, (off_t)offset);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

static int open_with(struct file *f, const char *path, int flags, struct fmt_error *e)
{
    bool standard = strcmp(path, "-") == 0;
    struct stat st;
    *f = (struct file){.fd = -1, .size = UINT64_MAX};
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return fail_errno(e, path);
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        if (S_ISDIR(st.st_mode))
            errno = EISDIR;
        int status = fail_errno(e, path);
        if (!standard)
            close(fd);
        return status;
    }
    f->path = strdup(standard ? "standard input" : path);
    if (!f->path) {
        if (!standard)
            close(fd);
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    }
    inputs_add(fd);
    f->fd = fd;
    f->regular = S_ISREG(st.st_mode) && (!standard || lseek(fd, 0, SEEK_CUR) == 0);
    if (f->regular)
        f->size = (uint64_t)st.st_size;
    return 0;
}

int file_open(struct file *f, const char *path, struct fmt_error *e)
{
    return open_with(f, path, 0, e);
}

int file_open_nowait(struct file *f, const char *path, struct fmt_error *e)
{
    return open_with(f, path, O_NONBLOCK, e);
}

int file_open_regular(struct file *f, const char *path, struct fmt_error *e)
{
    int status = open_with(f, path, O_NONBLOCK, e); /* a fifo without a writer would not be opened, ever */
    if (status || f->regular)
        return status;
    file_close(f);
    return fmt_fail(e, FMT_UNSUPPORTED, "%.250s: not a regular file", path);
}

void file_close(struct file *f)
{
    if (f->fd > STDERR_FILENO)
        close(f->fd);
    free(f->path);
    f->fd = -1;
    f->path = NULL;
}

struct fmt_reader file_reader(struct file *f)
{
    return (struct fmt_reader){f, fd_read, f->regular ? fd_read_at : NULL, f->size};
}

int file_read_rest(struct file *f, size_t limit, struct fmt_buffer *b, struct fmt_error *e)
{
    uint8_t piece[BUFFER_BYTES];
    for (;;) {
        int64_t got = fd_read(f, piece, sizeof piece);
        if (got == 0)
            return 0;
        if (got < 0) {
            errno = f->error_number;
            return fail_errno(e, f->path);
        }
        if (b->bytes > limit || (size_t)got > limit - b->bytes)
            return fmt_fail(e, FMT_LIMIT, "%.250s: more than %zu bytes", f->path, limit);
        if (fmt_buffer_append(b, piece, (size_t)got))
            return fmt_fail(e, FMT_MEMORY, "%.250s: out of memory", f->path);
    }
}

/* All of an open file, which is closed. */
static int load(struct file *f, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e)
{
    struct fmt_buffer b = {0};
    int status = file_read_rest(f, limit, &b, e);
    if (status == 0 && fmt_buffer_append(&b, "", 1)) /* a 0 behind the data: text can be used as a string */
        status = fmt_fail(e, FMT_MEMORY, "%.250s: out of memory", f->path);
    file_close(f);
    if (status) {
        fmt_buffer_release(&b);
        return status;
    }
    *data = b.data;
    *bytes = b.bytes - 1;
    return 0;
}

int file_load(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e)
{
    struct file f;
    int status = file_open(&f, path, e);
    return status ? status : load(&f, limit, data, bytes, e);
}

int file_load_regular(const char *path, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e)
{
    struct file f;
    int status = file_open_regular(&f, path, e);
    return status ? status : load(&f, limit, data, bytes, e);
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
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    }
    if (standard)
        f->fd = STDOUT_FILENO;
    else if (in_place)
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
    else if (remember(f->temporary) == 0)
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        int status = fail_errno(e, path);
        file_abort(f);
        return status;
    }
    return 0;
}

int file_create_binary(struct file_out *f, const char *path, struct fmt_error *e)
{
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return fmt_fail(e, FMT_INVALID, "standard output is a terminal: binary data is not written there");
    return file_create(f, path, e);
}

static int drain(struct file_out *f, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(f->fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
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
        status = fail_errno(e, f->path);
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
            status = fmt_fail(e, FMT_MEMORY, "out of memory");
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
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    if (file_remove_tree(name, e) || remember(name) || mkdir(name, 0777) != 0) {
        status = fail_errno(e, path);
        forget(name);
        free(name);
        return status;
    }
    *temporary = name;
    return 0;
}

int file_commit_dir(char *temporary, const char *path, bool replace, struct fmt_error *e)
{
    char *aside = NULL;
    int status = 0;
    file_sync_dir(temporary);
    if (rename(temporary, path) != 0) {
        if ((errno != ENOTEMPTY && errno != EEXIST) || !replace)
            status = fail_errno(e, path);
        else if (!(aside = malloc(strlen(temporary) + 5)))
            status = fmt_fail(e, FMT_MEMORY, "out of memory");
        else {
            /* The older one steps aside, the new one takes its name, the older one goes. */
            sprintf(aside, "%s.old", temporary);
            if (rename(path, aside) != 0 || rename(temporary, path) != 0)
                status = fail_errno(e, path);
            else
                status = file_remove_tree(aside, e);
        }
    }
    if (status)
        file_remove_tree(temporary, NULL);
    else
        file_sync_dir(path);
    forget(temporary);
    free(temporary);
    free(aside);
    return status;
}

int file_make_dirs(const char *path, struct fmt_error *e)
{
    char *copy = strdup(path);
    if (!copy)
        return fmt_fail(e, FMT_MEMORY, "out of memory");
    int status = 0;
    for (char *p = copy + 1; status == 0; p++) {
        bool last = *p == 0;
        if (*p != '/' && !last)
            continue;
        *p = 0;
        if (*copy && mkdir(copy, 0777) != 0 && !(errno == EEXIST && file_is_dir(copy)))
            status = fail_errno(e, copy);
        if (last)
            break;
        *p = '/';
    }
    free(copy);
    return status;
}

int file_remove_tree(const char *path, struct fmt_error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : fail_errno(e, path);
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return fail_errno(e, path);
    return 0;
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

static bool stat_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool file_is_same(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
        return false;
    if (file_exists(a) || file_exists(b))
        return stat_same(a, b);
    const char *last_a = strrchr(a, '/'), *last_b = strrchr(b, '/');
    if (strcmp(last_a ? last_a + 1 : a, last_b ? last_b + 1 : b) != 0)
        return false;
    char *above_a = directory_of(a), *above_b = directory_of(b);
    bool same = above_a && above_b && stat_same(above_a, above_b);
    free(above_a);
    free(above_b);
    return same;
}

int file_sync_dir(const char *path)
{
    char *directory = directory_of(path);
    if (!directory)
        return -1;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return -1;
    int status = fsync(fd);
    close(fd);
    return status;
}

char *file_join(const char *directory, const char *name)
{
    size_t n = strlen(directory);
    char *joined = malloc(n + strlen(name) + 2);
    if (joined)
        sprintf(joined, "%s%s%s", directory, n > 0 && directory[n - 1] != '/' ? "/" : "", name);
    return joined;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(const char *directory, char ***names, int64_t *n_names, struct fmt_error *e)
{
    DIR *d = opendir(directory);
    if (!d)
        return fail_errno(e, directory);
    char **list = NULL;
    int64_t n = 0, room = 0;
    int status = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(d);
        if (!entry) {
            if (errno)
                status = fail_errno(e, directory);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((status = fmt_grow(&list, n, &room, sizeof *list, e)) != 0)
            break;
        list[n] = strdup(entry->d_name);
        if (!list[n]) {
            status = fmt_fail(e, FMT_MEMORY, "out of memory");
            break;
        }
        n++;
    }
    closedir(d);
    if (status) {
        file_list_free(list, n);
        return status;
    }
    if (n > 1)
        qsort(list, (size_t)n, sizeof *list, by_bytes);
    *names = list;
    *n_names = n;
    return 0;
}

void file_list_free(char **names, int64_t n_names)
{
    for (int64_t i = 0; i < n_names; i++)
        free(names[i]);
    free(names);
}
