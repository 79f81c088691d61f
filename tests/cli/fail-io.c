/* fail-io.c - a preload that makes input and output fail on demand, for the tests of the command lines.
 *
 *   FAIL_IO=CALL[,after=N][,times=N][,errno=E][,ms=N][,path=TEXT][,output][,named] LD_PRELOAD=fail-io.so tool ...
 *
 * CALL is read (read, pread), write, fsync, rename, exchange (renameat2), link (linkat) or close. It fails after N
 * calls have succeeded (default 0), always or the given number of times. With path, only descriptors (for rename and
 * link: names) whose name contains TEXT count; with output, only descriptors of incomplete outputs, without a name or
 * with a temporary one. With named, or with path, unnamed files (O_TMPFILE) cannot be created, as on NFS. CALL damage:
 * reads succeed, with one bit flipped. CALL kill: SIGKILL ends the process in place of a call that changes files
 * (write, pwrite, fsync, fdatasync, rename, renameat2, linkat); CALL tear: in the middle of a write. CALL slow: every
 * read takes 30 ms, or so many as are given. CALL hang: after N reads none comes back. CALL space: nothing fails, but
 * every file system (with path: of a name that contains TEXT) reports N free bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

static char wanted[16], path_part[128];
static long after, times = LONG_MAX, number = EIO, ms = 30;
static bool only_outputs, only_named;
static _Atomic long n_seen;

__attribute__((constructor)) static void read_settings(void)
{
    const char *text = getenv("FAIL_IO");
    if (!text)
        return;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = NULL;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strncmp(word, "after=", 6) == 0)
            after = strtol(word + 6, NULL, 10);
        else if (strncmp(word, "times=", 6) == 0)
            times = strtol(word + 6, NULL, 10);
        else if (strncmp(word, "errno=", 6) == 0)
            number = strtol(word + 6, NULL, 10);
        else if (strncmp(word, "ms=", 3) == 0)
            ms = strtol(word + 3, NULL, 10);
        else if (strncmp(word, "path=", 5) == 0)
            snprintf(path_part, sizeof path_part, "%s", word + 5);
        else if (strcmp(word, "output") == 0)
            only_outputs = true;
        else if (strcmp(word, "named") == 0)
            only_named = true;
        else
            snprintf(wanted, sizeof wanted, "%s", word);
    }
}

static bool concerns(int fd)
{
    char link[64], name[512];
    if (!path_part[0] && !only_outputs)
        return fd > 2;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (n < 0)
        return false;
    name[n] = 0;
    if (only_outputs && !strstr(name, "/#") && !strstr(name, ".tmp"))
        return false;
    return strstr(name, path_part) != NULL;
}

static bool fails(const char *call, bool concerned)
{
    if (!concerned || strcmp(call, wanted) != 0)
        return false;
    long before = atomic_fetch_add(&n_seen, 1);
    if (before < after || before - after >= times)
        return false;
    errno = (int)number;
    return true;
}

static void delay(int fd)
{
    if (strcmp(wanted, "slow") == 0 && (!path_part[0] || concerns(fd)))
        usleep((useconds_t)ms * 1000);
    while (fails("hang", concerns(fd)))
        pause();
}

/* The process ends here, or half of what was to be written later. */
static size_t end_here(bool concerned, size_t n)
{
    if (fails("kill", concerned))
        raise(SIGKILL);
    return n > 1 && fails("tear", concerned) ? n / 2 : n;
}

static ssize_t torn(ssize_t done, size_t n)
{
    if (done >= 0 && (size_t)done < n && strcmp(wanted, "tear") == 0)
        raise(SIGKILL);
    return done;
}

static ssize_t damage(int fd, void *buffer, ssize_t n)
{
    if (n > 0 && strcmp(wanted, "damage") == 0 && concerns(fd))
        *(unsigned char *)buffer ^= 1;
    return n;
}

/* The next definition of a function, looked up at each call: this is a test, not a hot path. */
#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t read(int fd, void *buffer, size_t n)
{
    if (fails("read", concerns(fd)))
        return -1;
    delay(fd);
    return damage(fd, buffer, NEXT("read", ssize_t (*)(int, void *, size_t))(fd, buffer, n));
}

ssize_t pread64(int fd, void *buffer, size_t n, off64_t offset)
{
    if (fails("read", concerns(fd)))
        return -1;
    delay(fd);
    return damage(fd, buffer, NEXT("pread64", ssize_t (*)(int, void *, size_t, off64_t))(fd, buffer, n, offset));
}

/* The names for buffers of known size (_FORTIFY_SOURCE, which some systems always set). */
ssize_t __read_chk(int fd, void *buffer, size_t n, size_t capacity)
{
    return n <= capacity ? read(fd, buffer, n) : (abort(), -1);
}

ssize_t __pread64_chk(int fd, void *buffer, size_t n, off64_t offset, size_t capacity)
{
    return n <= capacity ? pread64(fd, buffer, n, offset) : (abort(), -1);
}

ssize_t write(int fd, const void *buffer, size_t n)
{
    if (fails("write", concerns(fd)))
        return -1;
    return torn(NEXT("write", ssize_t (*)(int, const void *, size_t))(fd, buffer, end_here(concerns(fd), n)), n);
}

ssize_t pwrite64(int fd, const void *buffer, size_t n, off64_t offset)
{
    ssize_t (*next)(int, const void *, size_t, off64_t) =
        NEXT("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t));
    return torn(next(fd, buffer, end_here(concerns(fd), n), offset), n);
}

static int report_space(int status, struct statvfs64 *s)
{
    if (status == 0 && strcmp(wanted, "space") == 0)
        s->f_bavail = (fsblkcnt64_t)after / s->f_frsize;
    return status;
}

int statvfs64(const char *path, struct statvfs64 *s)
{
    int status = NEXT("statvfs64", int (*)(const char *, struct statvfs64 *))(path, s);
    return strstr(path, path_part) ? report_space(status, s) : status;
}

int fstatvfs64(int fd, struct statvfs64 *s)
{
    return report_space(NEXT("fstatvfs64", int (*)(int, struct statvfs64 *))(fd, s), s);
}

int fsync(int fd)
{
    if (fails("fsync", concerns(fd)))
        return -1;
    end_here(concerns(fd), 0);
    return NEXT("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
    if (fails("fsync", concerns(fd)))
        return -1;
    end_here(concerns(fd), 0);
    return NEXT("fdatasync", int (*)(int))(fd);
}

int close(int fd)
{
    if (fails("close", concerns(fd)))
        return -1;
    return NEXT("close", int (*)(int))(fd);
}

int rename(const char *from, const char *to)
{
    if (fails("rename", !path_part[0] || strstr(to, path_part)))
        return -1;
    end_here(!path_part[0] || strstr(to, path_part), 0);
    return NEXT("rename", int (*)(const char *, const char *))(from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (fails("exchange", !path_part[0] || strstr(to, path_part)))
        return -1;
    end_here(!path_part[0] || strstr(to, path_part), 0);
    int (*next)(int, const char *, int, const char *, unsigned) =
        NEXT("renameat2", int (*)(int, const char *, int, const char *, unsigned));
    return next(from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (fails("link", !path_part[0] || strstr(to, path_part)))
        return -1;
    end_here(!path_part[0] || strstr(to, path_part), 0);
    return NEXT("linkat", int (*)(int, const char *, int, const char *, int))(from_dir, from, to_dir, to, flags);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    if ((only_named || path_part[0]) && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return NEXT("open64", int (*)(const char *, int, ...))(path, flags, mode);
}
