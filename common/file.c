/* file.c - reading by callbacks over descriptors; names and folders. Outputs are in file-out.c. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input-guard.h"
#include "unicode-form.h"

enum { PIECE_BYTES = 1 << 16, LINKS_MAX = 40 };

int file_fail(const char *path, struct fmt_error *e)
{
    const char *hint = errno == ENOENT ? unicode_form_hint(path) : "";
    return fmt_fail(e, fmt_errno(errno), "%.250s: %s%s", path, strerror(errno), hint);
}

/* ---------------------------------------------------------------- reading */

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
        return file_fail(path, e);
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        if (S_ISDIR(st.st_mode))
            errno = EISDIR;
        int status = file_fail(path, e);
        if (!standard)
            close(fd);
        return status;
    }
    f->path = strdup(standard ? "standard input" : path);
    if (!f->path) {
        if (!standard)
            close(fd);
        return fmt_no_memory(e);
    }
    input_guard_add(fd);
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
    int status = open_with(f, path, O_NONBLOCK, e); /* else a fifo without a writer would block for ever */
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
    uint8_t piece[PIECE_BYTES];
    for (;;) {
        int64_t got = fd_read(f, piece, sizeof piece);
        if (got == 0)
            return 0;
        if (got < 0) {
            errno = f->error_number;
            return file_fail(f->path, e);
        }
        if (b->bytes > limit || (size_t)got > limit - b->bytes)
            return fmt_fail(e, FMT_LIMIT, "%.250s: more than %zu bytes", f->path, limit);
        if (fmt_buffer_append(b, piece, (size_t)got))
            return fmt_fail(e, FMT_MEMORY, "%.250s: out of memory", f->path);
    }
}

/* Reads an open file to its end and closes it. */
static int load(struct file *f, size_t limit, uint8_t **data, size_t *bytes, struct fmt_error *e)
{
    struct fmt_buffer b = {0};
    int status = file_read_rest(f, limit, &b, e);
    if (status == 0 && fmt_buffer_append(&b, "", 1)) /* a zero byte after the data, so that text is a string */
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

/* ---------------------------------------------------------------- names and folders */

int file_make_dirs(const char *path, struct fmt_error *e)
{
    char *copy = strdup(path);
    if (!copy)
        return fmt_no_memory(e);
    int status = 0;
    for (char *p = copy + 1; status == 0; p++) {
        bool last = *p == 0;
        if (*p != '/' && !last)
            continue;
        *p = 0;
        if (*copy && mkdir(copy, 0777) != 0 && !(errno == EEXIST && file_is_dir(copy)))
            status = file_fail(copy, e);
        if (last)
            break;
        *p = '/';
    }
    free(copy);
    return status;
}

/* ENOENT is no error: a signal may end the process while a thread removes the same tree. */
static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

int file_remove_tree(const char *path, struct fmt_error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : file_fail(path, e);
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return file_fail(path, e);
    return 0;
}

void file_allow_many(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
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

static size_t without_slashes(const char *path, size_t n)
{
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n;
}

char *file_directory(const char *path)
{
    size_t n = without_slashes(path, strlen(path));
    while (n > 0 && path[n - 1] != '/')
        n--;
    return n > 0 ? strndup(path, without_slashes(path, n)) : strdup(".");
}

/* The target of one link, relative to the same folder as the path. NULL and errno: no link, or out of memory. */
static char *read_link(const char *path)
{
    char *to = malloc(PATH_MAX), *folder = file_directory(path), *joined = NULL;
    ssize_t n = to ? readlink(path, to, PATH_MAX - 1) : -1;
    if (n > 0 && folder) {
        to[n] = 0;
        joined = to[0] == '/' ? strdup(to) : file_join(folder, to);
    }
    free(folder);
    free(to);
    return joined;
}

char *file_resolve_links(const char *path)
{
    struct stat st;
    char *at = strdup(path);
    for (int i = 0; at && lstat(at, &st) == 0 && S_ISLNK(st.st_mode); i++) {
        char *next = i < LINKS_MAX ? read_link(at) : NULL;
        free(at);
        at = next;
        if (!at && i >= LINKS_MAX)
            errno = ELOOP;
    }
    return at;
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
    char *above_a = file_directory(a), *above_b = file_directory(b);
    bool same = above_a && above_b && stat_same(above_a, above_b);
    free(above_a);
    free(above_b);
    return same;
}

int file_sync_dir(const char *path)
{
    char *directory = file_directory(path);
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
        return file_fail(directory, e);
    char **list = NULL;
    int64_t n = 0, capacity = 0;
    int status = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(d);
        if (!entry) {
            if (errno)
                status = file_fail(directory, e);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((status = fmt_grow(&list, n, &capacity, sizeof *list, e)) != 0)
            break;
        list[n] = strdup(entry->d_name);
        if (!list[n]) {
            status = fmt_no_memory(e);
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
