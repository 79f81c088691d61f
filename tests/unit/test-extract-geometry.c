/* test-extract-geometry.c - where images come to for all sizes and fits, and which blocks a list of layers means. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "extract-parts.h"
#include "resize.h"
#include "rng.h"
#include "tap.h"

enum { PATCH = 14 };

static struct extract_geometry geometry(int64_t resize, int64_t size, enum extract_fit fit, int64_t h, int64_t w)
{
    struct extract_settings s = {.resize = resize, .size = size, .fit = fit};
    struct extract_geometry g;
    struct fmt_error e = {0};
    if (extract_geometry(&s, PATCH, h, w, &g, &e))
        ok(false, "%lld x %lld: %s", (long long)w, (long long)h, e.text);
    return g;
}

static void published_sizes(void)
{
    struct extract_settings s = extract_published_settings();
    ok(s.resize == 256 && s.size == 224 && s.kind == FEAT_CLS && !s.no_norm && !s.unit_length,
       "as the published k-NN has it");
    struct extract_geometry g = geometry(256, 224, EXTRACT_RESIZE, 480, 640);
    ok(g.full_h == 256 && g.full_w == 341 && g.rows == 224 && g.cols == 224 && g.top == 16, "480 x 640 -> 256 x 341");
    is_int(g.left, 58, "58.5 goes to the even side");
    ok(fabs(1 - g.cropped - 224.0 * 224 / (256 * 341)) < 1e-12, "57 %% are seen");
    g = geometry(256, 224, EXTRACT_RESIZE, 900, 300);
    ok(g.full_h == 768 && g.full_w == 256 && g.net_h == 224 && g.net_w == 224, "a tall image");
    g = geometry(0, 224, EXTRACT_RESIZE, 100, 300);
    ok(g.full_h == 100 && g.rows == 100 && g.canvas_h == 224 && g.at_y == 62 && g.cols == 224 && g.left == 38,
       "an image that is too low comes to the middle of black");
}

static void fits(void)
{
    struct extract_geometry g = geometry(110, 100, EXTRACT_RESIZE, 220, 220);
    ok(g.net_h == 98 && g.full_h == 108 && g.rows == 98, "resize: 100 becomes 98, the image shrinks as much");
    g = geometry(110, 105, EXTRACT_RESIZE, 220, 220);
    is_int(g.net_h, 98, "a tie goes down");
    g = geometry(110, 106, EXTRACT_RESIZE, 220, 220);
    is_int(g.net_h, 112, "106 is nearer to 112");
    g = geometry(110, 100, EXTRACT_CROP, 220, 220);
    ok(g.net_h == 98 && g.full_h == 110 && g.top == 6, "crop: 98 of 110");
    g = geometry(110, 100, EXTRACT_PAD, 220, 220);
    ok(g.net_h == 112 && g.canvas_h == 100 && g.rows == 100 && g.net_y == 6, "pad: 100 in the middle of 112");
    g = geometry(0, 0, EXTRACT_RESIZE, 97, 55);
    ok(g.net_h == 98 && g.net_w == 56 && g.full_h == 98 && g.full_w == 56 && g.cropped == 0, "whole, resized");
    g = geometry(0, 0, EXTRACT_CROP, 97, 55);
    ok(g.net_h == 84 && g.net_w == 42 && g.rows == 84 && g.top == 6 && g.cropped > 0, "whole, cut");
    g = geometry(0, 0, EXTRACT_PAD, 97, 55);
    ok(g.net_h == 98 && g.net_w == 56 && g.rows == 97 && g.cols == 55 && g.cropped == 0, "whole, padded");
    g = geometry(0, 100, EXTRACT_SQUEEZE, 97, 550);
    ok(g.net_h == 98 && g.net_w == 98 && g.full_h == 98 && g.full_w == 98 && g.rows == 98 && g.cols == 98 &&
           g.cropped == 0,
       "squeezed: all of it in the square");
    g = geometry(0, 0, EXTRACT_RESIZE, 3, 5);
    ok(g.net_h == PATCH && g.net_w == PATCH, "at least a patch");
    g = geometry(256, 224, EXTRACT_RESIZE, 700, 1);
    ok(g.full_w == 256 && g.full_h == 179200 && g.top == 89488 && g.rows == 224, "the middle of a strip of 1 x 700");
    g = geometry(65535, 224, EXTRACT_RESIZE, 1, 65535);
    ok(g.full_w == 65535 * (int64_t)65535 && g.cols == 224, "and of the longest one");
    struct extract_settings whole = {.resize = 256};
    ok(extract_geometry(&whole, PATCH, 700, 1, &g, NULL) == FMT_LIMIT, "which no network sees as a whole");
    bool inside = true;
    struct rng r = rng_stream(1, 0, 0, RNG_TEST);
    for (int i = 0; i < 20000; i++) {
        int64_t resize = rng_below(&r, 3) ? (int64_t)rng_below(&r, 300) : 0;
        int64_t size = rng_below(&r, 3) ? (int64_t)rng_below(&r, 300) : 0;
        struct extract_settings s = {.resize = resize, .size = size, .fit = (enum extract_fit)rng_below(&r, 3)};
        int64_t h = 1 + (int64_t)rng_below(&r, 500), w = 1 + (int64_t)rng_below(&r, 500);
        if (extract_geometry(&s, PATCH, h, w, &g, NULL))
            continue;
        inside = inside && g.net_h % PATCH == 0 && g.net_w % PATCH == 0 && g.rows > 0 && g.cols > 0 && g.top >= 0 &&
                 g.left >= 0 && g.top + g.rows <= g.full_h && g.left + g.cols <= g.full_w && g.at_y >= 0 &&
                 g.at_y + g.rows <= g.canvas_h && g.at_x + g.cols <= g.canvas_w && g.net_y >= 0 &&
                 g.net_y + g.canvas_h <= g.net_h && g.net_x + g.canvas_w <= g.net_w && g.cropped >= 0 &&
                 g.cropped < 1;
    }
    ok(inside, "all parts of 20000 images lie inside");
}

/* What is computed of a strip has the bits of the whole, which is larger than any image. */
static void strips(void)
{
    enum { LONG = 300, WIDE = 256, PART = 32, HIGH = LONG * WIDE };
    static uint8_t strip[LONG * 3], whole[(size_t)HIGH * WIDE * 3], part[PART * WIDE * 3];
    for (int i = 0; i < LONG * 3; i++)
        strip[i] = (uint8_t)(i * i / 7 + 31 * i);
    struct resize r = {.in_h = LONG, .in_w = 1, .out_h = HIGH, .out_w = WIDE, .rows = HIGH, .cols = WIDE,
                       .channels = 3};
    struct arena plan = {0}, memory;
    struct fmt_error e = {0};
    resize_bicubic(&r, NULL, 0, NULL, &plan);
    if (arena_init(&memory, plan.high, &e)) {
        ok(false, "%s", e.text);
        return;
    }
    resize_bicubic(&r, strip, 3, whole, &memory);
    r.top = HIGH / 2 - PART / 2, r.rows = PART;
    struct arena small = {0};
    resize_bicubic(&r, NULL, 0, NULL, &small);
    ok(small.high < 1 << 20, "the middle of a strip takes %zu bytes", small.high);
    resize_bicubic(&r, strip, 3, part, &memory);
    ok(memcmp(part, whole + (size_t)r.top * WIDE * 3, sizeof part) == 0, "and has the bits of the whole");
    arena_release(&memory);
}

static void layers(void)
{
    static const struct {
        const char *text;
        int64_t depth;
        uint64_t expected; /* 0: refused */
    } list[] = {{"1", 12, 1 << 11}, {"4", 12, 15 << 8},  {"12", 12, 0xfff}, {"0", 12, 0},    {"13", 12, 0},
                {"3,7", 12, 136},   {"7,3", 12, 136},    {"11,", 12, 2048}, {"12,", 12, 0},  {"3,3", 12, 0},
                {"-1", 12, 0},      {"3,,7", 12, 0},     {",", 12, 0},      {"", 12, 0},     {"a", 12, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint64_t got;
        int status = extract_parse_layers(list[i].text, list[i].depth, &got, NULL);
        ok(list[i].expected ? status == 0 && got == list[i].expected : status != 0, "layers \"%s\"", list[i].text);
    }
}

/* ------------------------------------------------------------------ tiles and regions */

/* Along an axis of `full` pixels: every pixel is in a tile, neighbours overlap as asked, none leaves. */
static void tiles_of(int64_t full, int64_t side, int64_t overlap)
{
    struct extract_settings s = {.size = side, .fit = EXTRACT_TILES, .overlap = overlap};
    struct extract_part_list list = {0};
    struct fmt_error e = {0};
    bool good = extract_parts(&s, PATCH, side, full, -1, &list, &e) == 0 && list.n > 0;
    for (int64_t i = 0; good && i < list.n; i++) {
        const struct extract_geometry *g = &list.part[i].geometry;
        int64_t before = i > 0 ? list.part[i - 1].geometry.left + side : overlap;
        good = g->left <= before - overlap && g->left >= 0 && g->left + g->cols <= full && g->net_w == side &&
               g->net_h == side && g->top == 0;
    }
    const struct extract_geometry *last = good ? &list.part[list.n - 1].geometry : NULL;
    ok(good && last->left + last->cols == full &&
           (list.n == 1 || (full - overlap + side - overlap - 1) / (side - overlap) == list.n),
       "%lld pixels in %lld tiles of %lld:%lld %s", (long long)full, (long long)list.n, (long long)side,
       (long long)overlap, e.text);
    free(list.part);
}

static void regions(void)
{
    static const char text[] = "# parts of a board\nlabel 0.25 0.5 0.5 0.25\n\npin 10 20 30 40 2 # a close-up\n";
    struct extract_settings s = {.size = 28, .resize = 0, .fit = EXTRACT_TILES};
    struct extract_part_list list = {0};
    struct fmt_error e = {0};
    char back[EXTRACT_REGIONS_TEXT_MAX];
    ok(extract_regions_parse(text, sizeof text - 1, &s.regions, &e) == 0 && s.regions.n == 2, "two regions %s", e.text);
    extract_regions_text(&s.regions, back);
    is_text(back, "label 0.250000 0.500000 0.500000 0.250000; pin 10 20 30 40 2", "as text");
    struct extract_regions again;
    ok(extract_regions_parse(back, strlen(back), &again, &e) == 0 && memcmp(&again, &s.regions, sizeof again) == 0,
       "and back");
    ok(extract_parts(&s, PATCH, 80, 100, 2, &list, &e) == 0 && list.n == 6, "tiles of both: %lld", (long long)list.n);
    is_text(list.part[1].name, "label/0,1", "the name of a tile");
    ok(list.part[1].left == 25 && list.part[1].top == 40 && list.part[1].x == 25 + 22 && list.part[1].w == 28,
       "where it lies in the photograph");
    ok(list.part[2].name[0] == 'p' && list.part[5].y == 20 + 12 && list.part[5].x == 10 + 2, "the last one");
    ok(extract_parts(&s, PATCH, 80, 100, 1, &list, &e) == 0 && list.n == 2, "without the region of view 2");
    ok(extract_parts(&s, PATCH, 50, 100, 2, &list, &e) == FMT_INVALID, "%s", e.text);
    static const char *const wrong[] = {"a 0 0 10", "a 0.5 0 0.5 1", "a 0.5 0.5 0.6 0.1", "a/b 0 0 1 1", "a 0 0 0 5",
                                        "a 0 0 5 5\na 1 1 5 5 2", "", "a 0 0 5 5 -1", "a 1 2 3 4 5 6"};
    int refused = 0, n = sizeof wrong / sizeof *wrong;
    for (int i = 0; i < n; i++)
        refused += extract_regions_parse(wrong[i], strlen(wrong[i]), &again, NULL) != 0;
    is_int(refused, n, "what is no list of regions is refused");
    free(list.part);
}

static void tiles(void)
{
    static const int64_t full[] = {1, 27, 28, 29, 55, 56, 57, 100, 1000, 4000};
    for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
        tiles_of(full[i], 28, 0);
        tiles_of(full[i], 28, 14);
    }
    tiles_of(4000, 518, 64);
    int64_t side = 0, overlap = 0;
    ok(extract_tiles_parse("518:0", &side, &overlap, NULL) == 0 && side == 518 && overlap == 0, "518:0");
    ok(extract_tiles_parse("224", &side, &overlap, NULL) == 0 && side == 224 && overlap == 28, "an eighth by itself");
    ok(extract_tiles_parse("224:113", &side, &overlap, NULL) && extract_tiles_parse("x", &side, &overlap, NULL) &&
           extract_tiles_parse("224:", &side, &overlap, NULL) && extract_tiles_parse("0", &side, &overlap, NULL),
       "what is refused");
}

int main(void)
{
    published_sizes();
    fits();
    strips();
    layers();
    tiles();
    regions();
    return tap_done();
}
