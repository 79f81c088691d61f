/* svg-plot.h - curves as SVG: axes with ticks, lines, bands, points, a legend.
 *
 *   struct svg_plot p = {.out = out, .id = "roc", .title = "ROC", .about = "what is seen, in words",
 *                        .width = 360, .height = 330, .margin = SVG_MARGIN, .legend = SVG_BOTTOM_RIGHT,
 *                        .x = {.label = "good that fail", .lo = 0, .hi = 1, .percent = true}, .y = ...};
 *   svg_plot_begin(&p);
 *   svg_plot_band(&p, &svg_series[0], x, low, high, n, NULL);
 *   svg_plot_line(&p, &svg_series[0], x, y, n, "installations");
 *   svg_plot_point(&p, &svg_series[0], 0.1, 0.9, "threshold 0.5");
 *   svg_plot_end(&p);
 *
 * The picture stands in an HTML page or alone in a file. Colours are told apart by colour-blind eyes (Okabe and Ito);
 * each has a pattern of dashes, too, for print in grey. title and about are what a screen reader says. Values that are
 * not finite, and of a logarithmic axis those that are not positive, leave a gap. Errors are those of the stream.
 */
#ifndef SVG_PLOT_H
#define SVG_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SVG_SERIES = 6, SVG_LEGEND_MAX = 8, SVG_LABELS_MAX = 16 };

struct svg_style {
    const char *colour;
    const char *dashes; /* stroke-dasharray; "": solid */
};
extern const struct svg_style svg_series[SVG_SERIES];
extern const struct svg_style svg_reference; /* of lines to compare with: grey, dashed */

struct svg_axis {
    const char *label;
    double lo, hi;    /* the values at the ends, lo < hi */
    bool logarithmic; /* both positive */
    bool percent;     /* ticks of 0.1 are written "10 %" */
    bool bare;        /* no ticks: the caller writes what is there */
};

struct svg_margin {
    int left, right, top, bottom;
};
#define SVG_MARGIN ((struct svg_margin){64, 22, 14, 44})

/* Where the legend is. Below the axis it takes a line of SVG_LEGEND_LINE pixels for two entries, for which the margin
 * must have room beyond SVG_MARGIN's. */
enum svg_corner { SVG_TOP_LEFT, SVG_TOP_RIGHT, SVG_BOTTOM_LEFT, SVG_BOTTOM_RIGHT, SVG_BELOW };
enum { SVG_LEGEND_LINE = 18 };

struct svg_plot {
    FILE *out;
    const char *id;           /* begins the ids of its elements; unique in the page */
    const char *title, *about;
    bool heading;             /* the title is drawn, too */
    int width, height;        /* pixels; in a page it takes the width that it is given */
    struct svg_margin margin; /* around the frame */
    enum svg_corner legend;
    struct svg_axis x, y;
    /* set while drawing */
    struct {
        char name[64]; /* cut where longer */
        struct svg_style style;
        bool point;
    } entry[SVG_LEGEND_MAX];
    int n_entries;
    struct svg_label {
        double x, y; /* of its dot, pixels */
        char text[16];
    } label[SVG_LABELS_MAX];
    int n_labels;
};

/* lo, hi: widened to hold the value; begin with HUGE_VAL, -HUGE_VAL. Values that are not finite do not count. */
void svg_axis_cover(struct svg_axis *a, double value);
/* Widens what was covered: by 5 % of the range or, logarithmic, by half a step of 1, 2, 5; 0 .. 1 where nothing was
 * covered. */
void svg_axis_widen(struct svg_axis *a);

void svg_plot_begin(struct svg_plot *p);
void svg_plot_end(struct svg_plot *p);

/* name: in the legend; NULL: not there. */
void svg_plot_line(struct svg_plot *p, const struct svg_style *s, const double *x, const double *y, int64_t n,
                   const char *name);
void svg_plot_band(struct svg_plot *p, const struct svg_style *s, const double *x, const double *low,
                   const double *high, int64_t n);
/* A dot; title: shown below the pointer. */
void svg_plot_point(struct svg_plot *p, const struct svg_style *s, double x, double y, const char *title);
void svg_plot_segment(struct svg_plot *p, const struct svg_style *s, double x1, double y1, double x2, double y2,
                      const char *class_name);
void svg_plot_entry(struct svg_plot *p, const struct svg_style *s, bool point, const char *name); /* of the legend */
/* A short text beside a dot. All are placed by svg_plot_end: within the frame, clear of the dots and of each other
 * while there is room, with a thin line to their dot where they had to move away. More than SVG_LABELS_MAX are left
 * out. */
void svg_plot_label(struct svg_plot *p, double x, double y, const char *text);

double svg_plot_x(const struct svg_plot *p, double value); /* pixels */
double svg_plot_y(const struct svg_plot *p, double value);

/* The parts of pictures. how: further attributes, with a blank before each. */
void svg_text(FILE *out, double x, double y, const char *how, const char *text);

#endif
