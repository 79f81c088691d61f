/* site.h - the installations that datagen draws: what is mounted and how it is cabled, by the rules that a technician
 * knows, and their faults. Everything is drawn from the seed.
 *
 * A positive installation has one or two large faults (a module, a group of cables, the cover of the fan), some tens of
 * pixels in size in a photograph 448 pixels wide, and in most cases a small one of a few pixels.
 */
#ifndef SITE_H
#define SITE_H

#include <stdio.h>
#include <string.h>

#include "canvas.h"
#include "rng.h"

enum { ROWS = 4, N_BOARDS = 2 * ROWS, N_PORTS = 6 };

/* ---------------------------------------------------------------- an installation without faults */

enum board_kind { BOARD_BASEBAND, BOARD_CONTROL, BOARD_POWER, BOARD_FILLER };

#define FAULTS(X) \
    X(MISSING, "missing module") X(PULLED, "module half out") X(LOOSE, "cables unplugged") \
    X(GROUP, "cables in a wrong colour") X(CROSSED, "cables in the wrong bundle") X(COVER, "fan cover missing") \
    X(SCREW, "missing screw") X(COLOUR, "a cable in a wrong colour") X(UNPLUGGED, "a cable unplugged") \
    X(LAMP, "dark lamp") X(TILT, "tilted board") X(LABEL, "missing labels") X(LEVER, "open lever")
enum fault_kind {
#define X(name, text) FAULT_##name,
    FAULTS(X)
#undef X
        N_FAULTS,
    N_LARGE = FAULT_SCREW /* the large ones come first */
};
static const char *const fault_name[N_FAULTS] = {
#define X(name, text) text,
    FAULTS(X)
#undef X
};

struct port {
    bool cabled, labelled;
    bool unplugged; /* hangs beside its port */
    bool loose;     /* hangs below the unit */
    int colour;     /* of cable_colours */
    float slack, sway;
};

struct board {
    enum board_kind kind;
    float x, y, w, h, tilt;
    float out; /* pixels by which a module that is half out looks larger */
    bool screw[2], lever_open, lamp_dark, missing, crossed, active;
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
    char faults[160]; /* a list for people */
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

/* The rule of the cables: left column yellow, right column aqua, the last two ports of a board orange; network cables
 * of the control boards are grey. */
static int rule_colour(const struct board *b, int column, int i_port)
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
        p->colour = rule_colour(b, column, k);
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
    float light = between(&r, 0.88, 1.06); /* one draw per statement: C does not order arguments */
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

/* ---------------------------------------------------------------- faults */

static bool has_port(const struct board *b, int k)
{
    return b->kind == BOARD_BASEBAND || (b->kind == BOARD_CONTROL && k < 4);
}

/* A port of the board with its cable plugged in, or -1. */
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

/* The board moves towards the camera: it looks larger, and lower, as the camera looks from above. */
static void pull_out(struct board *b, float out)
{
    b->out = out;
    b->x -= out / 2, b->w += out;
    b->y += out / 2, b->h += out / 2;
}

/* All cables of the board get the colour of the other column, or one that the rule does not have. */
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
static bool add_large_fault(struct site *s, struct board *b, enum fault_kind kind, struct rng *r)
{
    bool in_place = !b->missing && b->out == 0, cabled = n_cables(b) >= 3;
    switch (kind) {
    case FAULT_MISSING:
        if (!in_place || b->kind == BOARD_POWER)
            return false;
        unplug_all(b);
        return b->missing = true;
    case FAULT_PULLED:
        if (!in_place || b->kind == BOARD_FILLER)
            return false;
        pull_out(b, between(r, 24, 40));
        return true;
    case FAULT_LOOSE:
        if (!in_place || !cabled)
            return false;
        unplug_all(b);
        return true;
    case FAULT_GROUP:
        if (!cabled || b->kind != BOARD_BASEBAND)
            return false;
        recolour(b, r);
        return true;
    case FAULT_CROSSED: return cabled && !b->crossed && (b->crossed = true);
    case FAULT_COVER: return !s->uncovered && (s->uncovered = true);
    default: return false;
    }
}

static bool add_small_fault(struct board *b, enum fault_kind kind, struct rng *r)
{
    int k = cabled_port(b, r);
    if (b->missing)
        return false;
    switch (kind) {
    case FAULT_SCREW: b->screw[rng_below(r, 2)] = false; return true;
    case FAULT_COLOUR:
        if (k < 0)
            return false;
        b->port[k].colour = (b->port[k].colour + 1 + (int)rng_below(r, 4)) % 5;
        return true;
    case FAULT_UNPLUGGED: return k >= 0 && (b->port[k].unplugged = true);
    case FAULT_LAMP: return b->kind != BOARD_FILLER && (b->lamp_dark = true);
    case FAULT_TILT:
        b->tilt = chance(r, 0.5) ? 1.0f : -1.0f;
        b->tilt *= between(r, 0.016, 0.028);
        return true;
    case FAULT_LABEL:
        if (k < 0)
            return false;
        for (int i = 0; i < N_PORTS; i++)
            b->port[i].labelled = false;
        return true;
    case FAULT_LEVER: return b->kind != BOARD_FILLER && (b->lever_open = true);
    default: return false;
    }
}

/* Adds one fault of first .. end-1, at a board that can have it. */
static void add_fault(struct site *s, int first, int end, struct rng *r)
{
    for (;;) {
        enum fault_kind kind = (enum fault_kind)(first + (int)rng_below(r, (uint32_t)(end - first)));
        int at = (int)rng_below(r, N_BOARDS);
        struct board *b = &s->board[at];
        if (!(kind < N_LARGE ? add_large_fault(s, b, kind, r) : add_small_fault(b, kind, r)))
            continue;
        size_t used = strlen(s->faults);
        snprintf(s->faults + used, sizeof s->faults - used, "%s%s", used ? "; " : "", fault_name[kind]);
        used = strlen(s->faults);
        if (kind != FAULT_COVER)
            snprintf(s->faults + used, sizeof s->faults - used, " at board %d", at);
        return;
    }
}

/* Two or three faults, one or two of them large. */
static void add_faults(struct site *s, uint64_t seed, uint32_t i)
{
    struct rng r = rng_stream(seed, i, 1, RNG_DRAW);
    int n = 2 + (int)rng_below(&r, 2), n_large = 1 + (int)rng_below(&r, 2);
    s->positive = true;
    for (int k = 0; k < n; k++)
        add_fault(s, k < n_large ? 0 : N_LARGE, k < n_large ? N_LARGE : N_FAULTS, &r);
}

#endif
