/* vit-pack.c - see vit-pack.h and op_pack. */
#include "vit-pack.h"

struct packing {
    struct op_ctx *c;
    struct device_arena *arena;
    bool in_place; /* float32 */
};

/* The weight w [N,K] in its own memory. */
static struct tensor pack_in_place(const struct packing *p, struct tensor w)
{
    size_t mark = p->c->scratch->used;
    struct tensor copy = device_arena_take(p->c->scratch, w.dtype, w.n_dims, w.dims);
    struct tensor packed = tensor_packed(w, DTYPE_F32, w.dims[0], w.dims[1]);
    op_copy(p->c, copy, w);
    op_pack(p->c, packed, copy);
    p->c->scratch->used = mark;
    return packed;
}

/* smoothing [K]: host memory, of I8; else NULL */
static struct tensor pack(const struct packing *p, struct tensor w, enum dtype dtype, const float *smoothing)
{
    int64_t N = w.dims[0], K = w.dims[1];
    size_t bytes = p->c->backend->packed_bytes(dtype, N, K);
    if (bytes == 0)
        return TENSOR_NONE;
    if (p->in_place)
        return pack_in_place(p, w);
    struct tensor packed = tensor_packed(TENSOR_TAKE(p->arena, DTYPE_U8, (int64_t)bytes), dtype, N, K);
    if (dtype == DTYPE_I8)
        vit_quantize_weight(p->c, packed, w, smoothing);
    else
        op_pack(p->c, packed, w);
    return packed;
}

static struct tensor pack_patch(const struct packing *p, const struct vit *v, const struct params_array *values)
{
    struct tensor patch = params_tensor(values, v->patch_w);
    return pack(p, TENSOR_SHAPED(patch, v->config.C, tensor_elements(patch) / v->config.C), DTYPE_F32, NULL);
}

struct tensor vit_pack_patch(struct op_ctx *c, const struct vit *v, const struct params_array *values,
                             struct device_arena *arena)
{
    return pack_patch(&(struct packing){c, arena, false}, v, values);
}

void vit_pack(struct op_ctx *c, const struct vit *v, const struct params_array *values, enum precision precision,
              const struct vit_quantization *quantization, struct device_arena *arena, struct vit_packed *packed)
{
    const struct packing p = {c, arena, precision == PRECISION_F32};
    *packed = (struct vit_packed){.patch = pack_patch(&p, v, values)};
    for (int64_t i = 0; i < v->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++) {
            const struct vit_quantized_product *q = quantization ? &quantization->product[i][k] : NULL;
            bool int8 = q && vit_is_quantized(q);
            int row = vit_product_row(v, i, (enum vit_product)k);
            packed->block[i][k] = row < 0 ? TENSOR_NONE
                                          : pack(&p, params_tensor(values, row),
                                                 int8 ? DTYPE_I8 : precision_activations(precision),
                                                 int8 ? q->smoothing : NULL);
        }
}

void packed_weights_release(struct packed_weights *packed)
{
    vit_quantization_release(&packed->quantization);
    device_arena_release(&packed->memory);
}
