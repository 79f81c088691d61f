/* section-glance.c - the first screen: what needs a person, and how far the other verdicts can be trusted. */
#include <inttypes.h>
#include <math.h>

#include "markup.h"
#include "reason.h"
#include "sections.h"

enum { FIRST = 5 }; /* names in a row of what to begin with */

static const char *const word[VERDICTS] = {[VERDICT_PASS] = "pass", [VERDICT_REVIEW] = "are in review",
                                           [VERDICT_FAIL] = "fail", [VERDICT_INCOMPLETE] = "are incomplete"};
static const enum verdict order[VERDICTS] = {VERDICT_PASS, VERDICT_REVIEW, VERDICT_INCOMPLETE, VERDICT_FAIL};

static void put_strong(struct page *p, const char *text)
{
    fputs("<strong>", p->out);
    markup_text(p->out, text);
    fputs("</strong>", p->out);
}

/* ------------------------------------------------------------------ the answer */
/* " (score 20, blurred 3)": why they are in review, where it is not the score alone. */
static void put_reasons(const struct inspection *in, struct page *p)
{
    int64_t n[REASONS] = {0}, n_others = 0;
    for (int64_t g = 0; g < in->cases->n_installations; g++) {
        const struct installation *t = &in->cases->installation[g];
        enum reason why = t->verdict == VERDICT_REVIEW ? reason_of(t->reason) : REASON_NONE;
        if (why != REASON_NONE) {
            n[why]++;
            n_others += why != REASON_SCORE;
        }
    }
    bool first = true;
    for (int r = 0; r < REASONS && n_others > 0; r++) {
        if (n[r])
            page_text(p, "%s%s %" PRId64, first ? " (" : ", ", reason_names[r], n[r]);
        first = first && n[r] == 0;
    }
    fputs(first ? "" : ")", p->out);
}

/* A fault must not be lost behind a blurred photograph. */
static void put_held(const struct inspection *in, struct page *p)
{
    int64_t n = in->n_of[SHOWN_HELD];
    bool link = in->n_shown_max > 0;
    if (n == 0)
        return;
    fprintf(p->out, link ? " <a href=\"#look-%s\">" : " ", section_why_id(SHOWN_HELD));
    page_text(p, n == 1 ? "Begin with the one whose score fails" : "Begin with the %" PRId64 " whose score fails", n);
    fputs(link ? "</a>." : ".", p->out);
}

/* "6 of 8 installations need a person. In review: 5 (blurred 5). With too few views: 1. 2 fail, 0 pass." */
static void put_answer(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    char text[160];
    const int64_t *n = t->all;
    int64_t open = n[VERDICT_REVIEW] + n[VERDICT_INCOMPLETE];
    fputs("<p class=\"answer\">", p->out);
    if (!in->decided) {
        put_strong(p, "There are no verdicts: no thresholds were given.");
        page_text(p, " The %s with the highest scores come first below; feat-verdict chooses thresholds that keep a "
                  "promise.", section_noun(in, true));
        fputs("</p>\n", p->out);
        return;
    }
    if (!in->cases->judged && !in->thresholds_given && open == 0)
        snprintf(text, sizeof text, "No thresholds were given: 0.5, merely the middle, divides them.");
    else if (open == 0)
        snprintf(text, sizeof text, "%" PRId64 " %s, none in review.", t->n, section_noun(in, t->n != 1));
    else
        snprintf(text, sizeof text, "%" PRId64 " of %" PRId64 " %s %s a person.", open, t->n,
                 section_noun(in, t->n != 1), open == 1 ? "needs" : "need");
    put_strong(p, text);
    put_held(in, p);
    if (n[VERDICT_REVIEW]) {
        page_text(p, " In review: %" PRId64, n[VERDICT_REVIEW]);
        put_reasons(in, p);
        page_text(p, ".");
    }
    if (n[VERDICT_INCOMPLETE])
        page_text(p, " With too few views: %" PRId64 ".", n[VERDICT_INCOMPLETE]);
    page_text(p, " %" PRId64 " %s, %" PRId64 " %s.", n[VERDICT_FAIL], n[VERDICT_FAIL] == 1 ? "fails" : "fail",
              n[VERDICT_PASS], n[VERDICT_PASS] == 1 ? "passes" : "pass");
    fputs("</p>\n", p->out);
}

/* The verdicts as one bar; the tiles below, in the same order, are its legend. */
static void put_bar(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    fprintf(p->out, "<div class=\"bar\" role=\"img\" aria-label=\"Of %" PRId64 " %s", t->n, section_noun(in, true));
    for (int v = 0; v < VERDICTS; v++)
        fprintf(p->out, "%s %" PRId64 " %s", v ? "," : "", t->all[order[v]], word[order[v]]);
    fputs("\">", p->out);
    for (int v = 0; v < VERDICTS; v++) {
        int64_t n = t->all[order[v]];
        if (n == 0)
            continue;
        fprintf(p->out, "<span class=\"%s\" style=\"flex-grow:%" PRId64 "\"></span>", verdict_names[order[v]], n);
    }
    fputs("</div>\n", p->out);
}

/* ------------------------------------------------------------------ tiles */
static void tile(struct page *p, const char *class_name, const char *value, const char *what)
{
    fprintf(p->out, "<li%s%s%s>", class_name ? " class=\"" : "", class_name ? class_name : "", class_name ? "\"" : "");
    put_strong(p, value);
    fputs("<span>", p->out);
    markup_text(p->out, what);
    fputs("</span></li>\n", p->out);
}

/* Whole per cents, of which 0 and 100 are exact. */
static const char *percent(int64_t k, int64_t n, char out[16])
{
    double p = 100 * (double)k / (double)n;
    if (k > 0 && p < 1)
        snprintf(out, 16, "< 1");
    else if (k < n && p > 99)
        snprintf(out, 16, "> 99");
    else
        snprintf(out, 16, "%.0f", p);
    return out;
}

static void put_verdict_tiles(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    char value[32], what[64], share[16];
    put_bar(in, p, t);
    fputs("<ul class=\"tiles counts\" aria-label=\"Verdicts\">\n", p->out);
    for (int v = 0; v < VERDICTS; v++) {
        if (order[v] == VERDICT_INCOMPLETE && t->all[VERDICT_INCOMPLETE] == 0)
            continue;
        snprintf(value, sizeof value, "%" PRId64, t->all[order[v]]);
        snprintf(what, sizeof what, "%s, %s\xC2\xA0%%", verdict_names[order[v]],
                 percent(t->all[order[v]], t->n, share));
        tile(p, verdict_names[order[v]], value, what);
    }
    fputs("</ul>\n", p->out);
}

static void put_wrong_tiles(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    char value[64], text[256], share[SECTION_SHARE_BYTES], name[SECTION_NAME_BYTES];
    const struct level_measure *m = &in->installations.auroc;
    if (t->n_labelled == 0)
        return;
    fputs("<ul class=\"tiles\" aria-label=\"By the labels\">\n", p->out);
    for (int label = 1; label >= 0 && in->decided; label--) {
        const int64_t *of = t->of[label + 1];
        int64_t wrong = of[label ? VERDICT_PASS : VERDICT_FAIL], all = section_sum(of) - of[VERDICT_INCOMPLETE];
        if (all == 0)
            continue;
        snprintf(value, sizeof value, "%" PRId64 " %s", wrong,
                 label ? "missed" : wrong == 1 ? "false alarm" : "false alarms");
        snprintf(text, sizeof text, "%s: labelled %s, but %s", section_share(in, wrong, all, share),
                 section_name(in->cases->class_name[label], name), label ? "pass" : "fail");
        tile(p, NULL, value, text);
    }
    if (isfinite(m->value)) {
        snprintf(value, sizeof value, "%.3f", m->value);
        snprintf(text, sizeof text, isfinite(m->low) ? "AUROC of %s, interval %.3f to %.3f" : "AUROC of %s",
                 section_noun(in, true), m->low, m->high);
        tile(p, NULL, value, text);
    }
    fputs("</ul>\n", p->out);
}

/* ------------------------------------------------------------------ what to begin with */
/* Suspected labels may be shown as missed, or as false alarms; they have a section of their own. */
static int64_t begin_with(const struct inspection *in, enum shown_why why, int64_t first[FIRST])
{
    int64_t n = 0;
    if (why == SHOWN_LABEL) {
        for (; n < FIRST && n < in->n_suspects; n++)
            first[n] = in->suspect[n];
        return n;
    }
    for (int64_t i = 0; i < in->n_shown && n < FIRST; i++)
        if (in->shown[i].why == why)
            first[n++] = in->shown[i].installation;
    return n;
}

static void put_links(const struct inspection *in, struct page *p, enum shown_why why)
{
    char name[SECTION_NAME_BYTES];
    int64_t first[FIRST], n = begin_with(in, why, first);
    fputs("<td><ul class=\"names\">", p->out);
    for (int64_t i = 0; i < n; i++) {
        fputs("<li>", p->out);
        if (section_is_shown(in, first[i]))
            fprintf(p->out, "<a href=\"#case-%" PRId64 "\">", first[i]);
        page_text(p, "%s", section_name(in->cases->installation[first[i]].name, name));
        fputs(section_is_shown(in, first[i]) ? "</a></li>" : "</li>", p->out);
    }
    fputs("</ul></td>", p->out);
}

static void put_begin(const struct inspection *in, struct page *p)
{
    char caption[96], heading[64], target[32];
    bool any = false;
    for (int why = 0; why < SHOWN_WHYS; why++)
        any = any || section_is_work(in, (enum shown_why)why);
    if (!any)
        return;
    snprintf(caption, sizeof caption, "What to look at; each %s leads to its pictures", section_noun(in, false));
    snprintf(heading, sizeof heading, "#%s", section_noun(in, true));
    page_table(p, caption, (const char *[]){"what", heading, "begin with", NULL});
    for (int why = 0; why < SHOWN_WHYS; why++) {
        bool labels = why == SHOWN_LABEL;
        if (!section_is_work(in, (enum shown_why)why))
            continue;
        snprintf(target, sizeof target, labels ? "labels" : "look-%s", section_why_id((enum shown_why)why));
        page_link(p, labels || in->n_shown_max > 0 ? target : NULL,
                  labels ? "Suspected labels" : section_why(in, (enum shown_why)why));
        page_number(p, "%" PRId64, in->n_of[why]);
        put_links(in, p, (enum shown_why)why);
        page_row_end(p);
    }
    page_table_end(p);
}

/* ------------------------------------------------------------------ trust */
struct trust { /* what became of the promises here */
    bool seen;  /* each was looked at */
    bool shown; /* each was kept, interval and all */
    enum promise_state worst;
};

static struct trust trust_of(const struct inspection *in, const struct section_tally *t)
{
    struct trust trust = {.seen = in->n_promises > 0, .shown = true, .worst = PROMISE_KEPT};
    for (int i = 0; i < in->n_promises; i++) {
        struct promise_kept k = section_promise(in, t, &in->promise[i].promise);
        trust.seen = trust.seen && k.state != PROMISE_UNSEEN;
        trust.shown = trust.shown && k.high <= in->promise[i].promise.share;
        trust.worst = k.state != PROMISE_UNSEEN && k.state > trust.worst ? k.state : trust.worst;
    }
    return trust;
}

/* Where promises say nothing. False: they do. */
static bool put_no_promises(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    const struct cases *c = in->cases;
    if (!in->decided) {
        page_text(p, "There are none. AUROC says how well the scores tell faulty from good.");
    } else if (t->n_labelled == 0) {
        put_strong(p, "This page cannot tell: there are no labels.");
        page_text(p, " How many of these verdicts are right cannot be said without.");
        if (in->n_promises)
            page_text(p, " The thresholds were chosen to keep what is listed below, for %s like those that they were "
                      "chosen on.", section_noun(in, true));
    } else if (c->learned) {
        put_strong(p, "No: the classifier has learned from these photographs.");
        page_text(p, " What it says of others is not so good. Use predictions out of fold, or of other photographs.");
    } else if (in->n_promises == 0) {
        put_strong(p, "Nothing was promised,");
        page_text(p, " so what these labels show is all that is known.%s",
                  c->judged || in->thresholds_given ? ""
                                                    : " Thresholds that keep a promise are chosen by feat-verdict.");
    }
    return !in->decided || t->n_labelled == 0 || c->learned || in->n_promises == 0;
}

static void put_kept(const struct inspection *in, struct page *p, struct trust trust)
{
    const char *several = section_noun(in, true);
    if (trust.worst == PROMISE_BROKEN) {
        put_strong(p, "No: a promise is broken,");
        page_text(p, " by more than chance. These %s differ from those that the thresholds were chosen on, or labels "
                  "are wrong: look at missed ones and false alarms, then choose again.", several);
    } else if (trust.worst == PROMISE_OPEN) {
        put_strong(p, "Not shown:");
        page_text(p, " more went wrong than was promised, but so few %s would show that by chance, too.", several);
    } else if (trust.seen && trust.shown) {
        put_strong(p, "Yes, as far as these labels tell:");
        page_text(p, in->n_promises > 1 ? " both promises were kept here, interval and all."
                                        : " the promise was kept here, interval and all.");
    } else if (trust.seen) {
        put_strong(p, "Nothing here speaks against it:");
        page_text(p, " %s kept, but intervals that reach beyond what was promised mean that so few labelled %s cannot "
                  "show it by themselves.", in->n_promises > 1 ? "both promises were" : "the promise was", several);
    } else {
        put_strong(p, "Only in part:");
        page_text(p, " for one of the promises there is no labelled %s of its kind.", section_noun(in, false));
    }
}

/* A promise is easily kept where hardly anything is decided. */
static void put_undecided(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    int64_t n = t->all[VERDICT_REVIEW];
    if (!in->decided || in->thresholds_given || 2 * n <= t->n)
        return;
    page_text(p, " But %" PRId64 " of %" PRId64 " %s are in review.", n, t->n, section_noun(in, true));
    if (in->n_promises > 0)
        page_text(p, " Where it is the score, its thresholds lie far apart: scores tell faulty from good badly, or a "
                  "label that is wrong moved one of them.");
}

/* Can the verdicts be trusted? In the order of what counts more. */
static void put_trust(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    page_heading(p, "Can the verdicts be trusted?");
    fputs("<p>", p->out);
    if (!put_no_promises(in, p, t))
        put_kept(in, p, trust_of(in, t));
    put_undecided(in, p, t);
    fputs("</p>\n", p->out);
}

/* "0 of 60", a dash where it is not known. */
static void put_count(struct page *p, const struct promise_kept *k)
{
    if (k->n)
        page_cell(p, "%" PRId64 " of %" PRId64, k->n_wrong, k->n);
    else
        page_cell(p, "\xE2\x80\x93");
}

static void put_promises(const struct inspection *in, struct page *p, const struct section_tally *t)
{
    static const char *const state[] = {
        [PROMISE_KEPT] = "kept", [PROMISE_OPEN] = "open: more than promised, within the interval",
        [PROMISE_BROKEN] = "broken: the whole interval is above", [PROMISE_UNSEEN] = "\xE2\x80\x93"};
    char text[PROMISE_TEXT_BYTES], share[SECTION_SHARE_BYTES];
    bool checked = false;
    for (int i = 0; i < in->n_promises; i++)
        checked = checked || in->promise[i].checked.n > 0;
    if (in->n_promises == 0)
        return;
    static const char *const with[] = {"promise", "kept here?", "wrong here", "when chosen", "when tested", NULL};
    static const char *const without[] = {"promise", "kept here?", "wrong here", "when chosen", NULL};
    page_table(p, "Promises, and what became of them", checked ? with : without);
    for (int i = 0; i < in->n_promises; i++) {
        const struct promise_outcome *q = &in->promise[i];
        struct promise_kept k = section_promise(in, t, &q->promise);
        page_cell(p, "%s", promise_text(&q->promise, text));
        page_cell(p, "%s", state[k.state]);
        page_cell(p, "%s", k.n ? section_share(in, k.n_wrong, k.n, share) : "no labels");
        put_count(p, &q->chosen);
        if (checked)
            put_count(p, &q->checked);
        page_row_end(p);
    }
    page_table_end(p);
}

void section_glance(const struct inspection *in, struct page *p)
{
    struct section_tally t = section_count(in);
    page_section(p, "glance", "At a glance");
    if (t.n == 0) {
        fputs("<p class=\"answer\"><strong>Nothing was inspected.</strong></p>\n", p->out);
        return;
    }
    put_answer(in, p, &t);
    if (in->decided)
        put_verdict_tiles(in, p, &t);
    put_begin(in, p);
    put_trust(in, p, &t);
    put_wrong_tiles(in, p, &t);
    put_promises(in, p, &t);
}
