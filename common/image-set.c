/* image-set.c - shards are a shard_set; files are read whole into the memory of a slot. */
#include "image-set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "foreign-image.h"
#include "image-decode.h"
#include "image-file.h"
#include "path-list.h"

/* ------------------------------------------------------------------ opening */
struct path_adder {
    struct image_set *s;
    struct fmt_error *e;
};

int image_set_add(struct image_set *s, const char *path, struct fmt_error *e)
{
    if (strlen(path) > INDEX_TEXT_MAX)
        return fmt_fail(e, FMT_LIMIT, "%.60s...: a name of more than %d bytes", path, INDEX_TEXT_MAX);
    if (fmt_grow(&s->path, s->n, &s->capacity, sizeof *s->path, e))
        return FMT_MEMORY;
    s->path[s->n] = strdup(path);
    if (!s->path[s->n])
        return fmt_no_memory(e);
    s->n++;
    return 0;
}

static int add_path(void *arg, const char *path)
{
    struct path_adder *a = arg;
    return image_set_add(a->s, path, a->e);
}

/* A folder, a pattern, or a file that begins with a skippable frame of zstd, as all dinotools files do. */
static bool is_shard(const char *path)
{
    uint8_t magic[4] = {0};
    struct file f;
    if (file_is_dir(path) || (!file_exists(path) && strpbrk(path, "*?[")))
        return true;
    if (strcmp(path, "-") == 0 || file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader r = file_reader(&f);
    bool good = fmt_read_at_exact(&r, 0, magic, sizeof magic, NULL) == 0;
    file_close(&f);
    return good && (magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, "\x2a\x4d\x18", 3) == 0;
}

static int refuse_mixture(const char *const *operand, struct fmt_error *e)
{
    int image = 0;
    while (is_shard(operand[image]))
        image++;
    if (strcmp(operand[image], "-") != 0 && !file_exists(operand[image]))
        return fmt_fail(e, FMT_IO, "%.400s: %s", operand[image], strerror(ENOENT));
    return fmt_fail(e, FMT_INVALID, "%.400s: not shards, as others are: shards and images cannot be mixed",
                    operand[image]);
}

int image_set_open(struct image_set *s, const char *const *operand, int n, char separator, struct fmt_error *e)
{
    struct path_adder adder = {s, e};
    int n_shards = 0, status = 0;
    *s = (struct image_set){0};
    for (int i = 0; i < n; i++)
        n_shards += is_shard(operand[i]);
    if (n_shards > 0 && n_shards < n)
        return refuse_mixture(operand, e);
    if (n_shards > 0) {
        status = shard_set_open(&s->shards, operand, n, e);
        s->from_shards = status == 0;
        s->n = status ? 0 : s->shards.n_images;
        return status;
    }
    for (int i = 0; i < n && !status; i++)
        status = strcmp(operand[i], "-") == 0 ? path_list_read(separator, add_path, &adder, e)
                                               : add_path(&adder, operand[i]);
    if (status)
        image_set_close(s);
    return status;
}

void image_set_close(struct image_set *s)
{
    if (s->from_shards)
        shard_set_close(&s->shards);
    for (int64_t i = 0; s->path && i < s->n; i++)
        free(s->path[i]);
    free(s->path);
    free(s->sha256);
    *s = (struct image_set){0};
}

/* ------------------------------------------------------------------ reading */
static int grow_file(struct image_set_slot *slot, size_t bytes, struct fmt_error *e)
{
    if (bytes <= slot->file_capacity)
        return 0;
    uint8_t *grown = realloc(slot->file, bytes);
    if (!grown)
        return fmt_no_memory(e);
    slot->file = grown;
    slot->file_capacity = bytes;
    return 0;
}

/* Reads a whole regular file into the slot. */
static int load_file(const char *path, struct image_set_slot *slot, size_t *bytes, struct fmt_error *e)
{
    struct file f;
    int status = file_open_regular(&f, path, e);
    if (status)
        return status;
    struct fmt_reader r = file_reader(&f);
    if (f.size > IMAGE_FILE_BYTES_MAX)
        status = fmt_fail(e, FMT_LIMIT, "%.200s: larger than an image file may be (1 GiB)", path);
    if (!status)
        status = grow_file(slot, (size_t)f.size, e);
    if (!status) {
        struct fmt_error why = {0};
        *bytes = (size_t)f.size;
        status = fmt_read_at_exact(&r, 0, slot->file, *bytes, &why);
        if (status)
            fmt_fail(e, why.status, "%.200s: %.150s", path, why.text);
    }
    file_close(&f);
    return status;
}

static int read_file(const struct image_set *s, int64_t i, struct image_set_slot *slot, bool as_stored,
                     struct fmt_error *e)
{
    static const enum shard_store store[] = {[IMAGE_JPEG] = SHARD_JPEG, [IMAGE_PNG] = SHARD_PNG,
                                             [IMAGE_TIFF] = SHARD_TIFF};
    const char *path = s->path[i];
    struct image_settings settings = {.orientation = as_stored ? 1 : 0, .bits = s->bits, .fill = s->fill};
    struct image_notes notes = {0};
    struct fmt_error why = {0};
    size_t bytes = 0;
    if (load_file(path, slot, &bytes, e))
        return (int)(e ? e->status : FMT_IO);
    int status = image_file_decode(slot->file, bytes, &settings, &slot->decoded, &notes, &why);
    if (!status && image_file_kind_of(slot->file, bytes, path) == IMAGE_NONE) /* a raw file: this is its preview */
        status = fmt_fail(&why, FMT_MAGIC, "not a JPEG, PNG or TIFF file");
    if (status == FMT_MAGIC)
        foreign_image_tell(slot->file, bytes, path, &why);
    if (status)
        return fmt_fail(e, why.status, "%.200s: %.150s", path, why.text);
    slot->record = (struct shard_image){.labels = {.key = path, .split = "", .group = "", .extra = "", .label = -1,
                                                   .group_view = -1},
                                        .store = store[image_file_kind(slot->file, bytes)],
                                        .decoding = {.filled = notes.filled,
                                                     .decoded_percent = (uint8_t)notes.decoded_percent},
                                        .data = slot->file, .bytes = bytes};
    if (notes.sample_max)
        slot->record.decoding.bits = (uint8_t)(s->bits ? s->bits : IMAGE_BITS_MAX);
    slot->notes = notes;
    if (s->sha256)
        memcpy(slot->record.sha256, s->sha256[i], DIGEST_BYTES);
    return 0;
}

int image_set_read(const struct image_set *s, int64_t i, struct image_set_slot *slot, bool as_stored,
                   struct fmt_error *e)
{
    if (!s->from_shards)
        return read_file(s, i, slot, as_stored, e);
    struct fmt_error why = {0};
    int status = shard_set_read(&s->shards, i, &slot->buffer, &slot->record, e);
    if (status)
        return status;
    status = image_decode(&slot->record, !as_stored, &slot->decoded, &slot->notes, &why);
    return status ? fmt_fail(e, why.status, "%.200s: %.150s", slot->record.labels.key, why.text) : 0;
}

void image_set_slot_release(struct image_set_slot *slot)
{
    block_buffer_release(&slot->buffer);
    image_release(&slot->decoded);
    free(slot->file);
    *slot = (struct image_set_slot){0};
}

/* ------------------------------------------------------------------ provenance */
struct looking {
    struct image_set *s;
    struct image_set_slot *slot; /* one per worker */
    _Atomic bool has_16_bits;
};

static void look_at(void *arg, int64_t i, int worker)
{
    struct looking *l = arg;
    struct image_info info;
    size_t bytes;
    if (load_file(l->s->path[i], &l->slot[worker], &bytes, NULL))
        return;
    const uint8_t *file = l->slot[worker].file;
    digest_of(file, bytes, l->s->sha256[i]);
    enum image_kind kind = image_file_kind(file, bytes);
    if ((kind == IMAGE_PNG || kind == IMAGE_TIFF) && image_file_read_info(file, bytes, NULL, &info, NULL) == 0 &&
        info.stored_bits == 16)
        l->has_16_bits = true;
}

int image_set_look(struct image_set *s, struct thread_pool *pool, struct fmt_error *e)
{
    if (s->from_shards || s->sha256)
        return 0;
    int n_workers = thread_workers(pool);
    struct looking l = {.s = s, .slot = calloc((size_t)n_workers, sizeof *l.slot)};
    s->sha256 = calloc((size_t)s->n + 1, sizeof *s->sha256);
    int status = l.slot && s->sha256 ? 0 : fmt_no_memory(e);
    if (!status)
        thread_for(pool, s->n, look_at, &l);
    s->has_16_bits = l.has_16_bits;
    for (int i = 0; l.slot && i < n_workers; i++)
        image_set_slot_release(&l.slot[i]);
    free(l.slot);
    return status;
}

int image_set_recipe(const struct image_set *s, struct recipe *r, struct fmt_error *e)
{
    if (s->from_shards)
        return shard_set_recipe(&s->shards, r, e);
    int status = shard_recipe(0, 0, false, r, e);
    return status || !s->has_16_bits ? status : shard_recipe_bits(s->bits ? s->bits : IMAGE_BITS_MAX, r, e);
}

static void add_files(const struct image_set *s, struct provenance *prov)
{
    uint8_t all[DIGEST_BYTES];
    struct digest d;
    digest_init(&d);
    for (int64_t i = 0; i < s->n; i++) {
        digest_add(&d, s->path[i], strlen(s->path[i]) + 1); /* names become the keys of rows */
        digest_add(&d, s->sha256[i], DIGEST_BYTES);
    }
    digest_end(&d, all);
    provenance_input(prov, PROVENANCE_IMAGES, all);
}

int image_set_inputs(struct image_set *s, struct thread_pool *pool, struct provenance *prov, struct fmt_error *e)
{
    for (int i = 0; i < s->shards.n_sets; i++)
        provenance_input_nested(prov, "shards", s->shards.identity[i], shard_set_provenance(&s->shards, i));
    int status = image_set_look(s, pool, e);
    if (!status && !s->from_shards)
        add_files(s, prov);
    return status;
}
