/* pthbed.h - a .pth file in memory and its tensors' values, for the tests of formats/pth.c. */
#ifndef PTHBED_H
#define PTHBED_H

#include <math.h>
#include <stdlib.h>

#include "bytes.h"
#include "pth.h"

struct opened {
    uint8_t *data;
    struct fmt_memory memory;
    struct fmt_reader reader;
    struct named_tensor_set set;
    struct fmt_error error;
};

static inline int open_bytes(struct opened *o, const uint8_t *data, size_t n)
{
    o->memory = (struct fmt_memory){data, n, 0};
    o->reader = fmt_memory_reader(&o->memory);
    o->error = (struct fmt_error){0};
    o->set = (struct named_tensor_set){0};
    return pth_read(&o->reader, &o->set, &o->error);
}

static inline float *values_of(const struct named_tensor *t)
{
    struct fmt_error e = {0};
    float *v = calloc((size_t)t->n + 1, sizeof *v);
    if (v && named_tensor_read_f32(t, 0, t->n, v, &e))
        v[0] = NAN;
    return v;
}

#endif
