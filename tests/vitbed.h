/* vitbed.h - a backbone ready to run in a test: context, memory by plan, parts of its output as golden files have
 * them. */
#ifndef VITBED_H
#define VITBED_H

#include <string.h>

#include "golden.h"
#include "test-device.h"
#include "vit.h"

struct vitbed {
    struct vit vit;
    struct params table;
    float *values;
    struct op_ctx c;
    struct device_arena arena, scratch;
    struct vit_activations *pass;
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
    b->pass = bed_take(1, sizeof *b->pass);
    b->c = (struct op_ctx){.backend = test_backend(), .scratch = &b->scratch};
}

static inline void bed_release(struct vitbed *b)
{
    device_arena_release(&b->arena);
    device_arena_release(&b->scratch);
    params_release(&b->table);
    free(b->values);
    free(b->pass);
}

/* Plans, takes exactly the memory of the plan, runs. backward: grads given. d_norm is made after the forward pass. */
static inline struct vit_activations *bed_run(struct vitbed *b, const struct vit_request *r, float *grads,
                                       void (*d_norm)(void *arg, const struct vit_activations *pass,
                                                      float *d), void *arg)
{
    struct fmt_error e = {0};
    for (int round = 0; round < 2; round++) {
        struct device_arena *a = &b->arena, *s = &b->scratch;
        size_t most = a->high, most_scratch = s->high;
        device_arena_release(a);
        device_arena_release(s);
        if (round == 1 && (device_arena_init(a, b->c.backend, most, &e) || device_arena_init(s, b->c.backend,
                                                                                             most_scratch, &e)))
            abort();
        int status = vit_forward(&b->c, &b->vit, round ? b->values : NULL, r, a, b->pass, &e);
        if (grads) {
            int64_t n = b->pass->T * b->vit.config.C;
            float *d = HOST_TAKE(a, float, n);
            if (round)
                d_norm(arg, b->pass, d);
            vit_backward(&b->c, &b->vit, round ? b->values : NULL, b->pass, d, round ? grads : NULL);
        }
        if (status || op_sync(&b->c, &e)) {
            fprintf(stderr, "%s\n", e.text);
            exit(1);
        }
    }
    return b->pass;
}

/* Tokens first .. first+n-1 of every image of an input: [B,n,C]. */
static inline float *bed_part(const struct vitbed *b, const float *x, int input, int64_t first, int64_t n)
{
    int64_t C = b->vit.config.C, B = b->pass->request.inputs[input].B;
    float *part = bed_take(B * n * C, sizeof *part);
    for (int64_t i = 0; i < B; i++)
        memcpy(part + i * n * C, x + vit_row(b->pass, input, i, first) * C, (size_t)(n * C) * sizeof *part);
    return part;
}

#endif
