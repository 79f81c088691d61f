/* idfiles.c - a header of ours is read and checked, so that a damaged file is not taken for what it was. */
#include "idfiles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "describe.h"
#include "file.h"
#include "verify.h"

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

/* A dataset has many photographs, and they are not what is looked for. */
static bool is_passed_over(const char *name)
{
    return name[0] == '.' || ends_with(name, ".jpg") || ends_with(name, ".jpeg") || ends_with(name, ".png");
}

static int add(struct idfiles *f, const char *path, enum block_kind kind, const uint8_t *identity, struct fmt_error *e)
{
    if (fmt_grow(&f->item, f->n, &f->room, sizeof *f->item, e))
        return FMT_MEMORY;
    struct idfile *item = &f->item[f->n];
    *item = (struct idfile){.path = strdup(path), .kind = kind};
    if (!item->path)
        return fmt_no_memory(e);
    if (identity)
        memcpy(item->identity, identity, DIGEST_BYTES);
    f->n++;
    return 0;
}

static int add_file(struct idfiles *f, const char *path, struct fmt_error *e)
{
    struct file file;
    struct verify_peek p;
    struct block_reader r;
    int status = 0;
    if (file_open_regular(&file, path, NULL))
        return 0;
    struct fmt_reader io = file_reader(&file);
    if (verify_peek(&p, &io) == BLOCK_ANY) {
        if (p.first[0] != '{' && describe_may_know(p.first, p.n)) /* weights; not a JSON text */
            status = add(f, path, BLOCK_ANY, NULL, e);
    } else if (block_open(&r, &io, BLOCK_ANY, NULL) == 0) {
        status = add(f, path, r.header.kind, r.header.identity, e);
        block_close(&r);
    }
    file_close(&file);
    return status;
}

static int walk(struct idfiles *f, const char *folder, int depth, struct fmt_error *e)
{
    char **name;
    int64_t n;
    int status = file_list(folder, &name, &n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++) {
        struct stat st;
        if (is_passed_over(name[i]))
            continue;
        char *path = strcmp(folder, ".") == 0 ? strdup(name[i]) : file_join(folder, name[i]);
        if (!path)
            status = fmt_no_memory(e);
        else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth < IDFILES_DEPTH_MAX)
            status = walk(f, path, depth + 1, NULL) == FMT_MEMORY ? fmt_no_memory(e) : 0;
        else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) /* links to files are followed */
            status = add_file(f, path, e);
        free(path);
    }
    file_list_free(name, n);
    return status;
}

int idfiles_add(struct idfiles *f, const char *folder, struct fmt_error *e)
{
    return walk(f, folder, 0, e);
}

const struct idfile *idfiles_find(const struct idfiles *f, const uint8_t identity[DIGEST_BYTES])
{
    for (int64_t i = 0; i < f->n; i++) {
        uint8_t of_set[DIGEST_BYTES];
        const struct idfile *t = &f->item[i];
        if (t->kind == BLOCK_ANY)
            continue;
        if (memcmp(t->identity, identity, DIGEST_BYTES) == 0)
            return t;
        if (t->kind != BLOCK_SHARD)
            continue;
        digest_of(t->identity, DIGEST_BYTES, of_set);
        if (memcmp(of_set, identity, DIGEST_BYTES) == 0)
            return t;
    }
    return NULL;
}

const struct idfile *idfiles_find_weights(struct idfiles *f, const uint8_t hash[DIGEST_BYTES])
{
    for (int checkpoints = 0; checkpoints < 2 && f->weights_hash; checkpoints++)
        for (int64_t i = 0; i < f->n; i++) {
            struct idfile *t = &f->item[i];
            if (t->kind != (checkpoints ? BLOCK_CKPT : BLOCK_ANY))
                continue;
            if (!t->hashed && f->weights_hash(t->path, t->weights[0], t->weights[1], NULL) != 0)
                memset(t->weights, 0, sizeof t->weights);
            t->hashed = true;
            if (memcmp(t->weights[0], hash, DIGEST_BYTES) == 0 || memcmp(t->weights[1], hash, DIGEST_BYTES) == 0)
                return t;
        }
    return NULL;
}

void idfiles_release(struct idfiles *f)
{
    for (int64_t i = 0; i < f->n; i++)
        free(f->item[i].path);
    free(f->item);
    *f = (struct idfiles){0};
}
