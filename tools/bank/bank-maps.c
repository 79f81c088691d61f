/* bank-maps.c - a pipeline: photographs are decoded and their maps made and written by all threads; pixels are counted
 * in the order of the photographs. */
#include "bank-maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract-parts.h"
#include "file.h"
#include "heat-map.h"
#include "image-png.h"
#include "num.h"
#include "text.h"
#include "tile-blend.h"

#define MASK_BYTES_MAX ((size_t)256 << 20)

struct slot {
    struct image_set_slot photograph;
    struct heat_map map;
    struct image picture, mask;
    bool masked, made; /* made: a map; tiles of a photograph have one, with their first row */
    struct extract_part_list parts;
    struct fmt_error error;
};

struct named {
    const char *key;
    int64_t i;
};

struct run {
    struct bank_maps *m;
    struct extract_settings settings;
    struct image_set set;
    int64_t *image; /* [rows->n] number in the set */
    struct slot *slot;
    struct fmt_error *e;
};

/* ------------------------------------------------------------------ photographs by key */
static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->key, ((const struct named *)b)->key);
}

static bool has_shards(const char *path)
{
    char **name;
    int64_t n, n_shards = 0;
    if (!file_is_dir(path))
        return true;
    if (file_list(path, &name, &n, NULL))
        return false;
    for (int64_t i = 0; i < n; i++)
        n_shards += shard_set_is_name(name[i]);
    file_list_free(name, n);
    return n_shards > 0;
}

/* The numbers of the rows' photographs in the shards, whose records are all read for their keys. */
static int find_in_shards(struct run *t, struct fmt_error *e)
{
    struct block_buffer b = {0};
    const struct rows *r = t->m->rows;
    struct named *row = malloc((size_t)(r->n + 1) * sizeof *row);
    int status = row ? image_set_open(&t->set, &t->m->photographs, 1, '\n', e) : fmt_no_memory(e);
    if (!status && !t->set.from_shards)
        status = fmt_fail(e, FMT_INVALID, "%.200s: neither shards nor a folder of photographs", t->m->photographs);
    for (int64_t i = 0; !status && i < r->n; i++) {
        row[i] = (struct named){r->key[i], i};
        t->image[i] = -1;
    }
    if (!status)
        qsort(row, (size_t)r->n, sizeof *row, by_key);
    for (int64_t i = 0; !status && i < t->set.n; i++) {
        struct shard_image image;
        if ((status = shard_set_read(&t->set.shards, i, &b, &image, e)) != 0)
            break;
        struct named *found = bsearch(&(struct named){image.labels.key, 0}, row, (size_t)r->n, sizeof *row, by_key);
        while (found && found > row && strcmp(found[-1].key, found->key) == 0)
            found--; /* rows of tiles share their key */
        for (; found && found < row + r->n && strcmp(found->key, image.labels.key) == 0; found++)
            t->image[found->i] = i;
    }
    for (int64_t i = 0; !status && i < r->n; i++)
        if (t->image[i] < 0)
            status = fmt_fail(e, FMT_INVALID, "%.200s: not in %.150s", r->key[i], t->m->photographs);
    block_buffer_release(&b);
    free(row);
    return status;
}

static int find_in_folder(struct run *t, struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; !status && i < t->m->rows->n; i++) {
        char *path = file_join(t->m->photographs, t->m->rows->key[i]);
        status = path ? image_set_add(&t->set, path, e) : fmt_no_memory(e);
        t->image[i] = i;
        free(path);
    }
    return status;
}

/* ------------------------------------------------------------------ files */
/* A key is the name of a file below the folder: it must not lead out of it. */
static int check_key(const char *key, struct fmt_error *e)
{
    size_t n = strlen(key);
    bool leads_out = key[0] == '/' || strncmp(key, "../", 3) == 0 || strstr(key, "/../") || strcmp(key, "..") == 0 ||
                     (n >= 3 && strcmp(key + n - 3, "/..") == 0);
    return leads_out ? fmt_fail(e, FMT_INVALID, "%.200s: no name for a map: it leads out of the folder", key) : 0;
}

/* folder/key.ending, with its folders; for free() */
static char *map_path(const char *folder, const char *key, const char *ending, struct fmt_error *e)
{
    char *name = NULL, *directory = NULL;
    if (check_key(key, e))
        return NULL;
    if (asprintf(&name, "%s/%s%s", folder, key, ending) < 0) {
        fmt_no_memory(e);
        return NULL;
    }
    directory = file_directory(name);
    if (!directory || file_make_dirs(directory, e)) {
        free(name);
        name = NULL;
    }
    free(directory);
    return name;
}

static int write_picture(const struct run *t, struct slot *s, const char *key)
{
    struct file_out f;
    struct fmt_error *e = &s->error;
    int status = heat_map_overlay(&s->map, &s->photograph.decoded, t->m->low, t->m->high, &s->picture, e);
    char *path = status ? NULL : map_path(t->m->folder, key, ".png", e);
    if (path && (status = file_create(&f, path, e)) == 0) {
        struct fmt_writer io = file_writer(&f);
        status = file_finish(&f, image_png_write(&s->picture, &io, e), e);
    }
    free(path);
    return e->status ? (int)e->status : status;
}

static int write_array(const struct run *t, struct slot *s, const char *key)
{
    struct file_out f;
    struct fmt_error *e = &s->error;
    int status = 0;
    char *path = map_path(t->m->folder, key, ".npy", e);
    if (path && (status = file_create(&f, path, e)) == 0) {
        struct fmt_writer io = file_writer(&f);
        status = file_finish(&f, heat_map_npy(&s->map, &io, e), e);
    }
    free(path);
    return e->status ? (int)e->status : status;
}

/* The mask of photograph i, if it has one. */
static int read_mask(const struct run *t, struct slot *s, int64_t i)
{
    const char *key = t->m->rows->key[i];
    int n = (int)text_stem(key);
    const struct image *photograph = &s->photograph.decoded;
    uint8_t *data = NULL;
    char *path;
    size_t bytes;
    if (asprintf(&path, "%s/%.*s.png", t->m->masks, n, key) < 0)
        return fmt_no_memory(&s->error);
    int status = 0;
    s->masked = file_exists(path);
    if (s->masked) {
        status = file_load_regular(path, MASK_BYTES_MAX, &data, &bytes, &s->error);
        struct fmt_error why = {0};
        if (!status && image_png_decode(data, bytes, NULL, &s->mask, NULL, &why))
            status = fmt_fail(&s->error, why.status, "%.200s: %.150s", path, why.text);
        if (!status && (s->mask.width != photograph->width || s->mask.height != photograph->height))
            status = fmt_fail(&s->error, FMT_MISMATCH, "%.200s: %d x %d pixels, the photograph has %d x %d", path,
                              s->mask.width, s->mask.height, photograph->width, photograph->height);
        if (!status && s->mask.components != 1)
            status = fmt_fail(&s->error, FMT_UNSUPPORTED, "%.200s: a mask has one component", path);
    } else if (t->m->rows->label[i] == t->m->positive)
        status = fmt_fail(&s->error, FMT_INVALID, "%.200s: no mask, but its label says that it has a fault", path);
    free(data);
    free(path);
    return status;
}

/* ------------------------------------------------------------------ the pipeline */
static int next(void *arg, int slot, int64_t item)
{
    const struct run *t = arg;
    (void)slot;
    return item < t->m->rows->n ? 0 : FMT_END;
}

/* The map of a photograph whose rows, from i on, are those of its tiles or regions. */
static int join_maps(const struct run *t, struct slot *s, int64_t i)
{
    const struct feat_header *h = t->m->header;
    const struct rows *rows = t->m->rows;
    const struct image *im = &s->photograph.decoded;
    struct tile_blend blend = {0};
    int64_t n = 1;
    while (i + n < rows->n && strcmp(rows->key[i + n], rows->key[i]) == 0)
        n++;
    int status = extract_parts(&t->settings, h->image_h / h->grid_h, im->height, im->width, rows->group_view[i],
                               &s->parts, &s->error);
    if (!status && s->parts.n != n)
        status = fmt_fail(&s->error, FMT_MISMATCH, "%.200s: %lld rows, the photograph has %lld parts", rows->key[i],
                          (long long)n, (long long)s->parts.n);
    if (!status)
        status = heat_map_reserve(&s->map, im->height, im->width, &s->error);
    if (!status)
        status = tile_blend_init(&blend, im->height, im->width, &s->error);
    for (int64_t k = 0; k < n && !status; k++) {
        struct tile_map tile = {.map = t->m->distance + (i + k) * h->n_tokens, .rows = h->grid_h, .columns = h->grid_w};
        extract_part_input(&s->parts.part[k], &tile.top, &tile.left, &tile.height, &tile.width);
        tile_blend_add(&blend, &tile);
    }
    if (!status)
        tile_blend_finish(&blend, s->map.x);
    tile_blend_release(&blend);
    return status;
}

static int map_whole(const struct run *t, struct slot *s, int64_t i)
{
    const struct feat_header *h = t->m->header;
    const struct image *photograph = &s->photograph.decoded;
    struct extract_geometry g;
    int status = extract_geometry(&t->settings, h->image_h / h->grid_h, photograph->height, photograph->width, &g,
                                  &s->error);
    if (!status && (g.net_h != h->image_h || g.net_w != h->image_w))
        status = fmt_fail(&s->error, FMT_MISMATCH, "%.200s: of another size than the features were made from",
                          t->m->rows->key[i]);
    return status ? status : heat_map_make(&s->map, t->m->distance + i * h->n_tokens, h->grid_h, h->grid_w, &g,
                                           photograph->height, photograph->width, &s->error);
}

static int make_map(void *arg, int slot, int64_t i, int worker)
{
    struct run *t = arg;
    struct slot *s = &t->slot[slot];
    const char *const *key = t->m->rows->key;
    bool parts = extract_has_parts(&t->settings);
    (void)worker;
    s->error = (struct fmt_error){0};
    s->made = !parts || i == 0 || strcmp(key[i - 1], key[i]) != 0;
    if (!s->made)
        return 0;
    int status = image_set_read(&t->set, t->image[i], &s->photograph, t->settings.as_stored, &s->error);
    if (!status)
        status = (parts ? join_maps : map_whole)(t, s, i);
    if (!status && t->m->folder)
        status = write_picture(t, s, t->m->rows->key[i]);
    if (!status && t->m->folder)
        status = write_array(t, s, t->m->rows->key[i]);
    if (!status && t->m->masks)
        read_mask(t, s, i);
    return 0; /* the error is taken in the order of the photographs */
}

static int count_map(void *arg, int slot, int64_t i)
{
    struct run *t = arg;
    struct slot *s = &t->slot[slot];
    if (s->error.status)
        return fmt_fail(t->e, s->error.status, "%s", s->error.text);
    int status = t->m->masks && s->made ? pixel_scores_add(&t->m->pixels, t->m->rows->group[i], s->map.x,
                                                s->masked ? s->mask.pixels : NULL, s->map.height, s->map.width, t->e)
                             : 0;
    t->m->n_maps += s->made;
    if (t->m->step)
        t->m->step(t->m->arg, i + 1);
    return status;
}

/* ------------------------------------------------------------------ all */
/* Range of all distances, and their median. */
static int find_range(const struct bank_maps *m, double *least, double *median, double *largest, struct fmt_error *e)
{
    int64_t n = m->rows->n * m->header->n_tokens;
    float *sorted = malloc((size_t)n * sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(e);
    memcpy(sorted, m->distance, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, num_order_f32);
    *least = (double)sorted[0];
    *median = (double)sorted[n / 2];
    *largest = (double)sorted[n - 1];
    free(sorted);
    return 0;
}

static int prepare(struct run *t, struct fmt_error *e)
{
    struct bank_maps *m = t->m;
    double least = 0, median = 0, largest = 0;
    int status = extract_settings_from(m->header, &t->settings, e);
    if (!status && m->header->kind != FEAT_PATCH)
        status = fmt_fail(e, FMT_INVALID, "features of kind %s have no maps", feat_kind_name(m->header->kind));
    if (!status && !(t->image = malloc((size_t)(m->rows->n + 1) * sizeof *t->image)))
        status = fmt_no_memory(e);
    if (!status)
        status = has_shards(m->photographs) ? find_in_shards(t, e) : find_in_folder(t, e);
    t->set.bits = shard_bits_of_recipe(&m->header->recipe);
    t->set.fill = true; /* a photograph that was cut short has features only if it was filled */
    if (!status)
        status = find_range(m, &least, &median, &largest, e);
    if (!status && m->low == 0 && m->high == 0) {
        m->low = median;
        m->high = largest;
    }
    return status || !m->masks ? status : pixel_scores_open(&m->pixels, least, largest, m->rows->n_groups, e);
}

int bank_maps_run(struct bank_maps *m, struct thread_pool *pool, struct fmt_error *e)
{
    int n_slots = 2 * thread_workers(pool);
    struct run t = {.m = m, .e = e, .slot = calloc((size_t)n_slots, sizeof *t.slot)};
    int status = t.slot ? prepare(&t, e) : fmt_no_memory(e);
    if (!status) {
        struct thread_pipe pipe = {&t, n_slots, next, make_map, count_map};
        status = thread_pipe_run(pool, &pipe);
        status = status == FMT_END ? 0 : status;
    }
    if (!status && m->masks)
        status = pixel_scores_compute(&m->pixels, PIXEL_SCORES_FPR, &m->bootstrap, pool, &m->result, e);
    for (int i = 0; t.slot && i < n_slots; i++) {
        image_set_slot_release(&t.slot[i].photograph);
        heat_map_release(&t.slot[i].map);
        free(t.slot[i].parts.part);
        image_release(&t.slot[i].picture);
        image_release(&t.slot[i].mask);
    }
    image_set_close(&t.set);
    free(t.slot);
    free(t.image);
    return status;
}
