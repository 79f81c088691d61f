/* Heat maps: from the grid of the network's input to the photograph's pixels, pictures, arrays. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heat-map.h"
#include "tap.h"

/* The place in the network's input of the centre of a pixel, by the definition in extract.h, along one axis. */
static double net_of(int64_t i, int64_t side, int64_t full, int64_t first, int64_t at)
{
    return ((double)i + 0.5) * (double)full / (double)side - (double)first + (double)at;
}

/* Keys' cubic convolution, a = -1/2, as a sum over all cells and one more at each end, which continues the line of the
 * last two. */
static double kernel(double t)
{
    t = fabs(t);
    return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

static double cell(const float *d, int64_t step, int64_t n, int64_t i)
{
    return i < 0 ? 2 * (double)d[0] - (double)d[step]
           : i == n ? 2 * (double)d[(n - 1) * step] - (double)d[(n - 2) * step]
                    : (double)d[i * step];
}

static double interpolated(const float *d, int64_t gh, int64_t gw, double y, double x)
{
    y = fmin(fmax(y - 0.5, 0), (double)(gh - 1)), x = fmin(fmax(x - 0.5, 0), (double)(gw - 1));
    float row[64];
    double value = 0, least = INFINITY, largest = -INFINITY;
    for (int64_t v = 0; v < gh; v++) {
        double along = 0;
        for (int64_t u = -1; u <= gw; u++)
            along += kernel(x - (double)u) * cell(d + v * gw, 1, gw, u);
        row[v] = (float)along;
        for (int64_t u = 0; u < gw; u++) {
            int64_t v0 = (int64_t)y < gh - 2 ? (int64_t)y : gh - 2, u0 = (int64_t)x < gw - 2 ? (int64_t)x : gw - 2;
            bool around = v >= v0 - 1 && v <= v0 + 2 && u >= u0 - 1 && u <= u0 + 2;
            least = around ? fmin(least, (double)d[v * gw + u]) : least;
            largest = around ? fmax(largest, (double)d[v * gw + u]) : largest;
        }
    }
    for (int64_t v = -1; v <= gh; v++)
        value += kernel(y - (double)v) * cell(row, 1, gh, v);
    return fmin(fmax(value, least), largest);
}

static void test_geometry(enum extract_fit fit, int64_t resize, int64_t size, int64_t height, int64_t width)
{
    enum { PATCH = 14 };
    struct extract_settings s = {.kind = FEAT_PATCH, .resize = resize, .size = size, .fit = fit};
    struct extract_geometry g;
    struct heat_map m = {0};
    struct fmt_error e = {0};
    ok(extract_geometry(&s, PATCH, height, width, &g, &e) == 0, "geometry %s", e.text);
    int64_t gh = g.net_h / PATCH, gw = g.net_w / PATCH, seen = 0, wrong = 0;
    float *d = malloc((size_t)(gh * gw) * sizeof *d);
    for (int64_t i = 0; i < gh * gw; i++)
        d[i] = (float)((i * 37) % 101) / 10 - 3;
    ok(heat_map_make(&m, d, gh, gw, &g, height, width, &e) == 0, "map %s", e.text);
    double worst = 0;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            double v = net_of(y, height, g.full_h, g.top, 0), u = net_of(x, width, g.full_w, g.left, 0);
            bool inside = v >= 0 && v < (double)g.rows && u >= 0 && u < (double)g.cols;
            float got = m.x[y * width + x];
            seen += inside;
            wrong += inside == isnan(got);
            if (inside && (y * width + x) % 7 == 0)
                worst = worse(worst, fabs(interpolated(d, gh, gw, (v + (double)(g.at_y + g.net_y)) / PATCH,
                                                       (u + (double)(g.at_x + g.net_x)) / PATCH) - (double)got));
        }
    is_int(wrong, 0, "fit %d, %lld x %lld: what was seen (%.3g of the pixels)", (int)fit, (long long)width,
           (long long)height, (double)seen / (double)(height * width));
    ok(fabs((double)seen / (double)(height * width) - (1 - g.cropped)) < 0.02, "as much as was not cropped: %g",
       1 - g.cropped);
    ok(worst < 1e-4, "values within %g", worst);
    heat_map_release(&m);
    free(d);
}

/* A photograph of the network's own size: the centre of a patch has the patch's value. */
static void test_centres(void)
{
    struct extract_settings s = {.kind = FEAT_PATCH, .size = 42, .fit = EXTRACT_RESIZE};
    struct extract_geometry g;
    struct heat_map m = {0};
    const float d[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    ok(extract_geometry(&s, 14, 42, 42, &g, NULL) == 0 && heat_map_make(&m, d, 3, 3, &g, 42, 42, NULL) == 0, "42");
    /* Between pixels 6 and 7 of 0 .. 13 lies the centre. */
    ok(fabsf(0.5f * (m.x[20 * 42 + 20] + m.x[21 * 42 + 21]) - 4) < 1e-5f, "the centre of the middle patch");
    ok(m.x[0] == 0 && m.x[41 * 42 + 41] == 8, "corners");
    heat_map_release(&m);
}

static void test_overlay(void)
{
    struct heat_map m = {.height = 1, .width = 5, .x = (float[]){0.1f, 0.5f, 0.9f, NAN, NAN}, .capacity = 5};
    uint8_t pixels[5] = {100, 100, 100, 88, 88};
    struct image photograph = image_borrow(pixels, sizeof pixels), out = {0};
    struct fmt_error e = {0};
    image_reserve(&photograph, 5, 1, 1, NULL);
    ok(heat_map_overlay(&m, &photograph, 0.2, 0.8, &out, &e) == 0 && out.components == 3, "overlay %s", e.text);
    ok(out.pixels[0] == 100 && out.pixels[1] == 100 && out.pixels[2] == 100, "below the scale: the photograph");
    ok(out.pixels[3] > 180 && out.pixels[4] < 60 && out.pixels[5] < 60, "in its middle: red");
    ok(out.pixels[6] < 100 && out.pixels[6] > 80 && out.pixels[7] < 30, "above it: dark red");
    ok(out.pixels[9] == 22 + 64 && out.pixels[10] == 22 + 64 && out.pixels[11] == 22 + 64, "not seen: a stripe");
    ok(out.pixels[12] == 22 && out.pixels[13] == 22 && out.pixels[14] == 22, "not seen: dark between stripes");
    photograph.width = 3;
    is_int(heat_map_overlay(&m, &photograph, 0.2, 0.8, &out, &e), FMT_MISMATCH, "another size: %s", e.text);
    image_release(&out);
}

static void test_npy(void)
{
    float x[6] = {1, 2, 3, NAN, 5, -6.5f}, got[6];
    struct heat_map m = {.height = 2, .width = 3, .x = x, .capacity = 6};
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    ok(heat_map_npy(&m, &io, NULL) == 0 && b.bytes == 128 + 24 && memcmp(b.data, "\x93NUMPY\1\0\x76\0", 10) == 0,
       "npy: the magic, 128 bytes of header");
    ok(memmem(b.data, 128, "'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 58) && b.data[127] == '\n',
       "npy: the header");
    memcpy(got, b.data + 128, sizeof got);
    ok(memcmp(got, x, sizeof x) == 0, "npy: the values");
    fmt_buffer_release(&b);
}

int main(void)
{
    test_geometry(EXTRACT_RESIZE, 256, 224, 300, 300);
    test_geometry(EXTRACT_RESIZE, 448, 448, 460, 1130);
    test_geometry(EXTRACT_RESIZE, 100, 0, 460, 1130);
    test_geometry(EXTRACT_PAD, 100, 0, 230, 101);
    test_geometry(EXTRACT_CROP, 0, 0, 101, 99);
    test_geometry(EXTRACT_PAD, 50, 98, 60, 30);
    test_centres();
    test_overlay();
    test_npy();
    return tap_done();
}
