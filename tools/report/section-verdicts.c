/* section-verdicts.c - what made the report, and what became of the installations. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "binomial.h"
#include "markup.h"
#include "sections.h"
#include "thresholds.h"

const char *section_noun(const struct inspection *in, bool several)
{
    return in->grouped ? several ? "installations" : "installation" : several ? "photographs" : "photograph";
}

void section_mark(struct page *p, enum verdict v)
{
    fprintf(p->out, "<span class=\"mark %s\">%s</span>", verdict_names[v], verdict_names[v]);
}

const char *section_score(const struct inspection *in, double score, char out[SECTION_SCORE_BYTES])
{
    if (isnan(score))
        snprintf(out, SECTION_SCORE_BYTES, "\xE2\x80\x93");
    else if (!in->cases->probabilities)
        snprintf(out, SECTION_SCORE_BYTES, "%.4g", score);
    else if (score > 0 && score < 0.001)
        snprintf(out, SECTION_SCORE_BYTES, "< 0.001");
    else if (score < 1 && score > 0.999)
        snprintf(out, SECTION_SCORE_BYTES, "> 0.999");
    else
        snprintf(out, SECTION_SCORE_BYTES, "%.3f", score);
    return out;
}

const char *section_label(const struct inspection *in, int label)
{
    return label < 0 ? "unknown" : in->cases->class_name[label];
}

/* ------------------------------------------------------------------ counts */
/* of [label + 1][verdict] */
static void count(const struct cases *c, int64_t of[3][VERDICTS])
{
    memset(of, 0, 3 * sizeof *of);
    for (int64_t g = 0; g < c->n_installations; g++)
        of[c->installation[g].label + 1][c->installation[g].verdict]++;
}

static int64_t sum(const int64_t of[VERDICTS])
{
    int64_t n = 0;
    for (int v = 0; v < VERDICTS; v++)
        n += of[v];
    return n;
}

enum { SHARE_BYTES = 96 };

/* "3 of 55 (5.5 %, interval 1.1 % to 15 %)" */
static const char *share_text(const struct inspection *in, int64_t k, int64_t n, char out[SHARE_BYTES])
{
    double sure = (1 + in->bootstrap.level) / 2;
    if (n == 0)
        snprintf(out, SHARE_BYTES, "none to count");
    else
        snprintf(out, SHARE_BYTES, "%" PRId64 " of %" PRId64 " (%.3g %%, interval %.3g %% to %.3g %%)", k, n,
                 100 * (double)k / (double)n, 100 * binomial_lower(k, n, sure), 100 * binomial_upper(k, n, sure));
    return out;
}

/* ------------------------------------------------------------------ the beginning */
static void term(struct page *p, const char *name)
{
    fprintf(p->out, "<dt>%s</dt>\n", name);
}

static void list_origins(const struct inspection *in, struct page *p)
{
    const struct score_inputs *o = &in->cases->origins;
    for (int i = 0; i < o->n; i++) {
        char hex[DIGEST_HEX];
        digest_hex(o->item[i].identity, hex);
        page_text(p, "%s%s %s", i ? "; " : ": ", o->item[i].role, o->item[i].path ? o->item[i].path : "");
        fprintf(p->out, "%s<code>%.12s</code>", o->item[i].path ? " " : "", hex);
    }
}

static void put_defect(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    term(p, "Defect");
    fputs("<dd><strong>", p->out);
    page_text(p, "%s", c->class_name[1]);
    fputs("</strong>", p->out);
    page_text(p, " is the defect, %s is good.", c->class_name[0]);
    page_text(p, c->probabilities ? " A score is the probability of %s." : " A larger score is more like %s.",
              c->class_name[1]);
    if (in->grouped)
        page_text(p, " An installation is %s if one of its photographs is.", c->class_name[1]);
    fputs("</dd>\n", p->out);
}

static void put_thresholds(const struct inspection *in, struct page *p)
{
    const struct verdict_rule *r = &in->rule;
    if (!isfinite(r->pass_below))
        page_text(p, "all go to review: no thresholds were given");
    else if (r->pass_below == r->fail_from)
        page_text(p, "pass below a score of %g, fail from there on%s", r->pass_below,
                  in->thresholds_given ? "" : "; no thresholds were given, this is merely the middle");
    else
        page_text(p, "pass below a score of %g, fail from %g on, review between", r->pass_below, r->fail_from);
}

static void put_rule(const struct inspection *in, struct page *p)
{
    const struct verdict_rule *r = &in->rule;
    bool judged = in->cases->judged;
    char text[RULE_TEXT_BYTES];
    term(p, "Verdicts");
    fputs("<dd>", p->out);
    if (judged)
        page_text(p, "as %s gave them%s", in->cases->judge, in->thresholds_given ? ": " : "");
    if (!judged || in->thresholds_given)
        put_thresholds(in, p);
    if (in->grouped && !judged)
        page_text(p, "; an installation has the score %s of its photographs", rule_text(r, text));
    if (r->n_views && !judged)
        page_text(p, "; incomplete with fewer than %d views", r->n_views);
    fputs(".</dd>\n", p->out);
}

void section_about(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    fputs("<div class=\"about\">\n<dl>\n", p->out);
    put_defect(in, p);
    term(p, "Inspected");
    fputs("<dd>", p->out);
    page_text(p, "%s", FMT_COUNT(c->n_photos, "photograph", "photographs"));
    if (in->grouped)
        page_text(p, " of %s", FMT_COUNT(c->n_installations, "installation", "installations"));
    fputs(".</dd>\n", p->out);
    term(p, "Made by");
    fputs("<dd>", p->out);
    page_text(p, "%s", c->tool ? c->tool : "an unknown program");
    list_origins(in, p);
    fputs(".</dd>\n", p->out);
    put_rule(in, p);
    fputs("</dl>\n</div>\n", p->out);
}

/* ------------------------------------------------------------------ tiles */
static void tile(struct page *p, const char *value, const char *what)
{
    fputs("<li><strong>", p->out);
    markup_text(p->out, value);
    fputs("</strong><span>", p->out);
    markup_text(p->out, what);
    fputs("</span></li>\n", p->out);
}

static void put_tiles(const struct inspection *in, struct page *p, int64_t of[3][VERDICTS])
{
    char value[64], text[256], share[SHARE_BYTES];
    const struct level_measure *m = &in->installations.auroc;
    int64_t n = in->cases->n_installations, n_fail = of[0][VERDICT_FAIL] + of[1][VERDICT_FAIL] + of[2][VERDICT_FAIL];
    int64_t n_pass = of[0][VERDICT_PASS] + of[1][VERDICT_PASS] + of[2][VERDICT_PASS];
    fputs("<ul class=\"tiles\">\n", p->out);
    snprintf(value, sizeof value, "%" PRId64, n_pass);
    snprintf(text, sizeof text, "of %" PRId64 " %s pass", n, section_noun(in, true));
    tile(p, value, text);
    snprintf(value, sizeof value, "%" PRId64, n_fail);
    snprintf(text, sizeof text, "fail; %" PRId64 " go to a person or lack views", n - n_pass - n_fail);
    tile(p, value, text);
    for (int label = 1; label >= 0; label--) {
        int64_t wrong = of[label + 1][label ? VERDICT_PASS : VERDICT_FAIL], all = sum(of[label + 1]);
        if (all == 0)
            continue;
        snprintf(value, sizeof value, "%" PRId64 " %s", wrong,
                 label ? "missed" : wrong == 1 ? "false alarm" : "false alarms");
        snprintf(text, sizeof text, "%s labelled %.60s %s", share_text(in, wrong, all, share),
                 in->cases->class_name[label], label ? "pass" : "fail");
        tile(p, value, text);
    }
    if (isfinite(m->value)) {
        snprintf(value, sizeof value, "%.3f", m->value);
        if (isfinite(m->low))
            snprintf(text, sizeof text, "AUROC of %s, interval %.3f to %.3f", section_noun(in, true), m->low, m->high);
        else
            snprintf(text, sizeof text, "AUROC of %s", section_noun(in, true));
        tile(p, value, text);
    }
    fputs("</ul>\n", p->out);
}

/* ------------------------------------------------------------------ tables */
static void put_table(const struct inspection *in, struct page *p, int64_t of[3][VERDICTS])
{
    char caption[128];
    int64_t total[VERDICTS] = {0};
    snprintf(caption, sizeof caption, "%s by label and verdict", in->grouped ? "Installations" : "Photographs");
    page_table(p, caption, (const char *[]){"label", "#pass", "#review", "#fail", "#incomplete", "#all", NULL});
    static const enum verdict column[VERDICTS] = {VERDICT_PASS, VERDICT_REVIEW, VERDICT_FAIL, VERDICT_INCOMPLETE};
    for (int row = 2; row >= -1; row--) { /* defect, good, unknown, all */
        const int64_t *n = row >= 0 ? of[row] : total;
        if (row >= 0 && sum(n) == 0)
            continue;
        page_cell(p, "%s", row < 0 ? "all" : section_label(in, row - 1));
        for (int v = 0; v < VERDICTS; v++) {
            page_number(p, "%" PRId64, n[column[v]]);
            total[column[v]] += row >= 0 ? n[column[v]] : 0;
        }
        page_number(p, "%" PRId64, sum(n));
        page_row_end(p);
    }
    page_table_end(p);
}

static const char *kept_text(const struct promise *p, int64_t wrong, int64_t all, double sure)
{
    if (all == 0)
        return "no such installation";
    if ((double)wrong <= p->share * (double)all)
        return "kept";
    return binomial_lower(wrong, all, sure) > p->share ? "broken: the whole interval is above"
                                                       : "open: more than promised, within the interval";
}

/* A promise, and what became of it here; incomplete ones do not count. */
static void put_promises(const struct inspection *in, struct page *p, int64_t of[3][VERDICTS])
{
    char text[PROMISE_TEXT_BYTES], share[SHARE_BYTES];
    if (in->n_promises == 0)
        return;
    page_table(p, "Promises, and what became of them here", (const char *[]){"promise", "seen here", "kept?", NULL});
    for (int i = 0; i < in->n_promises; i++) {
        const struct promise *q = &in->promise[i];
        bool missed = q->what == PROMISE_MISSED;
        const int64_t *n = of[missed ? 2 : 1];
        int64_t all = sum(n) - n[VERDICT_INCOMPLETE], wrong = n[missed ? VERDICT_PASS : VERDICT_FAIL];
        double sure = (1 + in->bootstrap.level) / 2;
        page_cell(p, "%s", promise_text(q, text));
        page_cell(p, "%s", share_text(in, wrong, all, share));
        page_cell(p, "%s", kept_text(q, wrong, all, sure));
        page_row_end(p);
    }
    page_table_end(p);
}

void section_verdicts(const struct inspection *in, struct page *p)
{
    int64_t of[3][VERDICTS];
    count(in->cases, of);
    page_section(p, "verdicts", "Verdicts");
    put_tiles(in, p, of);
    put_table(in, p, of);
    put_promises(in, p, of);
    if (sum(of[1]) + sum(of[2]) > 0)
        page_paragraph(p, "Intervals hold the share with a probability of %g %% or more (Clopper and Pearson).",
                       100 * in->bootstrap.level);
    else
        page_paragraph(p, "There are no labels: how many of these verdicts are right cannot be said.");
}

/* ------------------------------------------------------------------ all installations */
enum { ALL_MAX = 500 };

void section_all(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    char caption[128], score[SECTION_SCORE_BYTES];
    int64_t n = c->n_installations < ALL_MAX ? c->n_installations : ALL_MAX;
    page_section(p, "all", in->grouped ? "All installations" : "All photographs");
    snprintf(caption, sizeof caption, "The %s%" PRId64 " of %" PRId64 ", in the order of the file",
             n < c->n_installations ? "first " : "", n,
             c->n_installations);
    page_details(p, "Open the table");
    page_table(p, caption, (const char *[]){section_noun(in, false), "verdict", "#score", "label", "#views", "reason",
                                            NULL});
    for (int64_t g = 0; g < n; g++) {
        const struct installation *t = &c->installation[g];
        page_cell(p, "%s", t->name);
        page_cell(p, "%s", verdict_names[t->verdict]);
        page_number(p, "%s", section_score(in, t->score, score));
        page_cell(p, "%s", section_label(in, t->label));
        page_number(p, "%d", t->n_views);
        page_cell(p, "%s", t->reason);
        page_row_end(p);
    }
    page_table_end(p);
    page_details_end(p);
}
