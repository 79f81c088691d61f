/* dataset-catalogue.c - see dataset-catalogue.h. */
#include "dataset-catalogue.h"

#include <string.h>

#include "bytes.h"

static struct index_entry entry_of(const struct dataset_image *im)
{
    struct index_entry t = {.labels = {im->path, im->split, im->group, im->extra, im->label, im->group_view},
                            .path = im->path, .bytes = im->bytes,
                            .width = im->width, .height = im->height, .components = im->components,
                            .kind = im->kind, .decoding = im->decoding};
    memcpy(t.sha256, im->sha256, sizeof t.sha256);
    return t;
}

static int put_text(struct fmt_buffer *b, const char *text)
{
    return bytes_put_u64(b, strlen(text)) | bytes_put(b, text, strlen(text));
}

int dataset_identity(const struct dataset *d, uint8_t out[DIGEST_BYTES], struct fmt_error *e)
{
    struct digest digest;
    struct fmt_buffer b = {0};
    int bad = 0;
    digest_init(&digest);
    for (int c = 0; c < d->n_classes; c++)
        bad |= put_text(&b, d->class_name[c]);
    digest_add(&digest, b.data, b.bytes);
    for (int64_t i = 0; i < d->n_images; i++) {
        const struct dataset_image *im = &d->image[i];
        if (!dataset_usable(im))
            continue;
        b.bytes = 0;
        bad |= put_text(&b, im->path) | put_text(&b, im->split) | put_text(&b, im->group) | put_text(&b, im->extra);
        bad |= bytes_put_u32(&b, (uint32_t)im->label) | bytes_put_u32(&b, (uint32_t)im->group_view);
        bad |= bytes_put_u32(&b, (uint32_t)im->width) | bytes_put_u32(&b, (uint32_t)im->height);
        bad |= bytes_put(&b, im->sha256, DIGEST_BYTES);
        if (im->decoding.bits || im->decoding.filled)
            bad |= index_decoding_put(&im->decoding, &b);
        digest_add(&digest, b.data, b.bytes);
    }
    digest_end(&digest, out);
    fmt_buffer_release(&b);
    return bad ? fmt_no_memory(e) : 0;
}

int dataset_catalogue(const struct dataset *d, struct index *x, struct fmt_error *e)
{
    int status = 0;
    for (int c = 0; c < d->n_classes && status == 0; c++)
        status = index_add_class(x, d->class_name[c], e);
    for (int64_t i = 0; i < d->n_images && status == 0; i++)
        if (dataset_usable(&d->image[i])) {
            struct index_entry t = entry_of(&d->image[i]);
            status = index_add(x, &t, e);
        }
    return status;
}
