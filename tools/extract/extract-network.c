/* extract-network.c - see extract-network.h. */
#include "extract-network.h"

#include "weights-origin.h"
#include "weights-quantized.h"

static int make_table(struct extract_network *n, const struct weights *w, struct fmt_error *e)
{
    int status = vit_params(&n->vit, &w->vit, &n->table, e);
    if (!status && n->with_head)
        status = head_params(&n->head, &w->dino_head, HEAD_DINO, (int)w->vit.depth + 1, &n->table, e);
    if (status)
        fmt_prefix(e, w->path);
    return status;
}

/* Memory for the first `count` elements of the table, and a scratch of nothing, which copies need. */
static int reserve_values(struct params_array *values, struct device_arena *memory, const struct params *table,
                          int64_t count, struct op_ctx *c, struct fmt_error *e)
{
    if (params_array_reserve(values, memory, c->backend, table, DTYPE_F32, count, NULL) ||
        device_arena_init(c->scratch, c->backend, 0, NULL))
        return fmt_fail(e, FMT_MEMORY, "out of memory for the weights");
    return 0;
}

/* Meanwhile the device prepares its first products. */
static int read_values(struct extract_network *n, struct weights *w, const struct device *device, struct op_ctx *c,
                       struct fmt_error *e)
{
    struct thread_task prepare;
    unsigned modules = WEIGHTS_BACKBONE | (n->with_head ? WEIGHTS_DINO_HEAD : 0);
    int64_t count = n->quantized ? weights_put_products_last(&n->table) : n->table.count;
    int status = reserve_values(&n->values, &n->memory, &n->table, count, c, e);
    if (status)
        return status;
    device_prepare_start(device, &prepare);
    status = n->quantized ? weights_load_quantized(w, device, &n->vit, &n->values, modules, &n->packed, n->hash, e)
                          : weights_load_hashed(w, c, &n->values, modules, n->hash, e);
    thread_task_wait(&prepare);
    return status;
}

int extract_network_load(struct extract_network *n, struct weights *w, const struct device *device,
                         struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    n->quantized = w->quantized;
    n->pixel_norm = w->pixel_norm;
    weights_network_text(&w->vit, n->text);
    int status = make_table(n, w, e);
    if (!status)
        status = read_values(n, w, device, &c, e);
    device_arena_release(&scratch);
    return status;
}

/* Whether w names the weights of this hash as what it was made from. */
static int check_origin(const struct weights *w, const struct weights *exact, const uint8_t hash[DIGEST_BYTES],
                        struct fmt_error *e)
{
    char hex[DIGEST_HEX];
    struct weights_origin origin;
    digest_hex(hash, hex);
    int status = weights_origin_read(&origin, &w->file, e);
    if (status)
        return status;
    if (!weights_origin_names(&origin, hex))
        status = fmt_fail(e, FMT_MISMATCH, "%s: not the weights that %s was made from", exact->path, w->path);
    weights_origin_release(&origin);
    return status;
}

int extract_network_load_reference(struct extract_network *n, struct weights *exact, const struct weights *w,
                                   const struct device *device, struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    uint8_t hash[DIGEST_BYTES];
    int status = reserve_values(&n->reference, &n->reference_memory, &n->table, n->table.count, &c, e);
    if (!status)
        status = weights_load_hashed(exact, &c, &n->reference, WEIGHTS_BACKBONE, hash, e);
    if (!status)
        status = check_origin(w, exact, hash, e);
    device_arena_release(&scratch);
    return status;
}

int extract_network_pack(struct extract_network *n, const struct device *device, struct fmt_error *e)
{
    int status = 0;
    if (!n->quantized)
        status = extract_pack_weights(device, &n->vit, &n->values, n->precision, NULL, &n->packed, e);
    if (!status && n->precision == PRECISION_INT8)
        vit_quantization_text(&n->packed.quantization, n->products);
    return status;
}

struct extract_model extract_network_model(const struct extract_network *n)
{
    return (struct extract_model){.vit = &n->vit, .values = &n->values, .precision = n->precision,
                                  .packed = &n->packed.weights,
                                  .reference = n->reference_memory.size > 0 ? &n->reference : NULL,
                                  .head = n->with_head ? &n->head : NULL, .pixel_norm = n->pixel_norm};
}

void extract_network_release(struct extract_network *n)
{
    params_release(&n->table);
    device_arena_release(&n->memory);
    device_arena_release(&n->reference_memory);
    packed_weights_release(&n->packed);
}
