/* section-shown.c - installations that a person should look at: pictures, heat maps, nearest labelled photographs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "sections.h"

enum { SHOTS_MAX = 6, SUSPECTS_MAX = 40 };

static const struct {
    const char *heading, *none;
} kinds[SHOWN_WHYS] = {
    [SHOWN_MISSED] = {"Missed: labelled a defect, and pass", "No defect was missed."},
    [SHOWN_ALARM] = {"False alarms: labelled good, and fail", "There was no false alarm."},
    [SHOWN_FAILED] = {"Failing, without a label", NULL},
    [SHOWN_UNCERTAIN] = {"Uncertain", NULL},
    [SHOWN_LABEL] = {"Further suspected labels", NULL},
};

static bool have_pictures(const struct inspection *in)
{
    return pictures_have_photographs(in->pictures) || in->cases->keys_are_paths;
}

/* ------------------------------------------------------------------ one photograph */
static void put_neighbours(struct inspection *in, struct page *p, const struct case_photo *s)
{
    int n;
    const struct neighbour *near = in->neighbours ? neighbours_of(in->neighbours, s->key, &n) : NULL;
    if (!near || n == 0)
        return;
    fputs("<p class=\"soft\">Nearest labelled:</p>\n<ul class=\"near\">\n", p->out);
    for (int i = 0; i < n; i++) {
        char alt[256];
        snprintf(alt, sizeof alt, "neighbour %d, labelled %.60s", i + 1, near[i].class_name);
        fputs("<li>", p->out);
        if (pictures_have_photographs(in->pictures))
            pictures_photograph(in->pictures, p->out, near[i].key, PICTURES_SIDE_SMALL, alt);
        page_text(p, "%s, similarity %.3f", near[i].class_name, near[i].similarity);
        fputs("</li>\n", p->out);
    }
    fputs("</ul>\n", p->out);
}

static void put_photo(struct inspection *in, struct page *p, const struct case_photo *s)
{
    char alt[400], score[SECTION_SCORE_BYTES];
    fputs("<div>\n<figure>\n", p->out);
    if (have_pictures(in)) {
        fputs("<div class=\"pair\">\n", p->out);
        snprintf(alt, sizeof alt, "photograph %.200s", s->key);
        pictures_photograph(in->pictures, p->out, s->key, PICTURES_SIDE, alt);
        snprintf(alt, sizeof alt, "heat map of photograph %.200s", s->key);
        pictures_map(in->pictures, p->out, s->key, PICTURES_SIDE, alt);
        fputs("</div>\n", p->out);
    }
    fputs("<figcaption>", p->out);
    page_text(p, "%s", s->key);
    if (s->view >= 0)
        page_text(p, ", view %d", s->view);
    if (!isnan(s->score) && strncmp(s->reason, "score:", 6) != 0) /* that names it, too */
        page_text(p, ", score %s", section_score(in, s->score, score));
    if (s->reason[0])
        page_text(p, ", %s", s->reason);
    fputs("</figcaption>\n</figure>\n", p->out);
    put_neighbours(in, p, s);
    fputs("</div>\n", p->out);
}

/* ------------------------------------------------------------------ one installation */
static void put_card(struct inspection *in, struct page *p, int64_t g)
{
    const struct cases *c = in->cases;
    const struct installation *t = &c->installation[g];
    char score[SECTION_SCORE_BYTES];
    fprintf(p->out,
            "<article class=\"case\" id=\"case-%" PRId64 "\" aria-labelledby=\"case-%" PRId64 "-name\">\n<header>\n"
            "<h4 id=\"case-%" PRId64 "-name\">", g, g, g);
    page_text(p, "%s", t->name);
    fputs("</h4>\n", p->out);
    section_mark(p, t->verdict);
    fputs("\n<span>", p->out);
    if (isnan(t->score))
        page_text(p, "no score");
    else
        page_text(p, "score %s", section_score(in, t->score, score));
    page_text(p, "; label: %s", section_label(in, t->label));
    fputs("</span>\n</header>\n", p->out);
    if (t->reason[0])
        page_paragraph(p, "%s", t->reason);
    fputs("<div class=\"photos\">\n", p->out);
    for (int64_t i = 0; i < t->n && i < SHOTS_MAX; i++)
        put_photo(in, p, &c->photo[c->photo_of[t->first + i]]);
    fputs("</div>\n", p->out);
    if (t->n > SHOTS_MAX)
        page_paragraph(p, "%" PRId64 " more photographs are not shown.", t->n - SHOTS_MAX);
    fputs("</article>\n", p->out);
}

static void put_kind(struct inspection *in, struct page *p, enum shown_why why)
{
    int64_t n = 0;
    for (int64_t i = 0; i < in->n_shown; i++)
        n += in->shown[i].why == why;
    bool labelled = in->installations.rows.n > 0;
    if (n == 0 && !(kinds[why].none && labelled && in->n_of[why] == 0))
        return;
    page_heading(p, kinds[why].heading);
    if (in->n_of[why] == 0)
        page_paragraph(p, "%s", kinds[why].none);
    if (why == SHOWN_UNCERTAIN && in->none_in_review)
        page_paragraph(p, "None is in review; these are nearest to the threshold.");
    else if (why != SHOWN_LABEL && n < in->n_of[why])
        page_paragraph(p, "%" PRId64 " of %" PRId64 ", the %s first.", n, in->n_of[why],
                       why == SHOWN_UNCERTAIN && isfinite(in->rule.pass_below) ? "most uncertain" : "worst");
    for (int64_t i = 0; i < in->n_shown; i++)
        if (in->shown[i].why == why)
            put_card(in, p, in->shown[i].installation);
}

static void put_picture_note(const struct inspection *in, struct page *p)
{
    const struct pictures *s = in->pictures;
    if (!have_pictures(in)) {
        page_paragraph(p, "Pictures are shown where --photographs or --catalogue says where they are.");
        return;
    }
    page_paragraph(p, "%s of at most %d pixels a side, %.1f MiB in this page (at most %.1f).",
                   FMT_COUNT(s->n, "picture", "pictures"), PICTURES_SIDE, (double)s->bytes / (1 << 20),
                   (double)s->bytes_max / (1 << 20));
    if (s->n_left_out)
        page_paragraph(p, "%s left out for want of room.", FMT_COUNT(s->n_left_out, "picture was", "pictures were"));
    if (s->n_failed)
        page_paragraph(p, "%s could not be shown, the first: %s", FMT_COUNT(s->n_failed, "picture", "pictures"),
                       s->first_failure);
}

void section_shown(struct inspection *in, struct page *p)
{
    page_section(p, "look", "To look at: wrong and uncertain");
    if (in->pictures->maps)
        page_paragraph(p, "Beside a photograph stands its heat map, where there is one.");
    for (int why = 0; why < SHOWN_WHYS; why++)
        put_kind(in, p, (enum shown_why)why);
    if (in->n_shown == 0)
        page_paragraph(p, "There is nothing of the kind.");
    else
        put_picture_note(in, p);
}

/* ------------------------------------------------------------------ labels */
static bool is_shown(const struct inspection *in, int64_t g)
{
    for (int64_t i = 0; i < in->n_shown; i++)
        if (in->shown[i].installation == g)
            return true;
    return false;
}

void section_labels(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    char caption[128], score[SECTION_SCORE_BYTES];
    if (!(in->expected[0] < in->expected[1]))
        return;
    page_section(p, "labels", "Labels that may be wrong");
    page_paragraph(p, "%s of %" PRId64 " labelled %s: labelled %s with a score of %.3g or more, which is the mean of "
                   "those labelled %s, or %s with %.3g or less, the mean of %s. A suspicion, no proof: look at them.",
                   FMT_COUNT(in->n_suspects, "label is suspected", "labels are suspected"), in->installations.rows.n,
                   section_noun(in, true), c->class_name[0], in->expected[1], c->class_name[1], c->class_name[1],
                   in->expected[0], c->class_name[0]);
    if (c->learned)
        page_paragraph(p, "These photographs are those that the classifier was fitted to: it has learned their labels, "
                       "the wrong ones too. Use predictions out of fold.");
    else
        page_paragraph(p, "This holds for photographs that the classifier has not learned from: a set of their own, or "
                       "predictions out of fold (feat-logreg --out-of-fold).");
    if (in->n_suspects == 0)
        return;
    snprintf(caption, sizeof caption, "Suspected labels, the most suspected first%s",
             in->n_suspects > SUSPECTS_MAX ? "; the first 40" : "");
    page_table(p, caption, (const char *[]){section_noun(in, false), "label", "#score", "verdict", NULL});
    for (int64_t i = 0; i < in->n_suspects && i < SUSPECTS_MAX; i++) {
        const struct installation *t = &c->installation[in->suspect[i]];
        char target[32];
        snprintf(target, sizeof target, "case-%" PRId64, in->suspect[i]);
        page_link(p, is_shown(in, in->suspect[i]) ? target : NULL, t->name);
        page_cell(p, "%s", section_label(in, t->label));
        page_number(p, "%s", section_score(in, t->score, score));
        page_cell(p, "%s", verdict_names[t->verdict]);
        page_row_end(p);
    }
    page_table_end(p);
}
