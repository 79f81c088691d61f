/* dataset-read.c - every file is read once and decoded completely; only its size and digest are stored. Threads fill in
 * one result per image; faults become findings afterwards, in the order of the images. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset-internal.h"
#include "file.h"
#include "foreign-image.h"
#include "image-file.h"
#include "unicode-form.h"

struct reading {
    struct dataset *d;
    int64_t first;
    const struct dataset_reading *how;
    struct dataset_result *result;
    _Atomic int64_t n_done;
};

static void fail(struct dataset_result *r, enum dataset_finding_kind kind, const char *reason)
{
    *r = (struct dataset_result){.failed = true, .kind = kind, .reason = strdup(reason)};
}

static enum dataset_finding_kind kind_of(int status)
{
    switch (status) {
    case FMT_MAGIC: return DATASET_NO_PHOTOGRAPH;
    case FMT_UNSUPPORTED: return DATASET_UNSUPPORTED;
    case FMT_LIMIT: return DATASET_TOO_LARGE;
    case FMT_IO:
    case FMT_FULL: return DATASET_UNREADABLE;
    default: return DATASET_DAMAGED;
    }
}

/* stat has failed. With lists, dataset-lists.c has compared the names in folders already. */
static void fail_stat(const struct dataset *d, const struct dataset_image *im, const char *path,
                      struct dataset_result *r)
{
    char reason[400];
    int number = errno;
    bool missing = number == ENOENT || number == ENOTDIR || number == ELOOP;
    const char *hint = number == ENOENT && !d->has_lists ? unicode_form_hint(path) : "";
    struct stat link;
    if (missing && number != ELOOP && lstat(path, &link) == 0)
        snprintf(reason, sizeof reason, "a link to what is not there");
    else if (im->near)
        snprintf(reason, sizeof reason, "%s; %.250s is there, whose name differs %s", strerror(number), im->near,
                 dataset_difference(im->path, im->near));
    else
        snprintf(reason, sizeof reason, "%s%s", strerror(number), hint);
    fail(r, missing ? DATASET_MISSING : DATASET_UNREADABLE, reason);
}

/* False, and the reason in r: the file cannot be read. */
static bool can_be_read(const struct dataset *d, const struct dataset_image *im, const char *path,
                        struct dataset_result *r)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fail_stat(d, im, path, r);
    } else if (!S_ISREG(st.st_mode)) {
        fail(r, DATASET_UNREADABLE, "not a regular file");
    } else if (st.st_size == 0) {
        fail(r, DATASET_EMPTY, "the file is empty");
    } else if (st.st_size > IMAGE_FILE_BYTES_MAX) {
        fail(r, DATASET_TOO_LARGE, "the file is larger than 1 GiB");
    }
    return !r->failed;
}

/* A JPEG that is refused because it is cut short: whether it would be filled. */
static void tell_filling(const uint8_t *data, size_t bytes, const struct image_settings *settings, struct fmt_error *e)
{
    struct image_settings fill = *settings;
    struct image_notes notes = {0};
    size_t n = strlen(e->text);
    fill.fill = true;
    if (image_file_decode(data, bytes, &fill, NULL, &notes, NULL) == 0 && notes.filled)
        snprintf(e->text + n, sizeof e->text - n, "; %d %% of its rows came: --truncated fill takes it, the rest grey",
                 notes.decoded_percent);
    else if (notes.filled)
        snprintf(e->text + n, sizeof e->text - n, "; %d %% of its rows came, too few for --truncated fill",
                 notes.decoded_percent);
}

static void measure(struct reading *g, struct dataset_image *im, const uint8_t *data, size_t bytes,
                    struct dataset_result *r)
{
    static const enum index_kind kinds[] = {[IMAGE_JPEG] = INDEX_JPEG, [IMAGE_PNG] = INDEX_PNG,
                                            [IMAGE_TIFF] = INDEX_TIFF};
    const struct dataset_reading *how = g->how;
    struct image_settings settings = {how->pixels_max, how->as_stored ? 1 : 0, how->bits, how->fill};
    struct image_info info;
    struct image_notes notes = {0};
    struct fmt_error e = {0};
    enum image_kind kind = image_file_kind(data, bytes);
    int status = image_file_read_info(data, bytes, &settings, &info, &e);
    if (status == 0)
        status = image_file_decode(data, bytes, &settings, NULL, &notes, &e);
    if (status) {
        if (status == FMT_MAGIC) /* HEIC under the name of JPEG, for instance, as telephones may send it */
            foreign_image_tell(data, bytes, im->path, &e);
        if (status == FMT_TRUNCATED && !how->fill)
            tell_filling(data, bytes, &settings, &e);
        fail(r, kind_of(status), e.text);
        r->no_memory = status == FMT_MEMORY;
        return;
    }
    size_t n = strlen(notes.text);
    if (notes.damaged)
        snprintf(notes.text + n, sizeof notes.text - n, ": the picture may be damaged");
    if (notes.n)
        *r = (struct dataset_result){.odd = true, .reason = strdup(notes.text),
                                     .kind = notes.filled        ? DATASET_FILLED
                                             : kind == IMAGE_JPEG ? DATASET_ODD_JPEG
                                                                  : DATASET_ODD_FILE};
    im->bytes = (int64_t)bytes;
    im->width = info.width, im->height = info.height, im->components = info.stored_components;
    im->kind = kinds[kind];
    im->sample_max = (uint16_t)notes.sample_max;
    im->decoding.filled = notes.filled, im->decoding.decoded_percent = (uint8_t)notes.decoded_percent;
    if (info.stored_bits == 16)
        im->decoding.bits = (uint8_t)(how->bits ? how->bits : IMAGE_BITS_MAX);
    digest_of(data, bytes, im->sha256);
    im->read = true;
}

static void read_one(void *arg, int64_t i_item, int worker)
{
    struct reading *g = arg;
    int64_t i = g->first + i_item;
    struct dataset_image *im = &g->d->image[i];
    struct dataset_result *r = &g->result[i];
    struct fmt_error e = {0};
    uint8_t *data;
    size_t bytes;
    if (!im->at_fault && !im->duplicate) {
        char *path = *g->d->root && im->path[0] != '/' ? file_join(g->d->root, im->path) : strdup(im->path);
        if (!path) {
            r->no_memory = true;
        } else if (can_be_read(g->d, im, path, r)) {
            if (file_load_regular(path, IMAGE_FILE_BYTES_MAX, &data, &bytes, &e)) {
                r->no_memory = e.status == FMT_MEMORY;
                if (!r->no_memory)
                    fail(r, DATASET_UNREADABLE,
                         strncmp(e.text, path, strlen(path)) == 0 ? e.text + strlen(path) + 2 : e.text);
            } else {
                measure(g, im, data, bytes, r);
                free(data);
            }
        }
        free(path);
    }
    int64_t n = atomic_fetch_add_explicit(&g->n_done, 1, memory_order_relaxed) + 1;
    if (worker == 0 && g->how->progress)
        g->how->progress(g->how->arg, n);
}

void dataset_read(struct dataset *d, int64_t first, int64_t end, struct thread_pool *pool,
                  const struct dataset_reading *how, struct dataset_result *result)
{
    struct reading g = {.d = d, .first = first, .how = how, .result = result};
    thread_for(pool, end - first, read_one, &g);
}

int dataset_note_results(struct dataset *d, struct dataset_result *result, struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; i < d->n_images; i++) {
        struct dataset_result *r = &result[i];
        if (r->failed)
            d->image[i].at_fault = true;
        if (status == 0 && r->no_memory)
            status = fmt_fail(e, FMT_MEMORY, "%.250s: out of memory", d->image[i].path);
        if (status == 0 && (r->failed || r->odd))
            status = dataset_note(d, r->kind, d->image[i].path, e, "%s", r->reason ? r->reason : "out of memory");
        free(r->reason);
        r->reason = NULL;
    }
    return status;
}
