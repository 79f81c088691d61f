/* shard-folder.c - see shard-folder.h. */
#include "shard-folder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "file.h"
#include "shard-set.h"

static bool read_identity(const char *path, uint8_t identity[DIGEST_BYTES])
{
    struct file f;
    struct block_reader r;
    if (file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    bool good = block_open(&r, &io, BLOCK_SHARD, NULL) == 0;
    if (good) {
        memcpy(identity, r.header.identity, DIGEST_BYTES);
        block_close(&r);
    }
    file_close(&f);
    return good;
}

static int add(struct shard_folder *f, const char *name, struct fmt_error *e)
{
    uint8_t identity[DIGEST_BYTES];
    char *path = file_join(f->path, name);
    if (!path)
        return fmt_no_memory(e);
    bool good = read_identity(path, identity);
    free(path);
    if (!good)
        return 0;
    if (f->n > 0 && memcmp(identity, f->identity, DIGEST_BYTES) != 0)
        return fmt_fail(e, FMT_MISMATCH, "%.150s: holds shards of several sets, as %.80s and %.80s", f->path, f->name,
                        name);
    memcpy(f->identity, identity, DIGEST_BYTES);
    if (!f->name && !(f->name = strdup(name)))
        return fmt_no_memory(e);
    f->n++;
    return 0;
}

int shard_folder_look(struct shard_folder *f, const char *path, struct fmt_error *e)
{
    char **names;
    int64_t n;
    *f = (struct shard_folder){.path = path};
    if (!file_exists(path))
        return 0;
    int status = file_list(path, &names, &n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++)
        if (shard_set_is_name(names[i]))
            status = add(f, names[i], e);
    file_list_free(names, n);
    if (status)
        shard_folder_release(f);
    return status;
}

int shard_folder_check(const struct shard_folder *f, const uint8_t identity[DIGEST_BYTES], struct fmt_error *e)
{
    if (f->n == 0 || memcmp(identity, f->identity, DIGEST_BYTES) == 0)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.150s: holds shards of another set, as %.80s: a part is added to its own set only", f->path,
                    f->name);
}

void shard_folder_release(struct shard_folder *f)
{
    free(f->name);
    *f = (struct shard_folder){0};
}
