/* test-svg-plot.c - axes and gaps: places of points, lines that break at what is no number, ticks inside the frame. */
#include <stdlib.h>
#include <string.h>

#include "svg-plot.h"
#include "tap.h"

static char *text;
static size_t bytes;

static struct svg_plot begin(bool logarithmic)
{
    struct svg_plot p = {.out = open_memstream(&text, &bytes), .id = "t", .title = "a <b>", .width = 200, .height = 100,
                         .margin = {50, 10, 10, 40}, .x = {.label = "x", .lo = 0, .hi = 10},
                         .y = {.label = "y", .lo = logarithmic ? 1 : 0, .hi = 100, .logarithmic = logarithmic}};
    svg_plot_begin(&p);
    return p;
}

static int count(const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void end(struct svg_plot *p)
{
    svg_plot_end(p);
    fclose(p->out);
}

static void test_places(void)
{
    struct svg_plot p = begin(false);
    ok(svg_plot_x(&p, 0) == 50 && svg_plot_x(&p, 10) == 190 && svg_plot_x(&p, 5) == 120, "x from side to side");
    ok(svg_plot_y(&p, 0) == 60 && svg_plot_y(&p, 100) == 10, "y upwards");
    end(&p);
    ok(strstr(text, "a &lt;b&gt;</title>") != NULL, "the title is escaped");
    free(text);
    p = begin(true);
    ok(fabs(svg_plot_y(&p, 10) - 35) < 1e-9, "of a logarithmic axis 10 is between 1 and 100");
    end(&p);
    free(text);
}

static void test_gaps(void)
{
    const double x[] = {0, 1, 2, 3, 4, 5, 6, 7}, y[] = {1, 2, NAN, 3, INFINITY, 4, 5, 6}, low[8] = {0};
    struct svg_plot p = begin(false);
    svg_plot_line(&p, &svg_series[0], x, y, 8, "n < 1");
    fflush(p.out);
    is_int(count("<polyline"), 2, "two pieces between what is no number");
    is_int(count("<circle"), 1, "and a dot for the point that stands alone");
    svg_plot_band(&p, &svg_series[0], x, low, y, 8);
    svg_plot_point(&p, &svg_series[0], NAN, 1, "nowhere");
    end(&p);
    is_int(count("<polygon"), 2, "a band has the same gaps");
    is_int(count("nowhere") + count("nan") + count("inf"), 0, "no number that is none");
    is_int(count(">n &lt; 1</text>"), 1, "the legend names the line");
    free(text);
    p = begin(true);
    svg_plot_line(&p, &svg_series[0], x, (const double[]){1, 2, 0, -1, 3, 4, 5, 6}, 8, NULL);
    end(&p);
    is_int(count("<polyline"), 2, "zero is nowhere on a logarithmic axis");
    free(text);
}

static void test_covering(void)
{
    struct svg_axis a = {.lo = HUGE_VAL, .hi = -HUGE_VAL}, one = a, none = a, far = {.lo = HUGE_VAL, .hi = -HUGE_VAL};
    svg_axis_cover(&a, 2);
    svg_axis_cover(&a, NAN);
    svg_axis_cover(&a, 4);
    svg_axis_widen(&a);
    ok(a.lo < 2 && a.lo > 1 && a.hi > 4 && a.hi < 5, "around the values");
    svg_axis_cover(&one, 3);
    svg_axis_widen(&one);
    ok(one.lo < 3 && one.hi > 3, "around one value");
    svg_axis_widen(&none);
    ok(none.lo == 0 && none.hi == 1, "around none");
    svg_axis_cover(&far, 0);
    svg_axis_cover(&far, 1);
    svg_axis_widen(&far);
    ok(far.lo == 0, "what is never negative begins at 0");
}

static void test_ticks(void)
{
    for (int decades = -3; decades <= 6; decades += 3) {
        struct svg_plot p = {.out = open_memstream(&text, &bytes), .id = "t", .title = "t", .width = 200, .height = 100,
                             .margin = {50, 10, 10, 40}, .x = {.label = "x", .lo = 0, .hi = 3.7 * pow(10, decades)},
                             .y = {.label = "y", .lo = 1, .hi = 1e30, .logarithmic = true}};
        svg_plot_begin(&p);
        end(&p);
        int n = count("text-anchor=\"middle\"") - 2, n_y = count("text-anchor=\"end\"");
        ok(n >= 3 && n <= 9, "10^%d: %d ticks", decades, n);
        ok(n_y >= 3 && n_y <= 10, "and %d of thirty decades", n_y);
        free(text);
    }
}

/* The boxes of the labels, as the test measures them: 7 pixels a character, 12 high. */
struct box {
    double x0, y0, x1, y1;
};

static int label_boxes(struct box *box, int most)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, "<text ")) && n < most; at++) {
        double x, y;
        const char *end = strchr(at, '>'), *sign = strstr(at, "class=\"label\"");
        if (!sign || sign > end || sscanf(at, "<text x=\"%lf\" y=\"%lf\"", &x, &y) != 2)
            continue;
        double half = 3.5 * (double)(strchr(end, '<') - end - 1);
        box[n++] = (struct box){x - half, y - 10.5, x + half, y + 1.5};
    }
    return n;
}

/* Labels of dots at (x, y) of a picture as large as those of a report. */
static void check_labels(const char *what, const double (*dot)[2], int n)
{
    struct box box[SVG_LABELS_MAX];
    struct svg_plot p = {.out = open_memstream(&text, &bytes), .id = "t", .title = "t", .width = 360, .height = 330,
                         .margin = SVG_MARGIN, .x = {.label = "x", .hi = 1}, .y = {.label = "y", .hi = 1}};
    int n_over = 0, n_out = 0, n_dots = 0;
    svg_plot_begin(&p);
    for (int i = 0; i < n; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i + 1);
        svg_plot_point(&p, &svg_series[0], dot[i][0], dot[i][1], name);
        svg_plot_label(&p, dot[i][0], dot[i][1], name);
    }
    end(&p);
    is_int(label_boxes(box, SVG_LABELS_MAX), n, what);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            n_over += box[i].x0 < box[k].x1 && box[k].x0 < box[i].x1 && box[i].y0 < box[k].y1 && box[k].y0 < box[i].y1;
        for (int k = 0; k < n; k++) {
            double x = svg_plot_x(&p, dot[k][0]), y = svg_plot_y(&p, dot[k][1]);
            n_dots += x > box[i].x0 - 3 && x < box[i].x1 + 3 && y > box[i].y0 - 3 && y < box[i].y1 + 3;
        }
        n_out += box[i].x0 < 64 || box[i].x1 > 338 || box[i].y0 < 14 || box[i].y1 > 286;
    }
    is_int(n_over, 0, "no label is over another");
    is_int(n_dots, 0, "nor over a dot");
    is_int(n_out, 0, "nor outside the frame");
    free(text);
}

static void test_labels(void)
{
    check_labels("one place", (const double[][2]){{0.5, 0.5}, {0.5, 0.5}, {0.5, 0.5}, {0.5, 0.5}}, 4);
    check_labels("near each other",
                 (const double[][2]){{0.10, 0.9}, {0.11, 0.91}, {0.12, 0.92}, {0.13, 0.92}, {0.1, 0.92}}, 5);
    check_labels("at the corners", (const double[][2]){{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 0.99}, {0.99, 1}, {1, 0.99}},
                 7);
    struct svg_plot p = begin(false);
    for (int i = 0; i < SVG_LABELS_MAX + 3; i++)
        svg_plot_label(&p, i ? i / 2.0 : NAN, 50, "a");
    end(&p);
    is_int(count("class=\"label\""), SVG_LABELS_MAX, "of more labels than there is room for the first are drawn");
    free(text);
}

int main(void)
{
    test_labels();
    test_places();
    test_gaps();
    test_covering();
    test_ticks();
    return tap_done();
}
