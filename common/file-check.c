/* file-check.c - checks of an output before hours of work go into it. */
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Can a file be created in the folder of this path? If not, errno. */
static bool is_folder_writable(const char *path)
{
    char *folder = file_directory(path);
    struct stat st;
    bool good = folder && stat(folder, &st) == 0;
    if (good && !S_ISDIR(st.st_mode))
        good = false, errno = ENOTDIR;
    good = good && access(folder, W_OK | X_OK) == 0;
    free(folder);
    return good;
}

int file_check_output(const char *path, bool binary, struct fmt_error *e)
{
    struct stat st;
    if (!path || !*path)
        return 0;
    if (strcmp(path, "-") == 0)
        return binary && isatty(STDOUT_FILENO) ? fmt_fail(e, FMT_INVALID, FILE_TERMINAL) : 0;
    bool there = stat(path, &st) == 0;
    if ((there && S_ISDIR(st.st_mode)) || path[strlen(path) - 1] == '/') {
        errno = EISDIR;
        return file_fail(path, e);
    }
    bool in_place = there && !S_ISREG(st.st_mode); /* a device, a fifo */
    bool open_file = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/self/fd/", 14) == 0;
    char *real = file_resolve_links(path);
    bool good = real && (in_place || open_file ? access(path, W_OK) == 0 : is_folder_writable(real));
    int status = good ? 0 : file_fail(path, e);
    free(real);
    return status;
}

int file_check_folder(const char *path, struct fmt_error *e)
{
    return is_folder_writable(path) ? 0 : file_fail(path, e);
}

int file_check_fifo(const char *path, struct fmt_error *e)
{
    struct stat st;
    bool is = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
    return is ? fmt_fail(e, FMT_UNSUPPORTED, "%.250s: is a FIFO; not supported here", path) : 0;
}
