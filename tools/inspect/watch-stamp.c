/* watch-stamp.c - see watch-stamp.h. */
#include "watch-stamp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

#define PHOTOGRAPH_BYTES_MAX ((size_t)1 << 32)

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool watch_stamp_of(const char *path, struct watch_stamp *s)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    *s = (struct watch_stamp){st.st_size, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim), (int64_t)st.st_ino};
    return true;
}

void watch_content_of(const char *path, uint8_t content[DIGEST_BYTES])
{
    uint8_t *data = NULL;
    size_t n = 0;
    memset(content, 0, DIGEST_BYTES);
    if (file_load_regular(path, PHOTOGRAPH_BYTES_MAX, &data, &n, NULL) == 0)
        digest_of(data, n, content);
    free(data);
}

char *watch_key(struct watch_keys *k, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    char *folder = file_directory(name);
    if (!folder || !*base) {
        free(folder);
        return strdup(name);
    }
    if (k->folder && strcmp(folder, k->folder) == 0) {
        free(folder);
    } else {
        watch_keys_release(k);
        k->folder = folder;
        k->real = realpath(folder, NULL);
    }
    return k->real ? file_join(k->real, base) : strdup(name);
}

void watch_keys_release(struct watch_keys *k)
{
    free(k->folder);
    free(k->real);
    *k = (struct watch_keys){NULL, NULL};
}
