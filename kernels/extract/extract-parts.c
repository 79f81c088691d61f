/* extract-parts.c - where the parts of a photograph are. Pure arithmetic. */
#include "extract-parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "crop.h"
#include "num.h"

/* ------------------------------------------------------------------ where they are */
bool extract_has_parts(const struct extract_settings *s)
{
    return s->fit == EXTRACT_TILES || s->regions.n > 0;
}

static int add_part(struct extract_part_list *list, const struct extract_part *part, struct fmt_error *e)
{
    if (list->n == EXTRACT_PARTS_MAX)
        return fmt_fail(e, FMT_LIMIT, "more than %d tiles", EXTRACT_PARTS_MAX);
    int status = fmt_grow(&list->part, list->n, &list->capacity, sizeof *list->part, e);
    if (!status)
        list->part[list->n++] = *part;
    return status;
}

/* Sets what the network sees of the part, from its geometry. */
static void set_view(struct extract_part *p)
{
    const struct extract_geometry *g = &p->geometry;
    double across = (double)p->width / (double)g->full_w, down = (double)p->height / (double)g->full_h;
    p->x = (double)p->left + (double)g->left * across;
    p->y = (double)p->top + (double)g->top * down;
    p->w = (double)g->cols * across;
    p->h = (double)g->rows * down;
}

static int64_t count_tiles(int64_t full, int64_t side, int64_t overlap)
{
    return full <= side ? 1 : num_ceil_div(full - overlap, side - overlap);
}

/* First pixel of tile i of n. */
static int64_t tile_start(int64_t i, int64_t n, int64_t full, int64_t side)
{
    return n == 1 ? 0 : (2 * i * (full - side) + n - 1) / (2 * (n - 1));
}

static int add_tiles(const struct extract_settings *s, struct extract_part *part, struct extract_part_list *list,
                     struct fmt_error *e)
{
    struct extract_geometry *g = &part->geometry; /* that of a tile in the middle */
    int64_t rows = count_tiles(g->full_h, s->size, s->overlap), columns = count_tiles(g->full_w, s->size, s->overlap);
    size_t at = strlen(part->name);
    int status = 0;
    for (int64_t i = 0; i < rows * columns && !status; i++) {
        snprintf(part->name + at, sizeof part->name - at, "%s%lld,%lld", at > 0 ? "/" : "", (long long)(i / columns),
                 (long long)(i % columns));
        g->top = tile_start(i / columns, rows, g->full_h, s->size);
        g->left = tile_start(i % columns, columns, g->full_w, s->size);
        g->cropped = 0;
        set_view(part);
        status = add_part(list, part, e);
    }
    return status;
}

/* The region, or the whole, as one part or as tiles. */
static int add_window(const struct extract_settings *s, int64_t patch, struct extract_part *part,
                      struct extract_part_list *list, struct fmt_error *e)
{
    int status = extract_geometry(s, patch, part->height, part->width, &part->geometry, e);
    if (!status && s->fit == EXTRACT_TILES)
        return add_tiles(s, part, list, e);
    set_view(part);
    return status ? status : add_part(list, part, e);
}

static int add_region(const struct extract_settings *s, int64_t patch, const struct extract_region *r, int64_t height,
                      int64_t width, struct extract_part_list *list, struct fmt_error *e)
{
    struct extract_part part = {.name = ""};
    double across = r->in_pixels ? 1 : (double)width, down = r->in_pixels ? 1 : (double)height;
    int64_t right = (int64_t)lround((r->x + r->width) * across), bottom = (int64_t)lround((r->y + r->height) * down);
    part.left = (int64_t)lround(r->x * across);
    part.top = (int64_t)lround(r->y * down);
    part.width = right - part.left;
    part.height = bottom - part.top;
    if (right > width || bottom > height || part.width < 1 || part.height < 1)
        return fmt_fail(e, FMT_INVALID, "region %s (%lld x %lld at %lld, %lld) leaves the %lld x %lld pixels", r->name,
                        (long long)part.width, (long long)part.height, (long long)part.left, (long long)part.top,
                        (long long)width, (long long)height);
    memcpy(part.name, r->name, sizeof r->name);
    return add_window(s, patch, &part, list, e);
}

int extract_parts(const struct extract_settings *s, int64_t patch, int64_t height, int64_t width, int view,
                  struct extract_part_list *list, struct fmt_error *e)
{
    int status = 0;
    list->n = 0;
    if (s->regions.n == 0)
        return add_window(s, patch, &(struct extract_part){.height = height, .width = width}, list, e);
    for (int i = 0; i < s->regions.n && !status; i++) {
        const struct extract_region *r = &s->regions.item[i];
        if (r->view < 0 || r->view == view)
            status = add_region(s, patch, r, height, width, list, e);
    }
    if (!status && list->n == 0)
        return fmt_fail(e, FMT_INVALID, "no region is of view %d", view);
    return status;
}

void extract_part_input(const struct extract_part *p, double *top, double *left, double *height, double *width)
{
    const struct extract_geometry *g = &p->geometry;
    double across = (double)p->width / (double)g->full_w, down = (double)p->height / (double)g->full_h;
    *left = p->x - (double)(g->at_x + g->net_x) * across;
    *top = p->y - (double)(g->at_y + g->net_y) * down;
    *width = (double)g->net_w * across;
    *height = (double)g->net_h * down;
}
