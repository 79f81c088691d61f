/* run-page.c - each figure is a list of names of a file of JSON lines. */
#include "run-page.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "markup.h"
#include "num.h"
#include "run-lines.h"
#include "svg-plot.h"

enum { METRICS, TIMES, SCORES, FILES };
static const char *const file_name[FILES] = {"training_metrics.json", "training_times.json", "evaluation.json"};

/* The names that are read of the first two files; of the third those of the neighbours. */
enum metric {
    TOTAL, LOCAL, GLOBAL, IBOT, KOLEO, KL, LR, LAST_LR, WD, MOMENTUM, BACKBONE, DINO_HEAD, IBOT_HEAD, ENTROPY,
    ENTROPY_MEAN, RANK, USED, METRIC_NAMES
};
static const char *const metric_name[METRIC_NAMES] = {
    "total_loss", "dino_local_crops_loss", "dino_global_crops_loss", "ibot_loss", "koleo_loss", "kl_loss", "lr",
    "last_layer_lr", "wd", "mom", "gradient_norm_backbone", "gradient_norm_dino_head", "gradient_norm_ibot_head",
    "teacher_entropy", "teacher_entropy_mean", "feature_rank", "prototypes_used"};
enum { RATE, WAIT, TIME_NAMES };
static const char *const time_name[TIME_NAMES] = {"images_per_second", "data_wait"};
enum { KNN_MAX = SVG_SERIES, POINTS_MAX = 600, CHANGES_MAX = 50, LOG_LINES = 40 };

struct run {
    struct run_lines lines[FILES];
    char *k[KNN_MAX]; /* numbers of neighbours, as the run was told; the first decides which teacher is the best */
    int n_k;          /* the name after them is best_iteration */
};

/* ------------------------------------------------------------------ figures */
struct figure {
    const char *id, *title, *label;
    bool logarithmic, percent;
    int name[SVG_SERIES], n; /* indices of values */
    const char *of[SVG_SERIES]; /* in the legend; [0] NULL: none */
};

/* The usual distance of lines. */
static double usual_step(const struct run_lines *l)
{
    double *step = calloc((size_t)l->n + 1, sizeof *step), median = INFINITY;
    for (int64_t i = 1; step && i < l->n; i++)
        step[i - 1] = l->iteration[i] - l->iteration[i - 1];
    if (step && l->n > 1) {
        qsort(step, (size_t)(l->n - 1), sizeof *step, num_order_f64);
        median = step[(l->n - 1) / 2];
    }
    free(step);
    return median;
}

/* The points of a line, at most about POINTS_MAX: of each run of lines the lowest and the highest, so that no peak is
 * lost; a gap (NAN) where lines are missing or values are no numbers. x, y [3 * POINTS_MAX + 3] */
static int64_t thin(const struct run_lines *l, const double *value, double step, double *x, double *y)
{
    int64_t each = 2 * l->n / POINTS_MAX + 1, n = 0;
    for (int64_t i = 0; i < l->n; i += each) {
        int64_t low = -1, high = -1, last = i + each < l->n ? i + each : l->n;
        bool gap = i > 0 && l->iteration[i] - l->iteration[i - 1] > 2.5 * step;
        for (int64_t k = i; k < last; k++) {
            gap = gap || !isfinite(value[k]);
            if (!isfinite(value[k]))
                continue;
            low = low < 0 || value[k] < value[low] ? k : low;
            high = high < 0 || value[k] > value[high] ? k : high;
        }
        if (gap) {
            x[n] = l->iteration[i];
            y[n++] = NAN;
        }
        for (int side = 0; side < 2 && low >= 0 && (side == 0 || low != high); side++) {
            int64_t at = (side == 0) == (low < high) ? low : high;
            x[n] = l->iteration[at];
            y[n++] = value[at];
        }
    }
    return n;
}

static void describe(const struct run_lines *l, const struct figure *f, char *about, size_t bytes)
{
    size_t at = (size_t)snprintf(about, bytes, "By iteration, %s.", FMT_COUNT(l->n, "line", "lines"));
    for (int s = 0; s < f->n && at < bytes; s++) {
        const double *v = l->value[f->name[s]];
        if (f->of[s] && l->n)
            at += (size_t)snprintf(about + at, bytes - at, " %s: %.4g at first, %.4g at the end.", f->of[s], v[0],
                                   v[l->n - 1]);
    }
}

/* What is 0 throughout, as a loss that the settings leave out, is not drawn beside others. */
static bool is_drawn(const struct run_lines *l, const struct figure *f, int s)
{
    bool any = false;
    for (int64_t i = 0; i < l->n && !any; i++)
        any = isfinite(l->value[f->name[s]][i]) && (f->n == 1 || l->value[f->name[s]][i] != 0);
    return any;
}

static void put_figure(struct page *p, const struct run_lines *l, const struct figure *f, double mark)
{
    double x[3 * POINTS_MAX + 3], y[3 * POINTS_MAX + 3], step = usual_step(l);
    char about[512];
    struct svg_plot svg = {.out = p->out, .id = f->id, .title = f->title, .about = about, .width = 400, .height = 260,
                           .margin = {70, 22, 10, 44}, .legend = SVG_BELOW,
                           .x = {.label = "iteration", .lo = HUGE_VAL, .hi = -HUGE_VAL},
                           .y = {.label = f->label, .lo = HUGE_VAL, .hi = -HUGE_VAL, .logarithmic = f->logarithmic,
                                 .percent = f->percent}};
    int n_drawn = 0;
    for (int64_t i = 0; i < l->n; i++)
        svg_axis_cover(&svg.x, l->iteration[i]);
    for (int s = 0; s < f->n; s++) {
        n_drawn += is_drawn(l, f, s);
        for (int64_t i = 0; i < l->n && is_drawn(l, f, s); i++)
            svg_axis_cover(&svg.y, l->value[f->name[s]][i]);
    }
    if (n_drawn == 0)
        return;
    if (f->of[0]) {
        int lines = (n_drawn + isfinite(mark) + 1) / 2;
        svg.margin.bottom += SVG_LEGEND_LINE * lines + 4;
        svg.height += SVG_LEGEND_LINE * lines + 4;
    }
    svg_axis_widen(&svg.x);
    svg_axis_widen(&svg.y);
    describe(l, f, about, sizeof about);
    fputs("<figure>\n", p->out);
    svg_plot_begin(&svg);
    if (isfinite(mark)) {
        svg_plot_segment(&svg, &svg_reference, mark, svg.y.lo, mark, svg.y.hi, "best");
        svg_plot_entry(&svg, &svg_reference, false, "best teacher");
    }
    for (int s = 0; s < f->n; s++)
        if (is_drawn(l, f, s))
            svg_plot_line(&svg, &svg_series[s], x, y, thin(l, l->value[f->name[s]], step, x, y), f->of[s]);
    svg_plot_end(&svg);
    fputs("<figcaption>", p->out);
    page_text(p, "%s", f->title);
    fputs("</figcaption>\n</figure>\n", p->out);
}

static void put_figures(struct page *p, const struct run_lines *l, const struct figure *f, int n)
{
    fputs("<div class=\"figures\">\n", p->out);
    for (int i = 0; i < n; i++)
        put_figure(p, l, &f[i], NAN);
    fputs("</div>\n", p->out);
}

/* ------------------------------------------------------------------ the beginning */
static double last_of(const double *value, int64_t n)
{
    return n > 0 ? value[n - 1] : NAN;
}

static void put_item(struct page *p, const char *term, const char *format, ...) PAGE_FORMAT(3);
static void put_item(struct page *p, const char *term, const char *format, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    fprintf(p->out, "<dt>%s</dt>\n<dd>", term);
    markup_text(p->out, text);
    fputs("</dd>\n", p->out);
}

/* The line of the best teacher, as the run judged at its end; -1: none. */
static int64_t best_score(const struct run *r)
{
    const struct run_lines *l = &r->lines[SCORES];
    for (int64_t i = 0; i < l->n && r->n_k > 0; i++)
        if (l->iteration[i] == l->value[r->n_k][l->n - 1])
            return i;
    return -1;
}

/* What the run came to, in a sentence. */
static void put_answer(struct page *p, const struct run *r)
{
    const struct run_lines *m = &r->lines[METRICS], *s = &r->lines[SCORES];
    const char *collapse = m->n ? m->word[m->n - 1] : "";
    int64_t best = best_score(r);
    fputs("<p class=\"answer\"><strong>", p->out);
    if (collapse[0] && strcmp(collapse, "none") != 0 && strcmp(collapse, "early") != 0)
        page_text(p, "The run has collapsed: %s.", collapse);
    else if (m->n == 0)
        page_text(p, "The run has not begun.");
    else if (best < 0)
        page_text(p, "There are no scores of k-NN: whether training helped is not known.");
    else if (s->iteration[best] < 0)
        page_text(p, s->n > 1 ? "By k-NN training has not helped." : "k-NN was measured before training only.");
    else
        page_text(p, "By k-NN the best teacher is that of iteration %.0f.", s->iteration[best]);
    fputs("</strong>", p->out);
    if (best >= 0)
        page_text(p, " Before training %.1f %% right, at best %.1f %%, at the end %.1f %%.", 100 * s->value[0][0],
                  100 * s->value[0][best], 100 * last_of(s->value[0], s->n));
    fputs("</p>\n", p->out);
}

static void put_about(struct page *p, const struct run *r, const char *folder)
{
    const struct run_lines *m = &r->lines[METRICS], *t = &r->lines[TIMES];
    int64_t best = best_score(r);
    fputs("<div class=\"about\">\n<dl>\n", p->out);
    put_item(p, "Run", "%s, by dino-train", folder);
    if (m->n)
        put_item(p, "Iterations", "%.0f to %.0f, %s", m->iteration[0], m->iteration[m->n - 1],
                 FMT_COUNT(m->n, "line", "lines"));
    else
        put_item(p, "Iterations", "none yet");
    if (m->n)
        put_item(p, "Loss", "%.4g at first, %.4g at the end", m->value[TOTAL][0], last_of(m->value[TOTAL], m->n));
    if (m->n && m->word[m->n - 1][0])
        put_item(p, "Collapse", "%s", m->word[m->n - 1]);
    if (best >= 0)
        put_item(p, "k-NN", "%s neighbours, accuracy on validation images", r->k[0]);
    if (t->n)
        put_item(p, "Speed", "%.3g images a second at the end", last_of(t->value[RATE], t->n));
    fputs("</dl>\n</div>\n", p->out);
}

/* What is unusual about a file. */
static void put_oddities(struct page *p, const struct run_lines *l, int file, int n_names, const char *const *name)
{
    double step = usual_step(l);
    int64_t n_gaps = 0;
    for (int64_t i = 1; i < l->n; i++)
        n_gaps += l->iteration[i] - l->iteration[i - 1] > 2.5 * step;
    if (l->n_bad)
        page_paragraph(p, "%s: %s no JSON object with an iteration.", file_name[file],
                       FMT_COUNT(l->n_bad, "line is", "lines are"));
    if (l->n_replaced)
        page_paragraph(p, "%s: %s replaced by those of a resumed run.", file_name[file],
                       FMT_COUNT(l->n_replaced, "line was", "lines were"));
    if (n_gaps && file != SCORES)
        page_paragraph(p, "%s: lines are missing in %s; curves have gaps there.", file_name[file],
                       FMT_COUNT(n_gaps, "place", "places"));
    for (int k = 0; k < n_names; k++) {
        int64_t n = 0, first = -1;
        for (int64_t i = 0; i < l->n; i++) {
            bool none = !isfinite(l->value[k][i]);
            first = none && n == 0 ? i : first;
            n += none;
        }
        if (n > 0 && n < l->n)
            page_paragraph(p, "%s is no number in %s, first at iteration %.0f.", name[k], FMT_COUNT(n, "line", "lines"),
                           l->iteration[first]);
    }
}

/* ------------------------------------------------------------------ sections */
static void put_losses(struct page *p, const struct run_lines *l)
{
    static const struct figure figures[] = {
        {"losses", "Losses, medians of 20 iterations", "loss", .n = 6,
         .name = {TOTAL, LOCAL, GLOBAL, IBOT, KOLEO, KL}, .of = {"total", "DINO, local", "DINO, global", "iBOT",
                                                                 "KoLeo", "KL"}},
        {"norms", "Gradient norms", "norm", .logarithmic = true, .n = 3,
         .name = {BACKBONE, DINO_HEAD, IBOT_HEAD}, .of = {"backbone", "DINO head", "iBOT head"}}};
    page_section(p, "losses-section", "Losses");
    put_figures(p, l, figures, 2);
    put_oddities(p, l, METRICS, METRIC_NAMES, metric_name);
}

static void put_rates(struct page *p, const struct run_lines *l)
{
    static const struct figure figures[] = {
        {"rates", "Learning rates", "rate", .n = 2, .name = {LR, LAST_LR}, .of = {"all", "last layer"}},
        {"decay", "Weight decay", "weight decay", .n = 1, .name = {WD}},
        {"momentum", "Momentum of the teacher", "momentum", .n = 1, .name = {MOMENTUM}}};
    page_section(p, "rates-section", "Rates");
    put_figures(p, l, figures, 3);
}

/* When the verdict on collapse changed. */
static void put_verdicts(struct page *p, const struct run_lines *l)
{
    int n = 0;
    page_table(p, "Verdicts on collapse", (const char *[]){"from iteration", "verdict", NULL});
    for (int64_t i = 0; i < l->n && n < CHANGES_MAX; i++) {
        if (!l->word[i][0] || (i > 0 && strcmp(l->word[i], l->word[i - 1]) == 0))
            continue;
        page_cell(p, "%.0f", l->iteration[i]);
        page_cell(p, "%s", l->word[i]);
        page_row_end(p);
        n++;
    }
    page_table_end(p);
}

static void put_collapse(struct page *p, const struct run_lines *l)
{
    static const struct figure figures[] = {
        {"entropy", "Entropy of the teacher's output", "nats", .n = 2, .name = {ENTROPY_MEAN, ENTROPY},
         .of = {"of the mean output", "mean over crops"}},
        {"rank", "Effective rank of the class tokens", "rank", .n = 1, .name = {RANK}},
        {"used", "Prototypes that win a crop", "share", .percent = true, .n = 1, .name = {USED}}};
    page_section(p, "collapse-section", "Signs of collapse");
    page_paragraph(p, "The loss does not show a collapse. The distance of the two entropies is what the output says "
                   "about a crop: at 0 all crops get one answer. Ranks and shares near 0 say the same.");
    put_figures(p, l, figures, 3);
    put_verdicts(p, l);
}

static void put_scores(struct page *p, const struct run *r)
{
    const struct run_lines *l = &r->lines[SCORES];
    struct figure f = {"knn", "k-NN on validation images", "accuracy", .percent = true, .n = r->n_k};
    char of[KNN_MAX][32];
    const char *heading[KNN_MAX + 2] = {"iteration"};
    if (l->n == 0 || r->n_k == 0)
        return;
    for (int k = 0; k < r->n_k; k++) {
        snprintf(of[k], sizeof of[k], "#k = %.20s", r->k[k]);
        f.name[k] = k;
        f.of[k] = of[k] + 1;
        heading[k + 1] = of[k];
    }
    page_section(p, "knn-section", "k-NN over time");
    page_paragraph(p, "Iteration -1 is the teacher before training.");
    fputs("<div class=\"figures\">\n", p->out);
    put_figure(p, l, &f, best_score(r) >= 0 ? l->iteration[best_score(r)] : NAN);
    fputs("</div>\n", p->out);
    page_details(p, "The scores as a table");
    page_table(p, "Accuracy of k-NN", heading);
    for (int64_t i = l->n > 200 ? l->n - 200 : 0; i < l->n; i++) {
        page_cell(p, "%.0f", l->iteration[i]);
        for (int k = 0; k < r->n_k; k++)
            page_number(p, "%.4f", l->value[k][i]);
        page_row_end(p);
    }
    page_table_end(p);
    page_details_end(p);
    put_oddities(p, l, SCORES, 0, NULL);
}

static void put_speed(struct page *p, const struct run_lines *l)
{
    static const struct figure figures[] = {
        {"speed", "Images a second", "images/s", .n = 1, .name = {RATE}},
        {"wait", "Waiting for data, share since the start", "share", .percent = true, .n = 1, .name = {WAIT}}};
    if (l->n == 0)
        return;
    page_section(p, "speed-section", "Speed");
    put_figures(p, l, figures, 2);
    put_oddities(p, l, TIMES, TIME_NAMES, time_name);
}

/* ------------------------------------------------------------------ texts of the folder */
/* A text file of the folder; NULL: it is not there. For free(). */
static char *load_text(const char *folder, const char *name)
{
    uint8_t *data = NULL;
    size_t bytes;
    char *path = file_join(folder, name), *text = NULL;
    if (path && file_exists(path) && file_load_regular(path, (size_t)64 << 20, &data, &bytes, NULL) == 0) {
        text = realloc(data, bytes + 1);
        if (!text)
            free(data);
        else
            text[bytes] = 0;
    }
    free(path);
    return text;
}

/* log.txt says where the run was resumed; the files of JSON lines do not. */
static void put_resumes(struct page *p, const char *folder)
{
    static const char sign[] = "Resumed training from checkpoint";
    char *log = load_text(folder, "log.txt"), *rest = NULL;
    int n = 0;
    for (char *line = log ? strtok_r(log, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        const char *at = strstr(line, sign);
        if (!at)
            continue;
        if (n++ == 0)
            page_paragraph(p, "The run was resumed:");
        fputs(n == 1 ? "<ul>\n<li>" : "<li>", p->out);
        page_text(p, "%.200s", line);
        fputs("</li>\n", p->out);
    }
    fputs(n ? "</ul>\n" : "", p->out);
    free(log);
}

/* The beginning of the last n lines. */
static char *last_lines(char *text, int n)
{
    char *at = text + strlen(text);
    at -= at > text && at[-1] == '\n';
    for (; at > text; at--)
        if (at[-1] == '\n' && --n == 0)
            break;
    return at;
}

static void put_file(struct page *p, const char *folder, const char *name, const char *summary, int n_lines)
{
    char *text = load_text(folder, name), *rest = NULL;
    if (!text)
        return;
    page_details(p, summary);
    fprintf(p->out, "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><pre>", name);
    for (char *line = strtok_r(last_lines(text, n_lines), "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        page_text(p, "%.4096s", line);
        fputc('\n', p->out);
    }
    fputs("</pre></div>\n", p->out);
    page_details_end(p);
    free(text);
}

/* ------------------------------------------------------------------ the whole */
static int read_run(struct run *r, const char *folder, struct fmt_error *e)
{
    char name[KNN_MAX][64];
    const char *knn_name[KNN_MAX + 1];
    int status = 0;
    for (int f = 0; f < FILES && !status; f++) {
        char *path = file_join(folder, file_name[f]);
        if (!path)
            return fmt_no_memory(e);
        if (f == SCORES) {
            r->n_k = run_lines_members(path, "knn_top1", r->k, KNN_MAX);
            for (int k = 0; k < r->n_k; k++) {
                snprintf(name[k], sizeof name[k], "knn_top1/%.40s", r->k[k]);
                knn_name[k] = name[k];
            }
            knn_name[r->n_k] = "best_iteration";
        }
        status = run_lines_read(&r->lines[f], path, f == METRICS ? metric_name : f == TIMES ? time_name : knn_name,
                                f == METRICS ? (int)METRIC_NAMES : f == TIMES ? (int)TIME_NAMES : r->n_k + 1, e);
        free(path);
    }
    if (!status && !r->lines[METRICS].exists)
        status = fmt_fail(e, FMT_INVALID, "%.200s: no folder of a run: %s is not there", folder, file_name[METRICS]);
    return status;
}

static void release(struct run *r)
{
    for (int f = 0; f < FILES; f++)
        run_lines_release(&r->lines[f]);
    for (int k = 0; k < r->n_k; k++)
        free(r->k[k]);
}

int run_page(struct page *p, const char *folder, struct fmt_error *e)
{
    struct run r = {.n_k = 0};
    int status = read_run(&r, folder, e);
    if (!status) {
        put_answer(p, &r);
        put_about(p, &r, folder);
        if (r.lines[METRICS].n == 0)
            page_paragraph(p, "The run has no line of metrics yet.");
        put_scores(p, &r);
        if (r.lines[METRICS].n > 0) {
            put_losses(p, &r.lines[METRICS]);
            put_collapse(p, &r.lines[METRICS]);
            put_rates(p, &r.lines[METRICS]);
        }
        put_speed(p, &r.lines[TIMES]);
        page_section(p, "files", "Settings and log");
        put_resumes(p, folder);
        put_file(p, folder, "config.yaml", "Settings: config.yaml", INT_MAX);
        put_file(p, folder, "log.txt", "The last lines of log.txt", LOG_LINES);
    }
    release(&r);
    return status;
}
