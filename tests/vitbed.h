/* vitbed.h - a backbone ready to run in a test: context, memory by plan, parts of its output as golden files have
 * them. What a test sets and reads is host memory; a run copies it to the device and back. */
#ifndef VITBED_H
#define VITBED_H

#include <string.h>

#include "device-memory.h"
#include "golden.h"
#include "test-device.h"
#include "vit.h"

/* The images of a request, in host memory: the tensors of its inputs are made from them. */
struct bed_images {
    const float *values[VIT_INPUTS_MAX];
    const uint8_t *masks[VIT_INPUTS_MAX]; /* NULL: none */
};

enum { BED_EXTRA = 16 << 20 }; /* bytes */

struct vitbed {
    struct vit vit;
    struct params table;
    float *values; /* of the table's layout */
    struct bed_images images;
    struct op_ctx c;
    struct device_arena memory, arena, scratch, extra; /* values and gradients; a pass; operations; the test */
    struct arena host;
    struct params_array w, g;
    struct vit_activations *act;
};

static inline void *bed_take(int64_t n, size_t each)
{
    void *p = calloc((size_t)n + 1, each);
    if (!p)
        abort();
    return p;
}

static inline void bed_init(struct vitbed *b, const struct vit_config *config)
{
    struct fmt_error e = {0};
    *b = (struct vitbed){0};
    if (vit_params(&b->vit, config, &b->table, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    b->values = bed_take(b->table.count, sizeof *b->values);
    b->act = bed_take(1, sizeof *b->act);
    b->c = (struct op_ctx){.backend = test_backend(), .scratch = &b->scratch};
    for (int round = 0; round < 2; round++) {
        if (round && device_arena_init(&b->memory, b->c.backend, b->memory.high, &e))
            abort();
        b->w = params_array_take(&b->memory, &b->table, DTYPE_F32);
        b->g = params_array_take(&b->memory, &b->table, DTYPE_F32);
    }
    if (device_arena_init(&b->extra, b->c.backend, BED_EXTRA, &e))
        abort();
}

static inline void bed_release(struct vitbed *b)
{
    device_arena_release(&b->memory);
    device_arena_release(&b->arena);
    device_arena_release(&b->extra);
    device_arena_release(&b->scratch);
    arena_release(&b->host);
    params_release(&b->table);
    free(b->values);
    free(b->act);
}

static inline float *bed_host(struct vitbed *b, struct tensor t) /* for free() */
{
    return copy_to_host(&b->c, t);
}

/* The memory of the plan that was made with these arenas, empty. */
static inline void bed_reserve(struct vitbed *b)
{
    struct fmt_error e = {0};
    size_t arena = b->arena.high, scratch = b->scratch.high, host = b->host.high;
    device_arena_release(&b->arena);
    device_arena_release(&b->scratch);
    arena_release(&b->host);
    if (device_arena_init(&b->arena, b->c.backend, arena, &e) ||
        device_arena_init(&b->scratch, b->c.backend, scratch, &e) || arena_init(&b->host, host, &e))
        abort();
}

static inline struct vit_request bed_request(struct vitbed *b, const struct vit_request *r)
{
    struct vit_request made = *r;
    for (int i = 0; i < r->n_inputs; i++) {
        struct vit_input *in = &made.inputs[i];
        int64_t p = b->vit.config.patch, P = in->H / p * (in->W / p);
        in->values = OP_BORROW(&b->c, &b->arena, DTYPE_F32, b->images.values[i], in->B, 3, in->H, in->W);
        if (b->images.masks[i])
            in->masks = OP_BORROW(&b->c, &b->arena, DTYPE_U8, b->images.masks[i], in->B, P);
    }
    return made;
}

/* Plans, takes exactly the memory of the plan, runs. Backward if grads (host memory, of the table's layout) are given;
 * d_normed fills the gradient at the output [T,C] after the forward pass. */
static inline struct vit_activations *bed_run(struct vitbed *b, const struct vit_request *request, float *grads,
                                              void (*d_normed)(void *arg, const struct vit_activations *act, float *d),
                                              void *arg)
{
    struct fmt_error e = {0};
    struct vit_memory memory = {&b->arena, &b->host};
    device_arena_release(&b->arena);
    device_arena_release(&b->scratch);
    arena_release(&b->host);
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            bed_reserve(b);
        op_copy_in(&b->c, b->w.data, b->values);
        struct vit_request r = bed_request(b, request);
        int status = vit_forward(&b->c, &b->vit, &b->w, &r, &memory, b->act, &e);
        if (grads) {
            struct tensor d = TENSOR_TAKE(&b->arena, DTYPE_F32, b->act->T, b->vit.config.C);
            float *host = bed_take(tensor_elements(d), sizeof *host);
            if (round)
                d_normed(arg, b->act, host);
            op_copy_in(&b->c, d, host);
            op_copy_in(&b->c, b->g.data, grads);
            vit_backward(&b->c, &b->vit, &b->w, b->act, d, &memory, &b->g);
            op_copy_out(&b->c, grads, b->g.data);
            free(host);
        }
        if (status || op_sync(&b->c, &e)) {
            fprintf(stderr, "%s\n", e.text);
            exit(1);
        }
    }
    return b->act;
}

/* Tokens first .. first+n-1 of every image of an input: [B,n,C]; x [T,C]. For free(). */
static inline float *bed_part(struct vitbed *b, struct tensor x, int input, int64_t first, int64_t n)
{
    int64_t C = b->vit.config.C, B = b->act->request.inputs[input].B;
    float *part = bed_take(B * n * C, sizeof *part), *all = bed_host(b, x);
    for (int64_t i = 0; i < B; i++)
        memcpy(part + i * n * C, all + vit_row(b->act, input, i, first) * C, (size_t)(n * C) * sizeof *part);
    free(all);
    return part;
}

#endif
