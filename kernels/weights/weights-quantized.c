/* weights-quantized.c - see weights-quantized.h. The file is read once, in pieces (weights-load.c), and packed
 * meanwhile (weights-packing.c). */
#include "weights-quantized.h"

#include "weights-internal.h"

static bool is_product_row(const struct param *row)
{
    return weights_is_product(row->name);
}

int64_t weights_put_products_last(struct params *t)
{
    return params_put_last(t, is_product_row);
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
