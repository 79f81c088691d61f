/* extract-part-rows.c - rows of the parts of an image: one pass of the network after the other over pixels that were
 * decoded once. */
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"
#include "num.h"

/* Appends the row of part i, of `width` values, to those before it. */
static int append_row(const struct extract_row *of_part, int64_t width, struct extract_row *row, int64_t i,
                      struct fmt_error *e)
{
    int64_t need = (i + 1) * width;
    if (need > row->capacity) {
        int64_t capacity = num_max(need, 2 * row->capacity);
        float *grown = realloc(row->values, (size_t)capacity * sizeof *grown);
        if (!grown)
            return fmt_no_memory(e);
        row->values = grown;
        row->capacity = capacity;
    }
    memcpy(row->values + i * width, of_part->values, (size_t)width * sizeof *row->values);
    row->n_tokens = of_part->n_tokens;
    return 0;
}

static struct extract_window window_of(const struct image *im, const struct extract_part *p)
{
    int64_t stride = (int64_t)im->width * im->components;
    const uint8_t *first = im->pixels + p->top * stride + p->left * im->components;
    return (struct extract_window){first, stride, p->height, p->width, im->components};
}

/* Rows of one width make the file. */
static int check_same(const struct extract_part *part, const struct extract_row *of_part, const struct extract_row *row,
                      struct fmt_error *e)
{
    if (of_part->n_tokens == row->n_tokens)
        return 0;
    return fmt_fail(e, FMT_MISMATCH, "%s has %lld patches, the part before it %lld: rows of patches need one --size",
                    part->name, (long long)of_part->n_tokens, (long long)row->n_tokens);
}

int extract_forward_parts(const struct extract *x, struct extract_worker *w, struct extract_context *ctx,
                          const struct extract_image *image, struct extract_slot *slot, struct fmt_error *e)
{
    const struct image *im = image->image;
    struct extract_part_list *parts = &slot->parts;
    struct extract_slot *one = &w->of_part;
    int status = extract_parts(&x->settings, x->model.vit->config.patch, im->height, im->width, image->view, parts, e);
    for (int64_t i = 0; i < parts->n && !status; i++) {
        struct extract_window window = window_of(im, &parts->part[i]);
        one->input.geometry = parts->part[i].geometry;
        status = extract_prepare_window(x, w, &window, &one->input, e);
        if (!status)
            status = extract_forward(x, ctx, one, 1, e);
        if (!status && i > 0)
            status = check_same(&parts->part[i], &one->row, &slot->row, e);
        if (!status)
            status = append_row(&one->row, one->row.n_tokens * x->dim, &slot->row, i, e);
    }
    if (status) {
        fmt_prefix(e, image->name);
        return status;
    }
    slot->row.n_parts = parts->n;
    slot->row.part = parts->part;
    slot->row.geometry = parts->part[0].geometry;
    return 0;
}
