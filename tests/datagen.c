/* datagen - draws a small dataset of base-band units: OUT/annotations/{train,val,test}.json and
 * OUT/SPLIT/GROUP/GROUP-N.jpeg.
 *
 * An installation is a unit in a rack: boards in two columns with ports, lamps, screws, levers and labels, a fan, a
 * power board, and cables whose colours follow a rule. It is painted once (canvas.h) and photographed three times, from
 * different positions, in different light, with noise and JPEG compression. A positive installation has two or three
 * faults (site.h), which OUT/defects.tsv lists. Everything is drawn from the seed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "file.h"
#include "jpeg.h"
#include "msg.h"
#include "opt.h"
#include "rng.h"
#include "site.h"
#include "thread.h"

enum { SCENE_W = 1200, SCENE_H = 900, N_VIEWS = 3 };

/* ---------------------------------------------------------------- painting an installation */

static const struct rgb black = {0.03f, 0.03f, 0.035f}, white = {0.93f, 0.93f, 0.9f}, ink = {0.16f, 0.17f, 0.2f};

static void paint_screw(struct canvas *c, float x, float y, float r, bool present, uint32_t seed)
{
    paint_disc(c, x, y, r + 2, black, 1, 1);
    if (!present) {
        paint_disc(c, x, y, r * 0.62f, rgb_of(0x0A0A0C), 1, 1);
        paint_disc(c, x, y + r * 0.9f, r * 0.3f, rgb_of(0x55585C), 1, 0.4f);
        return;
    }
    paint_disc(c, x, y, r, rgb_of(0xC9CBCD), 1.1f, 0.6f);
    float a = lattice(seed, (int)x, (int)y) * 3.1f; /* a cross recess, at any angle */
    for (int i = 0; i < 2; i++, a += 1.5708f) {
        struct point line[4] = {{x - r * 0.6f * cosf(a), y - r * 0.6f * sinf(a)}, {x, y}, {x, y},
                                {x + r * 0.6f * cosf(a), y + r * 0.6f * sinf(a)}};
        paint_cable(c, line, 1.3f, rgb_of(0x404244), false);
    }
}

static void paint_surroundings(struct canvas *c, const struct site *s)
{
    for (size_t i = 0; i < (size_t)SCENE_W * SCENE_H; i++)
        c->pixel[i] = s->wall;
    canvas_rotate(c, 0, 0, 0);
    paint_texture(c, 0, 0, SCENE_W, SCENE_H, s->seed, 160, 120, 0.22f);
    paint_texture(c, 0, 0, SCENE_W, SCENE_H, s->seed + 1, 9, 7, 0.05f);
    for (int side = 0; side < 2; side++) { /* rails of the rack with square holes */
        float x = side ? s->x + s->w + 34 : s->x - 92;
        paint_shadow(c, x - 6, 0, 74, SCENE_H, 22, 0.5f);
        paint_box(c, x, -10, 58, SCENE_H + 20, 2, s->rail, 0.14f);
        paint_texture(c, x, 0, 58, SCENE_H, s->seed + 2, 3, 60, 0.07f);
        for (float y = 14; y < SCENE_H; y += 29)
            paint_box(c, x + 20, y, 15, 15, 2, black, -0.05f);
    }
    for (int k = 0; k < 2; k++) { /* other units above and below */
        float y = k ? s->y + s->h + 205 : s->y - 190;
        struct rgb colour = rgb_scale(s->rail, k ? 0.55f : 0.75f);
        paint_shadow(c, s->x - 20, y + 6, s->w + 40, 128, 30, 0.6f);
        paint_box(c, s->x - 26, y, s->w + 52, 118, 4, colour, 0.1f);
        for (int i = 0; i < 24; i++)
            paint_box(c, s->x + 20 + 32 * (float)i, y + 30, 22, 58, 4, rgb_scale(colour, 0.45f), -0.1f);
    }
}

static void paint_chassis(struct canvas *c, const struct site *s)
{
    paint_shadow(c, s->x - 40, s->y + 4, s->w + 86, s->h + 26, 40, 0.75f);
    for (int side = 0; side < 2; side++) { /* ears with two screws */
        float x = side ? s->x + s->w - 4 : s->x - 52;
        paint_box(c, x, s->y - 4, 56, s->h + 8, 4, rgb_scale(s->chassis, 0.86f), 0.16f);
        paint_screw(c, x + 28, s->y + 40, 11, true, s->seed);
        paint_screw(c, x + 28, s->y + s->h - 40, 11, true, s->seed);
    }
    paint_box(c, s->x - 4, s->y - 6, s->w + 8, s->h + 12, 4, rgb_scale(s->chassis, 0.7f), 0.2f);
}

static void paint_fan(struct canvas *c, const struct site *s)
{
    paint_box(c, s->x + 6, s->y + 6, 74, s->h - 12, 4, rgb_scale(s->face, 0.92f), 0.14f);
    if (s->uncovered) { /* the rotors */
        paint_box(c, s->x + 12, s->y + 14, 62, s->h - 28, 2, rgb_of(0x202226), -0.1f);
        for (float y = s->y + 46; y < s->y + s->h - 30; y += 66) {
            paint_disc(c, s->x + 43, y, 29, rgb_of(0x3A3D42), 1.2f, 0.7f);
            paint_disc(c, s->x + 43, y, 25, black, 1, 1);
            for (int k = 0; k < 5; k++) {
                float a = 1.2566f * ((float)k + lattice(s->seed, (int)y, 5));
                struct point blade[4] = {{s->x + 43, y}, {s->x + 43 + 10 * cosf(a), y + 10 * sinf(a)},
                                         {s->x + 43 + 16 * cosf(a + 0.4f), y + 16 * sinf(a + 0.4f)},
                                         {s->x + 43 + 23 * cosf(a + 0.7f), y + 23 * sinf(a + 0.7f)}};
                paint_cable(c, blade, 4, rgb_of(0x5A5E64), false);
            }
            paint_disc(c, s->x + 43, y, 9, rgb_of(0x6C7076), 1.1f, 0.8f);
        }
        return;
    }
    for (float y = s->y + 44; y < s->y + s->h - 40; y += 15)
        for (int k = 0; k < 4; k++)
            paint_box(c, s->x + 16 + 14 * (float)k + (k % 2 ? 0 : 2), y, 10, 10, 4, black, -0.1f);
    paint_text(c, s->x + 22, s->y + 20, 2.4f, "FAN", ink);
    paint_disc(c, s->x + 60, s->y + s->h - 22, 4, rgb_of(0x36E05A), 1, 1);
    paint_glow(c, s->x + 60, s->y + s->h - 22, 5, rgb_of(0x36E05A), 0.5f);
}

static void paint_port(struct canvas *c, const struct board *b, int k, struct point at)
{
    bool net = b->kind == BOARD_CONTROL && k >= 2;
    float w = net ? 30 : 25, h = net ? 26 : 22;
    paint_box(c, at.x - w / 2 - 3, at.y - h / 2 - 3, w + 6, h + 6, 2, rgb_of(0xB4B6B8), 0.25f);
    paint_box(c, at.x - w / 2, at.y - h / 2, w, h, 1, black, -0.05f);
    if (b->port[k].cabled && !b->port[k].unplugged && !b->port[k].loose) {
        struct rgb plug = net ? rgb_of(0xBFC4C6) : b->port[k].colour == AQUA ? rgb_of(0x2C84A8) : rgb_of(0x2F5FA8);
        paint_box(c, at.x - w / 2 + 3, at.y - h / 2 + 3, w - 6, h + 6, 2, plug, 0.2f);
    } else if (!b->port[k].cabled && !net) { /* an unused port has a cap */
        paint_box(c, at.x - w / 2 + 2, at.y - h / 2 + 2, w - 4, h - 4, 3, rgb_of(0x3A3C40), 0.12f);
    } else {
        paint_box(c, at.x - w / 2 + 5, at.y - h / 2 + 3, w - 10, 3, 0, rgb_of(0x8A7434), 0); /* contacts */
    }
}

static struct point port_centre(const struct board *b, int k)
{
    float step = b->kind == BOARD_CONTROL ? 44 : 36;
    return (struct point){b->x + 98 + step * (float)k + (float)(k / 2) * 6, b->y + b->h * 0.56f};
}

static void paint_lever(struct canvas *c, float x, float y, float h, bool open)
{
    struct rgb colour = rgb_of(0x2E4E86);
    paint_box(c, x - 2, y + 3, 13, h - 6, 3, rgb_of(0x5A5D60), 0.2f);
    if (open) {
        paint_shadow(c, x - 2, y + h * 0.4f, 34, 20, 12, 0.5f);
        paint_box(c, x, y + h * 0.4f, 31, 11, 3, colour, 0.3f);
    } else {
        paint_box(c, x, y + 6, 9, h - 12, 3, colour, 0.3f);
    }
}

static void paint_power(struct canvas *c, const struct board *b)
{
    paint_box(c, b->x + 96, b->y + 14, 120, b->h - 26, 3, rgb_of(0x1E2022), 0.1f);
    for (int k = 0; k < 2; k++) {
        paint_box(c, b->x + 106 + 54 * (float)k, b->y + 22, 42, b->h - 42, 3, rgb_of(0x3C3E42), -0.2f);
        paint_screw(c, b->x + 127 + 54 * (float)k, b->y + b->h / 2, 8, true, 7);
    }
    paint_box(c, b->x + 238, b->y + 20, 30, b->h - 40, 3, rgb_of(0x151617), 0.2f);
    paint_box(c, b->x + 242, b->y + 24, 22, (b->h - 48) / 2, 2, rgb_of(0xD8D8D4), 0.2f);
    paint_text(c, b->x + 276, b->y + b->h / 2 - 6, 2, "48V", ink);
}

static void paint_lamps(struct canvas *c, const struct board *b)
{
    static const char *const names[] = {"RUN", "ALM", "ACT"};
    bool lit[3] = {!b->lamp_dark, false, b->active};
    for (int k = 0; k < 3; k++) {
        float x = b->x + 66, y = b->y + 16 + (b->h - 26) / 3 * ((float)k + 0.3f);
        struct rgb on = k == 1 ? rgb_of(0xF04030) : rgb_of(0x3CE868);
        paint_disc(c, x, y, 4.6f, black, 1, 1);
        paint_disc(c, x, y, 3.8f, lit[k] ? on : rgb_of(0x2C3A30), 1.05f, 0.95f);
        if (lit[k])
            paint_glow(c, x, y, 5, on, 0.45f);
        paint_text(c, x - 27, y - 4, 1.5f, names[k], ink);
    }
}

static void paint_board(struct canvas *c, const struct site *s, int i)
{
    const struct board *b = &s->board[i];
    float out = b->out; /* the slot does not move with it */
    paint_box(c, b->x + out / 2 - 2, b->y - out / 2 - 2, b->w - out + 4, b->h - out / 2 + 4, 1, black, 0);
    if (b->missing) { /* the open slot: card guides, and the dark inside */
        paint_box(c, b->x + 4, b->y + 8, b->w - 8, 5, 1, rgb_of(0x34363A), 0.1f);
        paint_box(c, b->x + 4, b->y + b->h - 13, b->w - 8, 5, 1, rgb_of(0x2A2C30), 0.1f);
        return;
    }
    canvas_rotate(c, b->tilt > 0 ? b->x : b->x + b->w, b->y + b->h / 2, b->tilt);
    if (b->tilt != 0)
        paint_shadow(c, b->x, b->y + 6, b->w + 4, b->h + 8, 14, 0.6f);
    if (out > 0) { /* a shadow, and the upper side */
        paint_shadow(c, b->x - 4, b->y + 8, b->w + 16, b->h + out, 26, 0.8f);
        paint_box(c, b->x + out / 4, b->y - out / 4, b->w - out / 2, out / 2, 1, rgb_scale(s->face, 0.55f), 0.1f);
    }
    paint_box(c, b->x, b->y, b->w, b->h, 2, s->face, 0.2f);
    paint_screw(c, b->x + 26, b->y + b->h / 2, 7.5f, b->screw[0], s->seed);
    paint_screw(c, b->x + b->w - 26, b->y + b->h / 2, 7.5f, b->screw[1], s->seed);
    if (b->kind != BOARD_FILLER) {
        paint_lever(c, b->x + 3, b->y, b->h, false);
        paint_lever(c, b->x + b->w - 12, b->y, b->h, false);
        if (b->lever_open)
            paint_lever(c, b->x + 3, b->y, b->h, true);
        paint_text(c, b->x + 84, b->y + 6, 2, b->name, ink);
        paint_lamps(c, b);
    }
    if (b->kind == BOARD_POWER)
        paint_power(c, b);
    for (int k = 0; k < N_PORTS; k++)
        if (has_port(b, k))
            paint_port(c, b, k, port_centre(b, k));
    canvas_rotate(c, 0, 0, 0);
}

/* From the port to the bundle at its side. A loose cable comes up out of the bundle and its end hangs down. */
static void cable_curve(const struct site *s, int i, int k, struct point curve[4])
{
    const struct board *b = &s->board[i];
    const struct port *p = &b->port[k];
    struct point at = port_centre(b, k);
    bool left = (i % 2 == 0) != b->crossed;
    float below = s->y + s->h, of_bundle = 9 * (float)k + 4 * (float)(i / 2);
    float end = left ? s->x + 70 + of_bundle : s->x + s->w - 120 + of_bundle;
    at.y += 18;
    if (p->unplugged) /* hangs beside its port */
        at.x += 17, at.y += 26;
    curve[0] = at;
    curve[1] = (struct point){at.x + p->sway * 0.3f, at.y + 46 * p->slack};
    curve[2] = (struct point){end + p->sway, below + 10 + 30 * p->slack};
    curve[3] = (struct point){end, below + 250};
    if (p->loose) {
        float drop = end + (left ? 1.0f : -1.0f) * (60 + 34 * (float)k + 2 * p->sway);
        curve[0] = (struct point){drop, below + 70 * p->slack + 2 * p->sway};
        curve[1] = (struct point){drop - p->sway, below - 130 * p->slack};
        curve[2] = (struct point){end + p->sway, below - 60 * p->slack};
    }
}

/* The plug of a cable that is in no port: at its upper end, or at the lower one. */
static void paint_plug(struct canvas *c, struct point at, bool down)
{
    paint_box(c, at.x - 8, down ? at.y - 4 : at.y - 22, 16, 26, 2, rgb_of(0x2F5FA8), 0.25f);
    paint_box(c, at.x - 4, down ? at.y + 22 : at.y - 29, 8, 8, 1, rgb_of(0xE8E8E0), 0.1f);
}

static void paint_tag(struct canvas *c, const struct point curve[4], uint32_t seed, int number)
{
    char text[8];
    struct point at = bezier(curve, 0.2f + 0.1f * lattice(seed, number, 3));
    snprintf(text, sizeof text, "%02d", number);
    paint_shadow(c, at.x - 9, at.y - 5, 24, 17, 7, 0.4f);
    paint_box(c, at.x - 11, at.y - 8, 23, 15, 1, white, 0.05f);
    paint_text(c, at.x - 7, at.y - 5, 2, text, ink);
}

static void paint_board_cables(struct canvas *c, const struct site *s, int i)
{
    const struct board *b = &s->board[i];
    for (int k = 0; k < N_PORTS; k++) {
        struct point curve[4];
        const struct port *p = &b->port[k];
        if (!has_port(b, k) || !p->cabled)
            continue;
        cable_curve(s, i, k, curve);
        paint_cable(c, curve, 4.4f, cable_colours[p->colour], true);
        paint_cable(c, curve, p->colour == GREY ? 5.6f : 4.4f, cable_colours[p->colour], false);
        if (p->unplugged || p->loose)
            paint_plug(c, curve[0], p->loose);
        if (p->labelled)
            paint_tag(c, curve, s->seed, 10 * i + k);
    }
    for (int k = 0; k < 2 && b->kind == BOARD_POWER; k++) { /* supply: blue and black */
        float x = b->x + 127 + 54 * (float)k, y = b->y + b->h / 2 + 6, end = i % 2 ? s->x + s->w - 40 : s->x + 36;
        struct point curve[4] = {{x, y}, {x, y + 70}, {end + 20 * (float)k, s->y + s->h + 60},
                                 {end + 20 * (float)k, SCENE_H + 20}};
        paint_cable(c, curve, 9, k ? rgb_of(0x26282C) : rgb_of(0x2A52A0), true);
        paint_cable(c, curve, 9, k ? rgb_of(0x26282C) : rgb_of(0x2A52A0), false);
    }
}

static void paint_ties(struct canvas *c, const struct site *s)
{
    for (int side = 0; side < 2; side++) /* around the two bundles */
        for (int k = 0; k < 2; k++) {
            float x = side ? s->x + s->w - 130 : s->x + 58, y = s->y + s->h + 118 + 70 * (float)k;
            paint_shadow(c, x, y + 4, 84, 16, 8, 0.5f);
            paint_box(c, x, y, 82, 13, 4, rgb_of(0x1C1D20), 0.25f);
        }
}

static void paint_site(struct canvas *c, const struct site *s)
{
    paint_surroundings(c, s);
    paint_chassis(c, s);
    paint_fan(c, s);
    for (int nearer = 0; nearer < 2; nearer++) /* boards that are half out cover the others */
        for (int i = 0; i < N_BOARDS; i++)
            if ((s->board[i].out > 0) == nearer)
                paint_board(c, s, i);
    paint_texture(c, s->x, s->y, s->w, s->h, s->seed + 3, 70, 2.5f, 0.05f); /* brushed metal */
    for (int i = 0; i < N_BOARDS; i++)
        paint_board_cables(c, s, i);
    paint_ties(c, s);
    paint_texture(c, 0, 0, SCENE_W, SCENE_H, s->seed + 4, 240, 200, 0.08f);
}

/* ---------------------------------------------------------------- photographs */

static struct camera draw_camera(const struct site *s, struct rng *r, int view)
{
    float side = view == 0 ? 0 : view == 1 ? -1 : 1; /* from the front, from the left, from the right and nearer */
    struct camera k = {.x = s->x + s->w / 2 + between(r, -18, 18)};
    k.y = s->y + s->h / 2 + 36 + between(r, -22, 22);
    k.zoom = (view == 2 ? 850 : 900) * between(r, 0.96, 1.08);
    k.yaw = 0.11f * side + between(r, -0.07, 0.07);
    k.pitch = between(r, -0.1, 0.12);
    float roll = between(r, -0.035, 0.035);
    k.roll_cos = cosf(roll), k.roll_sin = sinf(roll);
    k.light_x = s->x + s->w * between(r, 0.1, 0.9), k.light_y = s->y + s->h * between(r, -0.6, 0.9);
    k.light_size = between(r, 320, 700);
    k.light = between(r, 0.45, 0.8), k.ambient = between(r, 0.5, 0.72);
    float warm = between(r, -0.09, 0.09);
    k.tint = (struct rgb){1 + warm, 1, 1 - warm};
    k.glare = chance(r, 0.35) ? between(r, 0.05, 0.2) : 0, k.glare_at = between(r, 400, 1300);
    k.blur = between(r, 0, 0.35);
    k.noise = between(r, 0.012, 0.045);
    k.vignette = between(r, 0.1, 0.4);
    return k;
}

static const char *split_of(int64_t i)
{
    static const char *const of_five[5] = {"train", "train", "train", "val", "test"};
    return of_five[i % 5];
}

struct work {
    const char *out;
    uint64_t seed;
    int64_t width;
    bool grey;
    struct site *site;     /* [n_groups] */
    struct canvas *canvas; /* [n_workers] */
    struct fmt_error e;    /* the first one */
    pthread_mutex_t lock;  /* for it */
};

static void make_grey(struct image *im)
{
    for (int i = 0; i < im->width * im->height; i++)
        im->pixels[i] = (uint8_t)((im->pixels[3 * i] + 2 * im->pixels[3 * i + 1] + im->pixels[3 * i + 2] + 2) / 4);
    im->components = 1;
}

static void photograph(struct work *w, const struct canvas *c, int64_t i, int view, struct fmt_error *e)
{
    const struct site *s = &w->site[i];
    struct rng r = rng_stream(w->seed, (uint64_t)i, 2 + (uint64_t)view, RNG_DRAW);
    struct camera k = draw_camera(s, &r, view);
    struct image im = {0};
    struct fmt_buffer encoded = {0};
    struct jpeg_encoding encoding = {.quality = 84 + (int)rng_below(&r, 11), .chroma_halved = true};
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%u/%u-%d.jpeg", w->out, split_of(i), s->id, s->id, view);
    if (image_reserve(&im, (int)w->width, (int)(w->width * 3 / 4), 3, e) == 0) {
        camera_capture(c, &k, &r, &im);
        if (w->grey)
            make_grey(&im);
        if (jpeg_encode(&im, &encoding, &encoded, e) == 0)
            file_save(path, encoded.data, encoded.bytes, e);
    }
    image_release(&im);
    fmt_buffer_release(&encoded);
}

static void make_group(void *arg, int64_t i, int worker)
{
    struct work *w = arg;
    struct canvas *c = &w->canvas[worker];
    struct fmt_error e = {0};
    char path[4096];
    paint_site(c, &w->site[i]);
    snprintf(path, sizeof path, "%s/%s/%u", w->out, split_of(i), w->site[i].id);
    file_make_dirs(path, &e);
    for (int view = 0; view < N_VIEWS && e.status == 0; view++)
        photograph(w, c, i, view, &e);
    if (e.status) {
        pthread_mutex_lock(&w->lock);
        if (w->e.status == 0)
            w->e = e;
        pthread_mutex_unlock(&w->lock);
    }
}

static void write_list(const struct work *w, int64_t n, const char *split)
{
    char path[4096];
    struct fmt_error e = {0};
    snprintf(path, sizeof path, "%s/annotations", w->out);
    if (file_make_dirs(path, &e))
        msg_die("%s", e.text);
    snprintf(path, sizeof path, "%s/annotations/%s.json", w->out, split);
    FILE *f = fopen(path, "w");
    if (!f)
        msg_die("%s: cannot be written", path);
    fputs("{\"metainfo\": {\"classes\": [\"negative\", \"positive\"]},\n \"data_list\": [", f);
    bool first = true;
    for (int64_t i = 0; i < n; i++) {
        const struct site *s = &w->site[i];
        for (int view = 0; view < N_VIEWS && strcmp(split_of(i), split) == 0; view++, first = false)
            fprintf(f, "%s\n  {\"img_path\": \"%s/%u/%u-%d.jpeg\", \"gt_label\": %d, \"group_id\": \"%u\", \"site\": "
                    "\"%s\", \"camera\": \"%s\", \"date\": \"%s\"}", first ? "" : ",", split, s->id, s->id, view,
                    s->positive, s->id, s->city, s->camera, s->date);
    }
    fputs("\n ]}\n", f);
    if (fclose(f) != 0)
        msg_die("%s: cannot be written", path);
}

static void write_faults(const struct work *w, int64_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/defects.tsv", w->out);
    FILE *f = fopen(path, "w");
    if (!f)
        msg_die("%s: cannot be written", path);
    for (int64_t i = 0; i < n; i++)
        if (w->site[i].positive)
            fprintf(f, "%u\t%s\t%s\n", w->site[i].id, split_of(i), w->site[i].faults);
    if (fclose(f) != 0)
        msg_die("%s: cannot be written", path);
}

static int64_t n_groups = 60, seed, width = 448, n_jobs;
static double positive = 0.5;
static bool grey;
static const struct opt options[] = {
    OPT_COUNT(0, "groups", &n_groups, 1, 100000, "N", "installations, of three photographs each [60]"),
    OPT_COUNT(0, "width", &width, 32, 4096, "N", "of the photographs; the height is 3/4 of it [448]"),
    OPT_REAL(0, "positive", &positive, 0, 1, "P", "share of installations with a fault [0.5]"),
    OPT_FLAG(0, "grey", &grey, "photographs of one channel"),
    OPT_SEED(&seed), OPT_JOBS(&n_jobs), OPT_COMMON, OPT_END};
static const struct opt_tool tool = {"datagen", "OUT", "draw a dataset of base-band units", options, NULL};

static void reserve(struct work *w, int n_workers)
{
    w->site = calloc((size_t)n_groups, sizeof *w->site);
    w->canvas = calloc((size_t)n_workers, sizeof *w->canvas);
    if (!w->site || !w->canvas)
        msg_die("out of memory");
    for (int i = 0; i < n_workers; i++) {
        w->canvas[i] = (struct canvas){.width = SCENE_W, .height = SCENE_H};
        w->canvas[i].pixel = calloc((size_t)SCENE_W * SCENE_H, sizeof *w->canvas[i].pixel);
        if (!w->canvas[i].pixel)
            msg_die("out of memory");
    }
}

/* Every split has the same share of positive installations. */
static void draw_sites(struct work *w)
{
    int64_t n_in_split[3] = {0};
    for (int64_t i = 0; i < n_groups; i++) {
        int64_t k = ++n_in_split[i % 5 == 3 ? 1 : i % 5 == 4 ? 2 : 0];
        draw_site(&w->site[i], w->seed, (uint32_t)i);
        if ((int64_t)((double)k * positive) > (int64_t)((double)(k - 1) * positive))
            add_faults(&w->site[i], w->seed, (uint32_t)i);
    }
}

int main(int argc, char **argv)
{
    static const char *const splits[] = {"train", "val", "test"};
    struct work w = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct fmt_error e = {0};
    int first = opt_parse(&tool, argc, argv);
    if (argc - first != 1)
        msg_usage("one folder OUT is wanted");
    w.out = argv[first], w.seed = (uint64_t)seed, w.width = width, w.grey = grey;
    struct thread_pool *pool = thread_open((int)n_jobs, &e);
    if (!pool || file_make_dirs(w.out, &e))
        msg_die("%s", e.text);
    int n_workers = thread_workers(pool);
    reserve(&w, n_workers);
    draw_sites(&w);
    thread_for(pool, n_groups, make_group, &w);
    if (w.e.status)
        msg_die("%s", w.e.text);
    for (int s = 0; s < 3; s++)
        write_list(&w, n_groups, splits[s]);
    write_faults(&w, n_groups);
    thread_close(pool);
    for (int i = 0; i < n_workers; i++)
        free(w.canvas[i].pixel);
    free(w.canvas);
    free(w.site);
    return msg_finish(EXIT_DONE);
}
