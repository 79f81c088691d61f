/* bench-plot.c - a growth curve as a picture: SVG on standard output.
 *
 *   bench-plot -t TITLE -x LABEL -y LABEL [-c COLUMN] [-s SLOPE [-l]] FILE.tsv
 *
 * The file has a line of headings, then lines of a series' name, its x, and columns of y, separated by tabs; COLUMN is
 * that of y, counted from 1 (3). All values are positive, both axes logarithmic: a power of x is a straight line, and
 * its exponent the slope. A dashed line of SLOPE goes through the first point of the first series, with -l through its
 * last one: what growth would be if nothing but the work grew.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svg-plot.h"

enum { POINTS_MAX = 256, SERIES_MAX = SVG_SERIES, NAME_MAX_BYTES = 32 };

struct point {
    int series;
    double x, y;
};
struct plot {
    const char *title, *x_label, *y_label;
    double slope;
    bool through_last;
    char series[SERIES_MAX][NAME_MAX_BYTES];
    int n_series, n;
    struct point point[POINTS_MAX];
};

static _Noreturn void fail(const char *where, const char *why)
{
    fprintf(stderr, "bench-plot: %s: %s\n", where, why);
    exit(1);
}

/* ------------------------------------------------------------------ reading */

static int series_of(struct plot *p, const char *name)
{
    int i = 0;
    while (i < p->n_series && strcmp(p->series[i], name) != 0)
        i++;
    if (i == SERIES_MAX || strlen(name) >= NAME_MAX_BYTES)
        fail(name, "too many series, or too long a name");
    if (i == p->n_series)
        strcpy(p->series[p->n_series++], name);
    return i;
}

static double positive(const char *word, const char *path)
{
    char *end;
    double value = word ? strtod(word, &end) : 0;
    if (!word || end == word || *end || !(value > 0) || isinf(value))
        fail(path, "a value that is no positive number");
    return value;
}

static void read_points(struct plot *p, const char *path, int column)
{
    char line[1024], *rest, *word;
    FILE *f = fopen(path, "r");
    if (!f || !fgets(line, sizeof line, f))
        fail(path, "cannot be read, or is empty");
    while (fgets(line, sizeof line, f)) {
        if (p->n == POINTS_MAX)
            fail(path, "too many points");
        struct point *at = &p->point[p->n++];
        at->series = series_of(p, strtok_r(line, "\t\n", &rest));
        at->x = positive(strtok_r(NULL, "\t\n", &rest), path);
        word = NULL;
        for (int i = 2; i < column; i++)
            word = strtok_r(NULL, "\t\n", &rest);
        at->y = positive(word, path);
    }
    fclose(f);
    if (p->n == 0)
        fail(path, "no points");
}

/* ------------------------------------------------------------------ drawing */

/* Half a step of 1, 2, 5 around the values, so that no point lies on the frame. */
static void lay_axis(struct svg_axis *a, const char *label, const struct plot *p, size_t offset)
{
    *a = (struct svg_axis){.label = label, .lo = HUGE_VAL, .hi = -HUGE_VAL, .logarithmic = true};
    for (int i = 0; i < p->n; i++)
        svg_axis_cover(a, *(const double *)((const char *)&p->point[i] + offset));
    svg_axis_widen(a);
}

/* Between the ends of the first series; the frame cuts what leaves it. */
static void draw_ideal(struct svg_plot *svg, const struct plot *p)
{
    int first = 0, last = 0;
    char text[64];
    while (last + 1 < p->n && p->point[last + 1].series == 0)
        last++;
    const struct point *through = &p->point[p->through_last ? last : first];
    double x[2] = {p->point[first].x, p->point[last].x}, y[2];
    for (int i = 0; i < 2; i++)
        y[i] = through->y * pow(x[i] / through->x, p->slope);
    svg_plot_segment(svg, &svg_reference, x[0], y[0], x[1], y[1], "ideal");
    snprintf(text, sizeof text, "slope %g", p->slope);
    svg_plot_entry(svg, &svg_reference, false, text);
}

static void draw_series(struct svg_plot *svg, const struct plot *p, int series)
{
    const struct svg_style solid = {svg_series[series].colour, ""};
    double x[POINTS_MAX], y[POINTS_MAX];
    char text[64];
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (p->point[i].series == series) {
            x[n] = p->point[i].x;
            y[n++] = p->point[i].y;
        }
    svg_plot_line(svg, &solid, x, y, n, NULL);
    for (int i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%.6g, %.4g", x[i], y[i]);
        svg_plot_point(svg, &solid, x[i], y[i], text);
    }
    svg_plot_entry(svg, &solid, true, p->series[series]);
}

/* The legend is in the corner that a curve of this slope leaves free. */
static void draw_plot(const struct plot *p)
{
    struct svg_plot svg = {.out = stdout, .id = "curve", .title = p->title, .heading = true, .width = 640,
                           .height = 440,
                           .margin = {80, 20, 44, 60}, .legend = p->slope < 0 ? SVG_TOP_RIGHT : SVG_TOP_LEFT};
    lay_axis(&svg.x, p->x_label, p, offsetof(struct point, x));
    lay_axis(&svg.y, p->y_label, p, offsetof(struct point, y));
    svg_plot_begin(&svg);
    for (int i = 0; i < p->n_series; i++)
        draw_series(&svg, p, i);
    if (p->slope != 0)
        draw_ideal(&svg, p);
    svg_plot_end(&svg);
}

int main(int argc, char **argv)
{
    static struct plot p;
    int column = 3;
    for (int option; (option = getopt(argc, argv, "t:x:y:c:s:l")) != -1;) {
        if (option == 't')
            p.title = optarg;
        else if (option == 'x')
            p.x_label = optarg;
        else if (option == 'y')
            p.y_label = optarg;
        else if (option == 'c')
            column = atoi(optarg);
        else if (option == 's')
            p.slope = atof(optarg);
        else if (option == 'l')
            p.through_last = true;
        else
            return 2;
    }
    if (!p.title || !p.x_label || !p.y_label || column < 3 || argc - optind != 1) {
        fprintf(stderr, "usage: bench-plot -t TITLE -x LABEL -y LABEL [-c COLUMN] [-s SLOPE [-l]] FILE.tsv\n");
        return 2;
    }
    read_points(&p, argv[optind], column);
    draw_plot(&p);
    return fflush(stdout) || ferror(stdout);
}
