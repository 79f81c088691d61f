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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POINTS_MAX = 256, SERIES_MAX = 6, NAME_MAX_BYTES = 32 };
enum { WIDTH = 640, HEIGHT = 440, LEFT = 80, RIGHT = 20, TOP = 44, BOTTOM = 60 };

/* Colours that differ for colour-blind eyes, too (Okabe and Ito). */
static const char *const colours[SERIES_MAX] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

struct point {
    int series;
    double x, y;
};
/* From the values lo..hi to the pixels from..to. */
struct axis {
    double lo, hi, from, to;
};
struct plot {
    const char *title, *x_label, *y_label;
    double slope;
    bool through_last;
    char series[SERIES_MAX][NAME_MAX_BYTES];
    int n_series, n;
    struct point point[POINTS_MAX];
    struct axis x, y;
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

/* ------------------------------------------------------------------ axes */

static double place(const struct axis *a, double value)
{
    return a->from + (a->to - a->from) * log(value / a->lo) / log(a->hi / a->lo);
}

/* Half a step of 1, 2, 5 around the values, so that no point lies on the frame. */
static void cover(struct axis *a, double value)
{
    if (value / 1.5 < a->lo)
        a->lo = value / 1.5;
    if (value * 1.5 > a->hi)
        a->hi = value * 1.5;
}

static void lay_axes(struct plot *p)
{
    p->x = (struct axis){HUGE_VAL, 0, LEFT, WIDTH - RIGHT};
    p->y = (struct axis){HUGE_VAL, 0, HEIGHT - BOTTOM, TOP};
    for (int i = 0; i < p->n; i++) {
        cover(&p->x, p->point[i].x);
        cover(&p->y, p->point[i].y);
    }
}

/* ------------------------------------------------------------------ drawing */

static void print_text(double x, double y, const char *how, const char *text)
{
    printf("<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, how);
    for (; *text; text++) {
        const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (escaped)
            fputs(escaped, stdout);
        else
            putchar(*text);
    }
    puts("</text>");
}

static void print_line(double x1, double y1, double x2, double y2, const char *how)
{
    printf("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, how);
}

/* 1, 2, 5, 10 ... or, over more than three decades, 1, 10, 100 ... */
static void print_ticks(const struct axis *a, bool horizontal)
{
    static const double steps[] = {1, 2, 5};
    const int n_steps = a->hi / a->lo > 1000 ? 1 : 3;
    for (int decade = (int)floor(log10(a->lo)); decade <= (int)ceil(log10(a->hi)); decade++)
        for (int i = 0; i < n_steps; i++) {
            double value = steps[i] * pow(10, decade), at = place(a, value);
            char text[32];
            if (value < a->lo || value > a->hi)
                continue;
            snprintf(text, sizeof text, value < 1e6 ? "%.6g" : "%.0e", value);
            if (horizontal) {
                print_line(at, TOP, at, HEIGHT - BOTTOM, "stroke=\"#ddd\"");
                print_text(at, HEIGHT - BOTTOM + 18, " text-anchor=\"middle\"", text);
            } else {
                print_line(LEFT, at, WIDTH - RIGHT, at, "stroke=\"#ddd\"");
                print_text(LEFT - 8, at + 4, " text-anchor=\"end\"", text);
            }
        }
}

/* Between the ends of the first series; the frame cuts what leaves it. */
static void print_ideal(const struct plot *p)
{
    int first = 0, last = 0;
    while (last + 1 < p->n && p->point[last + 1].series == 0)
        last++;
    const struct point *through = &p->point[p->through_last ? last : first];
    double x[2] = {p->point[first].x, p->point[last].x}, y[2];
    for (int i = 0; i < 2; i++)
        y[i] = through->y * pow(x[i] / through->x, p->slope);
    print_line(place(&p->x, x[0]), place(&p->y, y[0]), place(&p->x, x[1]), place(&p->y, y[1]),
               "class=\"ideal\" stroke=\"#555\" stroke-dasharray=\"6 4\" clip-path=\"url(#frame)\"");
}

static void print_series(const struct plot *p, int series)
{
    printf("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colours[series]);
    for (int i = 0; i < p->n; i++)
        if (p->point[i].series == series)
            printf("%.1f,%.1f ", place(&p->x, p->point[i].x), place(&p->y, p->point[i].y));
    puts("\"/>");
    for (int i = 0; i < p->n; i++) {
        const struct point *at = &p->point[i];
        if (at->series != series)
            continue;
        printf("<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\">", place(&p->x, at->x),
               place(&p->y, at->y), colours[series]);
        printf("<title>%.6g, %.4g</title></circle>\n", at->x, at->y);
    }
}

/* In the corner that a curve of this slope leaves free. */
static void print_legend(const struct plot *p)
{
    const double x = p->slope < 0 ? WIDTH - RIGHT - 120 : LEFT + 14;
    char text[64];
    for (int i = 0; i < p->n_series; i++) {
        printf("<circle cx=\"%.1f\" cy=\"%d\" r=\"4\" fill=\"%s\"/>\n", x + 10, TOP + 18 + 18 * i, colours[i]);
        print_text(x + 26, TOP + 22 + 18 * i, "", p->series[i]);
    }
    if (p->slope == 0)
        return;
    const double y = TOP + 18 + 18 * p->n_series;
    snprintf(text, sizeof text, "slope %g", p->slope);
    print_line(x, y, x + 20, y, "stroke=\"#555\" stroke-dasharray=\"6 4\"");
    print_text(x + 26, y + 4, "", text);
}

static void print_plot(const struct plot *p)
{
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
           "font-family=\"sans-serif\" font-size=\"12\">\n",
           WIDTH, HEIGHT, WIDTH, HEIGHT);
    printf("<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, HEIGHT);
    printf("<clipPath id=\"frame\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n", LEFT, TOP,
           WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    print_ticks(&p->x, true);
    print_ticks(&p->y, false);
    printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#000\"/>\n", LEFT, TOP,
           WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    print_text(LEFT, TOP - 16, " font-size=\"15\"", p->title);
    print_text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 16, " text-anchor=\"middle\"", p->x_label);
    print_text(-(TOP + HEIGHT - BOTTOM) / 2.0, 22, " text-anchor=\"middle\" transform=\"rotate(-90)\"", p->y_label);
    if (p->slope != 0)
        print_ideal(p);
    for (int i = 0; i < p->n_series; i++)
        print_series(p, i);
    print_legend(p);
    puts("</svg>");
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
    lay_axes(&p);
    print_plot(&p);
    return fflush(stdout) || ferror(stdout);
}
