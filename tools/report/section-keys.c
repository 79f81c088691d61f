/* section-keys.c - scores by view, camera, site, date: a row of bars and a row of the table for each value. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "sections.h"
#include "svg-plot.h"

enum { ROW = 34, LABELS = 96 };

struct slice { /* the photographs of one value */
    const struct key *key;
    int value;
    const struct case_photo *first;
    double *score[2]; /* of good and of defect, ascending */
    int64_t n[2], n_unknown;
    struct level_measure auroc;
};

static bool is_in(const void *arg, const struct case_photo *s)
{
    const struct slice *p = arg;
    return p->key->of_photo[s - p->first] == p->value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure_part(const struct inspection *in, struct slice *p, struct fmt_error *e)
{
    const struct cases *c = in->cases;
    struct level level;
    for (int k = 0; k < 2; k++)
        p->n[k] = 0;
    p->n_unknown = 0;
    for (int64_t i = 0; i < c->n_photos; i++) {
        const struct case_photo *s = &c->photo[i];
        if (!is_in(p, s))
            continue;
        if (s->label >= 0 && isfinite(s->score))
            p->score[s->label][p->n[s->label]++] = s->score;
        else
            p->n_unknown++;
    }
    for (int k = 0; k < 2; k++)
        qsort(p->score[k], (size_t)p->n[k], sizeof(double), ascending);
    int status = level_open_part(&level, c, is_in, p, &in->bootstrap, in->pool, e);
    p->auroc = status ? (struct level_measure){NAN, NAN, NAN} : level.auroc;
    if (!status)
        level_close(&level);
    return status;
}

static double quantile(const double *sorted, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : n ? sorted[n - 1] : NAN;
}

/* ------------------------------------------------------------------ the picture */
static const struct svg_style class_style[2] = {{"#3a8fc4", ""}, {"#8c2d04", ""}};

/* A thin line from the 10th to the 90th percentile, a thick one from the 25th to the 75th, a mark at the median. */
static void draw_bar(struct svg_plot *svg, const double *sorted, int64_t n, double y, int label)
{
    static const double from[] = {0.1, 0.25};
    static const int width[] = {2, 8};
    if (n == 0)
        return;
    for (int i = 0; i < 2; i++)
        fprintf(svg->out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" stroke-width=\"%d\"/>\n",
                svg_plot_x(svg, quantile(sorted, n, from[i])) - 0.5, y, svg_plot_x(svg, quantile(sorted, n,
                                                                                                 1 - from[i])) + 0.5,
                class_style[label].colour, width[i]);
    double x = svg_plot_x(svg, quantile(sorted, n, 0.5));
    if (label)
        fprintf(svg->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"#ffffff\" stroke=\"%s\" "
                "stroke-width=\"2\"/>\n", x - 4, y - 4, class_style[label].colour);
    else
        fprintf(svg->out,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"2\"/>\n", x,
                y, class_style[label].colour);
}

/* Whole characters of UTF-8, with "..." where it is cut. */
static const char *short_text(const char *text, char out[24])
{
    enum { MOST = 15 };
    size_t n = strlen(text);
    if (n <= MOST)
        return text;
    for (n = MOST; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    snprintf(out, 24, "%.*s...", (int)n, text);
    return out;
}

static struct svg_axis score_axis(const struct cases *c)
{
    struct svg_axis a = {.label = "score", .lo = HUGE_VAL, .hi = -HUGE_VAL};
    if (c->probabilities)
        return (struct svg_axis){.label = "score", .lo = 0, .hi = 1};
    for (int64_t i = 0; i < c->n_photos; i++)
        svg_axis_cover(&a, c->photo[i].score);
    svg_axis_widen(&a);
    return a;
}

static void draw_key(const struct inspection *in, struct page *p, const struct key *key, const struct slice *part,
                     int index)
{
    char id[32], title[128], label[24];
    snprintf(id, sizeof id, "key-%d", index);
    snprintf(title, sizeof title, "Scores by %.60s", key->name);
    struct svg_plot svg = {.out = p->out, .id = id, .title = title, .width = 400, .height = 60 + ROW * key->n_values,
                           .about = "Bars for good and for defect, for each value; the medians are in the table.",
                           .margin = {LABELS, 14, 8, 44}, .legend = SVG_BOTTOM_RIGHT, .x = score_axis(in->cases),
                           .y = {.label = "", .lo = 0, .hi = 1, .bare = true}};
    fputs("<figure class=\"wide\">\n", p->out);
    svg_plot_begin(&svg);
    for (int v = 0; v < key->n_values; v++) {
        double y = svg.margin.top + ROW * v + ROW / 2.0 + 4;
        svg_text(p->out, LABELS - 8, y + 4, " text-anchor=\"end\"", short_text(key->value[v], label));
        for (int k = 0; k < 2; k++)
            draw_bar(&svg, part[v].score[k], part[v].n[k], y + (k ? 7 : -7), k);
    }
    svg_plot_end(&svg);
    fputs("<figcaption>", p->out);
    page_text(p, "Upper bars, light blue, round marks: %s. Lower bars, dark brown, square marks: %s. Marks: the "
              "median; thick: the middle half; thin: 10 to 90 %%.", in->cases->class_name[0], in->cases->class_name[1]);
    fputs("</figcaption>\n</figure>\n", p->out);
}

static bool has_labelled(const struct slice *part, int n)
{
    for (int v = 0; v < n; v++)
        if (part[v].n[0] > 0 || part[v].n[1] > 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------ the table */
static void put_median(struct page *p, const double *sorted, int64_t n)
{
    if (n)
        page_number(p, "%.3f", quantile(sorted, n, 0.5));
    else
        page_number(p, "\xE2\x80\x93");
}

static void put_key(struct page *p, const struct key *key, const struct slice *part)
{
    char caption[128], text[PAGE_MEASURE_BYTES];
    snprintf(caption, sizeof caption, "Photographs by %.60s", key->name);
    page_table(p, caption, (const char *[]){key->name, "#good", "#defect", "#unknown", "#median of good",
                                            "#median of defect", "#AUROC", NULL});
    for (int v = 0; v < key->n_values; v++) {
        page_cell(p, "%s", key->value[v]);
        page_number(p, "%" PRId64, part[v].n[0]);
        page_number(p, "%" PRId64, part[v].n[1]);
        page_number(p, "%" PRId64, part[v].n_unknown);
        put_median(p, part[v].score[0], part[v].n[0]);
        put_median(p, part[v].score[1], part[v].n[1]);
        page_number(p, "%s", page_measure(part[v].auroc.value, part[v].auroc.low, part[v].auroc.high, text));
        page_row_end(p);
    }
    page_table_end(p);
}

static int section_key(const struct inspection *in, struct page *p, const struct key *key, int index,
                       struct fmt_error *e)
{
    struct slice part[KEY_VALUES];
    char heading[128];
    int status = 0;
    memset(part, 0, sizeof part);
    for (int v = 0; v < key->n_values && !status; v++) {
        part[v] = (struct slice){.key = key, .value = v, .first = in->cases->photo};
        for (int k = 0; k < 2; k++)
            part[v].score[k] = calloc((size_t)in->cases->n_photos + 1, sizeof(double));
        status = part[v].score[0] && part[v].score[1] ? measure_part(in, &part[v], e) : fmt_no_memory(e);
    }
    if (!status) {
        snprintf(heading, sizeof heading, "By %.100s", key->name);
        page_heading(p, heading);
        if (has_labelled(part, key->n_values)) /* without labels there are no bars */
            draw_key(in, p, key, part, index);
        put_key(p, key, part);
    }
    for (int v = 0; v < key->n_values; v++)
        for (int k = 0; k < 2; k++)
            free(part[v].score[k]);
    return status;
}

int section_keys(const struct inspection *in, struct page *p, struct fmt_error *e)
{
    struct keys keys;
    int n = 0, status = keys_collect(&keys, in->cases, e);
    if (status)
        return status;
    for (int i = 0; i < keys.n; i++)
        n += keys.key[i].n_values > 0;
    if (n > 0)
        page_section(p, "keys", "By view and origin");
    for (int i = 0; i < keys.n && !status; i++)
        if (keys.key[i].n_values > 0)
            status = section_key(in, p, &keys.key[i], i, e);
    for (int i = 0; i < keys.n && n > 0; i++)
        if (keys.key[i].n_distinct > KEY_VALUES)
            page_paragraph(p, "%s has %" PRId64 " values, too many to show.", keys.key[i].name, keys.key[i].n_distinct);
    keys_release(&keys);
    return status;
}
