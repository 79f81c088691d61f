/* section-verdicts.c - verdicts by label, how they came about, a table of all. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sections.h"

/* ------------------------------------------------------------------ by label */
void section_verdicts(const struct inspection *in, struct page *p)
{
    static const enum verdict column[VERDICTS] = {VERDICT_PASS, VERDICT_REVIEW, VERDICT_FAIL, VERDICT_INCOMPLETE};
    char caption[64], name[SECTION_NAME_BYTES];
    struct section_tally t = section_count(in);
    if (t.n_labelled == 0)
        return;
    page_section(p, "verdicts", "By label");
    snprintf(caption, sizeof caption, "%s by label and verdict", in->grouped ? "Installations" : "Photographs");
    page_table(p, caption, (const char *[]){"label", "#pass", "#review", "#fail", "#incomplete", "#all", NULL});
    for (int row = 2; row >= -1; row--) { /* defect, good, unknown, all */
        const int64_t *n = row >= 0 ? t.of[row] : t.all;
        if (row >= 0 && section_sum(n) == 0)
            continue;
        page_cell(p, "%s", row < 0 ? "all" : section_label(in, row - 1, name));
        for (int v = 0; v < VERDICTS; v++)
            page_number(p, "%" PRId64, n[column[v]]);
        page_number(p, "%" PRId64, section_sum(n));
        page_row_end(p);
    }
    page_table_end(p);
    page_paragraph(p, "%sIntervals of shares cover %g %% or more (Clopper and Pearson).",
                   t.all[VERDICT_INCOMPLETE] ? "Shares are of those that are complete. " : "",
                   100 * in->bootstrap.level);
}

/* ------------------------------------------------------------------ how they came about */
static void term(struct page *p, const char *name)
{
    fprintf(p->out, "<dt>%s</dt>\n", name);
}

static void list_origins(const struct inspection *in, struct page *p)
{
    const struct score_inputs *o = &in->cases->origins;
    for (int i = 0; i < o->n; i++) {
        char hex[DIGEST_HEX], role[SECTION_NAME_BYTES], path[SECTION_NAME_BYTES];
        digest_hex(o->item[i].identity, hex);
        page_text(p, "%s%s %s", i ? "; " : ": ", section_name(o->item[i].role, role),
                  o->item[i].path ? section_name(o->item[i].path, path) : "");
        fprintf(p->out, "%s<code>%.12s</code>", o->item[i].path ? " " : "", hex);
    }
}

static void put_defect(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    char good[SECTION_NAME_BYTES], defect[SECTION_NAME_BYTES];
    fputs("<strong>", p->out);
    page_text(p, "%s", section_label(in, 1, defect));
    fputs("</strong>", p->out);
    page_text(p, " is the defect");
    if (strcmp(c->class_name[0], "good") != 0)
        page_text(p, ", %s is good", section_label(in, 0, good));
    page_text(p, c->probabilities ? ". A score is the probability of %s" : ". The larger a score, the more like %s",
              section_label(in, 1, defect));
}

/* Where a fault would be seen by nobody. */
static void put_cropped(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    double sum = 0;
    for (int64_t i = 0; i < c->n_photos; i++)
        sum += c->photo[i].cropped;
    if (sum == 0)
        return;
    fputs(" <strong>", p->out);
    page_text(p, "%.2g\xC2\xA0%% of the photographs' area is not inspected:", 100 * sum / (double)c->n_photos);
    fputs("</strong>", p->out);
    page_text(p, " it was cut away before the network looked.");
}

/* What is read before any number. */
void section_lead(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    char name[SECTION_NAME_BYTES];
    fputs("<p class=\"lead\">", p->out);
    put_defect(in, p);
    page_text(p, ". %s", FMT_COUNT(c->n_photos, "photograph", "photographs"));
    if (in->grouped)
        page_text(p, " of %s", FMT_COUNT(c->n_installations, "installation", "installations"));
    if (c->judged || (c->n_photos == 0 && c->tool == c->judge)) /* of an empty day: by whose file */
        page_text(p, ", judged by %s", section_name(c->judge, name));
    else
        page_text(p, ", scored by %s", c->tool ? section_name(c->tool, name) : "an unknown program");
    page_text(p, ".");
    put_cropped(in, p);
    fputs("</p>\n", p->out);
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
    const char *how = in->cases->judge_group_score;
    char text[RULE_TEXT_BYTES], name[SECTION_NAME_BYTES];
    term(p, "Verdicts");
    fputs("<dd>", p->out);
    if (judged)
        page_text(p, "as %s gave them%s", section_name(in->cases->judge, name), in->thresholds_given ? ": " : "");
    if (!judged || in->thresholds_given)
        put_thresholds(in, p);
    if (judged && how)
        page_text(p, "; score of an installation: %s %s", section_name(how, name),
                  strcmp(how, "learned") == 0 ? "from its views" : "of its photographs");
    if (judged && in->cases->judge_views)
        page_text(p, "; %s expected", FMT_COUNT(in->cases->judge_views, "view", "views"));
    if (in->grouped && !judged)
        page_text(p, "; score of an installation: %s of its photographs", rule_text(r, text));
    if (r->n_views && !judged)
        page_text(p, "; incomplete with fewer than %s", FMT_COUNT(r->n_views, "view", "views"));
    fputs(".</dd>\n", p->out);
}

/* Scores of installations and photographs as the tool of the predictions made them. */
static void put_maker(const struct inspection *in, struct page *p)
{
    char name[SECTION_NAME_BYTES];
    term(p, "Made by");
    fputs("<dd>", p->out);
    page_text(p, "%s", in->cases->tool ? section_name(in->cases->tool, name) : "an unknown program");
    list_origins(in, p);
    fputs(".</dd>\n", p->out);
}

void section_about(const struct inspection *in, struct page *p)
{
    page_section(p, "about", "How it was judged");
    fputs("<div class=\"about\">\n<dl>\n", p->out);
    term(p, "Defect");
    fputs("<dd>", p->out);
    put_defect(in, p);
    page_text(p, ".");
    if (in->grouped)
        page_text(p, " An installation is faulty if one of its photographs is labelled so.");
    fputs("</dd>\n", p->out);
    put_maker(in, p);
    put_rule(in, p);
    fputs("</dl>\n</div>\n", p->out);
    section_words(p);
}

/* ------------------------------------------------------------------ all installations */
enum { ALL_MAX = 500 };

/* Those that need a person come first, of these the ones whose score fails, then what fails; the highest score of each
 * first. */
static int by_urgency(const void *a, const void *b, void *inspection)
{
    static const int rank[VERDICTS] = {[VERDICT_REVIEW] = 0, [VERDICT_INCOMPLETE] = 1, [VERDICT_FAIL] = 2,
                                       [VERDICT_PASS] = 3};
    const struct inspection *in = inspection;
    int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
    const struct installation *x = &in->cases->installation[i], *y = &in->cases->installation[k];
    bool held = inspection_is_held(in, x);
    if (held != inspection_is_held(in, y))
        return held ? -1 : 1;
    if (!held && x->verdict != y->verdict)
        return rank[x->verdict] - rank[y->verdict];
    double u = isnan(x->score) ? INFINITY : x->score, v = isnan(y->score) ? INFINITY : y->score;
    return u != v ? (u < v) - (u > v) : (i > k) - (i < k);
}

static void put_installation(const struct inspection *in, struct page *p, int64_t g)
{
    const struct installation *t = &in->cases->installation[g];
    char target[32], score[SECTION_SCORE_BYTES], name[SECTION_NAME_BYTES];
    snprintf(target, sizeof target, "case-%" PRId64, g);
    page_link(p, section_is_shown(in, g) ? target : NULL, section_name(t->name, name));
    page_cell(p, "%s", verdict_names[t->verdict]);
    page_number(p, "%s", section_score(in, t->score, score));
    page_cell(p, "%s", section_label(in, t->label, name));
    page_number(p, "%d", t->n_views);
    page_cell(p, "%s", section_name(t->reason, name));
    page_row_end(p);
}

int section_all(const struct inspection *in, struct page *p, struct fmt_error *e)
{
    char caption[160];
    int64_t n = in->cases->n_installations, n_shown = n < ALL_MAX ? n : ALL_MAX;
    int64_t *order = calloc((size_t)n, sizeof *order);
    if (!order)
        return fmt_no_memory(e);
    for (int64_t g = 0; g < n; g++)
        order[g] = g;
    qsort_r(order, (size_t)n, sizeof *order, by_urgency, (void *)in);
    page_section(p, "all", in->grouped ? "All installations" : "All photographs");
    snprintf(caption, sizeof caption, "The %s%" PRId64 " of %" PRId64 ": what needs a person, fail, pass; of each the "
             "highest score first", n_shown < n ? "first " : "", n_shown, n);
    page_details(p, "Open the table");
    page_table(p, caption, (const char *[]){section_noun(in, false), "verdict", "#score", "label", "#views", "reason",
                                            NULL});
    for (int64_t i = 0; i < n_shown; i++)
        put_installation(in, p, order[i]);
    page_table_end(p);
    page_details_end(p);
    free(order);
    return 0;
}
