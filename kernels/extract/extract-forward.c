/* extract-forward.c - forward pass over a batch of images of one size. Pixels are copied to the device, and the tokens
 * of the rows are copied back at once. The arenas are planned by running the same code without memory, again only when
 * the size of the images changes. */
#include <stdlib.h>
#include <string.h>

#include "extract-internal.h"

/* ------------------------------------------------------------------ input */
static struct vit_request make_request(const struct extract *x, const struct extract_input_size *size)
{
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = size->n, .H = size->net_h, .W = size->net_w}},
                            .pixel_norm = x->model.pixel_norm, .precision = x->model.precision,
                            .packed = x->model.packed, .observer = x->model.observer};
    for (int64_t i = 0; i + 1 < x->model.vit->config.depth; i++)
        r.return_layer[i] = x->settings.layers >> i & 1;
    return r;
}

/* Copies the pixels of the slots, or their normalised and padded values; slot NULL: planning. */
static void copy_in_images(struct op_ctx *c, struct device_arena *a, const struct extract_input_size *size,
                           const struct extract_slot *slot, struct vit_input *to)
{
    int64_t n = size->n, H = size->net_h, W = size->net_w;
    struct tensor images = size->padded ? TENSOR_TAKE(a, DTYPE_F32, n, 3, H, W) : TENSOR_TAKE(a, DTYPE_U8, n, H, W, 3);
    for (int64_t i = 0; i < n && slot; i++)
        op_copy_in(c, tensor_rows(images, i, 1), size->padded ? slot[i].input.values.p : slot[i].input.canvas.p);
    *(size->padded ? &to->values : &to->pixels) = images;
}

/* ------------------------------------------------------------------ output
 * Allocated in the scratch of the operations, which is larger and free after the forward pass. */

/* Indices of the tokens that rows are made from, image after image [n * tokens.n]; host NULL: planning. */
static struct tensor copy_in_token_rows(struct op_ctx *c, const struct vit_activations *act, int64_t n,
                                        struct extract_tokens tokens, int64_t *host)
{
    struct tensor rows = TENSOR_TAKE(c->scratch, DTYPE_I64, n * tokens.n);
    for (int64_t i = 0; i < n * tokens.n && host; i++)
        host[i] = vit_row(act, 0, i / tokens.n, tokens.first + i % tokens.n);
    op_copy_in(c, rows, host);
    return rows;
}

/* y = these rows of the tokens of a block, normalised as the settings say. */
static void gather_layer(const struct extract *x, struct op_ctx *c, const struct vit_activations *act, int64_t layer,
                         struct tensor rows, struct tensor y)
{
    const struct extract_model *m = &x->model;
    int64_t C = m->vit->config.C;
    size_t mark = c->scratch->used;
    bool last = layer == m->vit->config.depth - 1;
    struct tensor tokens = !last ? act->layers[layer] : x->settings.no_norm ? act->prenorm : act->normed;
    if (!last && !x->settings.no_norm) {
        tokens = TENSOR_TAKE(c->scratch, DTYPE_F32, act->T, C);
        vit_final_norm(c, m->vit, m->values, tokens, act->layers[layer]);
    }
    op_gather_rows(c, y, tokens, rows);
    c->scratch->used = mark;
}

/* The head's output [n,K] for class tokens [n,C]. */
static struct tensor head_logits(const struct extract *x, struct op_ctx *c, struct device_arena *a, struct tensor cls)
{
    const struct extract_model *m = &x->model;
    struct head_activations act;
    struct tensor logits = TENSOR_TAKE(a, DTYPE_F32, cls.dims[0], m->head->config.n_prototypes);
    head_forward(c, m->head, m->values, cls, false, a, &act);
    struct prototype_layer layer = head_prototypes(m->head, m->values, act.z);
    op_prototype_fwd(c, logits, &layer);
    return logits;
}

/* [n_layers, n * tokens.n, C] of the requested blocks; for the head [1, n, K]. */
static struct tensor gather_tokens(const struct extract *x, struct op_ctx *c, struct device_arena *a,
                                   const struct vit_activations *act, struct tensor rows)
{
    int64_t C = x->model.vit->config.C, n_rows = rows.dims[0], l = 0;
    struct tensor gathered = TENSOR_TAKE(c->scratch, DTYPE_F32, x->n_layers, n_rows, C);
    for (int64_t i = 0; i < x->model.vit->config.depth; i++)
        if (x->settings.layers >> i & 1)
            gather_layer(x, c, act, i, rows, TENSOR_SHAPED(tensor_rows(gathered, l++, 1), n_rows, C));
    if (!x->model.head)
        return gathered;
    struct tensor logits = head_logits(x, c, a, TENSOR_SHAPED(gathered, n_rows, C));
    return TENSOR_SHAPED(logits, 1, n_rows, logits.dims[1]);
}

/* ------------------------------------------------------------------ the pass */
/* From pixels to *out, which is valid until the scratch is used again. slot NULL: planning, with arenas that only count
 * bytes. */
static int run_network(const struct extract *x, struct extract_context *ctx, struct extract_memory *m,
                       const struct extract_input_size *size, const struct extract_slot *slot, struct tensor *out,
                       struct fmt_error *e)
{
    struct op_ctx c = {.backend = ctx->c.backend, .pool = ctx->c.pool, .scratch = &m->scratch};
    const struct vit_memory memory = {&m->activations, &m->host};
    struct vit_request r = make_request(x, size);
    int64_t patch = x->model.vit->config.patch;
    struct extract_tokens tokens = extract_tokens(x, size->net_h / patch * (size->net_w / patch));
    copy_in_images(&c, &m->activations, size, slot, &r.inputs[0]);
    int status = vit_forward(&c, x->model.vit, x->model.values, &r, &memory, &ctx->act, e);
    if (!status && slot)
        status = extract_buffer_reserve(&ctx->token_rows, (size_t)(size->n * tokens.n) * sizeof(int64_t), e);
    if (status)
        return status;
    struct tensor rows = copy_in_token_rows(&c, &ctx->act, size->n, tokens, slot ? ctx->token_rows.p : NULL);
    *out = gather_tokens(x, &c, &m->activations, &ctx->act, rows);
    return op_sync(&c, e);
}

/* Sets `high` of the arenas in *m to the memory that a pass needs. */
static int plan(const struct extract *x, struct extract_context *ctx, const struct extract_input_size *size,
                struct extract_memory *m, struct fmt_error *e)
{
    struct tensor out;
    *m = (struct extract_memory){.host = {0}};
    return run_network(x, ctx, m, size, NULL, &out, e);
}

/* Makes the arena hold at least this many bytes. */
static int reserve_device(struct device_arena *a, const struct backend *backend, size_t bytes, struct fmt_error *e)
{
    if (a->base.at && bytes <= a->size)
        return 0;
    device_arena_release(a);
    return device_arena_init(a, backend, bytes, e);
}

static int reserve_host(struct arena *a, size_t bytes, struct fmt_error *e)
{
    if (a->base && bytes <= a->size)
        return 0;
    arena_release(a);
    return arena_init(a, bytes, e);
}

static bool same_size(const struct extract_input_size *a, const struct extract_input_size *b)
{
    return a->n == b->n && a->net_h == b->net_h && a->net_w == b->net_w && a->padded == b->padded;
}

static int reserve_memory(const struct extract *x, struct extract_context *ctx, const struct extract_input_size *size,
                          struct fmt_error *e)
{
    struct extract_memory *m = &ctx->memory, planned;
    m->activations.used = m->scratch.used = m->host.used = 0;
    if (same_size(&ctx->planned, size))
        return 0;
    ctx->planned = (struct extract_input_size){0};
    int status = plan(x, ctx, size, &planned, e);
    if (!status)
        status = reserve_device(&m->activations, ctx->c.backend, planned.activations.high, e);
    if (!status)
        status = reserve_device(&m->scratch, ctx->c.backend, planned.scratch.high, e);
    if (!status)
        status = reserve_host(&m->host, planned.host.high, e);
    if (!status)
        ctx->planned = *size;
    return status;
}

static struct extract_input_size size_of(const struct extract_slot *slot, int n)
{
    const struct extract_geometry *g = &slot->input.geometry;
    return (struct extract_input_size){n, g->net_h, g->net_w, slot->input.padded};
}

bool extract_same_size(const struct extract_slot *a, const struct extract_slot *b)
{
    struct extract_input_size x = size_of(a, 1), y = size_of(b, 1);
    return same_size(&x, &y);
}

int extract_forward(const struct extract *x, struct extract_context *ctx, struct extract_slot *slot, int n,
                    struct fmt_error *e)
{
    struct extract_input_size size = size_of(slot, n);
    struct tensor out;
    int status = reserve_memory(x, ctx, &size, e);
    for (int i = 0; i < n && !status; i++)
        status = extract_reserve_row(x, &slot[i].input.geometry, &slot[i].row, e);
    if (!status)
        status = run_network(x, ctx, &ctx->memory, &size, slot, &out, e);
    if (!status)
        status = extract_buffer_reserve(&ctx->tokens, (size_t)tensor_elements(out) * sizeof(float), e);
    if (status)
        return status;
    op_copy_out(&ctx->c, ctx->tokens.p, out);
    status = op_sync(&ctx->c, e);
    int64_t of_layer = out.dims[1] * out.dims[2];
    for (int i = 0; i < n && !status; i++)
        extract_make_row(x, (const float *)ctx->tokens.p + i * (of_layer / n), of_layer, ctx->sum, &slot[i].row);
    return status;
}

int extract_forward_bytes(const struct extract *x, struct extract_context *ctx, struct extract_input_size size,
                          size_t *bytes, struct fmt_error *e)
{
    struct extract_memory planned;
    int status = plan(x, ctx, &size, &planned, e);
    *bytes = planned.activations.high + planned.scratch.high;
    return status;
}
