/* weights-quantized.c - the tensors of products in int8, and how they become packed weights (weights-quantized.h).
 *
 * The file is read once, in pieces (weights-load.c). Those of a product are gathered in scratch, where it is packed as
 * soon as it is whole, so that nothing large is held twice. */
#include "weights-quantized.h"

#include <stdio.h>
#include <string.h>

#include "num.h"
#include "text.h"
#include "weights-internal.h"

/* ------------------------------------------------------------------ names */
bool weights_is_product(const char *name)
{
    static const char *const layers[] = {"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight",
                                         "mlp.fc2.weight",  "mlp.w12.weight",   "mlp.w3.weight"};
    const char *bare = text_after(name, "backbone."), *layer = bare ? weight_names_after_block(bare) : NULL;
    for (size_t i = 0; layer && i < sizeof layers / sizeof *layers; i++)
        if (strcmp(layer, layers[i]) == 0)
            return true;
    return false;
}

bool weights_part_name(const char *product, enum weights_part part, char out[PARAMS_NAME_MAX])
{
    static const char *const endings[WEIGHTS_PARTS] = {"weight", "weight_scale", "smoothing"};
    int stem = (int)(strlen(product) - strlen(endings[0]));
    return snprintf(out, PARAMS_NAME_MAX, "%.*s%s", stem, product, endings[part]) < PARAMS_NAME_MAX;
}

const struct weights_tensor *weights_part(const struct weights *w, const char *row, enum weights_part part)
{
    char name[PARAMS_NAME_MAX];
    const struct weights_tensor *values = weights_find(w, row);
    if (part == WEIGHTS_PART_VALUES || !values)
        return values;
    bool int8 = w->quantized && values->part[0]->dtype == DTYPE_I8 && weights_is_product(row);
    return int8 && weights_part_name(row, part, name) ? weights_find(w, name) : NULL;
}

static bool is_product_row(const struct param *row)
{
    return weights_is_product(row->name);
}

int64_t weights_put_products_last(struct params *t)
{
    return params_put_last(t, is_product_row);
}

/* ------------------------------------------------------------------ packing */
struct weights_packing {
    struct op_ctx *c;
    const struct vit *vit;
    const struct params *table;
    struct packed_weights *packed;
    struct tensor part[WEIGHTS_PARTS]; /* of the product that is read, in scratch, each [elements] */
    size_t mark;
};

void weights_packing_begin(struct weights_packing *p, const struct param *row, enum dtype dtype)
{
    struct device_arena *scratch = p->c->scratch;
    p->mark = scratch->used;
    p->part[WEIGHTS_PART_VALUES] = TENSOR_TAKE(scratch, dtype == DTYPE_I8 ? DTYPE_I8 : DTYPE_F32, row->count);
    p->part[WEIGHTS_PART_SCALE] = TENSOR_TAKE(scratch, DTYPE_F32, row->dims[0]);
    p->part[WEIGHTS_PART_SMOOTHING] = TENSOR_TAKE(scratch, DTYPE_F32, row->dims[1]);
}

void weights_packing_add(struct weights_packing *p, enum weights_part part, int64_t first, int64_t n, const void *from)
{
    op_copy_in(p->c, tensor_rows(p->part[part], first, n), from);
}

/* Where the packed weight of a row belongs. */
static struct tensor *find_place(const struct weights_packing *p, const struct param *row)
{
    for (int64_t i = 0; i < p->vit->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            if (vit_product_row(p->vit, i, (enum vit_product)k) == row - p->table->rows)
                return &p->packed->weights.block[i][k];
    return NULL;
}

void weights_packing_end(struct weights_packing *p, const struct param *row, enum dtype dtype)
{
    struct tensor *place = find_place(p, row);
    int64_t N = row->dims[0], K = row->dims[1], bytes = (int64_t)p->c->backend->packed_bytes(dtype, N, K);
    struct tensor values = TENSOR_SHAPED(p->part[WEIGHTS_PART_VALUES], N, K);
    *place = tensor_packed(TENSOR_TAKE(&p->packed->memory, DTYPE_U8, bytes), dtype, N, K);
    if (dtype == DTYPE_I8)
        op_pack_int8(p->c, *place, values, p->part[WEIGHTS_PART_SCALE], p->part[WEIGHTS_PART_SMOOTHING]);
    else
        op_pack(p->c, *place, values);
    p->c->scratch->used = p->mark;
}

/* Counts the memory of packed weights, and scratch. */
static void plan(struct weights_packing *p, const struct weights *w, const struct params_array *values)
{
    vit_pack_patch(p->c, p->vit, values, &p->packed->memory);
    for (int i = 0; i < p->table->n_rows; i++) {
        const struct param *row = &p->table->rows[i];
        if (!weights_is_product(row->name))
            continue;
        enum dtype dtype = weights_find(w, row->name)->part[0]->dtype;
        weights_packing_begin(p, row, dtype);
        weights_packing_end(p, row, dtype);
    }
}

/* In the memory that was planned. */
static int load(struct weights_packing *p, struct weights *w, const struct params_array *values, unsigned modules,
                uint8_t hash[DIGEST_BYTES], struct fmt_error *e)
{
    struct digest digest;
    digest_init(&digest);
    int status = weights_load_rows(w, p->c, values, modules, p, &digest, e);
    digest_end(&digest, hash);
    if (status)
        return status;
    p->packed->weights.patch = vit_pack_patch(p->c, p->vit, values, &p->packed->memory);
    status = op_sync(p->c, e);
    return status ? status
                  : vit_quantization_of_packed(&p->packed->quantization, p->vit, values, &p->packed->weights, e);
}

int weights_load_quantized(struct weights *w, const struct device *device, const struct vit *v,
                           const struct params_array *values, unsigned modules, struct packed_weights *packed,
                           uint8_t hash[DIGEST_BYTES], struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    struct weights_packing p = {.c = &c, .vit = v, .table = values->table, .packed = packed};
    *packed = (struct packed_weights){.memory = {0}};
    int status = weights_check_stored(w, values->table, modules, e);
    if (status)
        return status;
    plan(&p, w, values);
    status = op_sync(&c, e);
    if (!status)
        status = device_arena_init(&scratch, c.backend, scratch.high, e);
    if (!status)
        status = device_arena_init(&packed->memory, c.backend, packed->memory.high, e);
    if (!status)
        status = load(&p, w, values, modules, hash, e);
    device_arena_release(&scratch);
    if (status)
        packed_weights_release(packed);
    return status;
}
