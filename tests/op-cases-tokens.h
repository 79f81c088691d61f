/* op-cases-tokens.h - the cases of test-op.c that know of images: attention, tokens, positions, patches.
 */
#ifndef OP_CASES_TOKENS_H
#define OP_CASES_TOKENS_H

#include "op-case.h"

/* ------------------------------------------------------------------ attention: two groups of segments */

enum { ATT_NH = 3, ATT_HD = 5, ATT_C = ATT_NH * ATT_HD, ATT_SHORT = 4, ATT_N_SHORT = 3 };

static void attention_segments(const struct run *r, int64_t seg[3][2])
{
    seg[0][0] = 1, seg[0][1] = r->T;                  /* one of T rows */
    seg[1][0] = 0, seg[1][1] = 7;                     /* none of a group survived drop path */
    seg[2][0] = ATT_N_SHORT, seg[2][1] = ATT_SHORT;   /* a few short ones */
}

static int64_t attention_rows(const struct run *r)
{
    return r->T + ATT_N_SHORT * ATT_SHORT;
}

static void attention_shape(struct run *r)
{
    operand(r, 0, "qkv", attention_rows(r) * 3 * ATT_C, false);
    r->y_n = attention_rows(r) * ATT_C;
    r->saved_n[0] = attention_rows(r) * ATT_NH;
}

static void attention_forward(struct run *r)
{
    int64_t seg[3][2], rows = attention_rows(r);
    attention_segments(r, seg);
    ON_DEVICE(&r->c, op_attention_fwd(&r->c, COPY(r->y, rows, ATT_C), COPY(r->saved[0], rows, ATT_NH),
                                      COPY(r->in[0].x, rows, 3 * ATT_C), seg, 3, ATT_NH));
}

static void attention_backward(struct run *r)
{
    int64_t seg[3][2], rows = attention_rows(r);
    attention_segments(r, seg);
    ON_DEVICE(&r->c, op_attention_bwd(&r->c, COPY(r->in[0].d, rows, 3 * ATT_C), COPY(r->dy, rows, ATT_C),
                                      COPY(r->y, rows, ATT_C), COPY(r->saved[0], rows, ATT_NH),
                                      COPY(r->in[0].x, rows, 3 * ATT_C), seg, 3, ATT_NH));
}

static void attention_plain_row(const struct run *r, double *y, int64_t row, int64_t first, int64_t N, int head)
{
    const float *q = r->in[0].x + row * 3 * ATT_C + head * ATT_HD;
    double sum = 0, *out = y + row * ATT_C + head * ATT_HD;
    memset(out, 0, ATT_HD * sizeof *out);
    for (int64_t j = first; j < first + N; j++) {
        const float *k = r->in[0].x + j * 3 * ATT_C + ATT_C + head * ATT_HD, *v = k + ATT_C;
        double s = 0;
        for (int i = 0; i < ATT_HD; i++)
            s += (double)q[i] * (double)k[i];
        double p = exp(s / sqrt(ATT_HD));
        sum += p;
        for (int i = 0; i < ATT_HD; i++)
            out[i] += p * (double)v[i];
    }
    for (int i = 0; i < ATT_HD; i++)
        out[i] /= sum;
}

static void attention_plain(const struct run *r, double *y)
{
    for (int64_t row = 0; row < attention_rows(r); row++)
        for (int head = 0; head < ATT_NH; head++) {
            int64_t s = row < r->T ? 0 : r->T + (row - r->T) / ATT_SHORT * ATT_SHORT;
            attention_plain_row(r, y, row, s, row < r->T ? r->T : ATT_SHORT, head);
        }
}

/* ------------------------------------------------------------------ tokens: T patches an image */

enum { TOK_B = 3, TOK_R = 2, TOK_C = 70 };

static void tokens_shape(struct run *r)
{
    operand(r, 0, "patches", TOK_B * r->T * TOK_C, false);
    operand(r, 1, "cls", TOK_C, true);
    operand(r, 2, "pos", (1 + r->T) * TOK_C, true);
    operand(r, 3, "reg", TOK_R * TOK_C, true);
    operand(r, 4, "mask_token", TOK_C, true);
    r->y_n = TOK_B * (1 + TOK_R + r->T) * TOK_C;
}

static struct tensor token_masks(struct run *r)
{
    for (int64_t i = 0; i < TOK_B * r->T && r->masks; i++)
        r->masks[i] = i % 5 == 1;
    return COPY(r->masks, TOK_B, r->T);
}

static void tokens_forward(struct run *r)
{
    ON_DEVICE(&r->c, op_tokens_fwd(&r->c, COPY(r->y, TOK_B, 1 + TOK_R + r->T, TOK_C),
                                   COPY(r->in[0].x, TOK_B * r->T, TOK_C), COPY(r->in[1].x, TOK_C),
                                   COPY(r->in[2].x, 1 + r->T, TOK_C), COPY(r->in[3].x, TOK_R, TOK_C),
                                   COPY(r->in[4].x, TOK_C), token_masks(r)));
}

static void tokens_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_tokens_bwd(&r->c, COPY(r->in[0].d, TOK_B * r->T, TOK_C), COPY(r->in[1].d, TOK_C),
                                   COPY(r->in[2].d, 1 + r->T, TOK_C), COPY(r->in[3].d, TOK_R, TOK_C),
                                   COPY(r->in[4].d, TOK_C), COPY(r->dy, TOK_B, 1 + TOK_R + r->T, TOK_C),
                                   token_masks(r)));
}

static void tokens_plain(const struct run *r, double *y)
{
    int64_t N = 1 + TOK_R + r->T;
    for (int64_t i = 0; i < r->y_n; i++) {
        int64_t b = i / TOK_C / N, t = i / TOK_C % N, j = t - 1 - TOK_R, c = i % TOK_C;
        if (t == 0)
            y[i] = (double)r->in[1].x[c] + (double)r->in[2].x[c];
        else if (j < 0)
            y[i] = (double)r->in[3].x[(t - 1) * TOK_C + c];
        else
            y[i] = (double)(r->masks[b * r->T + j] ? r->in[4].x[c] : r->in[0].x[(b * r->T + j) * TOK_C + c]) +
                   (double)r->in[2].x[(1 + j) * TOK_C + c];
    }
}

/* ------------------------------------------------------------------ interpolation: M = 9, to T % 23 + 1 x 4 */

enum { INT_M = 9, INT_W = 4, INT_C = 6 };

static int64_t interp_height(const struct run *r)
{
    return r->T % 23 + 1;
}

static void interp_shape(struct run *r)
{
    operand(r, 0, "x", INT_M * INT_M * INT_C, true);
    r->y_n = interp_height(r) * INT_W * INT_C;
    r->saved_n[0] = interp_height(r) * INT_M;
    r->saved_n[1] = INT_W * INT_M;
}

static void interp_weights(struct run *r)
{
    if (op_planning(&r->c))
        return;
    positions_axis(r->saved[0], INT_M, interp_height(r), r->T % 2 ? 0.1 : 0, r->T % 3);
    positions_axis(r->saved[1], INT_M, INT_W, r->T % 2 ? 0.1 : 0, r->T % 3);
}

static void interp_forward(struct run *r)
{
    interp_weights(r);
    ON_DEVICE(&r->c, op_interp_fwd(&r->c, COPY(r->y, interp_height(r) * INT_W, INT_C),
                                   COPY(r->in[0].x, INT_M * INT_M, INT_C), COPY(r->saved[0], interp_height(r), INT_M),
                                   COPY(r->saved[1], INT_W, INT_M)));
}

static void interp_backward(struct run *r)
{
    ON_DEVICE(&r->c, op_interp_bwd(&r->c, COPY(r->in[0].d, INT_M * INT_M, INT_C),
                                   COPY(r->dy, interp_height(r) * INT_W, INT_C),
                                   COPY(r->saved[0], interp_height(r), INT_M), COPY(r->saved[1], INT_W, INT_M)));
}

static void interp_plain(const struct run *r, double *y)
{
    for (int64_t at = 0; at < r->y_n; at++) {
        int64_t i = at / INT_C / INT_W, j = at / INT_C % INT_W, c = at % INT_C;
        y[at] = 0;
        for (int m = 0; m < INT_M; m++)
            for (int n = 0; n < INT_M; n++)
                y[at] += (double)r->saved[0][i * INT_M + m] * (double)r->saved[1][j * INT_M + n] *
                         (double)r->in[0].x[(m * INT_M + n) * INT_C + c];
    }
}

/* ------------------------------------------------------------------ images of T % 7 + 1 patches in a row */

enum { IMG_B = 2, IMG_P = 5, IMG_GH = 3 };

static int64_t image_columns(const struct run *r)
{
    return r->T % 7 + 1;
}

static void patchify_shape(struct run *r)
{
    r->y_n = IMG_B * IMG_GH * image_columns(r) * 3 * IMG_P * IMG_P;
    operand(r, 0, "image", r->y_n, false);
    r->saved_n[0] = (r->y_n + 3) / 4; /* the same as bytes */
}

static void patchify_forward(struct run *r)
{
    int64_t gw = image_columns(r);
    ON_DEVICE(&r->c, op_patchify_fwd(&r->c, COPY(r->y, IMG_B * IMG_GH * gw, 3 * IMG_P * IMG_P),
                                     COPY(r->in[0].x, IMG_B, 3, IMG_GH * IMG_P, gw * IMG_P), IMG_P));
}

/* Which pixel element `at` of the patches is: image, colour, row, column. */
static void patch_pixel(const struct run *r, int64_t at, int64_t from[4])
{
    int64_t gw = image_columns(r), row = at / (3 * IMG_P * IMG_P), k = at % (3 * IMG_P * IMG_P);
    from[0] = row / (IMG_GH * gw);
    from[1] = k / (IMG_P * IMG_P);
    from[2] = row / gw % IMG_GH * IMG_P + k / IMG_P % IMG_P;
    from[3] = row % gw * IMG_P + k % IMG_P;
}

static void patchify_plain(const struct run *r, double *y)
{
    int64_t H = IMG_GH * IMG_P, W = image_columns(r) * IMG_P, s[4];
    for (int64_t at = 0; at < r->y_n; at++) {
        patch_pixel(r, at, s);
        y[at] = (double)r->in[0].x[((s[0] * 3 + s[1]) * H + s[2]) * W + s[3]];
    }
}

static const struct pixel_norm NORM = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

static void patchify_u8_forward(struct run *r)
{
    int64_t gw = image_columns(r);
    uint8_t *pixels = (uint8_t *)r->saved[0];
    for (int64_t i = 0; i < r->y_n && pixels; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 11);
    ON_DEVICE(&r->c, op_patchify_u8_fwd(&r->c, COPY(r->y, IMG_B * IMG_GH * gw, 3 * IMG_P * IMG_P),
                                        COPY(pixels, IMG_B, IMG_GH * IMG_P, gw * IMG_P, 3), IMG_P, NORM));
}

static void patchify_u8_plain(const struct run *r, double *y)
{
    int64_t H = IMG_GH * IMG_P, W = image_columns(r) * IMG_P, s[4];
    const uint8_t *pixels = (const uint8_t *)r->saved[0];
    for (int64_t at = 0; at < r->y_n; at++) {
        patch_pixel(r, at, s);
        y[at] = ((double)pixels[((s[0] * H + s[2]) * W + s[3]) * 3 + s[1]] / 255 - (double)NORM.mean[s[1]]) /
                (double)NORM.std[s[1]];
    }
}

#endif
