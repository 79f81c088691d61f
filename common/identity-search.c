/* identity-search.c - headers are checked, so that a damaged file is not found. */
#include "identity-search.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "ckpt.h"
#include "describe.h"
#include "feat.h"
#include "file.h"
#include "image-file.h"
#include "verify.h"

/* A dataset has many photographs, none of which can be the file. */
static bool is_skipped(const char *name)
{
    return name[0] == '.' || image_file_is_name(name);
}

/* ---------------------------------------------------------------- digests, sorted */

static int add_key(struct identity_search_keys *k, const uint8_t digest[DIGEST_BYTES], int64_t i_item,
                   struct fmt_error *e)
{
    if (!digest_is_set(digest))
        return 0;
    if (fmt_grow(&k->item, k->n, &k->capacity, sizeof *k->item, e))
        return FMT_MEMORY;
    memcpy(k->item[k->n].digest, digest, DIGEST_BYTES);
    k->item[k->n++].i_item = i_item;
    k->sorted = false;
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct identity_search_key *x = a, *y = b;
    int order = memcmp(x->digest, y->digest, DIGEST_BYTES);
    return order ? order : (x->i_item > y->i_item) - (x->i_item < y->i_item);
}

/* The nth item with this digest; -1: there is none. */
static int64_t find_key(struct identity_search_keys *k, const uint8_t digest[DIGEST_BYTES], int64_t nth)
{
    int64_t low = 0, high = k->n;
    if (!k->sorted && k->n)
        qsort(k->item, (size_t)k->n, sizeof *k->item, compare_keys);
    k->sorted = true;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (memcmp(k->item[middle].digest, digest, DIGEST_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (nth >= k->n - low || memcmp(k->item[low + nth].digest, digest, DIGEST_BYTES) != 0)
        return -1;
    return k->item[low + nth].i_item;
}

/* ---------------------------------------------------------------- the walk */

/* Of shards also the digest of the identity, which evaluation during training records of its sets. */
static int add_identities(struct identity_search *f, struct identity_file *item, const uint8_t *identity,
                          struct fmt_error *e)
{
    uint8_t of_set[DIGEST_BYTES];
    memcpy(item->identity, identity, DIGEST_BYTES);
    int status = add_key(&f->identities, identity, item - f->item, e);
    if (status || item->kind != BLOCK_SHARD)
        return status;
    digest_of(identity, DIGEST_BYTES, of_set);
    return add_key(&f->identities, of_set, item - f->item, e);
}

static int add(struct identity_search *f, const char *path, enum block_kind kind, const uint8_t *identity,
               struct fmt_error *e)
{
    if (fmt_grow(&f->item, f->n, &f->capacity, sizeof *f->item, e))
        return FMT_MEMORY;
    struct identity_file *item = &f->item[f->n];
    *item = (struct identity_file){.path = strdup(path), .kind = kind};
    if (!item->path)
        return fmt_no_memory(e);
    f->n++;
    return identity ? add_identities(f, item, identity, e) : 0;
}

/* Of the files of a checkpoint's set the first stands for all. */
static bool is_part(const struct block_header *h)
{
    struct bytes fields = bytes_over(h->fields, h->fields_bytes);
    struct feat_header features;
    if (h->kind == BLOCK_CKPT) {
        bytes_i64(&fields); /* the iteration */
        return h->major == CKPT_PART_MAJOR && bytes_i32(&fields) != 0;
    }
    if (h->kind != BLOCK_FEAT || feat_header_take(&fields, h->minor, &features, NULL))
        return false;
    bool part = features.part.n > 0;
    feat_header_release(&features);
    return part;
}

static int add_file(struct identity_search *f, const char *path, struct fmt_error *e)
{
    struct file file;
    struct verify_peek p;
    struct block_reader r;
    int status = 0;
    if (file_open_regular(&file, path, NULL))
        return 0;
    struct fmt_reader io = file_reader(&file);
    if (verify_peek(&p, &io) == BLOCK_ANY) {
        if (p.first[0] != '{' && describe_recognises(p.first, p.n)) /* weights, not a JSON text */
            status = add(f, path, BLOCK_ANY, NULL, e);
    } else if (block_open(&r, &io, BLOCK_ANY, NULL) == 0) {
        status = add(f, path, r.header.kind, r.header.identity, e);
        if (!status)
            f->item[f->n - 1].part = is_part(&r.header);
        block_close(&r);
    }
    file_close(&file);
    return status;
}

/* A folder that was reached at a greater depth, where the limit cut it, is walked again. */
static bool was_walked(struct identity_search *f, const char *folder, int depth)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return false; /* listing it gives the error */
    for (int64_t i = 0; i < f->n_folders; i++) {
        const struct identity_search_folder *d = &f->folder[i];
        if (d->device == st.st_dev && d->inode == st.st_ino && d->depth <= depth)
            return true;
    }
    if (fmt_grow(&f->folder, f->n_folders, &f->folder_capacity, sizeof *f->folder, NULL) == 0)
        f->folder[f->n_folders++] = (struct identity_search_folder){st.st_dev, st.st_ino, depth};
    return false;
}

static int walk(struct identity_search *f, const char *folder, int depth, struct fmt_error *e)
{
    char **name;
    int64_t n;
    if (was_walked(f, folder, depth))
        return 0;
    int status = file_list(folder, &name, &n, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++) {
        struct stat st;
        if (is_skipped(name[i]))
            continue;
        char *path = strcmp(folder, ".") == 0 ? strdup(name[i]) : file_join(folder, name[i]);
        if (!path)
            status = fmt_no_memory(e);
        else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth < IDENTITY_SEARCH_DEPTH_MAX)
            status = walk(f, path, depth + 1, NULL) == FMT_MEMORY ? fmt_no_memory(e) : 0;
        else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) /* links to files are followed */
            status = add_file(f, path, e);
        free(path);
    }
    file_list_free(name, n);
    return status;
}

int identity_search_add(struct identity_search *f, const char *folder, struct fmt_error *e)
{
    return walk(f, folder, 0, e);
}

/* ---------------------------------------------------------------- finding */

/* The whole, if it is there; else a part of it. */
const struct identity_file *identity_search_find(struct identity_search *f, const uint8_t identity[DIGEST_BYTES])
{
    int64_t first = find_key(&f->identities, identity, 0), i = first;
    for (int64_t nth = 1; i >= 0 && f->item[i].part; nth++)
        i = find_key(&f->identities, identity, nth);
    return first < 0 ? NULL : &f->item[i < 0 ? first : i];
}

static void hash_all(struct identity_search *f, bool checkpoints)
{
    for (int64_t i = 0; i < f->n && f->weights_hash; i++) {
        struct identity_file *t = &f->item[i];
        if (t->kind != (checkpoints ? BLOCK_CKPT : BLOCK_ANY) || t->part ||
            f->weights_hash(t->path, t->weights, NULL) != 0)
            continue;
        for (int k = 0; k < IDENTITY_SEARCH_HASHES; k++)
            if (add_key(&f->weights[checkpoints], t->weights[k], i, NULL))
                return;
    }
}

const struct identity_file *identity_search_find_weights(struct identity_search *f, const uint8_t hash[DIGEST_BYTES],
                                                         bool checkpoints, int64_t nth)
{
    if (!f->hashed[checkpoints])
        hash_all(f, checkpoints);
    f->hashed[checkpoints] = true;
    int64_t i = find_key(&f->weights[checkpoints], hash, nth);
    return i < 0 ? NULL : &f->item[i];
}

void identity_search_release(struct identity_search *f)
{
    for (int64_t i = 0; i < f->n; i++)
        free(f->item[i].path);
    free(f->item);
    free(f->identities.item);
    free(f->weights[0].item);
    free(f->weights[1].item);
    free(f->folder);
    *f = (struct identity_search){0};
}
