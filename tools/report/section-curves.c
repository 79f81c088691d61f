/* section-curves.c - ROC, precision-recall and calibration. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "binomial.h"
#include "sections.h"
#include "svg-plot.h"

enum { POINTS_MAX = 400 }; /* of a drawn curve */

/* ------------------------------------------------------------------ one curve */
/* Of many points those at which the curve has moved by a pixel or so; the last one always. */
static int64_t thin(const struct curve *c, double *x, double *y)
{
    const double least = 2.0 / POINTS_MAX;
    int64_t n = 0;
    for (int64_t i = 0; i < c->n; i++) {
        bool far = n == 0 || c->n <= POINTS_MAX || fabs(c->x[i] - x[n - 1]) + fabs(c->y[i] - y[n - 1]) >= least;
        if (!far && i + 1 < c->n)
            continue;
        n -= n == 2 * POINTS_MAX + 1;
        x[n] = c->x[i];
        y[n++] = c->y[i];
    }
    return n;
}

/* The steps of a precision-recall curve: a precision holds from the recall before up to its own. */
static int64_t stairs(const double *x, const double *y, int64_t n, double *sx, double *sy)
{
    for (int64_t i = 0; i < n; i++) {
        sx[2 * i] = i ? x[i - 1] : 0;
        sx[2 * i + 1] = x[i];
        sy[2 * i] = sy[2 * i + 1] = y[i];
    }
    return 2 * n;
}

/* Both classes are there, so that there are curves. */
static bool has_both(const struct level *l)
{
    return l->n_good > 0 && l->n_defect > 0;
}

static const struct level *level_of(const struct inspection *in, bool installations)
{
    return installations ? &in->installations : &in->photographs;
}

/* Where a threshold lies: shares of defect and of good that reach it. */
static void reach(const struct level *l, double threshold, double *of_defect, double *of_good)
{
    int64_t n[2] = {0};
    for (int64_t i = 0; i < l->rows.n; i++)
        n[l->rows.label[i]] += l->rows.proba[2 * i + 1] >= threshold;
    *of_good = (double)n[0] / (double)l->n_good;
    *of_defect = (double)n[1] / (double)l->n_defect;
}

static void mark_point(struct svg_plot *svg, const struct level *l, bool roc, const char *name, double threshold,
                       int number, const struct svg_style *style)
{
    double recall, false_alarms;
    char title[96], text[16];
    reach(l, threshold, &recall, &false_alarms);
    double positives = recall * (double)l->n_defect, alarms = false_alarms * (double)l->n_good;
    double x = roc ? false_alarms : recall, y = roc ? recall : positives / (positives + alarms);
    snprintf(title, sizeof title, "%d: %s, threshold %.4g: %.3g, %.3g", number, name, threshold, x, y);
    snprintf(text, sizeof text, "%d", number);
    svg_plot_point(svg, style, x, y, title);
    svg_plot_label(svg, x, y, text);
}

static void draw_points(struct svg_plot *svg, const struct inspection *in, const struct level *l, bool installations,
                        bool roc)
{
    static const struct svg_style style = {"#1b1f23", ""};
    int number = 0;
    for (int i = 0; i < in->n_points; i++) {
        if (in->point[i].installations != installations)
            continue;
        mark_point(svg, l, roc, in->point[i].name, in->point[i].threshold, ++number, &style);
    }
    if (number)
        svg_plot_entry(svg, &style, true, "thresholds, in the table");
}

static bool has_points(const struct inspection *in, bool installations)
{
    for (int i = 0; i < in->n_points; i++)
        if (in->point[i].installations == installations)
            return true;
    return false;
}

static void draw(const struct inspection *in, struct page *p, const struct level *l, bool installations,
                 enum curve_kind kind)
{
    bool roc = kind == CURVE_ROC;
    const struct curve *c = roc ? &l->roc : &l->precision_recall;
    const struct level_measure *area = roc ? &l->auroc : &l->average_precision;
    const char *name = installations ? "installations" : "photographs";
    double x[2 * POINTS_MAX + 2], y[2 * POINTS_MAX + 2], sx[4 * POINTS_MAX + 4], sy[4 * POINTS_MAX + 4];
    char id[32], title[96], about[320], measure[PAGE_MEASURE_BYTES];
    int64_t n = thin(c, x, y);
    int legend = SVG_LEGEND_LINE * (has_points(in, installations) ? 2 : 1) + 4;
    page_measure(area->value, area->low, area->high, measure);
    snprintf(id, sizeof id, "%s-%s", roc ? "roc" : "pr", name);
    snprintf(title, sizeof title, "%s, %s", roc ? "ROC" : "Precision and recall", name);
    snprintf(about, sizeof about, "%s, %" PRId64 " good and %" PRId64 " faulty: %s %s. At %s of 10 %% the %s is %.0f "
             "%%, at 50 %% %.0f %%.", title, l->n_good, l->n_defect, roc ? "AUROC" : "average precision", measure,
             roc ? "false alarms" : "a recall", roc ? "recall" : "precision", 100 * curve_at(c, kind, 0.1),
             100 * curve_at(c, kind, 0.5));
    struct svg_plot svg = {.out = p->out, .id = id, .title = title, .about = about, .width = 360,
                           .height = 330 + legend, .margin = {64, 22, 14, 44 + legend}, .legend = SVG_BELOW,
                           .x = {.label = roc ? "false alarms, of the good" : "recall: found, of the faulty", .hi = 1,
                                 .percent = true},
                           .y = {.label = roc ? "recall: found, of the faulty" : "precision: faulty, of those found",
                                 .hi = 1.0, .percent = true}};
    fputs("<figure>\n", p->out);
    svg_plot_begin(&svg);
    svg_plot_band(&svg, &svg_series[0], c->grid, c->low, c->high, CURVE_GRID);
    double chance = (double)l->n_defect / (double)l->rows.n;
    svg_plot_segment(&svg, &svg_reference, 0, roc ? 0 : chance, 1, roc ? 1 : chance, "chance");
    if (roc)
        svg_plot_line(&svg, &svg_series[0], x, y, n, name);
    else
        svg_plot_line(&svg, &svg_series[0], sx, sy, stairs(x, y, n, sx, sy), name);
    svg_plot_entry(&svg, &svg_reference, false, "by chance");
    draw_points(&svg, in, l, installations, roc);
    svg_plot_end(&svg);
    fputs("<figcaption>", p->out);
    page_text(p, "%s. %s %s", title, roc ? "AUROC" : "Average precision", measure);
    fputs("</figcaption>\n</figure>\n", p->out);
}

/* ------------------------------------------------------------------ tables */
static void put_values(struct page *p, const struct level *l, const char *name)
{
    char caption[96], text[PAGE_MEASURE_BYTES];
    snprintf(caption, sizeof caption, "The curves of %s, with intervals", name);
    page_table(p, caption, (const char *[]){"share", "#recall at these false alarms", "#precision at this recall",
                                            NULL});
    for (int g = 0; g < CURVE_GRID; g += 10) {
        const struct curve *r = &l->roc, *q = &l->precision_recall;
        page_cell(p, "%d %%", g);
        page_number(p, "%s", page_measure(curve_at(r, CURVE_ROC, r->grid[g]), r->low[g], r->high[g], text));
        if (g == 0)
            page_number(p, "\xE2\x80\x93");
        else
            page_number(p, "%s", page_measure(curve_at(q, CURVE_PRECISION_RECALL, q->grid[g]), q->low[g], q->high[g],
                                              text));
        page_row_end(p);
    }
    page_table_end(p);
}

/* Of two thresholds: what a good one comes to, and what a faulty one. */
static void explain_thresholds(const struct inspection *in, struct page *p)
{
    const struct verdict_rule *r = &in->rule;
    if (isfinite(r->pass_below) && r->pass_below < r->fail_from)
        page_paragraph(p, "Good ones from \"fail from\" on are false alarms. Good ones from \"pass below\" on only do "
                       "not pass: they fail or go to review; faulty ones that are not from there on pass, and are "
                       "missed.");
}

static void put_thresholds(const struct inspection *in, struct page *p)
{
    if (in->n_points == 0)
        return;
    page_table(p, "Thresholds marked on the curves, and what they give here",
               (const char *[]){"threshold", "of", "#score", "#faulty from it on",
                                "#good from it on, per 1,000", NULL});
    int number[2] = {0};
    for (int i = 0; i < in->n_points; i++) {
        const struct inspection_point *t = &in->point[i];
        const struct level *l = level_of(in, t->installations);
        double recall, alarms;
        if (!has_both(l))
            continue;
        reach(l, t->threshold, &recall, &alarms);
        page_cell(p, "%d: %s", ++number[t->installations], t->name);
        page_cell(p, "%s", t->installations ? section_noun(in, true) : "photographs");
        page_number(p, "%.4g", t->threshold);
        page_number(p, "%.1f %%", 100 * recall);
        page_number(p, "%.1f", 1000 * alarms);
        page_row_end(p);
    }
    page_table_end(p);
    explain_thresholds(in, p);
}

static void put_measures(const struct inspection *in, struct page *p)
{
    int n = in->cases->probabilities ? 3 : 2;
    page_table(p, "Scores, with intervals", (const char *[]){"of", "#good", "#faulty", "#AUROC", "#average precision",
                                                             n == 3 ? "#Brier score" : NULL, NULL});
    for (int installations = in->grouped; installations >= 0; installations--) {
        const struct level *l = level_of(in, installations);
        const struct level_measure *m[] = {&l->auroc, &l->average_precision, &l->brier};
        page_cell(p, "%s", installations ? "installations" : "photographs");
        page_number(p, "%" PRId64, l->n_good);
        page_number(p, "%" PRId64, l->n_defect);
        for (int i = 0; i < n; i++) {
            char text[PAGE_MEASURE_BYTES];
            page_number(p, "%s", page_measure(m[i]->value, m[i]->low, m[i]->high, text));
        }
        page_row_end(p);
    }
    page_table_end(p);
}

static void put_why_none(const struct inspection *in, struct page *p)
{
    const struct level *l = level_of(in, in->grouped);
    char good[SECTION_NAME_BYTES], defect[SECTION_NAME_BYTES];
    page_paragraph(p, "Curves need labelled %s of both classes; here %" PRId64 " of %" PRId64 " with a score are "
                   "labelled %s and %" PRId64 " %s.", section_noun(in, true), l->n_good, l->rows.n,
                   section_label(in, 0, good), l->n_defect, section_label(in, 1, defect));
}

void section_curves(const struct inspection *in, struct page *p)
{
    bool any = has_both(&in->photographs) || (in->grouped && has_both(&in->installations));
    if (in->photographs.rows.n + in->installations.rows.n == 0)
        return; /* no labels: said at the beginning */
    page_section(p, "curves", "Curves");
    if (!any) {
        put_why_none(in, p);
        return;
    }
    put_measures(in, p);
    if (in->bootstrap.n_resamples > 0)
        page_paragraph(p, "Intervals and bands cover %g %%: percentiles of %s of the %s, pointwise for the bands.",
                       100 * in->bootstrap.level, FMT_COUNT(in->bootstrap.n_resamples, "resample",
                                                            "resamples"), section_noun(in, true));
    fputs("<div class=\"figures\">\n", p->out);
    for (int installations = in->grouped; installations >= 0; installations--)
        for (int kind = CURVE_ROC; kind <= CURVE_PRECISION_RECALL && has_both(level_of(in, installations)); kind++)
            draw(in, p, level_of(in, installations), installations, (enum curve_kind)kind);
    fputs("</div>\n", p->out);
    put_thresholds(in, p);
    page_details(p, "The curves as tables");
    for (int installations = in->grouped; installations >= 0; installations--)
        if (has_both(level_of(in, installations)))
            put_values(p, level_of(in, installations), installations ? "installations" : "photographs");
    page_details_end(p);
}

/* ------------------------------------------------------------------ calibration */
/* The interval of a bin. Photographs of one installation are not independent: each installation counts as one. */
static void bin_interval(const struct inspection *in, const struct curve_bin *b, double *low, double *high)
{
    double share = (double)b->n_positive / (double)b->n, sure = (1 + in->bootstrap.level) / 2;
    int64_t k_low = (int64_t)floor(share * (double)b->n_groups), k_high = (int64_t)ceil(share * (double)b->n_groups);
    *low = binomial_lower(k_low, b->n_groups, sure);
    *high = binomial_upper(k_high, b->n_groups, sure);
}

struct calibrated { /* what is drawn */
    const char *id, *of, *said; /* "photographs", "score" */
    struct curve_bin bin[CURVE_BINS];
};

static void draw_calibration(const struct inspection *in, struct page *p, const struct calibrated *c)
{
    static const struct svg_style bar = {"#0072b2", ""};
    char title[96], axis[64];
    snprintf(title, sizeof title, "Calibration of %s", c->of);
    snprintf(axis, sizeof axis, "%s, mean of its bin", c->said);
    struct svg_plot svg = {.out = p->out, .id = c->id, .title = title,
                           .about = "For each tenth the share that is labelled faulty, with its interval, as in the "
                                    "table. On the dashed line it is as it says.",
                           .width = 360, .height = 330, .margin = SVG_MARGIN, .legend = SVG_TOP_LEFT,
                           .x = {.label = axis, .hi = 1, .percent = true},
                           .y = {.label = "labelled faulty", .hi = 1, .percent = true}};
    fputs("<figure>\n", p->out);
    svg_plot_begin(&svg);
    svg_plot_segment(&svg, &svg_reference, 0, 0, 1, 1, "ideal");
    for (int b = 0; b < CURVE_BINS; b++) {
        const struct curve_bin *bin = &c->bin[b];
        double low, high, share = (double)bin->n_positive / (double)bin->n;
        char about[160];
        if (bin->n == 0)
            continue;
        bin_interval(in, bin, &low, &high);
        snprintf(about, sizeof about, "%.3g: %.3g [%.3g, %.3g] of %" PRId64, bin->mean, share, low, high, bin->n);
        svg_plot_segment(&svg, &bar, bin->mean, low, bin->mean, high, "interval");
        svg_plot_point(&svg, &bar, bin->mean, share, about);
    }
    svg_plot_end(&svg);
    fputs("<figcaption>", p->out);
    page_text(p, "Dots: of %s of about this %s, the share that is labelled faulty, with its interval. On the dashed "
              "line it is as it says.", c->of, c->said);
    fputs("</figcaption>\n</figure>\n", p->out);
}

static void put_bins(const struct inspection *in, struct page *p, const struct calibrated *c)
{
    char caption[96], of[64], mean[64];
    snprintf(caption, sizeof caption, "%s by %s", c->of, c->said);
    snprintf(of, sizeof of, "#%s", c->of);
    snprintf(mean, sizeof mean, "#mean %s", c->said);
    caption[0] = (char)(caption[0] - 'a' + 'A');
    page_table(p, caption, (const char *[]){c->said, of, mean, "#labelled faulty", NULL});
    for (int b = 0; b < CURVE_BINS; b++) {
        const struct curve_bin *bin = &c->bin[b];
        double low, high;
        char text[PAGE_MEASURE_BYTES];
        if (bin->n == 0)
            continue;
        bin_interval(in, bin, &low, &high);
        page_cell(p, "%d\xE2\x80\x93%d\xC2\xA0%%", 10 * b, 10 * b + 10);
        page_number(p, "%" PRId64, bin->n);
        page_number(p, "%.3f", bin->mean);
        page_number(p, "%s", page_measure((double)bin->n_positive / (double)bin->n, low, high, text));
        page_row_end(p);
    }
    page_table_end(p);
}

static void put_calibration(const struct inspection *in, struct page *p, const struct level *l, struct calibrated *c)
{
    char brier[PAGE_MEASURE_BYTES];
    if (l->rows.n == 0)
        return;
    curve_calibration(&l->rows, 1, c->bin);
    fputs("<div class=\"figures\">\n", p->out);
    draw_calibration(in, p, c);
    fputs("<div>\n", p->out);
    put_bins(in, p, c);
    page_paragraph(p, "Brier score %s: the mean square of the error; 0 is perfect, always saying %.0f %% gives %.3f.",
                   page_measure(l->brier.value, l->brier.low, l->brier.high, brier),
                   100 * (double)l->n_defect / (double)l->rows.n,
                   (double)l->n_defect / (double)l->rows.n * (double)l->n_good / (double)l->rows.n);
    fputs("</div>\n</div>\n", p->out);
}

void section_calibration(const struct inspection *in, struct page *p)
{
    struct calibrated photographs = {.id = "calibration-plot", .of = "photographs", .said = "score"},
                      installations = {.id = "calibration-shares", .of = "installations", .said = "stated probability"};
    char name[SECTION_NAME_BYTES];
    bool of_photographs = in->cases->probabilities && in->photographs.rows.n > 0;
    if (!of_photographs && in->shares.rows.n == 0)
        return;
    page_section(p, "calibration", "Calibration");
    if (in->shares.rows.n > 0)
        page_paragraph(p, "Stated probability: that an installation with this score is faulty, by %s, from those "
                       "that its thresholds were chosen on.", section_name(in->cases->judge, name));
    put_calibration(in, p, &in->shares, &installations);
    if (of_photographs)
        put_calibration(in, p, &in->photographs, &photographs);
    page_paragraph(p, "Intervals cover %g %% (Clopper and Pearson)%s.", 100 * in->bootstrap.level,
                   in->grouped && of_photographs ? "; the photographs of one installation count as one" : "");
}
