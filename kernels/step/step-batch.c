/* step-batch.c - a batch cut into micro-batches. Global crops of images [first, first + m) are two runs of the batch's
 * crops, local ones n_local runs; one micro-batch is the batch itself and copies nothing. */
#include <string.h>

#include "step-internal.h"

/* Masked patches before each global crop. */
static int64_t count_masked(struct step *s, const uint8_t *masks)
{
    int64_t n = 0;
    for (int64_t crop = 0; crop < s->z.crops[GLOBAL]; crop++) {
        s->patch_start[crop] = n;
        for (int64_t i = 0; masks && i < s->z.N; i++)
            n += masks[crop * s->z.N + i] != 0;
    }
    s->patch_start[s->z.crops[GLOBAL]] = n;
    return n;
}

int batch_begin(struct step *s, const struct step_batch *batch, struct fmt_error *e)
{
    if (batch->B != s->z.B)
        return fmt_fail(e, FMT_MISMATCH, "batch: %s, the settings say %lld", FMT_COUNT(batch->B, "image", "images"),
                        (long long)s->z.B);
    if (batch->masks && batch->N != s->z.N)
        return fmt_fail(e, FMT_MISMATCH, "batch: masks of %lld patches, a global crop has %lld", (long long)batch->N,
                        (long long)s->z.N);
    bool bytes = batch->global_u8 && (batch->local_u8 || s->z.n_local == 0);
    bool floats = batch->global_f32 && (batch->local_f32 || s->z.n_local == 0);
    if (bytes == floats)
        return fmt_fail(e, FMT_INVALID, "batch: crops must be given once, as bytes or as numbers");
    int64_t n = count_masked(s, s->ibot_weight > 0 ? batch->masks : NULL);
    if (n > s->z.masked_max)
        return fmt_fail(e, FMT_LIMIT, "batch: %s, ibot.mask_* allow %lld",
                        FMT_COUNT(n, "masked patch", "masked patches"), (long long)s->z.masked_max);
    s->batch = batch;
    s->head[0].rows[LOSS_DINO] = s->z.crops[GLOBAL];
    s->head[0].rows[LOSS_IBOT] = 0;
    ibot_head(s)->rows[LOSS_IBOT] = n;
    return 0;
}

int64_t crop_masked(const struct step *s, int64_t crop)
{
    return s->patch_start[crop + 1] - s->patch_start[crop];
}

struct patch_runs micro_patch_runs(const struct step *s, const struct micro *micro)
{
    struct patch_runs r;
    for (int c = 0; c < 2; c++) {
        int64_t crop = c * s->z.B + micro->first;
        r.first[c] = s->patch_start[crop];
        r.n[c] = s->patch_start[crop + micro->m] - r.first[c];
    }
    return r;
}

/* ---- drop path ---- */

static struct vit_subset *whole_of(struct step *s, int64_t block, int branch, int kind)
{
    return &s->whole[(block * BRANCHES + branch) * KINDS + kind];
}

static int64_t kept_room_of(const struct step *s, int64_t block, int branch, int kind)
{
    int64_t both = s->z.crops[GLOBAL] + s->z.crops[LOCAL];
    return (block * BRANCHES + branch) * both + (kind == LOCAL ? s->z.crops[GLOBAL] : 0);
}

/* The number of a stream: as many blocks a rank as there can be. */
static uint64_t drop_path_stream(const struct step *s, int64_t block, int branch, int kind)
{
    return (uint64_t)(((s->world->rank * VIT_DEPTH_MAX + block) * BRANCHES + branch) * KINDS + kind);
}

static void draw_one(struct step *s, int64_t iteration, int64_t block, int branch, int kind)
{
    int64_t *kept = s->kept_room + kept_room_of(s, block, branch, kind);
    struct vit_subset *k = whole_of(s, block, branch, kind);
    double rate = vit_drop_path_rate(s->drop_rate, s->drop_uniform, block, s->vit.config.depth);
    *k = (struct vit_subset){.images = NULL, .scale = 1};
    if (rate > 0 && s->z.crops[kind] > 0) {
        struct rng r =
            rng_stream(s->seed, (uint64_t)iteration, drop_path_stream(s, block, branch, kind), RNG_DROP_PATH);
        k->n = vit_drop_path_draw(&r, s->z.crops[kind], rate, kept, &k->scale);
        k->images = kept;
    }
}

void draw_drop_path(struct step *s, int64_t iteration, const struct step_draws *draws)
{
    for (int64_t block = 0; block < s->vit.config.depth; block++)
        for (int branch = 0; branch < BRANCHES; branch++)
            for (int kind = 0; kind < KINDS; kind++) {
                if (draws)
                    *whole_of(s, block, branch, kind) =
                        (struct vit_subset){draws->survivors[block][branch][kind], draws->n_survivors[kind],
                                          (float)((double)s->z.crops[kind] / (double)draws->n_survivors[kind])};
                else
                    draw_one(s, iteration, block, branch, kind);
            }
}

/* The crops of the micro-batch among those kept, by their place in it. */
static struct vit_subset kept_of_micro(struct step *s, const struct micro *micro, const struct vit_subset *k,
                                       int64_t room,
                                     int kind)
{
    struct vit_subset r = *k;
    if (!k->images)
        return r;
    int64_t *to = s->micro_room + room, crops = s->z.crops[kind], B = s->z.B;
    memset(s->kept_mark, 0, (size_t)crops * sizeof *s->kept_mark);
    for (int64_t i = 0; i < k->n; i++)
        s->kept_mark[k->images[i]] = true;
    r.images = to;
    r.n = 0;
    for (int64_t crop = 0; crop < crops; crop++) {
        int64_t image = crop % B - micro->first;
        if (s->kept_mark[crop] && image >= 0 && image < micro->m)
            to[r.n++] = crop / B * micro->m + image;
    }
    return r;
}

const struct vit_drop_path *micro_drop(struct step *s, const struct micro *micro)
{
    if (s->drop_rate <= 0)
        return NULL;
    for (int64_t block = 0; block < s->vit.config.depth; block++)
        for (int kind = 0; kind < KINDS; kind++) {
            struct vit_subset *attn = whole_of(s, block, ATTN, kind), *ffn = whole_of(s, block, FFN, kind);
            s->drop[block].attn[kind] = kept_of_micro(s, micro, attn, kept_room_of(s, block, ATTN, kind), kind);
            s->drop[block].ffn[kind] = kept_of_micro(s, micro, ffn, kept_room_of(s, block, FFN, kind), kind);
        }
    return s->drop;
}

/* ---- crops ---- */

/* Elements from `bytes_each`-byte crops of the batch: n_runs runs of B crops, of each the micro-batch's part. */
static const void *gather_crops(struct step *s, const struct micro *micro, const void *from, int64_t n_runs,
                                int64_t crop_bytes)
{
    if (micro->m == s->z.B)
        return from;
    uint8_t *to = HOST_TAKE(&s->work, uint8_t, n_runs * micro->m * crop_bytes);
    for (int64_t run = 0; run < n_runs && to && from; run++)
        memcpy(to + run * micro->m * crop_bytes, (const uint8_t *)from + (run * s->z.B + micro->first) * crop_bytes,
               (size_t)(micro->m * crop_bytes));
    return to;
}

void micro_begin(struct step *s, int64_t i, struct micro *micro)
{
    const struct step_batch *b = s->batch;
    int64_t first = i * s->z.m, left = s->z.B - first;
    *micro = (struct micro){.first = first, .m = left < s->z.m ? left : s->z.m};
    for (int kind = 0; kind < KINDS; kind++) {
        int64_t side = s->z.side[kind], n_runs = s->z.crops[kind] / s->z.B, values = 3 * side * side;
        const uint8_t *u8 = kind == GLOBAL ? b->global_u8 : b->local_u8;
        const float *f32 = kind == GLOBAL ? b->global_f32 : b->local_f32;
        struct vit_input *in = &micro->input[kind];
        *in = (struct vit_input){.B = n_runs * micro->m, .H = side, .W = side};
        if (f32)
            in->values = gather_crops(s, micro, f32, n_runs, values * (int64_t)sizeof(float));
        else
            in->pixels = gather_crops(s, micro, u8, n_runs, values);
    }
    if (b->masks) /* the student sees masked crops whether iBOT counts or not */
        micro->input[GLOBAL].masks = gather_crops(s, micro, b->masks, 2, s->z.N);
    struct patch_runs runs = micro_patch_runs(s, micro);
    micro->n_patches = runs.n[0] + runs.n[1];
}

/* ---- rows of a pass ---- */

int64_t *rows_cls(const struct vit_activations *pass, int input, int64_t *rows)
{
    for (int64_t i = 0; i < pass->request.inputs[input].B; i++)
        *rows++ = vit_row(pass, input, i, 0);
    return rows;
}

int64_t *rows_patches(const struct step *s, const struct micro *micro, const struct vit_activations *pass,
                      int64_t *rows)
{
    const uint8_t *masks = micro->input[GLOBAL].masks;
    for (int64_t crop = 0; micro->n_patches > 0 && crop < micro->input[GLOBAL].B; crop++)
        for (int64_t i = 0; i < s->z.N; i++)
            if (masks[crop * s->z.N + i])
                *rows++ = vit_row(pass, 0, crop, 1 + s->vit.config.R + i);
    return rows;
}
