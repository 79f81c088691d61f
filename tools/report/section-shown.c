/* section-shown.c - installations that a person should look at: pictures, heat maps, nearest labelled photographs. */
#include <inttypes.h>
#include <math.h>

#include "reason.h"
#include "sections.h"

enum { PHOTOS_MAX = 6, SUSPECTS_MAX = 40 };

static const struct {
    const char *id, *heading, *none;
} kinds[SHOWN_WHYS] = {
    [SHOWN_HELD] = {"held", "Held for a person, but the score fails", NULL},
    [SHOWN_MISSED] = {"missed", "Missed: labelled faulty, but pass", "No faulty one was missed."},
    [SHOWN_ALARM] = {"alarms", "False alarms: labelled good, but fail", "There was no false alarm."},
    [SHOWN_REVIEW] = {"review", "For a person: in review or incomplete", NULL},
    [SHOWN_FAILED] = {"failing", "Failing, without a label", NULL},
    [SHOWN_NEAREST] = {"nearest", "Nearest to the threshold", NULL},
    [SHOWN_LABEL] = {"labels", "Further suspected labels", NULL},
};

const char *section_why(const struct inspection *in, enum shown_why why)
{
    return why == SHOWN_REVIEW && !in->decided ? "The highest scores" : kinds[why].heading;
}

const char *section_why_id(enum shown_why why)
{
    return kinds[why].id;
}

bool section_is_work(const struct inspection *in, enum shown_why why)
{
    return in->n_of[why] > 0 && why != SHOWN_NEAREST;
}

bool section_is_shown(const struct inspection *in, int64_t installation)
{
    for (int64_t i = 0; i < in->n_shown; i++)
        if (in->shown[i].installation == installation)
            return true;
    return false;
}

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
        char alt[256], name[SECTION_NAME_BYTES];
        snprintf(alt, sizeof alt, "neighbour %d, labelled %s", i + 1, section_name(near[i].class_name, name));
        fputs("<li>", p->out);
        if (pictures_have_photographs(in->pictures))
            pictures_photograph(in->pictures, p->out, near[i].key, PICTURES_SIDE_SMALL, alt);
        page_text(p, "%s, similarity %.3f", section_name(near[i].class_name, name), near[i].similarity);
        fputs("</li>\n", p->out);
    }
    fputs("</ul>\n", p->out);
}

static void put_photo(struct inspection *in, struct page *p, const struct case_photo *s)
{
    char alt[400], score[SECTION_SCORE_BYTES], name[SECTION_NAME_BYTES], reason[SECTION_REASON_BYTES];
    fputs("<div>\n<figure>\n", p->out);
    if (have_pictures(in)) {
        fputs("<div class=\"pair\">\n", p->out);
        snprintf(alt, sizeof alt, "photograph %s", section_name(s->key, name));
        pictures_photograph(in->pictures, p->out, s->key, PICTURES_SIDE, alt);
        snprintf(alt, sizeof alt, "heat map of photograph %s", section_name(s->key, name));
        pictures_map(in->pictures, p->out, s->key, PICTURES_SIDE, alt);
        fputs("</div>\n", p->out);
    }
    fputs("<figcaption>", p->out);
    if (s->view >= 0)
        page_text(p, "view %d, ", s->view);
    bool told = s->reason[0] && reason_of(s->reason) != REASON_SCORE;
    if (!isnan(s->score) && !(told && reason_has_score(s->reason)))
        page_text(p, "score %s, ", section_score(in, s->score, score));
    if (told)
        page_text(p, "%s, ", section_reason(s->reason, reason));
    page_text(p, "%s", section_name(s->key, name));
    fputs("</figcaption>\n</figure>\n", p->out);
    put_neighbours(in, p, s);
    fputs("</div>\n", p->out);
}

/* ------------------------------------------------------------------ one installation */
/* Beside the verdict: its label, and why; its score, unless the reason names it. */
static void put_facts(const struct inspection *in, struct page *p, const struct installation *t)
{
    char score[SECTION_SCORE_BYTES], name[SECTION_NAME_BYTES], reason[SECTION_REASON_BYTES];
    if (in->installations.rows.n > 0) {
        fputs("\n<span>", p->out);
        page_text(p, t->label < 0 ? "no label" : "labelled %s", section_label(in, t->label, name));
        fputs("</span>", p->out);
    }
    fputs("\n<span>", p->out);
    if (t->reason[0])
        page_text(p, "%s", section_reason(t->reason, reason));
    if (!reason_has_score(t->reason))
        page_text(p, "%s%s%s", t->reason[0] ? "; " : "", isnan(t->score) ? "no score" : "score ",
                  isnan(t->score) ? "" : section_score(in, t->score, score));
    fputs("</span>\n", p->out);
}

/* How often such a score means a fault. */
static void put_probability(const struct inspection *in, struct page *p, const struct installation *t)
{
    if (!isfinite(t->share))
        return;
    fputs("<p class=\"soft\">", p->out);
    page_text(p, "Of the %s that the thresholds were chosen on, %.0f\xC2\xA0%% with such a score are faulty.",
              section_noun(in, true), 100 * t->share);
    fputs("</p>\n", p->out);
}

static void put_card(struct inspection *in, struct page *p, int64_t g)
{
    const struct cases *c = in->cases;
    const struct installation *t = &c->installation[g];
    char name[SECTION_NAME_BYTES];
    fprintf(p->out,
            "<article class=\"case\" id=\"case-%" PRId64 "\" aria-labelledby=\"case-%" PRId64 "-name\">\n<header>\n"
            "<h4 id=\"case-%" PRId64 "-name\">", g, g, g);
    page_text(p, "%s", section_name(t->name, name));
    fputs("</h4>\n", p->out);
    if (in->decided)
        section_mark(p, t->verdict);
    put_facts(in, p, t);
    fputs("</header>\n", p->out);
    put_probability(in, p, t);
    fputs("<div class=\"photos\">\n", p->out);
    for (int64_t i = 0; i < t->n && i < PHOTOS_MAX; i++)
        put_photo(in, p, &c->photo[c->photo_of[t->first + i]]);
    fputs("</div>\n", p->out);
    if (t->n > PHOTOS_MAX)
        page_paragraph(p, "%" PRId64 " more photographs are not shown.", t->n - PHOTOS_MAX);
    fputs("</article>\n", p->out);
}

static void put_kind(struct inspection *in, struct page *p, enum shown_why why)
{
    int64_t n = 0;
    for (int64_t i = 0; i < in->n_shown; i++)
        n += in->shown[i].why == why;
    bool says_none = kinds[why].none && in->decided && in->installations.rows.n > 0 && in->n_of[why] == 0;
    char id[32];
    if (n == 0 && !says_none)
        return;
    snprintf(id, sizeof id, "look-%s", kinds[why].id);
    page_heading_id(p, id, section_why(in, why));
    if (in->n_of[why] == 0)
        page_paragraph(p, "%s", kinds[why].none);
    if (why == SHOWN_NEAREST)
        page_paragraph(p, "None is in review; these are the next best to look at.");
    else if (why != SHOWN_LABEL && n < in->n_of[why])
        page_paragraph(p, "%" PRId64 " of %" PRId64 ", the worst first.", n, in->n_of[why]);
    fputs(in->grouped ? "" : "<div class=\"cards\">\n", p->out); /* those of one photograph stand side by side */
    for (int64_t i = 0; i < in->n_shown; i++)
        if (in->shown[i].why == why)
            put_card(in, p, in->shown[i].installation);
    fputs(in->grouped ? "" : "</div>\n", p->out);
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

/* What colours of heat maps mean (heat-map.h). */
static void put_map_legend(struct page *p)
{
    static const struct {
        const char *swatch, *meaning;
    } entry[] = {{"grey", "like the good photographs"},
                 {"heat", "less and less like any good photograph, on one scale for all"},
                 {"unseen", "not inspected: cut away before the network looked"}};
    page_paragraph(p, "Beside a photograph stands its heat map, where there is one:");
    fputs("<ul class=\"legend\" aria-label=\"Colours of heat maps\">\n", p->out);
    for (size_t i = 0; i < sizeof entry / sizeof *entry; i++)
        fprintf(p->out, "<li><span class=\"swatch %s\"></span>%s</li>\n", entry[i].swatch, entry[i].meaning);
    fputs("</ul>\n", p->out);
}

void section_shown(struct inspection *in, struct page *p)
{
    page_section(p, "look", "To look at");
    if (in->pictures->maps)
        put_map_legend(p);
    for (int why = 0; why < SHOWN_WHYS; why++)
        put_kind(in, p, (enum shown_why)why);
    if (in->n_shown_max == 0)
        page_paragraph(p, "No pictures were asked for (--show 0).");
    else if (in->n_shown == 0)
        page_paragraph(p, "There is nothing to look at.");
    else
        put_picture_note(in, p);
}

/* ------------------------------------------------------------------ labels */
void section_labels(const struct inspection *in, struct page *p)
{
    const struct cases *c = in->cases;
    char caption[128], score[SECTION_SCORE_BYTES], name[SECTION_NAME_BYTES], good[SECTION_NAME_BYTES],
        defect[SECTION_NAME_BYTES], mean[2][SECTION_SCORE_BYTES];
    if (!(in->expected[0] < in->expected[1]))
        return;
    page_section(p, "labels", "Suspected labels");
    page_paragraph(p, "%s of %" PRId64 " labelled %s. A label is suspected where one labelled %s scores %s or more, "
                   "the mean of those labelled %s, or one labelled %s scores %s or less, the mean of %s. That is no "
                   "proof: look at them.",
                   FMT_COUNT(in->n_suspects, "label is suspected", "labels are suspected"), in->installations.rows.n,
                   section_noun(in, true), section_label(in, 0, good), section_score(in, in->expected[1], mean[1]),
                   section_label(in, 1, defect), section_label(in, 1, defect),
                   section_score(in, in->expected[0], mean[0]), section_label(in, 0, good));
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
        page_link(p, section_is_shown(in, in->suspect[i]) ? target : NULL, section_name(t->name, name));
        page_cell(p, "%s", section_label(in, t->label, name));
        page_number(p, "%s", section_score(in, t->score, score));
        page_cell(p, "%s", in->decided ? verdict_names[t->verdict] : "\xE2\x80\x93");
        page_row_end(p);
    }
    page_table_end(p);
}
