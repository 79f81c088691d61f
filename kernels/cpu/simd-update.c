/* simd-update.c - AdamW and SGD with the teacher's average, compiled once per instruction set; arithmetic in float,
 * every factor rounded once. */
#include <math.h>
#include <stddef.h>

#include "isa.h"
#include "update-loops.h"

/* NULL: the teacher does not have these parameters. */
static float *teacher_at(const struct update_arrays *a, const struct update_range *r, int64_t first)
{
    return r->teacher_offset < 0 ? NULL : a->teacher + r->teacher_offset + (first - r->offset);
}

static void adamw(const struct update *u, const struct update_arrays *a, const struct update_range *r, int64_t first,
                  int64_t n)
{
    float *restrict p = a->student + first, *restrict m = a->m + first, *restrict v = a->v + first,
                    *restrict t = teacher_at(a, r, first);
    const float *restrict g = a->grad + first;
    float clip = (float)r->clip, decay = (float)(1 - r->lr * r->weight_decay), eps = (float)u->eps;
    float b1 = (float)u->beta1, a1 = (float)(1 - u->beta1), b2 = (float)u->beta2, a2 = (float)(1 - u->beta2);
    float rate = (float)(r->lr / r->correction1), root = (float)(1 / sqrt(r->correction2));
    float old_share = (float)u->teacher_momentum, new_share = (float)(1 - u->teacher_momentum);
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] * clip;
        float mean = b1 * m[i] + a1 * d, square = b2 * v[i] + a2 * (d * d);
        float x = p[i] * decay - rate * (mean / (sqrtf(square) * root + eps));
        m[i] = mean;
        v[i] = square;
        p[i] = x;
        if (t)
            t[i] = old_share * t[i] + new_share * x;
    }
}

static void sgd(const struct update *u, const struct update_arrays *a, const struct update_range *r, int64_t first,
                int64_t n)
{
    float *restrict p = a->student + first, *restrict m = a->m + first, *restrict t = teacher_at(a, r, first);
    const float *restrict g = a->grad + first;
    float clip = (float)r->clip, decay = (float)r->weight_decay, b1 = (float)u->beta1, rate = (float)r->lr;
    float old_share = (float)u->teacher_momentum, new_share = (float)(1 - u->teacher_momentum);
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] * clip + decay * p[i], mean = b1 * m[i] + d;
        float x = p[i] - rate * mean;
        m[i] = mean;
        p[i] = x;
        if (t)
            t[i] = old_share * t[i] + new_share * x;
    }
}

const struct update_loops ISA_NAME(update_loops) = {.adamw = adamw, .sgd = sgd};
