/* step-batch.c - a batch cut into micro-batches. Global crops of images [first, first + m) are two ranges of the
 * batch's crops, local ones n_local ranges; where the batch is one micro-batch, nothing is cut. */
#include <string.h>

#include "step-internal.h"

/* ---- the batch ---- */

static int64_t count_masked(struct step *s, const uint8_t *masks)
{
    int64_t n = 0, crops = s->sizes.crops[GLOBAL], N = s->sizes.N;
    for (int64_t crop = 0; crop < crops; crop++) {
        s->patch_start[crop] = n;
        for (int64_t i = 0; masks && i < N; i++)
            n += masks[crop * N + i] != 0;
    }
    s->patch_start[crops] = n;
    return n;
}

static int check_batch(struct step *s, const struct step_batch *batch, struct fmt_error *e)
{
    const struct step_sizes *sizes = &s->sizes;
    if (batch->B != sizes->B)
        return fmt_fail(e, FMT_MISMATCH, "batch: %s, the settings say %lld", FMT_COUNT(batch->B, "image", "images"),
                        (long long)sizes->B);
    if (batch->masks && batch->N != sizes->N)
        return fmt_fail(e, FMT_MISMATCH, "batch: masks of %lld patches, a global crop has %lld", (long long)batch->N,
                        (long long)sizes->N);
    bool bytes = batch->global_u8 && (batch->local_u8 || sizes->n_local == 0);
    bool floats = batch->global_f32 && (batch->local_f32 || sizes->n_local == 0);
    if (bytes == floats)
        return fmt_fail(e, FMT_INVALID, "batch: crops must be given once, as bytes or as numbers");
    return 0;
}

int batches_begin(struct step *s, const struct step_batch *batches, struct fmt_error *e)
{
    int status = 0;
    s->batches = batches;
    for (int turn = 0; turn < s->world->turns && !status; turn++) {
        if ((status = check_batch(s, &batches[turn], e)))
            return status;
        turn_begin(s, turn);
        int64_t n = s->patch_start[s->sizes.crops[GLOBAL]];
        if (n > s->sizes.masked_max)
            status = fmt_fail(e, FMT_LIMIT, "batch: %s, ibot.mask_* allow %lld",
                              FMT_COUNT(n, "masked patch", "masked patches"), (long long)s->sizes.masked_max);
        loss_batch(s, &s->head[0])->rows[LOSS_DINO] = s->sizes.crops[GLOBAL];
        loss_batch(s, &s->head[0])->rows[LOSS_IBOT] = 0;
        loss_batch(s, ibot_head(s))->rows[LOSS_IBOT] = n;
    }
    return status;
}

void turn_begin(struct step *s, int turn)
{
    s->turn = turn;
    s->batch = op_planning(&s->c) ? s->batches : &s->batches[turn];
    if (!op_planning(&s->c))
        count_masked(s, s->ibot_weight > 0 ? s->batch->masks : NULL);
}

int64_t crop_masked(const struct step *s, int64_t crop)
{
    return s->patch_start[crop + 1] - s->patch_start[crop];
}

int64_t batch_crop(const struct step *s, const struct micro *micro, int64_t crop)
{
    return crop / micro->m * s->sizes.B + micro->first + crop % micro->m;
}

struct patch_ranges micro_patch_ranges(const struct step *s, const struct micro *micro)
{
    struct patch_ranges r;
    for (int c = 0; c < 2; c++) {
        int64_t crop = c * s->sizes.B + micro->first;
        r.first[c] = s->patch_start[crop];
        r.n[c] = s->patch_start[crop + micro->m] - r.first[c];
    }
    return r;
}

/* ---- drop path ---- */

static struct vit_subset *batch_subset(struct step *s, int64_t block, int branch, int kind)
{
    return &s->batch_drop[(block * BRANCHES + branch) * CROP_KINDS + kind];
}

/* Its start in the memory of all lists. */
static int64_t list_start(const struct step *s, int64_t block, int branch, int kind)
{
    int64_t both = s->sizes.crops[GLOBAL] + s->sizes.crops[LOCAL];
    return (block * BRANCHES + branch) * both + (kind == LOCAL ? s->sizes.crops[GLOBAL] : 0);
}

/* Each rank draws for its own batch. Batches are numbered over all ranks, as in the batch loader. */
static void draw_one(struct step *s, int64_t iteration, int64_t block, int branch, int kind)
{
    struct vit_subset *subset = batch_subset(s, block, branch, kind);
    int64_t *drawn = s->drawn + list_start(s, block, branch, kind), crops = s->sizes.crops[kind];
    double rate = vit_drop_path_rate(s->drop_rate, s->drop_uniform, block, s->student.vit.config.depth);
    *subset = (struct vit_subset){.images = NULL, .scale = 1};
    if (rate > 0 && crops > 0) {
        uint64_t i_batch = (uint64_t)(iteration * world_ranks(s->world) + world_rank(s->world, s->turn)),
                 stream = (uint64_t)((block * BRANCHES + branch) * CROP_KINDS + kind);
        struct rng r = rng_stream(s->seed, i_batch, stream, RNG_DROP_PATH);
        subset->n = vit_drop_path_draw(&r, crops, rate, drawn, &subset->scale);
        subset->images = drawn;
    }
}

void draw_drop_path(struct step *s, int64_t iteration, const struct step_draws *draws)
{
    if (op_planning(&s->c)) /* which has filled the lists */
        return;
    for (int64_t block = 0; block < s->student.vit.config.depth; block++)
        for (int branch = 0; branch < BRANCHES; branch++)
            for (int kind = 0; kind < CROP_KINDS; kind++) {
                if (draws)
                    *batch_subset(s, block, branch, kind) =
                        (struct vit_subset){draws->survivors[block][branch][kind], draws->n_survivors[kind],
                                            (float)((double)s->sizes.crops[kind] / (double)draws->n_survivors[kind])};
                else
                    draw_one(s, iteration, block, branch, kind);
            }
}

/* Those crops of the batch's subset that are in the micro-batch, by their numbers in it. */
static struct vit_subset micro_subset(struct step *s, const struct micro *micro, int64_t block, int branch, int kind)
{
    struct vit_subset r = *batch_subset(s, block, branch, kind);
    int64_t crops = s->sizes.crops[kind], B = s->sizes.B, *list = s->micro_drawn + list_start(s, block, branch, kind);
    if (!r.images)
        return r;
    memset(s->is_drawn, 0, (size_t)crops * sizeof *s->is_drawn);
    for (int64_t i = 0; i < r.n; i++)
        s->is_drawn[r.images[i]] = true;
    r.images = list;
    r.n = 0;
    for (int64_t crop = 0; crop < crops; crop++) {
        int64_t image = crop % B - micro->first;
        if (s->is_drawn[crop] && image >= 0 && image < micro->m)
            list[r.n++] = crop / B * micro->m + image;
    }
    return r;
}

const struct vit_drop_path *micro_drop_path(struct step *s, const struct micro *micro)
{
    if (s->drop_rate <= 0)
        return NULL;
    for (int64_t block = 0; block < s->student.vit.config.depth; block++)
        for (int kind = 0; kind < CROP_KINDS; kind++) {
            s->micro_drop[block].attn[kind] = micro_subset(s, micro, block, ATTN, kind);
            s->micro_drop[block].ffn[kind] = micro_subset(s, micro, block, FFN, kind);
        }
    return s->micro_drop;
}

/* ---- crops ---- */

/* The micro-batch's part of n_ranges ranges of B items, each of `dims`: in the work arena, or the batch itself. */
static struct tensor take_items(struct step *s, const struct micro *micro, enum dtype dtype, const void *batch,
                                int64_t n_ranges, int n_dims, const int64_t *dims)
{
    int64_t shape[TENSOR_DIMS_MAX] = {n_ranges * micro->m};
    size_t item_bytes = dtype_bytes(dtype);
    for (int i = 0; i < n_dims; i++) {
        shape[1 + i] = dims[i];
        item_bytes *= (size_t)dims[i];
    }
    if (micro->m == s->sizes.B)
        return op_borrow(&s->c, &s->work, dtype, batch, 1 + n_dims, shape);
    struct tensor items = device_arena_take(&s->work, dtype, 1 + n_dims, shape);
    for (int64_t run = 0; run < n_ranges && !op_planning(&s->c); run++)
        op_copy_in(&s->c, tensor_rows(items, run * micro->m, micro->m),
                   (const uint8_t *)batch + (size_t)(run * s->sizes.B + micro->first) * item_bytes);
    return items;
}

void micro_begin(struct step *s, int64_t i, struct micro *micro)
{
    const struct step_batch *b = s->batch;
    const struct step_sizes *sizes = &s->sizes;
    int64_t first = i * sizes->m, left = sizes->B - first;
    *micro = (struct micro){.first = first, .m = left < sizes->m ? left : sizes->m};
    for (int kind = 0; kind < CROP_KINDS; kind++) {
        int64_t side = sizes->side[kind], n_ranges = sizes->crops[kind] / sizes->B;
        const uint8_t *u8 = kind == GLOBAL ? b->global_u8 : b->local_u8;
        const float *f32 = kind == GLOBAL ? b->global_f32 : b->local_f32;
        struct vit_input *in = &micro->input[kind];
        *in = (struct vit_input){.B = n_ranges * micro->m, .H = side, .W = side};
        if (f32)
            in->values = take_items(s, micro, DTYPE_F32, f32, n_ranges, 3, (const int64_t[]){3, side, side});
        else
            in->pixels = take_items(s, micro, DTYPE_U8, u8, n_ranges, 3, (const int64_t[]){side, side, 3});
    }
    if (b->masks) /* the student sees masked crops whether iBOT counts or not */
        micro->input[GLOBAL].masks = take_items(s, micro, DTYPE_U8, b->masks, 2, 1, &sizes->N);
    struct patch_ranges ranges = micro_patch_ranges(s, micro);
    micro->n_patches = ranges.n[0] + ranges.n[1];
}

struct vit_request micro_request(const struct step *s, const struct step_network *network, const struct micro *micro,
                                 int n_inputs)
{
    struct vit_request r = {.n_inputs = n_inputs, .pixel_norm = s->batch->pixel_norm, .precision = network->precision,
                            .feed = sharding_feed(s, network)};
    for (int i = 0; i < n_inputs; i++)
        r.inputs[i] = micro->input[i];
    return r;
}

/* ---- rows ---- */

int64_t *rows_cls(const struct vit_activations *act, int input, int64_t *rows)
{
    for (int64_t i = 0; i < act->request.inputs[input].B; i++)
        *rows++ = vit_row(act, input, i, 0);
    return rows;
}

int64_t *rows_patches(const struct step *s, const struct micro *micro, const struct vit_activations *act,
                      int64_t *rows)
{
    int64_t N = s->sizes.N, R = act->n_tokens[GLOBAL] - 1 - N;
    for (int64_t crop = 0; micro->n_patches > 0 && crop < micro->input[GLOBAL].B; crop++) {
        const uint8_t *mask = s->batch->masks + batch_crop(s, micro, crop) * N;
        for (int64_t i = 0; i < N; i++)
            if (mask[i])
                *rows++ = vit_row(act, GLOBAL, crop, 1 + R + i);
    }
    return rows;
}

struct tensor gather_rows(struct step *s, const struct vit_activations *act, const int64_t *list, int64_t T,
                          struct tensor *rows)
{
    *rows = TENSOR_TAKE(&s->heads, DTYPE_I64, T);
    struct tensor x = TENSOR_TAKE(&s->heads, DTYPE_F32, T, act->normed.dims[1]);
    op_copy_in(&s->c, *rows, list);
    op_gather_rows(&s->c, x, act->normed, *rows);
    return x;
}

void micro_to_batch(struct step *s, const struct micro *micro, struct tensor batch, struct tensor part)
{
    for (int64_t c = 0; c < 2; c++)
        op_copy(&s->c, tensor_rows(batch, c * s->sizes.B + micro->first, micro->m),
                tensor_rows(part, c * micro->m, micro->m));
}
