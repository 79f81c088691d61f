/* The powers of two in a tile's softmax (tiles.h) against exp2 in double: attention as a whole is rounded too much to
 * show their error. */
#include "opbed.h"
#include "tiles.h"

/* Rows whose scores are 0 and -x. The power of -x is there in float32, but in bf16 rounded: there it is taken from the
 * sum, 1 + 2^-x. Returns its largest relative error. */
static double worst_power(const struct tiles *t, double from, double to)
{
    enum { N = 2, STEPS = 3000 };
    _Alignas(64) float s[TILES_ROWS * 64] = {0}, p[TILES_ROWS * 64];
    double worst = 0;
    for (int i = 0; i < STEPS; i += TILES_ROWS) {
        struct tiles_softmax f;
        for (int r = 0; r < TILES_ROWS; r++) {
            f.shift[r] = -INFINITY, f.sum[r] = 0;
            s[r * tiles_stride(N) + 1] = -(float)(from + (to - from) * (i + r) / STEPS);
        }
        t->softmax(&f, p, s, N, 1);
        for (int r = 0; r < TILES_ROWS; r++) {
            int64_t at = r * tiles_stride(N) + 1;
            double power = t->element == sizeof *p ? (double)p[at] : (double)f.sum[r] - 1, right = exp2((double)s[at]);
            worst = worse(worst, fabs(power - right) / right);
        }
    }
    return worst;
}

/* A later block with a larger score: `keep` brings the earlier sum to the new shift. */
static void blocks(const struct tiles *t, const char *name)
{
    _Alignas(64) float s[TILES_ROWS * 64] = {0}, p[TILES_ROWS * 64];
    struct tiles_softmax f;
    double worst = 0;
    for (int r = 0; r < TILES_ROWS; r++)
        f.shift[r] = -INFINITY, f.sum[r] = 0;
    for (int block = 0; block < 3; block++) {
        for (int r = 0; r < TILES_ROWS; r++)
            s[r * tiles_stride(1)] = (float)(block * r);
        t->softmax(&f, p, s, 1, 0.5f);
    }
    for (int r = 0; r < TILES_ROWS; r++)
        worst = worse(worst, fabs((double)f.sum[r] - 1 - exp2(-0.5 * r) - exp2(-r)) + fabs((double)f.shift[r] - r));
    ok(worst < 1e-6 && f.keep[2] == 0.5f, "%s: three blocks: %.1e", name, worst);
}

int main(void)
{
    static const struct {
        enum dtype dtype;
        const char *name;
        double limit; /* as tiles.h has them; of a sum half a unit in the last place besides, of 2^-4 */
    } tables[] = {{DTYPE_F32, "float32", 1.5e-7}, {DTYPE_BF16, "bf16", 1.02e-4 + 0x1p-20}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct tiles *t = tiles_of(tables[i].dtype);
        if (!t) {
            skip("not on this processor", "%s: powers of two", tables[i].name);
            continue;
        }
        double worst = worst_power(t, 0, 4);
        ok(worst <= tables[i].limit, "%s: powers of two: %.2e, relative", tables[i].name, worst);
        blocks(t, tables[i].name);
    }
    return tap_done();
}
