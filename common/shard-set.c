/* shard-set.c - paths become a list of files, files become sets: the shards with one identity, each number of
 * 0 .. n_shards-1 exactly once. Descriptors remain open, so that reading needs no lock. */
#include "shard-set.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "num.h"
#include "text.h"

static const char suffix[] = ".shard";

enum { DECODER_BYTES = 512 }; /* that a JPEG decoder buffers for each pixel of a row */

struct shard_file {
    struct file file;
    struct shard shard;
    int set; /* which of the sets it belongs to */
};

/* ---------------------------------------------------------------- paths */

bool shard_set_is_name(const char *name)
{
    return name[0] != '.' && text_ends_with(name, suffix);
}

struct path_list {
    char **path;
    int n;
};

/* Takes over path, which is from malloc; NULL: there was no memory for it. */
static int add_path(struct path_list *l, char *path, struct fmt_error *e)
{
    char **grown = path ? realloc(l->path, (size_t)(l->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(path);
        return fmt_no_memory(e);
    }
    l->path = grown;
    l->path[l->n++] = path;
    return 0;
}

static void release_paths(struct path_list *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->path[i]);
    free(l->path);
}

static int add_folder(struct path_list *l, const char *folder, struct fmt_error *e)
{
    char **name;
    int64_t n_names;
    int before = l->n, status = file_list(folder, &name, &n_names, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n_names && status == 0; i++)
        if (shard_set_is_name(name[i]))
            status = add_path(l, file_join(folder, name[i]), e);
    file_list_free(name, n_names);
    if (status == 0 && l->n == before)
        status = fmt_fail(e, FMT_INVALID, "%.250s: a folder without shards (*%s)", folder, suffix);
    return status;
}

static int add_pattern(struct path_list *l, const char *pattern, struct fmt_error *e)
{
    glob_t found;
    int got = glob(pattern, 0, NULL, &found), status = 0;
    if (!*pattern)
        return fmt_fail(e, FMT_IO, "no shards are named");
    if (got == GLOB_NOMATCH)
        return fmt_fail(e, FMT_IO, "%.250s: no such file or folder, and no file fits it as a pattern", pattern);
    if (got != 0)
        return fmt_fail(e, FMT_IO, "%.250s: cannot look for files", pattern);
    for (size_t i = 0; i < found.gl_pathc && status == 0; i++)
        status = add_path(l, strdup(found.gl_pathv[i]), e);
    globfree(&found);
    return status;
}

static int expand(struct path_list *l, const char *const *path, int n_paths, struct fmt_error *e)
{
    int status = 0;
    for (int i = 0; i < n_paths && status == 0; i++) {
        if (file_is_dir(path[i]))
            status = add_folder(l, path[i], e);
        else if (file_exists(path[i]))
            status = add_path(l, strdup(path[i]), e);
        else
            status = add_pattern(l, path[i], e);
    }
    return status;
}

/* ---------------------------------------------------------------- files */

static int open_file(struct shard_file *f, const char *path, struct fmt_error *e)
{
    int status = file_open_regular(&f->file, path, e); /* not a fifo, whose open would wait for a writer */
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f->file);
    struct fmt_error why = {0};
    status = shard_open(&f->shard, &io, &why);
    return status ? fmt_fail(e, why.status, "%.190s: %.200s", path, why.text) : 0;
}

/* The number of the set with the identity of this file; of a new set, if there is none. */
static int set_of(struct shard_set *s, const struct shard_file *f)
{
    const uint8_t *identity = f->shard.block.header.identity;
    for (int i = 0; i < s->n_sets; i++)
        if (memcmp(s->identity[i], identity, DIGEST_BYTES) == 0)
            return i;
    memcpy(s->identity[s->n_sets], identity, DIGEST_BYTES);
    return s->n_sets++;
}

static int same_classes(const struct shard_set *s, const struct shard_file *f, struct fmt_error *e)
{
    const struct shard_header *h = &f->shard.header;
    bool same = h->n_classes == s->n_classes;
    for (int i = 0; i < s->n_classes && same; i++)
        same = strcmp(h->class_name[i], s->class_name[i]) == 0;
    return same ? 0
                : fmt_fail(e, FMT_MISMATCH, "%.250s: its classes are not those of the shards before it",
                           f->file.path);
}

/* By set, then by number in the set. */
static int compare_files(const void *a, const void *b)
{
    const struct shard_file *x = a, *y = b;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    uint32_t i = x->shard.header.i_shard, j = y->shard.header.i_shard;
    return (i > j) - (i < j);
}

/* The files of one set, sorted: shard k of n is file k. */
static int check_set(const struct shard_file *file, uint32_t n_files, struct fmt_error *e)
{
    uint32_t n = file[0].shard.header.n_shards;
    for (uint32_t k = 0; k < n || k < n_files; k++) {
        const struct shard_header *h = k < n_files ? &file[k].shard.header : NULL;
        if (h && k < n && h->i_shard == k && h->n_shards == n)
            continue;
        if (h && k > 0 && (k >= n || h->i_shard < k))
            return fmt_fail(e, FMT_INVALID, "%.250s: shard %u appears twice in its set", file[k].file.path, h->i_shard);
        return fmt_fail(e, FMT_INVALID, "%.250s: incomplete set: shard %u of %u is missing", file[0].file.path, k,
                        n);
    }
    return 0;
}

static int check_sets(const struct shard_set *s, struct fmt_error *e)
{
    int status = 0;
    for (int first = 0, end; first < s->n_shards && !status; first = end) {
        for (end = first + 1; end < s->n_shards && s->file[end].set == s->file[first].set; end++) {
        }
        status = check_set(&s->file[first], (uint32_t)(end - first), e);
    }
    return status;
}

static void number_images(struct shard_set *s)
{
    for (int i = 0; i < s->n_shards; i++) {
        const struct shard_header *h = &s->file[i].shard.header;
        s->first_image[i] = s->n_images;
        s->n_images += s->file[i].shard.block.n_records;
        s->width_max = h->width_max > s->width_max ? h->width_max : s->width_max;
        s->height_max = h->height_max > s->height_max ? h->height_max : s->height_max;
        s->pixels_max = h->pixels_max > s->pixels_max ? h->pixels_max : s->pixels_max;
    }
    s->first_image[s->n_shards] = s->n_images;
}

static int open_files(struct shard_set *s, const struct path_list *l, struct fmt_error *e)
{
    size_t n = (size_t)l->n;
    s->file = calloc(n, sizeof *s->file);
    s->identity = calloc(n, sizeof *s->identity);
    s->first_image = calloc(n + 1, sizeof *s->first_image);
    if (!s->file || !s->identity || !s->first_image)
        return fmt_no_memory(e);
    for (size_t i = 0; i < n; i++)
        s->file[i].file.fd = -1;
    for (size_t i = 0; i < n; i++) {
        struct shard_file *f = &s->file[i];
        s->n_shards++; /* even if it fails: closing it is harmless */
        int status = open_file(f, l->path[i], e);
        if (status)
            return status;
        s->class_name = s->file[0].shard.header.class_name;
        s->n_classes = s->file[0].shard.header.n_classes;
        if ((status = same_classes(s, f, e)))
            return status;
        f->set = set_of(s, f);
    }
    qsort(s->file, n, sizeof *s->file, compare_files);
    /* Sorting moved the files whose addresses the readers have. */
    for (size_t i = 0; i < n; i++)
        s->file[i].shard.block.io.arg = &s->file[i].file;
    s->class_name = s->file[0].shard.header.class_name;
    return 0;
}

int shard_set_open(struct shard_set *s, const char *const *path, int n_paths, struct fmt_error *e)
{
    *s = (struct shard_set){0};
    struct path_list l = {0};
    int status = expand(&l, path, n_paths, e);
    if (status == 0 && l.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no shards are named");
    if (status == 0 && (status = open_files(s, &l, e)) == 0 && (status = check_sets(s, e)) == 0)
        number_images(s);
    release_paths(&l);
    if (status)
        shard_set_close(s);
    return status;
}

int64_t shard_set_index_bytes(const struct shard_set *s)
{
    return s->n_images * (int64_t)sizeof(struct block_entry) + s->n_shards * (int64_t)sizeof *s->file;
}

int64_t shard_set_record_bytes(const struct shard_set *s)
{
    int64_t largest = 0;
    for (int i = 0; i < s->n_shards; i++)
        for (int64_t k = 0; k < s->file[i].shard.block.n_blocks; k++) {
            const struct block_entry *t = &s->file[i].shard.block.entry[k];
            largest = num_max(largest, (int64_t)t->coded_bytes + t->raw_bytes);
        }
    return largest + (int64_t)s->width_max * DECODER_BYTES;
}

void shard_set_close(struct shard_set *s)
{
    for (int i = 0; i < s->n_shards; i++) {
        shard_close(&s->file[i].shard);
        file_close(&s->file[i].file);
    }
    free(s->file);
    free(s->identity);
    free(s->first_image);
    *s = (struct shard_set){0};
}

const char *shard_set_provenance(const struct shard_set *s, int i_set)
{
    for (int i = 0; i < s->n_shards; i++)
        if (s->file[i].set == i_set)
            return s->file[i].shard.block.header.provenance;
    return "";
}

const char *shard_set_without_recipe(const struct shard_set *s)
{
    for (int i = 0; i < s->n_shards; i++)
        if (s->file[i].shard.header.recipe.n == 0)
            return s->file[i].file.path;
    return NULL;
}

int shard_set_recipe(const struct shard_set *s, struct recipe *r, struct fmt_error *e)
{
    int status = recipe_copy(r, &s->file[0].shard.header.recipe, e);
    for (int i = 1; i < s->n_shards && !status; i++) {
        const struct recipe *other = &s->file[i].shard.header.recipe;
        struct fmt_error why = {0};
        if (recipe_compare(r, other, &why))
            status = fmt_fail(e, FMT_MISMATCH, "%.190s: packed differently from %.100s: %.80s", s->file[i].file.path,
                              s->file[0].file.path, why.text);
        recipe_intersect(r, other);
    }
    if (status)
        recipe_release(r);
    return status;
}

/* ---------------------------------------------------------------- images */

static int shard_holding(const struct shard_set *s, int64_t i)
{
    int low = 0, high = s->n_shards; /* first_image[low] <= i < first_image[high] */
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (s->first_image[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int shard_set_read(const struct shard_set *s, int64_t i, struct block_buffer *b, struct shard_image *image,
                   struct fmt_error *e)
{
    if (i < 0 || i >= s->n_images)
        return fmt_fail(e, FMT_INVALID, "no image %lld in the shards", (long long)i);
    int k = shard_holding(s, i);
    struct fmt_error why = {0};
    int status = shard_read(&s->file[k].shard, i - s->first_image[k], b, image, &why);
    return status ? fmt_fail(e, why.status, "%.190s: %.200s", s->file[k].file.path, why.text) : 0;
}

const char *shard_set_path(const struct shard_set *s, int64_t i)
{
    return s->file[shard_holding(s, i)].file.path;
}

const char *shard_set_salvage_key(const struct shard_set *s, int64_t i, struct block_buffer *b)
{
    int k = shard_holding(s, i);
    return shard_salvage_key(&s->file[k].shard, i - s->first_image[k], b);
}
