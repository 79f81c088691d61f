/* pack-plan.c - see pack-plan.h. */
#include "pack-plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crop.h"
#include "num.h"
#include "shard-set.h"
#include "shard.h"

void pack_plan_scaled_size(const struct pack_how *how, int width, int height, int64_t *w, int64_t *h)
{
    *w = width, *h = height;
    if (how->short_side && num_min(width, height) > how->short_side)
        crop_short_side(height, width, how->short_side, h, w);
}

static int64_t stored_bytes(const struct pack_how *how, const struct index_entry *t)
{
    int64_t w, h;
    pack_plan_scaled_size(how, t->width, t->height, &w, &h);
    return how->pixels ? w * h * (t->components == 1 ? 1 : 3) : t->bytes;
}

static void choose_part(struct pack_plan *p)
{
    enum { HEADER_BYTES = 1024 }; /* of the header and end of a shard, without the catalogue's provenance; about */
    p->first_shard = part_first(p->how.part, p->n_shards);
    p->end_shard = part_end(p->how.part, p->n_shards);
    p->first_image = p->first[p->first_shard];
    p->end_image = p->first[p->end_shard];
    p->bytes = (double)(p->end_shard - p->first_shard) * (double)(HEADER_BYTES + strlen(p->index->provenance));
    for (int64_t i = p->first_image; i < p->end_image; i++) {
        const struct index_entry *t = &p->index->entry[p->entry[i]];
        p->bytes += (double)shard_image_bytes(&t->labels, (size_t)stored_bytes(&p->how, t));
    }
}

void pack_plan_divide(struct pack_plan *p)
{
    const struct index *x = p->index;
    const struct pack_how *how = &p->how;
    int64_t filled = 0;
    p->n_images = p->n_shards = 0;
    p->side_max = 0, p->pixels_max = 0, p->stored_max = 0;
    for (int64_t i = 0; i < x->n_entries; i++) {
        const struct index_entry *t = &x->entry[i];
        int64_t w, h, bytes = stored_bytes(how, t);
        if ((how->split && strcmp(t->labels.split, how->split) != 0) || p->failed[i])
            continue;
        if (p->n_images == 0 || (filled > 0 && filled + bytes > how->shard_bytes)) {
            p->first[p->n_shards++] = p->n_images;
            filled = 0;
        }
        filled += bytes;
        p->stored_max = num_max(p->stored_max, bytes);
        p->entry[p->n_images++] = i;
        pack_plan_scaled_size(how, t->width, t->height, &w, &h);
        /* Stored JPEG bytes may have width and height swapped: both must fit. */
        p->side_max = (uint32_t)num_max(p->side_max, num_max(w, h));
        p->pixels_max = (uint64_t)num_max((int64_t)p->pixels_max, w * h);
    }
    p->first[p->n_shards] = p->n_images;
    choose_part(p);
}

static int check(const struct pack_plan *p, struct fmt_error *e)
{
    const char *split = p->how.split;
    if (p->n_images == 0)
        return fmt_fail(e, FMT_INVALID, "%s%s", split ? split : "the catalogue",
                        split ? ": no image of the catalogue is in this split" : " has no images");
    if (p->n_shards > SHARD_SET_MAX)
        return fmt_fail(e, FMT_LIMIT, "%" PRIu32 " shards are more than %d: make them larger (--shard-bytes)",
                        p->n_shards, SHARD_SET_MAX);
    return 0;
}

int pack_plan_open(struct pack_plan *p, const struct index *x, const struct pack_how *how, struct fmt_error *e)
{
    size_t n = (size_t)x->n_entries + 1;
    int status = 0;
    *p = (struct pack_plan){.index = x, .how = *how};
    p->entry = calloc(n, sizeof *p->entry);
    p->first = calloc(n + 1, sizeof *p->first);
    p->failed = calloc(n, sizeof *p->failed);
    if (!p->entry || !p->first || !p->failed) {
        status = fmt_no_memory(e);
    } else {
        pack_plan_divide(p);
        status = check(p, e);
    }
    if (status)
        pack_plan_close(p);
    return status;
}

void pack_plan_close(struct pack_plan *p)
{
    free(p->entry);
    free(p->first);
    free(p->failed);
    *p = (struct pack_plan){.index = NULL};
}
