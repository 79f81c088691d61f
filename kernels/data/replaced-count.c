/* replaced-count.c - of its batch of a turn each process says how many images are new to the count; then each of these
 * is sent to all, one after another: not many more in a whole run than train.max_replaced allows. */
#include "replaced-count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all are told of an image. */
struct found {
    int64_t image;
    char key[IMAGE_LOADER_KEY_MAX], replaced_by[IMAGE_LOADER_KEY_MAX];
    struct fmt_error why;
};

struct counts {
    int64_t samples, fresh; /* that were replaced; of images that are new to the count */
};

int replaced_count_open(struct replaced_count *c, const struct world *world, const struct image_loader *images,
                        int64_t batch, struct fmt_error *e)
{
    *c = (struct replaced_count){.world = world, .images = images, .batch = batch};
    c->seen = calloc((size_t)(images->shards.n_images / 8 + 1), 1);
    c->fresh = calloc((size_t)batch, sizeof *c->fresh);
    return c->seen && c->fresh ? 0 : fmt_no_memory(e);
}

void replaced_count_close(struct replaced_count *c)
{
    replaced_images_release(&c->all);
    free(c->seen);
    free(c->fresh);
}

static bool is_seen(const struct replaced_count *c, int64_t image)
{
    return c->seen[image / 8] >> image % 8 & 1;
}

/* Whether it is new. */
static bool mark(struct replaced_count *c, int64_t image)
{
    bool fresh = !is_seen(c, image);
    c->seen[image / 8] |= (uint8_t)(1 << image % 8);
    return fresh;
}

int replaced_count_restore(struct replaced_count *c, const struct replaced_images *before, bool same_data,
                           struct fmt_error *e)
{
    int64_t n = same_data ? c->images->shards.n_images : 0;
    int status = 0;
    c->all.samples = before->samples;
    for (int64_t i = 0; same_data && i < before->n_images && !status; i++) {
        int64_t image = before->image[i];
        if (image >= n)
            status = fmt_fail(e, FMT_INVALID, "image %" PRId64 " was replaced, the data have %" PRId64, image, n);
        else if (mark(c, image))
            status = replaced_images_add(&c->all, image, i < before->n_keys ? before->key[i] : "", e);
    }
    return status;
}

/* ------------------------------------------------------------ a turn */

/* Of this process's batch; lists c->fresh. */
static struct counts count_batch(struct replaced_count *c, const struct sample_origin *origin)
{
    struct counts n = {0};
    for (int64_t i = 0; i < c->batch; i++) {
        const struct unusable_image *u = origin[i].unusable;
        n.samples += u != NULL;
        if (u && !is_seen(c, u->image))
            c->fresh[n.fresh++] = i;
    }
    return n;
}

static struct found describe(const struct sample_origin *origin)
{
    const struct unusable_image *u = origin->unusable;
    struct found f = {.image = u->image, .why = u->why};
    memcpy(f.key, u->key, sizeof f.key);
    snprintf(f.replaced_by, sizeof f.replaced_by, "%s", origin->key);
    return f;
}

static int add_found(struct replaced_count *c, const struct found *f, const struct replaced_report *report,
                     struct fmt_error *e)
{
    if (!mark(c, f->image))
        return 0;
    struct unusable_image u = {.image = f->image, .why = f->why};
    if (c->all.n_images >= c->images->replaced_max)
        return image_loader_too_many(c->images, &u, c->all.n_images + 1, e);
    int status = replaced_images_add(&c->all, f->image, f->key, e);
    if (!status && report->bad_image)
        report->bad_image(report->arg, f->why.text, f->replaced_by);
    return status;
}

/* Scratch of a step: of each process. */
struct gathered {
    struct counts *counts;
    struct found *found;
};

/* Adds the samples of all processes to *samples. *failed: the first failure of an image; the calls go on, since other
 * processes may not have failed. The status is that of the calls. */
static int count_turn(struct replaced_count *c, const struct sample_origin *origin, const struct gathered *g,
                      const struct replaced_report *report, int64_t *samples, int *failed, struct fmt_error *e)
{
    struct counts mine = count_batch(c, origin);
    struct fmt_error broken = {0};
    int status = world_all_gather_host(c->world, g->counts, &mine, sizeof mine, &broken);
    for (int r = 0; r < c->world->size && !status; r++) {
        *samples += g->counts[r].samples;
        for (int64_t k = 0; k < g->counts[r].fresh && !status; k++) {
            struct found f = {.image = -1};
            if (r == c->world->rank)
                f = describe(&origin[c->fresh[k]]);
            status = world_all_gather_host(c->world, g->found, &f, sizeof f, &broken);
            if (!status && !*failed)
                *failed = add_found(c, &g->found[r], report, e);
        }
    }
    if (status)
        *e = broken;
    return status;
}

/* ------------------------------------------------------------ a step */

static bool has_unusable(const struct replaced_count *c, const struct sample_origin *const *origins, int n_turns)
{
    for (int turn = 0; turn < n_turns; turn++)
        for (int64_t i = 0; i < c->batch; i++)
            if (origins[turn][i].unusable)
                return true;
    return false;
}

static int count_step(struct replaced_count *c, const struct sample_origin *const *origins, int n_turns,
                      const struct gathered *g, const struct replaced_report *report, struct fmt_error *e)
{
    int64_t n_before = c->all.n_images, samples = 0;
    int status = 0, failed = 0;
    for (int turn = 0; turn < n_turns && !status; turn++)
        status = count_turn(c, origins[turn], g, report, &samples, &failed, e);
    if (!status)
        status = world_agree(c->world, failed, e);
    if (status)
        replaced_images_cut(&c->all, n_before);
    else
        c->all.samples += samples;
    return status;
}

int replaced_count_add(struct replaced_count *c, const struct sample_origin *const *origins, int n_turns,
                       const struct replaced_report *report, struct fmt_error *e)
{
    bool any;
    int status = world_any(c->world, has_unusable(c, origins, n_turns), &any, e);
    if (status || !any)
        return status;
    size_t size = (size_t)c->world->size;
    struct gathered g = {calloc(size, sizeof *g.counts), calloc(size, sizeof *g.found)};
    status = world_agree(c->world, g.counts && g.found ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = count_step(c, origins, n_turns, &g, report, e);
    free(g.counts);
    free(g.found);
    return status;
}
