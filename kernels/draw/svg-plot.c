/* svg-plot.c - coordinates have one decimal, so that pictures of equal values are equal bytes. */
#include "svg-plot.h"

#include <math.h>
#include <string.h>

#include "markup.h"

const struct svg_style svg_series[SVG_SERIES] = {{"#0072b2", ""},      {"#c04a00", "7 3"},     {"#00805d", "2 2"},
                                                 {"#a8518a", "9 3 2 3"}, {"#8a6100", "5 2 1 2"}, {"#2b7fb0", "1 3"}};
const struct svg_style svg_reference = {"#555555", "6 4"};

/* ------------------------------------------------------------------ axes */
void svg_axis_cover(struct svg_axis *a, double value)
{
    if (!isfinite(value) || (a->logarithmic && value <= 0))
        return;
    a->lo = fmin(a->lo, value);
    a->hi = fmax(a->hi, value);
}

void svg_axis_widen(struct svg_axis *a)
{
    if (!(a->lo <= a->hi)) {
        a->lo = a->logarithmic ? 0.1 : 0;
        a->hi = 1;
    } else if (a->logarithmic) {
        a->lo /= 1.5;
        a->hi *= 1.5;
    } else {
        double more = a->hi > a->lo ? 0.05 * (a->hi - a->lo) : a->hi != 0 ? 0.1 * fabs(a->hi) : 1;
        a->lo -= a->lo >= 0 && a->lo < more ? a->lo : more; /* what is nowhere negative begins at 0 */
        a->hi += more;
    }
}

static double place(const struct svg_axis *a, double value, double from, double to)
{
    double share = a->logarithmic ? log(value / a->lo) / log(a->hi / a->lo) : (value - a->lo) / (a->hi - a->lo);
    return from + (to - from) * share;
}

double svg_plot_x(const struct svg_plot *p, double value)
{
    return place(&p->x, value, p->margin.left, p->width - p->margin.right);
}

double svg_plot_y(const struct svg_plot *p, double value)
{
    return place(&p->y, value, p->height - p->margin.bottom, p->margin.top);
}

static bool is_seen(const struct svg_plot *p, double x, double y)
{
    return isfinite(x) && isfinite(y) && !(p->x.logarithmic && x <= 0) && !(p->y.logarithmic && y <= 0);
}

/* ------------------------------------------------------------------ parts */
void svg_text(FILE *out, double x, double y, const char *how, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, how);
    markup_text(out, text);
    fputs("</text>\n", out);
}

static void put_line(FILE *out, double x1, double y1, double x2, double y2, const char *how)
{
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, how);
}

static void tick(struct svg_plot *p, bool horizontal, double value)
{
    const struct svg_axis *a = horizontal ? &p->x : &p->y;
    double right = p->width - p->margin.right, low = p->height - p->margin.bottom;
    char text[40];
    if (a->percent)
        snprintf(text, sizeof text, "%.4g %%", 100 * value);
    else
        snprintf(text, sizeof text, fabs(value) < 1e6 ? "%.6g" : "%.0e", value);
    if (horizontal) {
        double x = svg_plot_x(p, value);
        put_line(p->out, x, p->margin.top, x, low, "stroke=\"#dddddd\"");
        svg_text(p->out, x, low + 17, " text-anchor=\"middle\"", text);
    } else {
        double y = svg_plot_y(p, value);
        put_line(p->out, p->margin.left, y, right, y, "stroke=\"#dddddd\"");
        svg_text(p->out, p->margin.left - 6, y + 4, " text-anchor=\"end\"", text);
    }
}

/* 1, 2, 5, 10 ... or, over more than three decades, 1, 10, 100 ...; over more than eight, fewer of them. */
static void ticks_logarithmic(struct svg_plot *p, bool horizontal)
{
    static const double steps[] = {1, 2, 5};
    const struct svg_axis *a = horizontal ? &p->x : &p->y;
    int n_steps = a->hi / a->lo > 1000 ? 1 : 3;
    int first = (int)floor(log10(a->lo)), last = (int)ceil(log10(a->hi)), each = 1 + (last - first) / 8;
    for (int decade = first; decade <= last; decade += each)
        for (int i = 0; i < n_steps; i++) {
            double value = steps[i] * pow(10, decade);
            if (value >= a->lo && value <= a->hi)
                tick(p, horizontal, value);
        }
}

/* About five steps of 1, 2, 5 times a power of ten. */
static void ticks_linear(struct svg_plot *p, bool horizontal)
{
    const struct svg_axis *a = horizontal ? &p->x : &p->y;
    double rough = (a->hi - a->lo) / 5, power = pow(10, floor(log10(rough))), ratio = rough / power;
    double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    double first = ceil(a->lo / step - 1e-9), last = floor(a->hi / step + 1e-9);
    for (int i = 0; i <= 20 && first + i <= last; i++)
        tick(p, horizontal, first + i == 0 ? 0 : (first + i) * step);
}

/* ------------------------------------------------------------------ the picture */
void svg_plot_begin(struct svg_plot *p)
{
    const struct svg_margin *m = &p->margin;
    int right = p->width - m->right, low = p->height - m->bottom;
    p->n_entries = p->n_labels = 0;
    fprintf(p->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "role=\"img\" aria-labelledby=\"%s-title %s-about\" font-family=\"sans-serif\" font-size=\"12\">\n",
            p->width, p->height, p->width, p->height, p->id, p->id);
    fprintf(p->out, "<title id=\"%s-title\">", p->id);
    markup_text(p->out, p->title);
    fprintf(p->out, "</title>\n<desc id=\"%s-about\">", p->id);
    markup_text(p->out, p->about ? p->about : p->title);
    fprintf(p->out, "</desc>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", p->width, p->height);
    fprintf(p->out, "<clipPath id=\"%s-frame\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n",
            p->id,
            m->left, m->top, right - m->left, low - m->top);
    for (int horizontal = 0; horizontal < 2; horizontal++)
        if (!(horizontal ? &p->x : &p->y)->bare)
            ((horizontal ? &p->x : &p->y)->logarithmic ? ticks_logarithmic : ticks_linear)(p, horizontal);
    fprintf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#000000\"/>\n", m->left,
            m->top, right - m->left, low - m->top);
    if (p->heading)
        svg_text(p->out, m->left, m->top - 16, " font-size=\"15\"", p->title);
    svg_text(p->out, (m->left + right) / 2.0, low + 36, " text-anchor=\"middle\"", p->x.label);
    svg_text(p->out, -(m->top + low) / 2.0, 13, " text-anchor=\"middle\" transform=\"rotate(-90)\"", p->y.label);
}

/* The sign of an entry, 26 pixels wide, and its name. */
static void put_entry(struct svg_plot *p, int i, double x, double y)
{
    const struct svg_style *s = &p->entry[i].style;
    if (p->entry[i].point)
        fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x + 13, y, s->colour);
    if (!p->entry[i].point || s->dashes[0])
        fprintf(p->out, "<path d=\"M%.1f %.1fh26\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
                "stroke-dasharray=\"%s\"/>\n", x, y, s->colour, s->dashes[0] ? s->dashes : "none");
    svg_text(p->out, x + 32, y + 4, "", p->entry[i].name);
}

/* Two columns below the axis. */
static void put_legend_below(struct svg_plot *p)
{
    double left = p->margin.left, half = (p->width - left - p->margin.right) / 2, y = p->height - p->margin.bottom + 54;
    for (int i = 0; i < p->n_entries; i++)
        put_entry(p, i, left + half * (i % 2), y + SVG_LEGEND_LINE * (i / 2));
}

/* One column in a corner of the frame, on white. */
static void put_legend(struct svg_plot *p)
{
    const struct svg_margin *m = &p->margin;
    size_t longest = 0;
    for (int i = 0; i < p->n_entries; i++)
        longest = strlen(p->entry[i].name) > longest ? strlen(p->entry[i].name) : longest;
    double width = 40 + 6.6 * (double)longest, height = SVG_LEGEND_LINE * p->n_entries + 6;
    bool right = p->legend == SVG_TOP_RIGHT || p->legend == SVG_BOTTOM_RIGHT;
    bool bottom = p->legend == SVG_BOTTOM_LEFT || p->legend == SVG_BOTTOM_RIGHT;
    double x = right ? p->width - m->right - width - 4 : m->left + 4;
    double y = bottom ? p->height - m->bottom - height - 4 : m->top + 4;
    if (p->n_entries == 0)
        return;
    fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#ffffff\" "
            "fill-opacity=\"0.85\"/>\n", x, y, width, height);
    for (int i = 0; i < p->n_entries; i++)
        put_entry(p, i, x + 4, y + 12 + SVG_LEGEND_LINE * i);
}

/* ------------------------------------------------------------------ labels */
struct box {
    double left, top, right, bottom;
};

static double overlap(struct box a, struct box b)
{
    double w = fmin(a.right, b.right) - fmax(a.left, b.left), h = fmin(a.bottom, b.bottom) - fmax(a.top, b.top);
    return w > 0 && h > 0 ? w * h : 0;
}

enum { DOT = 5, LABEL_HEIGHT = 13, PLACES = 24 };

/* Where a label may stand: eight directions, first close to its dot, then further and further away. Below and right
 * come first: an ROC curve is above and left. */
static struct box place_of(const struct svg_label *l, int place)
{
    static const int direction[8][2] = {{1, 1}, {1, 0}, {0, 1}, {-1, -1}, {-1, 0}, {0, -1}, {1, -1}, {-1, 1}};
    const int *to = direction[place % 8];
    double half_w = 3.6 * (double)strlen(l->text), half_h = LABEL_HEIGHT / 2.0, away = DOT + 1 + 15 * (place / 8);
    double slant = to[0] && to[1] ? 0.75 : 1; /* diagonally */
    double x = l->x + slant * to[0] * (away + half_w), y = l->y + slant * to[1] * (away + half_h);
    return (struct box){x - half_w, y - half_h, x + half_w, y + half_h};
}

/* 0: it hides nothing and stays within the frame. */
static double hidden_by(const struct svg_plot *p, struct box at, const struct box *taken, int n_taken)
{
    const struct box frame = {p->margin.left + 1, p->margin.top + 1, p->width - p->margin.right - 1,
                              p->height - p->margin.bottom - 1};
    double cost = 4 * ((at.right - at.left) * (at.bottom - at.top) - overlap(at, frame));
    for (int i = 0; i < n_taken; i++)
        cost += overlap(at, taken[i]);
    for (int i = 0; i < p->n_labels; i++) {
        const struct svg_label *l = &p->label[i];
        cost += overlap(at, (struct box){l->x - DOT, l->y - DOT, l->x + DOT, l->y + DOT});
    }
    return cost;
}

static void put_labels(struct svg_plot *p)
{
    struct box taken[SVG_LABELS_MAX];
    for (int i = 0; i < p->n_labels; i++) {
        const struct svg_label *l = &p->label[i];
        int best = 0;
        double least = INFINITY;
        for (int place = 0; place < PLACES && least > 0.5; place++) {
            double cost = hidden_by(p, place_of(l, place), taken, i);
            best = cost < least - 0.5 ? place : best;
            least = fmin(least, cost);
        }
        struct box at = taken[i] = place_of(l, best);
        double x = (at.left + at.right) / 2, y = (at.top + at.bottom) / 2;
        if (best >= 8)
            put_line(p->out, l->x, l->y, x, y, "stroke=\"#555555\" stroke-width=\"1\"");
        svg_text(p->out, x, y + 4.5, " class=\"label\" text-anchor=\"middle\" stroke=\"#ffffff\" stroke-width=\"3\" "
                 "paint-order=\"stroke\"", l->text);
    }
}

void svg_plot_end(struct svg_plot *p)
{
    put_labels(p);
    (p->legend == SVG_BELOW ? put_legend_below : put_legend)(p);
    fputs("</svg>\n", p->out);
}

void svg_plot_entry(struct svg_plot *p, const struct svg_style *s, bool point, const char *name)
{
    if (!name || p->n_entries == SVG_LEGEND_MAX)
        return;
    snprintf(p->entry[p->n_entries].name, sizeof p->entry[0].name, "%s", name);
    p->entry[p->n_entries].style = *s;
    p->entry[p->n_entries++].point = point;
}

/* ------------------------------------------------------------------ data */
void svg_plot_line(struct svg_plot *p, const struct svg_style *s, const double *x, const double *y, int64_t n,
                   const char *name)
{
    for (int64_t i = 0, run; i < n; i += run + 1) {
        for (run = 0; i + run < n && is_seen(p, x[i + run], y[i + run]); run++)
            ;
        if (run == 1) /* between gaps: a line of one point is not seen */
            fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"%s\"/>\n", svg_plot_x(p, x[i]),
                    svg_plot_y(p, y[i]), s->colour);
        if (run < 2)
            continue;
        fprintf(p->out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\" "
                "clip-path=\"url(#%s-frame)\" points=\"", s->colour, s->dashes[0] ? s->dashes : "none", p->id);
        for (int64_t k = i; k < i + run; k++)
            fprintf(p->out, "%.1f,%.1f ", svg_plot_x(p, x[k]), svg_plot_y(p, y[k]));
        fputs("\"/>\n", p->out);
    }
    svg_plot_entry(p, s, false, name);
}

void svg_plot_band(struct svg_plot *p, const struct svg_style *s, const double *x, const double *low,
                   const double *high, int64_t n)
{
    for (int64_t i = 0, run; i < n; i += run + 1) {
        for (run = 0; i + run < n && is_seen(p, x[i + run], low[i + run]) && is_seen(p, x[i + run],
                                                                                     high[i + run]); run++)
            ;
        if (run < 2)
            continue;
        fprintf(p->out, "<polygon fill=\"%s\" fill-opacity=\"0.18\" clip-path=\"url(#%s-frame)\" points=\"", s->colour,
                p->id);
        for (int64_t k = i; k < i + run; k++)
            fprintf(p->out, "%.1f,%.1f ", svg_plot_x(p, x[k]), svg_plot_y(p, low[k]));
        for (int64_t k = i + run - 1; k >= i; k--)
            fprintf(p->out, "%.1f,%.1f ", svg_plot_x(p, x[k]), svg_plot_y(p, high[k]));
        fputs("\"/>\n", p->out);
    }
}

void svg_plot_point(struct svg_plot *p, const struct svg_style *s, double x, double y, const char *title)
{
    if (!is_seen(p, x, y))
        return;
    fprintf(p->out, "<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>", svg_plot_x(p, x),
            svg_plot_y(p, y), s->colour);
    markup_text(p->out, title);
    fputs("</title></circle>\n", p->out);
}

void svg_plot_segment(struct svg_plot *p, const struct svg_style *s, double x1, double y1, double x2, double y2,
                      const char *class_name)
{
    char how[256];
    if (!is_seen(p, x1, y1) || !is_seen(p, x2, y2))
        return;
    snprintf(how, sizeof how, "class=\"%s\" stroke=\"%s\" stroke-width=\"1.5\" stroke-dasharray=\"%s\" "
             "clip-path=\"url(#%s-frame)\"", class_name, s->colour, s->dashes[0] ? s->dashes : "none", p->id);
    put_line(p->out, svg_plot_x(p, x1), svg_plot_y(p, y1), svg_plot_x(p, x2), svg_plot_y(p, y2), how);
}

void svg_plot_label(struct svg_plot *p, double x, double y, const char *text)
{
    if (!is_seen(p, x, y) || p->n_labels == SVG_LABELS_MAX)
        return;
    struct svg_label *l = &p->label[p->n_labels++];
    *l = (struct svg_label){.x = svg_plot_x(p, x), .y = svg_plot_y(p, y)};
    snprintf(l->text, sizeof l->text, "%s", text);
}
