/* site.h - the installations that datagen draws: what is mounted and how it is cabled, by the rules that a technician
 * knows, and what can be wrong with it. All of it comes from the seed.
 *
 * A positive installation has one or two large faults (a module, a group of cables, the fan's cover), which are some
 * tens of pixels in a photograph 448 pixels wide, and mostly a small one, which is a few.
 */
#ifndef SITE_H
#define SITE_H

#include <stdio.h>
#include <string.h>

#include "canvas.h"
#include "rng.h"

enum { ROWS = 4, N_BOARDS = 2 * ROWS, N_PORTS = 6 };

/* ---------------------------------------------------------------- what an installation is */

enum board_kind { BOARD_BASEBAND, BOARD_CONTROL, BOARD_POWER, BOARD_FILLER };

#define DEFECTS(X) \
    X(GONE, "missing module") X(PULLED, "module half out") X(LOOSE, "cables unplugged") \
    X(GROUP, "cables in a wrong colour") X(CROSSED, "cables in the wrong bundle") X(COVER, "fan cover missing") \
    X(SCREW, "missing screw") X(COLOUR, "a cable in a wrong colour") X(UNPLUGGED, "a cable unplugged") \
    X(LAMP, "dark lamp") X(TILT, "tilted board") X(LABEL, "missing labels") X(LEVER, "open lever")
enum defect_kind {
#define X(name, text) DEFECT_##name,
    DEFECTS(X)
#undef X
        N_DEFECTS,
    N_LARGE = DEFECT_SCREW /* the first of them */
};
static const char *const defect_name[N_DEFECTS] = {
#define X(name, text) text,
    DEFECTS(X)
#undef X
};

struct port {
    bool cabled, labelled;
    bool unplugged; /* hangs beside its port */
    bool loose;     /* dangles below the unit */
    int colour; /* of cable_colours */
    float slack, sway;
};

struct board {
    enum board_kind kind;
    float x, y, w, h, tilt;
    float out; /* how much nearer a module that is half out looks, in pixels */
    bool screw[2], lever_open, lamp_dark, gone, crossed, active;
    char name[8];
    struct port port[N_PORTS];
};

struct site {
    uint32_t id, seed;
    bool positive;
    struct rgb chassis, face, wall, rail;
    struct board board[N_BOARDS];
    float x, y, w, h; /* of the unit */
    bool power_left, uncovered;
    char defects[160];
    char city[16], camera[16], date[32];
};

static const struct rgb cable_colours[] = {{0.93f, 0.76f, 0.16f}, {0.20f, 0.66f, 0.72f}, {0.88f, 0.44f, 0.14f},
                                           {0.42f, 0.32f, 0.66f}, {0.30f, 0.58f, 0.28f}, {0.62f, 0.62f, 0.64f}};
enum { YELLOW, AQUA, ORANGE, VIOLET, GREEN, GREY };

static float between(struct rng *r, double a, double b)
{
    return (float)rng_between(r, a, b);
}

static bool chance(struct rng *r, double p)
{
    return rng_f64(r) < p;
}

/* The rule that a technician knows: left column yellow, right column aqua, the last two ports of a board orange;
 * network cables of the control boards are grey. */
static int ruled_colour(const struct board *b, int column, int i_port)
{
    if (b->kind == BOARD_CONTROL)
        return i_port < 2 ? ORANGE : GREY;
    return i_port >= 4 ? ORANGE : column == 0 ? YELLOW : AQUA;
}

static void draw_board(struct site *s, int i, struct rng *r)
{
    struct board *b = &s->board[i];
    int column = i % 2, row = i / 2;
    float fan = 84, gap = 5, w = (s->w - fan - 3 * gap) / 2, h = (s->h - (ROWS + 1) * gap) / ROWS;
    *b = (struct board){.x = s->x + fan + gap + (float)column * (w + gap), .y = s->y + gap + (float)row * (h + gap),
                        .w = w, .h = h, .screw = {true, true}, .active = chance(r, 0.6)};
    bool filler = chance(r, 0.22);
    b->kind = row == ROWS - 1 ? ((column == 0) == s->power_left ? BOARD_POWER : BOARD_CONTROL)
              : filler        ? BOARD_FILLER
                              : BOARD_BASEBAND;
    static const char *const names[] = {"UBBP", "UMPT", "UPEU", ""};
    snprintf(b->name, sizeof b->name, "%s%c", names[b->kind], 'D' + (int)rng_below(r, 4));
    for (int k = 0; k < N_PORTS; k++) {
        struct port *p = &b->port[k];
        p->cabled = chance(r, b->kind == BOARD_BASEBAND ? 0.66 : 0.8);
        p->labelled = true;
        p->colour = ruled_colour(b, column, k);
        p->slack = between(r, 0.7, 1.3);
        p->sway = between(r, -22, 22);
    }
}

static void draw_site(struct site *s, uint64_t seed, uint32_t i)
{
    static const uint32_t chassis[] = {0xB9BBB6, 0xA8ADB2, 0xC3BFB2, 0x8D939A};
    static const uint32_t walls[] = {0x4A4D50, 0x5B5750, 0x3C4248, 0x6A6A66};
    static const char *const cities[] = {"north", "harbour", "station", "hill"};
    struct rng r = rng_stream(seed, i, 0, RNG_DRAW);
    s->seed = rng_u32(&r);
    s->id = 1000000 + 7919 * i + (uint32_t)rng_below(&r, 7000);
    float light = between(&r, 0.88, 1.06); /* one draw a statement: C does not say which argument comes first */
    s->chassis = rgb_scale(rgb_of(chassis[rng_below(&r, 4)]), light);
    s->face = rgb_scale(s->chassis, between(&r, 0.98, 1.16));
    light = between(&r, 0.6, 1.1);
    s->wall = rgb_scale(rgb_of(walls[rng_below(&r, 4)]), light);
    s->rail = rgb_scale(rgb_of(0x8A8C8E), between(&r, 0.6, 1.1));
    s->w = 800, s->h = between(&r, 318, 350);
    s->x = 200 + between(&r, -12, 12), s->y = 240 + between(&r, -25, 25);
    s->power_left = chance(&r, 0.5);
    for (int k = 0; k < N_BOARDS; k++)
        draw_board(s, k, &r);
    snprintf(s->city, sizeof s->city, "%s", cities[rng_below(&r, 4)]);
    snprintf(s->camera, sizeof s->camera, "cam%d", 1 + (int)rng_below(&r, 3));
    int day = 1 + (int)rng_below(&r, 28), month = 1 + (int)rng_below(&r, 12);
    snprintf(s->date, sizeof s->date, "2024-%02d-%02d", month, day);
}

/* ---------------------------------------------------------------- what can be wrong with it */

static bool has_port(const struct board *b, int k)
{
    return b->kind == BOARD_BASEBAND || (b->kind == BOARD_CONTROL && k < 4);
}

/* A port of the board that has a cable in place, or -1. */
static int cabled_port(const struct board *b, struct rng *r)
{
    int from = (int)rng_below(r, N_PORTS);
    for (int i = 0; i < N_PORTS; i++) {
        int k = (from + i) % N_PORTS;
        if (has_port(b, k) && b->port[k].cabled && !b->port[k].unplugged && !b->port[k].loose)
            return k;
    }
    return -1;
}

static int n_cables(const struct board *b)
{
    int n = 0;
    for (int k = 0; k < N_PORTS; k++)
        n += has_port(b, k) && b->port[k].cabled && !b->port[k].loose;
    return n;
}

static void unplug_all(struct board *b)
{
    for (int k = 0; k < N_PORTS; k++)
        b->port[k].loose = true;
}

/* The board comes towards the camera: larger, and lower as cameras look from above. */
static void pull_out(struct board *b, float out)
{
    b->out = out;
    b->x -= out / 2, b->w += out;
    b->y += out / 2, b->h += out / 2;
}

/* All cables of the board have the colour of the other column, or one that belongs nowhere. */
static void recolour(struct board *b, struct rng *r)
{
    int colour = (int)rng_below(r, 3);
    for (int k = 0; k < N_PORTS; k++)
        if (colour == 2)
            b->port[k].colour = b->port[k].colour == YELLOW ? AQUA : YELLOW;
        else
            b->port[k].colour = colour ? VIOLET : GREEN;
}

/* False if this board cannot have this fault. */
static bool damage_much(struct site *s, struct board *b, enum defect_kind kind, struct rng *r)
{
    bool whole = !b->gone && b->out == 0, cabled = n_cables(b) >= 3;
    switch (kind) {
    case DEFECT_GONE:
        if (!whole || b->kind == BOARD_POWER)
            return false;
        unplug_all(b);
        return b->gone = true;
    case DEFECT_PULLED:
        if (!whole || b->kind == BOARD_FILLER)
            return false;
        pull_out(b, between(r, 24, 40));
        return true;
    case DEFECT_LOOSE:
        if (!whole || !cabled)
            return false;
        unplug_all(b);
        return true;
    case DEFECT_GROUP:
        if (!cabled || b->kind != BOARD_BASEBAND)
            return false;
        recolour(b, r);
        return true;
    case DEFECT_CROSSED: return cabled && !b->crossed && (b->crossed = true);
    case DEFECT_COVER: return !s->uncovered && (s->uncovered = true);
    default: return false;
    }
}

static bool damage_little(struct board *b, enum defect_kind kind, struct rng *r)
{
    int k = cabled_port(b, r);
    if (b->gone)
        return false;
    switch (kind) {
    case DEFECT_SCREW: b->screw[rng_below(r, 2)] = false; return true;
    case DEFECT_COLOUR:
        if (k < 0)
            return false;
        b->port[k].colour = (b->port[k].colour + 1 + (int)rng_below(r, 4)) % 5;
        return true;
    case DEFECT_UNPLUGGED: return k >= 0 && (b->port[k].unplugged = true);
    case DEFECT_LAMP: return b->kind != BOARD_FILLER && (b->lamp_dark = true);
    case DEFECT_TILT:
        b->tilt = chance(r, 0.5) ? 1.0f : -1.0f;
        b->tilt *= between(r, 0.016, 0.028);
        return true;
    case DEFECT_LABEL:
        if (k < 0)
            return false;
        for (int i = 0; i < N_PORTS; i++)
            b->port[i].labelled = false;
        return true;
    case DEFECT_LEVER: return b->kind != BOARD_FILLER && (b->lever_open = true);
    default: return false;
    }
}

/* One fault of those from `first` to before `end`, at a board that can have it. */
static void spoil_once(struct site *s, int first, int end, struct rng *r)
{
    for (;;) {
        enum defect_kind kind = (enum defect_kind)(first + (int)rng_below(r, (uint32_t)(end - first)));
        int at = (int)rng_below(r, N_BOARDS);
        struct board *b = &s->board[at];
        if (!(kind < N_LARGE ? damage_much(s, b, kind, r) : damage_little(b, kind, r)))
            continue;
        size_t used = strlen(s->defects);
        snprintf(s->defects + used, sizeof s->defects - used, "%s%s", used ? "; " : "", defect_name[kind]);
        used = strlen(s->defects);
        if (kind != DEFECT_COVER)
            snprintf(s->defects + used, sizeof s->defects - used, " at board %d", at);
        return;
    }
}

/* Two or three faults, one or two of them large. */
static void spoil(struct site *s, uint64_t seed, uint32_t i)
{
    struct rng r = rng_stream(seed, i, 1, RNG_DRAW);
    int n = 2 + (int)rng_below(&r, 2), n_large = 1 + (int)rng_below(&r, 2);
    s->positive = true;
    for (int k = 0; k < n; k++)
        spoil_once(s, k < n_large ? 0 : N_LARGE, k < n_large ? N_LARGE : N_DEFECTS, &r);
}

#endif
