/* rootpath.c - both folders are resolved to real paths; the relative path goes up to their last common folder. */
#include "rootpath.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* A copy without trailing slashes. */
static int copy_path(const char *path, char **to, struct fmt_error *e)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    *to = strndup(path, n);
    return *to ? 0 : fmt_no_memory(e);
}

/* The real path of the folder of a file; NULL and errno. */
static char *folder_of(const char *file)
{
    char *folder = file_directory(file);
    char *real = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return real;
}

/* "../../c" for from = /a/b/x/y and to = /a/b/c; both absolute and real. For free(); NULL: out of memory. */
static char *relative_path(const char *from, const char *to)
{
    size_t same = 0, n_up = 0;
    if (strcmp(from, "/") == 0)
        from = "";
    for (size_t i = 0;; i++) {
        bool end_from = from[i] == 0 || from[i] == '/', end_to = to[i] == 0 || to[i] == '/';
        if (end_from && end_to)
            same = i;
        if (from[i] != to[i] || from[i] == 0)
            break;
    }
    for (const char *p = from + same; *p; p++)
        n_up += *p == '/';
    const char *down = to[same] == '/' ? to + same + 1 : to + same;
    char *out = malloc(3 * n_up + strlen(down) + 2);
    if (!out)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < n_up; i++, n += 3)
        memcpy(out + n, "../", 3);
    strcpy(out + n, down);
    n += strlen(down);
    if (n > 0 && out[n - 1] == '/')
        out[n - 1] = 0;
    return out;
}

int rootpath_store(const char *root, const char *catalogue, char **stored, struct fmt_error *e)
{
    if (*root == '/' || !strchr(catalogue, '/'))
        return copy_path(root, stored, e);
    char *from = folder_of(catalogue), *to = from ? realpath(*root ? root : ".", NULL) : NULL;
    if (!to) {
        int status = file_fail(from ? root : catalogue, e);
        free(from), free(to);
        return status;
    }
    *stored = relative_path(from, to);
    free(from), free(to);
    return *stored ? 0 : fmt_no_memory(e);
}

int rootpath_find(const char *stored, const char *catalogue, char **root, struct fmt_error *e)
{
    const char *slash = strrchr(catalogue, '/');
    if (*stored == '/' || !slash)
        return copy_path(stored, root, e);
    char *folder = strndup(catalogue, slash == catalogue ? 1 : (size_t)(slash - catalogue));
    *root = !folder ? NULL : *stored ? file_join(folder, stored) : strdup(folder);
    free(folder);
    if (!*root)
        return fmt_no_memory(e);
    if (!file_is_dir(*root) && *stored && file_is_dir(stored)) {
        free(*root);
        return copy_path(stored, root, e);
    }
    return 0;
}
