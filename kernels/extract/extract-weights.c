/* extract-weights.c - weights as forward passes take them: quantised, and in the device's own order. */
#include "extract.h"

/* Fits int8 to the picture of noise (vit-quantize.h). */
static int quantize(struct op_ctx *c, struct vit_quantization *q, struct fmt_error *e)
{
    struct device_arena activations = {0};
    struct arena host = {0};
    const struct vit_memory memory = {&activations, &host};
    int status = vit_quantize(c, q, &memory, e); /* planning */
    if (!status)
        status = device_arena_init(c->scratch, c->backend, c->scratch->high, e);
    if (!status)
        status = device_arena_init(&activations, c->backend, activations.high, e);
    if (!status)
        status = arena_init(&host, host.high, e);
    if (!status)
        status = vit_quantize(c, q, &memory, e);
    device_arena_release(c->scratch);
    device_arena_release(&activations);
    arena_release(&host);
    return status;
}

static int pack(struct op_ctx *c, const struct vit *vit, const struct params_array *values, enum precision precision,
                const struct vit_quantization *q, struct extract_packed *packed, struct fmt_error *e)
{
    vit_pack(c, vit, values, precision, q, &packed->memory, &packed->weights); /* planning */
    int status = op_sync(c, e);
    if (!status)
        status = device_arena_init(c->scratch, c->backend, c->scratch->high, e);
    if (!status)
        status = device_arena_init(&packed->memory, c->backend, packed->memory.high, e);
    if (!status) {
        vit_pack(c, vit, values, precision, q, &packed->memory, &packed->weights);
        status = op_sync(c, e);
    }
    device_arena_release(c->scratch);
    return status;
}

int extract_pack_weights(const struct device *device, const struct vit *vit, const struct params_array *values,
                         enum precision precision, const struct vit_quantization *given, struct extract_packed *packed,
                         struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    int status = 0;
    *packed = (struct extract_packed){.memory = {0}};
    if (precision == PRECISION_INT8 && !given) {
        status = vit_quantization_init(&packed->quantization, vit, values, e);
        if (!status)
            status = quantize(&c, &packed->quantization, e);
        given = &packed->quantization;
    }
    if (!status)
        status = pack(&c, vit, values, precision, given, packed, e);
    if (status)
        extract_packed_release(packed);
    return status;
}

void extract_packed_release(struct extract_packed *packed)
{
    vit_quantization_release(&packed->quantization);
    device_arena_release(&packed->memory);
}
