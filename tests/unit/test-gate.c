/* test-gate.c - gates on drawn photographs, and on what happens to photographs: blur, darkness, compression, cropping.
 * A site is a plate with screws and a label; an installation has screws, dirt and light of its own. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blur.h"
#include "canvas.h"
#include "color.h"
#include "device.h"
#include "gate-calibrate.h"
#include "gate-file.h"
#include "gate-image.h"
#include "gate-reference.h"
#include "gate-search.h"
#include "jpeg.h"
#include "resize.h"
#include "tap.h"

enum { W = 640, H = 480, N_GOOD = 40, DIM = 32 };

static void succeed(int status, const struct fmt_error *e)
{
    if (status)
        ok(false, "%s", e->text);
}

/* ------------------------------------------------------------------ photographs */
static struct image draw(uint32_t seed)
{
    struct canvas c = {.width = W, .height = H, .pixel = calloc((size_t)W * H, sizeof(struct rgb))};
    struct image im = {0};
    struct fmt_error e = {0};
    struct rng r = rng_stream(7, seed, 0, 0);
    float light = 0.85f + 0.3f * (float)rng_f64(&r);
    canvas_rotate(&c, 0, 0, 0);
    for (size_t i = 0; i < (size_t)W * H; i++)
        c.pixel[i] = rgb_scale(rgb_of(0x8A8F94), light);
    paint_texture(&c, 0, 0, W, H, seed, 40, 40, 0.15f);
    for (int i = 0; i < 24; i++) /* screws at places that all installations share, and dirt */
        paint_disc(&c, (float)(60 + i % 6 * 104), (float)(60 + i / 6 * 120), 20, rgb_of(0xC9CBCD), 1.1f, 0.6f);
    for (int i = 0; i < 40; i++)
        paint_disc(&c, W * (float)rng_f64(&r), H * (float)rng_f64(&r), 4 + 10 * (float)rng_f64(&r),
                   rgb_scale(rgb_of(0x605040), 0.5f + (float)rng_f64(&r)), 1, 0.8f);
    succeed(image_reserve(&im, W, H, 3, &e), &e);
    for (size_t i = 0; i < (size_t)W * H; i++) {
        im.pixels[3 * i] = develop(c.pixel[i].r, 0);
        im.pixels[3 * i + 1] = develop(c.pixel[i].g, 0);
        im.pixels[3 * i + 2] = develop(c.pixel[i].b, 0);
    }
    free(c.pixel);
    return im;
}

static struct image compressed(const struct image *im, int quality)
{
    struct fmt_buffer bytes = {0};
    struct image out = {0};
    struct fmt_error e = {0};
    succeed(jpeg_encode(im, &(struct jpeg_encoding){.quality = quality}, &bytes, &e), &e);
    succeed(jpeg_decode(bytes.data, bytes.bytes, NULL, &out, NULL, &e), &e);
    fmt_buffer_release(&bytes);
    return out;
}

/* The box at (left, top), scaled to w x h. */
static struct image part_of(const struct image *im, int left, int top, int box_w, int box_h, int w, int h)
{
    struct image out = {0};
    struct fmt_error e = {0};
    struct arena plan = {0}, scratch;
    int n = im->components;
    struct resize r = {.in_h = box_h, .in_w = box_w, .out_h = h, .out_w = w, .rows = h, .cols = w, .channels = n};
    resize_bicubic(&r, NULL, (int64_t)im->width * n, NULL, &plan);
    succeed(image_reserve(&out, w, h, n, &e), &e);
    succeed(arena_init(&scratch, plan.high, &e), &e);
    resize_bicubic(&r, image_row(im, top) + left * n, (int64_t)im->width * n, out.pixels, &scratch);
    arena_release(&scratch);
    return out;
}

static struct image blurred(const struct image *im, double sigma)
{
    struct image out = part_of(im, 0, 0, W, H, W, H);
    struct arena plan = {0}, scratch;
    struct fmt_error e = {0};
    blur_gaussian(NULL, H, W, sigma, &plan);
    succeed(arena_init(&scratch, plan.high, &e), &e);
    blur_gaussian(out.pixels, H, W, sigma, &scratch);
    arena_release(&scratch);
    return out;
}

static struct image lit(const struct image *im, float factor)
{
    struct image out = part_of(im, 0, 0, W, H, W, H);
    color_brightness(out.pixels, (int64_t)W * H, factor);
    return out;
}

static struct gate_values measured(struct image im, struct gate_print *print)
{
    struct gate_values v = gate_no_values();
    struct gate_print unused;
    struct fmt_error e = {0};
    succeed(gate_image_measure(&im, print ? print : &unused, &v, &e), &e);
    image_release(&im);
    return v;
}

/* ------------------------------------------------------------------ pixels */

/* The definition, on a picture that needs no scaling: mean absolute differences before and after 3 x 3 means. */
static double slow_sharpness(const struct image *g)
{
    double sharp = 0, soft = 0;
    int w = g->width, h = g->height;
#define AT(y, x) ((double)g->pixels[(y) * w + (x)])
#define MEAN(y, x) \
    ((AT(y - 1, x - 1) + AT(y - 1, x) + AT(y - 1, x + 1) + AT(y, x - 1) + AT(y, x) + AT(y, x + 1) + \
      AT(y + 1, x - 1) + AT(y + 1, x) + AT(y + 1, x + 1)) / 9)
    for (int y = 1; y < h - 1; y++)
        for (int x = 1; x < w - 2; x++) {
            sharp += fabs(AT(y, x + 1) - AT(y, x));
            soft += fabs(MEAN(y, x + 1) - MEAN(y, x));
        }
    for (int y = 1; y < h - 2; y++)
        for (int x = 1; x < w - 1; x++) {
            sharp += fabs(AT(y + 1, x) - AT(y, x));
            soft += fabs(MEAN(y + 1, x) - MEAN(y, x));
        }
    return 1 - soft / sharp;
}

static void sharpness(void)
{
    struct image im = draw(1), g = {0};
    struct fmt_error e = {0};
    succeed(image_reserve(&g, 300, GATE_SIDE, 1, &e), &e);
    struct rng r = rng_stream(3, 0, 0, 0);
    for (int i = 0; i < 300 * GATE_SIDE; i++)
        g.pixels[i] = (uint8_t)(rng_f64(&r) * 200 + (i / 300 % 40 > 20 ? 50 : 0));
    double want = slow_sharpness(&g), got = measured(part_of(&g, 0, 0, 300, GATE_SIDE, 300, GATE_SIDE), NULL).value[0];
    ok(fabs(want - got) < 1e-12, "sharpness %.6f is as defined, %.6f", got, want);
    double sharp = measured(part_of(&im, 0, 0, W, H, W, H), NULL).value[GATE_SHARPNESS];
    double large = measured(part_of(&im, 0, 0, W, H, 3 * W, 3 * H), NULL).value[GATE_SHARPNESS];
    double dark = measured(lit(&im, 0.5f), NULL).value[GATE_SHARPNESS];
    double soft = measured(blurred(&im, 3), NULL).value[GATE_SHARPNESS];
    ok(fabs(large - sharp) < 0.05 * sharp, "three times the resolution: %.3f, %.3f", large, sharp);
    ok(fabs(dark - sharp) < 0.1 * sharp, "half the light: %.3f", dark);
    ok(soft < 0.8 * sharp, "blurred: %.3f", soft);
    memset(g.pixels, 9, 300 * GATE_SIDE);
    ok(measured(g, NULL).value[GATE_SHARPNESS] == 0, "a picture of one colour is not sharp");
    image_release(&im);
}

static void light(void)
{
    struct image im = {0};
    struct fmt_error e = {0};
    succeed(image_reserve(&im, 400, 400, 1, &e), &e);
    memset(im.pixels, 0, 400 * 100);
    memset(im.pixels + 400 * 100, 255, 400 * 100);
    memset(im.pixels + 400 * 200, 51, 400 * 200);
    struct gate_values v = measured(im, NULL);
    ok(fabs(v.value[GATE_BRIGHTNESS] - 0.35) < 0.005, "brightness 0.35: %.4f", v.value[GATE_BRIGHTNESS]);
    is_int((int64_t)(255 * v.value[GATE_HIGHLIGHTS] + 0.5), 255, "a quarter is highlights");
    ok(fabs(v.value[GATE_BLACK] - 0.25) < 0.01 && fabs(v.value[GATE_WHITE] - 0.25) < 0.01, "a quarter black and white");
    im = (struct image){0};
    succeed(image_reserve(&im, 400, 400, 1, &e), &e);
    memset(im.pixels, 51, 400 * 400);
    memset(im.pixels, 255, 400 * 12);
    v = measured(im, NULL);
    is_int((int64_t)(255 * v.value[GATE_HIGHLIGHTS] + 0.5), 51, "less than a twentieth does not count");
}

static struct gate_print print_of(struct image im)
{
    struct gate_print p;
    measured(im, &p);
    return p;
}

/* From all boxes of the coarse grid to the exact one. */
static double align(const struct gate_print *part, const struct gate_print *whole, struct gate_box *box)
{
    static struct gate_search s;
    static struct gate_part p;
    struct gate_sketch sketch;
    int i_box = 0;
    gate_part_set(&p, part);
    gate_sketch_make(whole, &sketch);
    gate_search_set(&s, part);
    gate_search_compare(&s, &sketch, &i_box);
    *box = gate_search_box(i_box);
    gate_print_approach(&p, whole, box);
    return gate_print_refine(&p, whole, box);
}

/* Correlation by its definition, of two sketches in the box that is the whole. */
static double slow_correlation(const struct gate_sketch *a, const struct gate_sketch *b)
{
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, n = 0;
    for (int y = 2; y < GATE_SKETCH_SIDE - 2; y++) /* (i + 0.5) / 24 from 6 / 96 on */
        for (int x = 2; x < GATE_SKETCH_SIDE - 2; x++) {
            double p = a->detail[y * GATE_SKETCH_SIDE + x], q = b->detail[y * GATE_SKETCH_SIDE + x];
            sa += p, sb += q, saa += p * p, sbb += q * q, sab += p * q, n++;
        }
    return (sab - sa * sb / n) / sqrt((saa - sa * sa / n) * (sbb - sb * sb / n));
}

static void search(const struct gate_print *a, const struct gate_print *b)
{
    static struct gate_search s;
    struct gate_sketch x, y;
    int i_box = -1;
    gate_sketch_make(a, &x);
    gate_sketch_make(b, &y);
    gate_search_set(&s, a);
    for (int i = 1; i < GATE_BOXES; i++)
        s.scale[i] = 0;
    double c = gate_search_compare(&s, &y, &i_box), want = slow_correlation(&x, &y);
    ok(i_box == 0 && fabs(c - want) < 0.05, "the search in the whole: %.4f, by definition %.4f", c, want);
    bool fits = true;
    for (int i = 0; i < GATE_BOXES; i++) {
        struct gate_box box = gate_search_box(i);
        const double *m = box.margin;
        fits = fits && m[0] + m[1] <= GATE_CUT + 1e-9 && m[2] + m[3] <= GATE_CUT + 1e-9;
        for (int k = 0; k < i; k++) {
            struct gate_box other = gate_search_box(k);
            fits = fits && memcmp(m, other.margin, sizeof other.margin) != 0;
        }
    }
    ok(fits, "boxes cut away at most GATE_CUT, and are different");
}

static void prints(void)
{
    struct image one = draw(1), other = draw(2);
    struct gate_print a = print_of(part_of(&one, 0, 0, W, H, W, H)), b = print_of(part_of(&other, 0, 0, W, H, W, H));
    struct gate_print small = print_of(compressed(&one, 50));
    struct gate_print cut = print_of(part_of(&one, 40, 12, W - 64, H - 48, W - 64, H - 48));
    struct gate_box box;
    ok(fabs(align(&a, &a, &box) - 1) < 1e-6, "a photograph is itself");
    ok(align(&small, &a, &box) > 0.97, "compressed to quality 50");
    struct gate_print dark = print_of(lit(&one, 0.5f));
    ok(align(&dark, &a, &box) > 0.97, "half the light");
    double alike = align(&cut, &a, &box);
    ok(alike > 0.95, "cropped by a tenth: %.4f", alike);
    ok(fabs(box.margin[0] - 40.0 / W) < 0.005 && fabs(box.margin[2] - 12.0 / H) < 0.005 &&
           fabs(box.margin[1] - 24.0 / W) < 0.005 && fabs(box.margin[3] - 36.0 / H) < 0.005,
       "and its box is found: %.3f %.3f %.3f %.3f", box.margin[0], box.margin[1], box.margin[2], box.margin[3]);
    static struct gate_part part;
    struct gate_placed placed;
    gate_part_set(&part, &cut);
    gate_placed_set(&placed, &part, &box);
    ok(fabs(gate_placed_compare(&placed, &a) - alike) < 1e-9, "put there, it is as alike");
    alike = align(&b, &a, &box);
    ok(alike < 0.8, "another installation: %.4f", alike);
    struct gate_print flat = {{0}};
    ok(align(&flat, &a, &box) == 0, "without detail nothing is alike");
    search(&a, &b);
    image_release(&one);
    image_release(&other);
}

/* ------------------------------------------------------------------ what is known */

/* A feature of an installation: features of a site are alike. */
static void set_feature(uint32_t seed, float *x)
{
    struct rng r = rng_stream(11, seed, 0, 0);
    for (int k = 0; k < DIM; k++)
        x[k] = (k == 0 ? 3 : 0) + (float)rng_normal(&r) * 0.3f;
}

static void add_good(struct gate_reference *r, int recent)
{
    struct fmt_error e = {0};
    float x[DIM];
    succeed(gate_reference_init(r, DIM, recent, &e), &e);
    for (int i = 0; i < N_GOOD; i++) {
        char key[32], group[32];
        struct gate_print p = print_of(draw(100 + (uint32_t)i));
        snprintf(key, sizeof key, "p%d.jpeg", i);
        snprintf(group, sizeof group, "unit-%d", i / 2);
        set_feature(100 + (uint32_t)i, x);
        succeed(gate_reference_add(r, key, group, x, &p, &e), &e);
    }
}

static struct gate_values looked_up(const struct gate_reference *r, uint32_t feature, struct image im,
                                    const char *group)
{
    struct fmt_error e = {0};
    struct gate_print p;
    struct gate_values v = measured(im, &p);
    float x[DIM];
    set_feature(feature, x);
    succeed(gate_reference_look(r, NULL, x, &p, group, &v, &e), &e);
    return v;
}

static void references(const struct gate_reference *r)
{
    float x[DIM];
    set_feature(500, x);
    struct gate_values v = looked_up(r, 500, draw(500), "unit-3");
    float folded[DIM];
    double z[DIM];
    gate_fold(x, DIM, folded, DIM);
    ok(v.value[GATE_DISTANCE] == gate_whitening_distance(&r->whitening, folded, z) && v.value[GATE_DISTANCE] > 0,
       "distance, %.5f: that of the whitening", v.value[GATE_DISTANCE]);
    struct image source = draw(107);
    v = looked_up(r, 500, part_of(&source, 10, 20, W - 60, H - 40, W - 60, H - 40), "another");
    ok(v.value[GATE_SIMILARITY] > 0.95, "cropped, by pixels, though the feature says nothing: %.4f",
       v.value[GATE_SIMILARITY]);
    is_text(v.similar_key, "p7.jpeg", "the photograph is named");
    is_text(v.similar_group, "unit-3", "and its installation");
    v = looked_up(r, 107, part_of(&source, 0, 0, W, H, W, H), "unit-3");
    ok(v.value[GATE_SIMILARITY] < 0.9, "the same installation's own photograph is not used again");
    image_release(&source);
}

/* Photographs 200 .. 204 go into a file that holds three. */
static void recent_ones(void)
{
    struct gate_reference r;
    struct fmt_error e = {0};
    char path[] = "/tmp/test-gate-XXXXXX", key[32];
    int fd = mkstemp(path);
    add_good(&r, 0);
    succeed(gate_reference_remember(&r, path, 3, &e), &e);
    for (uint32_t i = 0; i < 5; i++) {
        struct gate_print p = print_of(draw(200 + i));
        snprintf(key, sizeof key, "%u.jpeg", 200 + i);
        succeed(gate_recent_add(&r.recent, key, "new", &p, &e), &e);
    }
    is_int(r.recent.n, 3, "the newest three are kept");
    ok(looked_up(&r, 204, draw(204), "later").value[GATE_SIMILARITY] > 0.999, "the last one is known");
    ok(looked_up(&r, 202, draw(202), "later").value[GATE_SIMILARITY] > 0.999, "the third last, too");
    ok(looked_up(&r, 201, draw(201), "later").value[GATE_SIMILARITY] < 0.9, "the one before is forgotten");
    ok(looked_up(&r, 204, draw(204), "new").value[GATE_SIMILARITY] < 0.9, "its own installation does not count");
    succeed(gate_recent_sync(&r.recent, &e), &e);
    gate_reference_release(&r);

    add_good(&r, 0);
    succeed(gate_reference_remember(&r, path, 3, &e), &e);
    struct gate_values v = looked_up(&r, 203, draw(203), "later");
    ok(v.value[GATE_SIMILARITY] > 0.999, "after a stop they are known");
    is_text(v.similar_key, "203.jpeg", "by name");
    is_text(v.similar_group, "new", "and installation");
    struct gate_print p = print_of(draw(203));
    succeed(gate_recent_add(&r.recent, "203.jpeg", "new", &p, &e), &e);
    ok(looked_up(&r, 202, draw(202), "later").value[GATE_SIMILARITY] > 0.999, "once more the same: none is forgotten");
    succeed(gate_recent_add(&r.recent, "205.jpeg", "new", &p, &e), &e);
    ok(looked_up(&r, 202, draw(202), "later").value[GATE_SIMILARITY] < 0.9, "the next one takes the oldest's place");
    gate_reference_release(&r);

    ok(pwrite(fd, "x", 1, GATE_RECENT_HEAD + GATE_RECENT_SLOT + 5000) == 1, "a byte is damaged");
    add_good(&r, 0);
    succeed(gate_reference_remember(&r, path, 3, &e), &e);
    int n = 0;
    for (int i = 0; i < 3; i++)
        n += r.recent.item[i].name != 0;
    is_int(n, 2, "that photograph is not known any more, the others are");
    ok(pwrite(fd, "x", 1, 3) == 1 && gate_reference_remember(&r, path, 3, &e) == FMT_INVALID, "%s", e.text);
    gate_reference_release(&r);
    close(fd);
    unlink(path);
}

static void files(const struct gate_reference *r)
{
    struct fmt_error e = {0};
    struct fmt_buffer bytes = {0}, again = {0};
    struct fmt_writer w = fmt_buffer_writer(&bytes), w2 = fmt_buffer_writer(&again);
    struct gate_reference back;
    succeed(gate_reference_write(r, &w, &e), &e);
    struct fmt_memory memory = {bytes.data, bytes.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&memory);
    succeed(gate_reference_read(&back, &in, DIM, 0, &e), &e);
    succeed(gate_reference_write(&back, &w2, &e), &e);
    ok(bytes.bytes == again.bytes && memcmp(bytes.data, again.data, bytes.bytes) == 0, "written, read, written");
    gate_reference_release(&back);
    memory.at = 0;
    ok(gate_reference_read(&back, &in, DIM + 1, 0, &e) == FMT_MISMATCH, "other features: %s", e.text);
    bytes.data[bytes.bytes - 1] = 0xBF; /* the last value of the diagonal is below 0 */
    ok(gate_reference_read(&back, &in, DIM, 0, &e) == FMT_INVALID, "no factor: %s", e.text);
    memory = (struct fmt_memory){bytes.data, bytes.bytes - 1, 0};
    in = fmt_memory_reader(&memory);
    ok(gate_reference_read(&back, &in, DIM, 0, &e) != 0, "a cut file is refused: %s", e.text);
    fmt_buffer_release(&bytes);
    fmt_buffer_release(&again);
}

/* ------------------------------------------------------------------ limits */
static void ranks(void)
{
    enum { N = 2000 };
    static struct gate_values v[N];
    static int64_t group[N];
    struct gate_limits l;
    struct fmt_error e = {0};
    char text[GATE_LINE_MAX];
    for (int i = 0; i < N; i++) {
        group[i] = i;
        v[i] = gate_no_values();
        v[i].value[GATE_SHARPNESS] = (i * 7 + 3) % N; /* each of 0 .. N - 1 once */
        v[i].value[GATE_WHITE] = i < 100 ? NAN : (double)i / N;
    }
    succeed(gate_calibrate(v, group, N, 0.005, 0.95, &l, &e), &e);
    /* P(Bin(2000, 0.005) >= 5) = 0.971, >= 6: 0.933 (scipy.stats.binom) */
    ok(l.limit[GATE_SHARPNESS_LEAST] == 4 && l.installations[GATE_SHARPNESS_LEAST].stopped == 4,
       "four of 2,000 are stopped: rank 5");
    ok(l.bound[GATE_SHARPNESS_LEAST] <= 0.005 && l.bound[GATE_SHARPNESS_LEAST] > 0.004, "and the bound holds");
    is_int(l.photographs[GATE_WHITE_MOST].n, N - 100, "those that have the measure");
    is_int(l.installations[GATE_WHITE_MOST].n, N - 100, "and their installations");
    ok(isnan(l.limit[GATE_DISTANCE_MOST]), "a measure that is missing has no limit");
    succeed(gate_calibrate(v, group, 100, 0.005, 0.95, &l, &e), &e);
    ok(l.installations[GATE_SHARPNESS_LEAST].stopped == 0 && l.bound[GATE_SHARPNESS_LEAST] > 0.02,
       "of 100 none: the bound says so");
    succeed(gate_calibrate(v, group, N, 0.005, 0, &l, &e), &e);
    ok(l.limit[GATE_SHARPNESS_LEAST] == 9 && l.bound[GATE_SHARPNESS_LEAST] == 10.0 / (N + 1),
       "on average 10 in 2,001: rank 10");
    gate_limit_text(&l, GATE_SHARPNESS_LEAST, text);
    is_text(text, "blurred: sharpness at least 9 stops 9 of 2000 good photographs, 9 of 2000 installations; on average "
                  "0.5 % of all installations", "and so it is told");
    succeed(gate_calibrate(v, group, 100, 0.005, 0, &l, &e), &e);
    ok(l.bound[GATE_SHARPNESS_LEAST] == 1.0 / 101, "of 100 one in 101");
    ok(gate_calibrate(v, group, 0, 0.005, 0.95, &l, &e) == FMT_INVALID, "none: refused");
    for (int i = 0; i < N; i++) { /* four views that are alike: 500 draws, not 2,000 */
        group[i] = i / 4;
        v[i].value[GATE_SHARPNESS] = i / 4;
        v[i].value[GATE_WHITE] = NAN;
        v[i].value[GATE_DISTANCE] = i % 4 == 1 ? (double)NAN : i % 4 == 2 ? i / 4 : 0;
    }
    succeed(gate_calibrate(v, group, N, 0.01, 0.95, &l, &e), &e);
    /* P(Bin(500, 0.01) >= 2) = 0.960, >= 3: 0.877 */
    const struct gate_count *photographs = l.photographs, *installations = l.installations;
    ok(l.limit[GATE_SHARPNESS_LEAST] == 1 && photographs[GATE_SHARPNESS_LEAST].stopped == 4 &&
           installations[GATE_SHARPNESS_LEAST].stopped == 1 && installations[GATE_SHARPNESS_LEAST].n == N / 4,
       "of 500 installations one is stopped, with its four photographs");
    ok(l.limit[GATE_DISTANCE_MOST] == N / 4 - 2 && photographs[GATE_DISTANCE_MOST].stopped == 1 &&
           installations[GATE_DISTANCE_MOST].stopped == 1 && photographs[GATE_DISTANCE_MOST].n == N / 4 * 3,
       "and one with the one photograph that is far");
    ok(l.bound[GATE_DISTANCE_MOST] <= 0.01 && l.bound[GATE_DISTANCE_MOST] > 0.009, "the bound is of installations");
    is_int(l.all_photographs.stopped, 5, "by any gate five photographs");
    is_int(l.all_installations.stopped, 2, "of two installations");
}

/* Twenty installations of two photographs; the distances of some are set. */
static void odd_ones(const char *what, const double *distance, int n_set, double share, int want, double next)
{
    enum { N = 40 };
    struct gate_values v[N];
    int64_t group[N];
    struct gate_limits l;
    struct gate_odd odd;
    struct fmt_error e = {0};
    for (int i = 0; i < N; i++) {
        group[i] = i / 2;
        v[i] = gate_no_values();
        v[i].value[GATE_DISTANCE] = i % 2 == 1 && i / 2 < n_set ? distance[i / 2] : 0.5 + 0.01 * i;
    }
    succeed(gate_calibrate(v, group, N, share, 0, &l, &e), &e);
    succeed(gate_find_odd(v, group, N, &l, &odd, &e), &e);
    bool good = odd.n == want && (want == 0 || fabs(odd.next - next) < 1e-9);
    for (int i = 0; i < odd.n; i++)
        good = good && odd.row[i] == 2 * i + 1;
    ok(good, "%s: %d odd, the next at %g", what, odd.n, odd.next);
}

static void odd_photographs(void)
{
    odd_ones("all are alike", NULL, 0, 0.01, 0, 0);
    odd_ones("one is far", (double[]){4}, 1, 0.01, 1, 0.89);
    odd_ones("three are", (double[]){4, 3.9, 3.8}, 3, 0.01, 3, 0.89);
    odd_ones("four: more than are told", (double[]){4, 3.9, 3.8, 3.7}, 4, 0.01, 0, 0);
    odd_ones("one that is stopped decides nothing", (double[]){4}, 1, 0.1, 0, 0);
}

static void texts(void)
{
    struct gate_limits l = gate_no_limits(), back;
    struct gate_values v = gate_no_values();
    struct fmt_error e = {0};
    char text[GATE_TEXT_MAX];
    v.value[GATE_SHARPNESS] = 0.8;
    is_int(gate_check(&l, &v, text), GATE_NONE, "no limits, no gate");
    l.limit[GATE_SHARPNESS_LEAST] = 2;
    l.photographs[GATE_SHARPNESS_LEAST] = (struct gate_count){1000, 5};
    l.installations[GATE_SHARPNESS_LEAST] = (struct gate_count){400, 3};
    l.bound[GATE_SHARPNESS_LEAST] = 0.01;
    is_int(gate_check(&l, &v, text), GATE_BLURRED, "blurred");
    is_text(text, "blurred: sharpness 0.8, at least 2 in 99.5 % of good photographs", "with the numbers");
    v.value[GATE_SHARPNESS] = 2;
    is_int(gate_check(&l, &v, text), GATE_NONE, "the limit itself passes");
    is_text(text, "", "without a text");
    cJSON *o = gate_limits_json(&l);
    ok(gate_limits_parse(o, &back, &e) == 0 && back.limit[GATE_SHARPNESS_LEAST] == 2 &&
           isnan(back.limit[GATE_WHITE_MOST]) && back.photographs[GATE_SHARPNESS_LEAST].stopped == 5 &&
           back.installations[GATE_SHARPNESS_LEAST].n == 400, "limits as JSON and back");
    cJSON *count = cJSON_GetObjectItem(cJSON_GetObjectItem(o, "sharpness_least"), "photographs");
    cJSON_SetNumberValue(cJSON_GetObjectItem(count, "stopped"), 1001);
    is_int(gate_limits_parse(o, &back, &e), FMT_INVALID, "more were stopped than there were");
    is_text(e.text, "sharpness_least: photographs: stopped: more than n", "in these words");
    e = (struct fmt_error){0};
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(o, "sharpness_least"), "bound");
    is_int(gate_limits_parse(o, &back, &e), FMT_INVALID, "a member is missing");
    is_text(e.text, "sharpness_least: bound: missing", "in these words");
    cJSON_Delete(o);
}

/* Good photographs calibrate; then each gate stops what it is for. */
static void gates(struct gate_reference *r, const struct device *device)
{
    static struct gate_values v[N_GOOD], again[N_GOOD];
    int64_t group[N_GOOD], n_groups = 0;
    struct gate_limits l;
    struct fmt_error e = {0};
    struct image im = draw(900);
    struct thread_pool *pool = thread_open(3, &e);
    for (int i = 0; i < N_GOOD; i++)
        again[i] = v[i] = measured(draw(100 + (uint32_t)i), NULL);
    succeed(gate_reference_groups(r, group, &n_groups, &e), &e);
    is_int(n_groups, N_GOOD / 2, "installations");
    succeed(gate_reference_fit(r, group, device, v, &e), &e);
    memcpy(again, v, sizeof v);
    succeed(gate_reference_look_all(r, NULL, v, &e), &e);
    succeed(gate_reference_look_all(r, pool, again, &e), &e);
    bool same = true;
    for (int i = 0; i < N_GOOD; i++)
        same = same && memcmp(v[i].value, again[i].value, sizeof v[i].value) == 0;
    ok(same, "the same with one thread and with three");
    thread_close(pool);
    succeed(gate_calibrate(v, group, N_GOOD, 0.005, 0.95, &l, &e), &e);
    is_int(l.all_photographs.stopped, 0, "no good photograph is stopped");
    l.limit[GATE_SHARPNESS_LEAST] *= 0.97; /* 40 are few: 900 may lie a little beyond all of them */
    l.limit[GATE_HIGHLIGHTS_LEAST] *= 0.97;
    l.limit[GATE_BRIGHTNESS_MOST] *= 1.03;
    l.limit[GATE_DISTANCE_MOST] *= 1.2;
    struct {
        struct image photograph;
        uint32_t feature;
        enum gate want;
    } test[] = {{part_of(&im, 0, 0, W, H, W, H), 900, GATE_NONE},
                {blurred(&im, 4), 900, GATE_BLURRED},
                {lit(&im, 0.4f), 900, GATE_DARK},
                {lit(&im, 2.5f), 900, GATE_BRIGHT},
                {compressed(&im, 50), 900, GATE_NONE},
                {draw(105), 900, GATE_REUSED}};
    for (size_t i = 0; i < sizeof test / sizeof *test; i++) {
        char text[GATE_TEXT_MAX];
        struct gate_values w = looked_up(r, test[i].feature, test[i].photograph, "new");
        enum gate g = gate_check(&l, &w, text);
        ok(g == test[i].want, "want %s, have %s", gate_name(test[i].want), text);
    }
    struct gate_values w = looked_up(r, 900, part_of(&im, 0, 0, W, H, W, H), "new");
    w.value[GATE_DISTANCE] = 9;
    is_int(gate_check(&l, &w, NULL), GATE_SUBJECT, "another subject");
    image_release(&im);
}

int main(void)
{
    struct gate_reference r;
    struct device device;
    struct fmt_error e = {0};
    static struct gate_values v[N_GOOD];
    int64_t group[N_GOOD], n_groups;
    succeed(device_open(&device, "cpu", 1, NULL, &e), &e);
    sharpness();
    light();
    prints();
    add_good(&r, 0);
    succeed(gate_reference_groups(&r, group, &n_groups, &e), &e);
    succeed(gate_reference_fit(&r, group, &device, v, &e), &e);
    references(&r);
    recent_ones();
    files(&r);
    ranks();
    odd_photographs();
    texts();
    gates(&r, &device);
    gate_reference_release(&r);
    device_close(&device);
    return tap_done();
}
