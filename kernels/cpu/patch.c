/* patch.c - images to rows of patches, rows to token sequences, and back.
 *
 * patches [B*P,3*p*p]: row b*P + gy*(W/p) + gx, column c*p*p + ky*p + kx, so that the convolution of stride p is one
 * product. tokens [B,1+R+P,C]: cls + pos[0] | registers | patch (or mask token) + pos[1 + j]
 */
#include <string.h>

#include "cpu.h"

/* ------------------------------------------------------------------ patches */

struct patchify {
    float *y;
    const float *x;
    const uint8_t *pixels;
    int64_t H, W, p;
    float factor[3], shift[3]; /* of pixels: y = x factor + shift */
};

/* One row of patches of one image. */
static void patchify_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct patchify *a = arg;
    int64_t p = a->p, gw = a->W / p, gh = a->H / p, b = item / gh, gy = item % gh;
    float *row = a->y + item * gw * 3 * p * p;
    for (int64_t gx = 0; gx < gw; gx++)
        for (int c = 0; c < 3; c++)
            for (int64_t ky = 0; ky < p; ky++, row += p) {
                int64_t y = gy * p + ky, x = gx * p;
                if (!a->pixels)
                    memcpy(row, a->x + ((b * 3 + c) * a->H + y) * a->W + x, (size_t)p * sizeof *row);
                else
                    elementwise_loops()->pixels(row, a->pixels + ((b * a->H + y) * a->W + x) * 3 + c, a->factor[c],
                                                a->shift[c], p);
            }
}

void cpu_patchify_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p)
{
    struct patchify a = {.y = cpu_f32(y), .x = cpu_f32(x), .H = x.dims[2], .W = x.dims[3], .p = p};
    op_for(c, x.dims[0] * (a.H / p), patchify_item, &a);
}

void cpu_patchify_u8_fwd(struct op_ctx *c, struct tensor y, struct tensor x, int p, struct pixel_norm norm)
{
    struct patchify a = {.y = cpu_f32(y), .pixels = cpu_u8(x), .H = x.dims[1], .W = x.dims[2], .p = p};
    for (int i = 0; i < 3; i++) {
        a.factor[i] = 1.0f / (255.0f * norm.std[i]);
        a.shift[i] = -norm.mean[i] / norm.std[i];
    }
    op_for(c, x.dims[0] * (a.H / p), patchify_item, &a);
}

/* ------------------------------------------------------------------ tokens */

struct tokens {
    float *x;
    const float *patches, *cls, *pos, *reg, *mask_token;
    const uint8_t *masks;
    int64_t B, R, P, C;
    float *dpatches, *dcls, *dpos, *dreg, *dmask_token;
    const float *dx;
};

static void sum_of(float *y, const float *a, const float *b, int64_t n)
{
    memcpy(y, a, (size_t)n * sizeof *y);
    elementwise_loops()->add(y, b, n);
}

/* Item: 32 tokens of one image, so that one large image can be shared too. */
static int64_t token_blocks(int64_t N)
{
    return num_ceil_div(N, CPU_ROWS);
}

static void tokens_fwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct tokens *a = arg;
    int64_t N = 1 + a->R + a->P, C = a->C, b = item / token_blocks(N), first = item % token_blocks(N) * CPU_ROWS;
    for (int64_t t = first; t < num_min(first + CPU_ROWS, N); t++) {
        float *x = a->x + (b * N + t) * C;
        int64_t j = t - 1 - a->R;
        if (t == 0)
            sum_of(x, a->cls, a->pos, C);
        else if (j < 0)
            memcpy(x, a->reg + (t - 1) * C, (size_t)C * sizeof *x);
        else if (a->masks && a->masks[b * a->P + j])
            sum_of(x, a->mask_token, a->pos + (1 + j) * C, C);
        else
            sum_of(x, a->patches + (b * a->P + j) * C, a->pos + (1 + j) * C, C);
    }
}

void cpu_tokens_fwd(struct op_ctx *c, struct tensor x, struct tensor patches, struct tensor cls, struct tensor pos,
                    struct tensor reg, struct tensor mask_token, struct tensor masks)
{
    struct tokens a = {.x = cpu_f32(x), .patches = cpu_f32(patches), .cls = cpu_f32(cls), .pos = cpu_f32(pos),
                       .reg = cpu_f32(reg), .mask_token = cpu_f32(mask_token), .masks = cpu_u8(masks),
                       .B = x.dims[0], .R = reg.dims[0], .P = pos.dims[0] - 1, .C = x.dims[2]};
    op_for(c, a.B * token_blocks(x.dims[1]), tokens_fwd_item, &a);
}

enum { COLUMNS = 64 }; /* of a strip: four cache lines */

/* Item: a strip of columns, over all images and tokens in order. */
static void tokens_bwd_item(void *arg, int64_t item, int worker)
{
    (void)worker;
    const struct tokens *a = arg;
    int64_t N = 1 + a->R + a->P, C = a->C, c0 = item * COLUMNS, n = num_min(COLUMNS, C - c0);
    for (int64_t b = 0; b < a->B; b++)
        for (int64_t t = 0; t < N; t++) {
            const float *dx = a->dx + (b * N + t) * C + c0;
            int64_t j = t - 1 - a->R;
            if (t == 0)
                elementwise_loops()->add(a->dcls + c0, dx, n);
            if (t == 0 || j >= 0)
                elementwise_loops()->add(a->dpos + (t ? 1 + j : 0) * C + c0, dx, n);
            if (t > 0 && j < 0)
                elementwise_loops()->add(a->dreg + (t - 1) * C + c0, dx, n);
            if (j < 0)
                continue;
            float *dpatch = a->dpatches + (b * a->P + j) * C + c0;
            if (a->masks && a->masks[b * a->P + j]) {
                elementwise_loops()->add(a->dmask_token + c0, dx, n);
                memset(dpatch, 0, (size_t)n * sizeof *dpatch);
            } else {
                memcpy(dpatch, dx, (size_t)n * sizeof *dpatch);
            }
        }
}

void cpu_tokens_bwd(struct op_ctx *c, struct tensor dpatches, struct tensor dcls, struct tensor dpos,
                    struct tensor dreg, struct tensor dmask_token, struct tensor dx, struct tensor masks)
{
    struct tokens a = {.dpatches = cpu_f32(dpatches), .dcls = cpu_f32(dcls), .dpos = cpu_f32(dpos),
                       .dreg = cpu_f32(dreg), .dmask_token = cpu_f32(dmask_token), .dx = cpu_f32(dx),
                       .masks = cpu_u8(masks), .B = dx.dims[0], .R = dreg.dims[0], .P = dpos.dims[0] - 1,
                       .C = dx.dims[2]};
    op_for(c, num_ceil_div(a.C, COLUMNS), tokens_bwd_item, &a);
}
