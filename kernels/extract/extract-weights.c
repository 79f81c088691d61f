/* extract-weights.c - weights as forward passes take them: quantised, and in the device's own order. */
#include "calibrate.h"

static int pack(struct op_ctx *c, const struct vit *vit, const struct params_array *values, enum precision precision,
                const struct vit_quantization *q, struct packed_weights *packed, struct fmt_error *e)
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
                         enum precision precision, const struct vit_quantization *given, struct packed_weights *packed,
                         struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    int status = 0;
    *packed = (struct packed_weights){.memory = {0}};
    if (precision == PRECISION_INT8 && !given) {
        status = vit_quantization_init(&packed->quantization, vit, values, e);
        if (!status)
            status = calibrate_without_images(&packed->quantization, device, e);
        given = &packed->quantization;
    }
    if (!status)
        status = pack(&c, vit, values, precision, given, packed, e);
    if (status)
        packed_weights_release(packed);
    return status;
}
