/* feature-run.c - see feature-run.h. */
#include "feature-run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extract-parts.h"
#include "file.h"
#include "num.h"
#include "part-extra.h"

int feature_run_open(struct feature_run *r, struct part part, struct fmt_error *e)
{
    const struct extract *x = r->extract;
    r->header = extract_feat_header(x);
    r->header.part = part;
    r->first = part_first(part, r->images->n);
    r->n = part_end(part, r->images->n) - r->first;
    r->slot = calloc((size_t)extract_slots(x), sizeof *r->slot);
    r->decoded = calloc((size_t)x->n_workers, sizeof *r->decoded);
    return r->slot && r->decoded ? 0 : fmt_no_memory(e);
}

void feature_run_close(struct feature_run *r)
{
    for (int i = 0; r->slot && i < extract_slots(r->extract); i++)
        image_set_slot_release(&r->slot[i]);
    for (int i = 0; r->decoded && i < r->extract->n_workers; i++)
        image_release(&r->decoded[i]);
    free(r->slot);
    free(r->decoded);
    recipe_release(&r->header.recipe);
    fmt_buffer_release(&r->extra);
}

/* The record is stored in its slot; the pixels belong to the worker, which needs them only to prepare the input. */
int feature_run_read(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    struct feature_run *r = arg;
    struct image_set_slot *s = &r->slot[slot];
    s->decoded = r->decoded[worker];
    int status = image_set_read(r->images, r->first + i, s, r->as_stored, e);
    r->decoded[worker] = s->decoded;
    s->decoded = (struct image){0};
    *image = (struct extract_image){&r->decoded[worker], s->record.labels.key, s->record.labels.group_view};
    return status;
}

/* All patches of whole images make rows of one width only if the images have one shape. */
static int check_shape(const struct feature_run *r, const char *key, const struct extract_row *row, struct fmt_error *e)
{
    const struct extract_geometry *g = &row->geometry;
    if (r->header.kind != FEAT_PATCH || row->n_tokens == 0 ||
        (g->net_h == r->header.image_h && g->net_w == r->header.image_w))
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%s: %" PRId64 " x %" PRId64 " pixels, the first has %d x %d: rows of all patches need one --size",
                    key, g->net_w, g->net_h, r->header.image_w, r->header.image_h);
}

/* The rows of an image: one, or those of its parts. */
static int add_rows(struct feature_run *r, const struct shard_image *record, const struct extract_row *row)
{
    int status = 0;
    for (int64_t i = 0; i < row->n_parts && !status; i++) {
        struct feat_row out = {record->labels, row->values + i * feat_width(&r->header), record->sha256};
        if (row->part)
            status = part_extra(record->labels.extra, &row->part[i], &r->extra, &out.labels.extra, &r->error);
        if (!status)
            status = feat_add(r->writer, &out, &r->error);
        r->n_rows++;
    }
    return status;
}

static int write_row(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    struct feature_run *r = arg;
    const struct shard_image *record = &r->slot[slot].record;
    struct fmt_error why = *failure;
    progress_step(&r->progress, i + 1);
    if (why.status || check_shape(r, record->labels.key, row, &why)) {
        if (!r->keep_going || why.status == FMT_MEMORY)
            return fmt_fail(&r->error, why.status, "%s", why.text);
        r->left_out("%s; left out", why.text);
        r->n_skipped++;
        return 0;
    }
    r->n_done++;
    if (record->decoding.filled)
        r->least_percent = (int)(r->n_filled++ ? num_min(r->least_percent, record->decoding.decoded_percent)
                                               : record->decoding.decoded_percent);
    const struct image_notes *notes = &r->slot[slot].notes;
    if (notes->damaged && r->n_damaged++ == 0)
        snprintf(r->damage, sizeof r->damage, "%.200s: %s", record->labels.key, notes->text);
    if (record->decoding.bits == IMAGE_BITS_MAX) /* else somebody said how many are significant */
        r->sample_max = (int)num_max(r->sample_max, notes->sample_max);
    r->cropped += row->geometry.cropped;
    return add_rows(r, record, row);
}

static void take_shape(struct feature_run *r, const struct extract_geometry *g)
{
    int64_t patch = r->extract->model.vit->config.patch;
    r->header.image_h = (int32_t)g->net_h;
    r->header.image_w = (int32_t)g->net_w;
    r->header.grid_h = (int32_t)(g->net_h / patch);
    r->header.grid_w = (int32_t)(g->net_w / patch);
    r->header.n_tokens = r->header.grid_h * r->header.grid_w;
}

static int find_parts(const struct extract *x, const struct image_set_slot *s, struct extract_part_list *parts,
                      struct fmt_error *e)
{
    int status = extract_parts(&x->settings, x->model.vit->config.patch, s->decoded.height, s->decoded.width,
                               s->record.labels.group_view, parts, e);
    if (status)
        fmt_prefix(e, s->record.labels.key);
    return status;
}

int feature_run_shape(struct feature_run *r, struct fmt_error *e)
{
    const struct extract *x = r->extract;
    struct image_set_slot *s = &r->slot[0];
    struct extract_part_list parts = {0};
    int status = 0;
    if (extract_width(x) > 0 && (!extract_has_parts(&x->settings) || r->images->n == 0))
        return 0;
    for (int64_t i = 0; i < r->images->n && parts.n == 0 && !status; i++) {
        struct fmt_error why = {0};
        if (image_set_read(r->images, i, s, r->as_stored, &why) || find_parts(x, s, &parts, &why)) {
            if (!r->keep_going)
                status = fmt_fail(e, why.status, "%s", why.text);
            parts.n = 0;
        }
        image_release(&s->decoded);
    }
    if (!status && parts.n == 0)
        status = fmt_fail(e, FMT_INVALID, "no image can be decoded");
    r->rows_per_image = parts.n;
    if (!status && extract_width(x) == 0)
        take_shape(r, &parts.part[0].geometry);
    free(parts.part);
    return status;
}

static int write_all(struct feature_run *r, struct feat_writer *writer)
{
    r->writer = writer;
    progress_begin(&r->progress, "extract", "image", "images", r->n);
    struct extract_job job = {.arg = r, .n = r->n, .read = feature_run_read, .write = write_row};
    int status = extract_run(r->extract, &job, &r->error);
    if (!status)
        status = feat_finish(writer, &r->error);
    else
        feat_abandon(writer);
    (status ? progress_abandon : progress_end)(&r->progress);
    if (status && !r->error.status)
        fmt_fail(&r->error, (enum fmt_status)status, "%s", fmt_status_text((enum fmt_status)status));
    return status;
}

int feature_run_write(struct feature_run *r, const char *path, const struct provenance *p, struct fmt_error *e)
{
    struct file_out out;
    struct feat_writer writer;
    int status = file_create_binary(&out, path, e);
    if (status)
        return status;
    struct fmt_writer io = file_writer(&out);
    status = feat_create(&writer, &io, &r->header, p, &r->error);
    if (status)
        fmt_prefix(&r->error, path);
    else
        status = write_all(r, &writer);
    status = file_finish(&out, status, &r->error);
    return status ? fmt_fail(e, r->error.status, "%s", r->error.text) : 0;
}
