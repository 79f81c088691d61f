/* section-keys.c - scores by view, camera, site, date: a row of bars and a row of the table for each value. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "num.h"
#include "sections.h"
#include "svg-plot.h"

enum { ROW = 34, LABELS = 128 };

enum { GOOD, DEFECT, UNKNOWN, LABELS_OF_SCORES };

struct slice { /* the photographs of one value */
    const struct key *key;
    int value;
    const struct case_photo *first;
    double *score[LABELS_OF_SCORES]; /* ascending */
    int64_t n[LABELS_OF_SCORES];
    int64_t n_all, n_passed; /* of all, with a score or not; of installations that pass */
    struct level_measure auroc;
};

static bool is_in(const void *arg, const struct case_photo *s)
{
    const struct slice *p = arg;
    return p->key->of_photo[s - p->first] == p->value;
}

static int measure_part(const struct inspection *in, struct slice *p, struct fmt_error *e)
{
    const struct cases *c = in->cases;
    struct level level;
    for (int64_t i = 0; i < c->n_photos; i++) {
        const struct case_photo *s = &c->photo[i];
        if (!is_in(p, s))
            continue;
        int label = s->label < 0 ? UNKNOWN : s->label ? DEFECT : GOOD;
        p->n_all++;
        p->n_passed += c->installation[s->installation].verdict == VERDICT_PASS;
        if (isfinite(s->score))
            p->score[label][p->n[label]++] = s->score;
    }
    for (int k = 0; k < LABELS_OF_SCORES; k++)
        qsort(p->score[k], (size_t)p->n[k], sizeof(double), num_order_f64);
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
static const struct svg_style class_style[LABELS_OF_SCORES] = {{"#3a8fc4", ""}, {"#8c2d04", ""}, {"#555555", ""}};

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
    if (label == DEFECT)
        fprintf(svg->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"#ffffff\" stroke=\"%s\" "
                "stroke-width=\"2\"/>\n", x - 4, y - 4, class_style[label].colour);
    else
        fprintf(svg->out,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"2\"/>\n", x,
                y, class_style[label].colour);
}

/* As much of a name as there is room for: so many characters of UTF-8, with "..." where it is cut. */
enum { SHORT_CHARACTERS = 15, SHORT_BYTES = 4 * SHORT_CHARACTERS + 4 };
static const char *short_text(const char *text, char out[SHORT_BYTES])
{
    size_t n = 0;
    int characters = 0;
    while (text[n] && n < SHORT_BYTES - 4) {
        characters += ((unsigned char)text[n] & 0xc0) != 0x80;
        if (characters > SHORT_CHARACTERS)
            break;
        n++;
    }
    if (!text[n])
        return text;
    snprintf(out, SHORT_BYTES, "%.*s...", (int)n, text);
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

/* Which labels some photograph of the key has, so that no column is empty. */
struct columns {
    bool labelled, unknown;
};

static struct columns columns_of(const struct slice *part, int n)
{
    struct columns c = {false, false};
    for (int v = 0; v < n; v++) {
        c.labelled = c.labelled || part[v].n[GOOD] + part[v].n[DEFECT] > 0;
        c.unknown = c.unknown || part[v].n[UNKNOWN] > 0;
    }
    return c;
}

static void put_legend(const struct inspection *in, struct page *p, struct columns columns)
{
    char good[SECTION_NAME_BYTES], defect[SECTION_NAME_BYTES];
    fputs("<figcaption>", p->out);
    if (columns.labelled)
        page_text(p, "Upper bars, blue, round marks: %s. Lower bars, brown, square marks: %s. ",
                  section_label(in, 0, good), section_label(in, 1, defect));
    if (columns.unknown)
        page_text(p, "%s grey: without a label. ", columns.labelled ? "Between them," : "Bars,");
    page_text(p, "Marks: the median; thick: the middle half; thin: 10 to 90 %%.");
    fputs("</figcaption>\n", p->out);
}

static void draw_key(const struct inspection *in, struct page *p, const struct key *key, const struct slice *part,
                     int index, struct columns columns)
{
    static const int down[LABELS_OF_SCORES] = {[GOOD] = -1, [DEFECT] = 1};
    char id[32], title[SECTION_NAME_BYTES + 32], label[SHORT_BYTES], name[SECTION_NAME_BYTES];
    int row = columns.labelled && columns.unknown ? ROW + 10 : ROW, apart = (row - 20) / 2;
    snprintf(id, sizeof id, "key-%d", index);
    snprintf(title, sizeof title, "Scores by %s", section_name(key->name, name));
    struct svg_plot svg = {.out = p->out, .id = id, .title = title, .width = 400, .height = 60 + row * key->n_values,
                           .about = "Bars for each value and label; counts and medians are in the table.",
                           .margin = {LABELS, 14, 8, 44}, .legend = SVG_BOTTOM_RIGHT, .x = score_axis(in->cases),
                           .y = {.label = "", .lo = 0, .hi = 1, .bare = true}};
    fputs("<figure class=\"wide\">\n", p->out);
    svg_plot_begin(&svg);
    for (int v = 0; v < key->n_values; v++) {
        double y = svg.margin.top + row * v + row / 2.0;
        svg_text(p->out, LABELS - 8, y + 4, " text-anchor=\"end\"", short_text(key->value[v], label));
        for (int k = 0; k < LABELS_OF_SCORES; k++)
            draw_bar(&svg, part[v].score[k], part[v].n[k], y + down[k] * apart, k);
    }
    svg_plot_end(&svg);
    put_legend(in, p, columns);
    fputs("</figure>\n", p->out);
}

/* ------------------------------------------------------------------ the table */
static void put_median(const struct inspection *in, struct page *p, const double *sorted, int64_t n)
{
    char score[SECTION_SCORE_BYTES];
    page_number(p, "%s", section_score(in, n ? quantile(sorted, n, 0.5) : NAN, score));
}

static void put_row(const struct inspection *in, struct page *p, const struct slice *part, struct columns columns,
                    bool passed)
{
    char text[PAGE_MEASURE_BYTES];
    page_cell(p, "%s", part->key->value[part->value]);
    page_number(p, "%" PRId64, part->n_all);
    if (passed)
        page_number(p, "%.3g %%", 100 * (double)(part->n_all - part->n_passed) / (double)part->n_all);
    for (int k = 0; k < LABELS_OF_SCORES; k++) {
        if (!(k == UNKNOWN ? columns.unknown : columns.labelled))
            continue;
        page_number(p, "%" PRId64, part->n[k]);
        put_median(in, p, part->score[k], part->n[k]);
    }
    if (columns.labelled)
        page_number(p, "%s", page_measure(part->auroc.value, part->auroc.low, part->auroc.high, text));
    page_row_end(p);
}

static void put_key(const struct inspection *in, struct page *p, const struct key *key, const struct slice *part,
                    struct columns columns)
{
    char caption[SECTION_NAME_BYTES + 32], name[SECTION_NAME_BYTES];
    bool passed = in->decided && strcmp(key->name, "view") != 0;
    const char *heading[12] = {section_name(key->name, name), "#photographs"};
    int n = 2;
    if (passed)
        heading[n++] = in->grouped ? "#of installations that do not pass" : "#that do not pass";
    if (columns.labelled) {
        heading[n++] = "#good", heading[n++] = "#median score";
        heading[n++] = "#faulty", heading[n++] = "#median score";
    }
    if (columns.unknown)
        heading[n++] = "#no label", heading[n++] = "#median score";
    if (columns.labelled)
        heading[n++] = "#AUROC";
    snprintf(caption, sizeof caption, "Photographs by %s", section_name(key->name, name));
    page_table(p, caption, heading);
    for (int v = 0; v < key->n_values; v++)
        put_row(in, p, &part[v], columns, passed);
    page_table_end(p);
}

static int section_key(const struct inspection *in, struct page *p, const struct key *key, int index,
                       struct fmt_error *e)
{
    struct slice part[KEY_VALUES];
    char heading[SECTION_NAME_BYTES + 16], name[SECTION_NAME_BYTES];
    int status = 0;
    memset(part, 0, sizeof part);
    for (int v = 0; v < key->n_values && !status; v++) {
        part[v] = (struct slice){.key = key, .value = v, .first = in->cases->photo};
        for (int k = 0; k < LABELS_OF_SCORES && !status; k++)
            if (!(part[v].score[k] = calloc((size_t)in->cases->n_photos + 1, sizeof(double))))
                status = fmt_no_memory(e);
        if (!status)
            status = measure_part(in, &part[v], e);
    }
    if (!status) {
        struct columns columns = columns_of(part, key->n_values);
        snprintf(heading, sizeof heading, "By %s", section_name(key->name, name));
        page_heading(p, heading);
        if (columns.labelled || columns.unknown) /* without scores there are no bars */
            draw_key(in, p, key, part, index, columns);
        put_key(in, p, key, part, columns);
    }
    for (int v = 0; v < key->n_values; v++)
        for (int k = 0; k < LABELS_OF_SCORES; k++)
            free(part[v].score[k]);
    return status;
}

static bool has_notes(const struct key *key)
{
    return key->n_distinct > KEY_VALUES || key->unclear_dates;
}

static void put_notes(struct page *p, const struct key *key)
{
    char name[SECTION_NAME_BYTES];
    if (key->n_distinct > KEY_VALUES)
        page_paragraph(p, "%s has %" PRId64 " values, too many to show.", section_name(key->name, name),
                       key->n_distinct);
    if (key->unclear_dates)
        page_paragraph(p, "%s looks like a date and is not read as one: which of its numbers is the day, the month and "
                       "the year is not clear. Write 2026-12-31.", section_name(key->name, name));
}

int section_keys(const struct inspection *in, struct page *p, struct fmt_error *e)
{
    struct keys keys;
    int n = 0, status = keys_collect(&keys, in->cases, e);
    if (status)
        return status;
    for (int i = 0; i < keys.n; i++)
        n += keys.key[i].n_values > 0 || has_notes(&keys.key[i]);
    if (n > 0)
        page_section(p, "keys", "By view and origin");
    for (int i = 0; i < keys.n && !status; i++)
        if (keys.key[i].n_values > 0)
            status = section_key(in, p, &keys.key[i], i, e);
    for (int i = 0; i < keys.n; i++)
        put_notes(p, &keys.key[i]);
    keys_release(&keys);
    return status;
}
