/* score-inputs.c - see score-inputs.h. */
#include "score-inputs.h"

#include <string.h>

#include "fmt.h"

void score_inputs_add(struct score_inputs *s, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES])
{
    if (s->n == SCORE_INPUTS_MAX || !digest_is_set(identity))
        return;
    s->item[s->n].role = role;
    s->item[s->n].path = path;
    memcpy(s->item[s->n++].identity, identity, DIGEST_BYTES);
}

void score_inputs_overlap(struct score_inputs *s, const char *of, const char *in, int64_t images, int64_t groups)
{
    if (s->n_overlaps == SCORE_INPUTS_MAX || images + groups == 0)
        return;
    s->overlap[s->n_overlaps].of = of;
    s->overlap[s->n_overlaps].in = in;
    s->overlap[s->n_overlaps].images = images;
    s->overlap[s->n_overlaps++].groups = groups;
}

void score_inputs_precision(struct score_inputs *s, const char *role, const char *precision)
{
    if (s->n_computed == SCORE_INPUTS_MAX)
        return;
    s->computed[s->n_computed].role = role;
    s->computed[s->n_computed++].precision = precision;
    s->not_f32 = s->not_f32 || strcmp(precision, "f32") != 0;
}

static void precision_note(struct report_node *report, const struct score_inputs *s)
{
    struct report_node *note = report_note(report, "computed");
    bool differ = false;
    for (int i = 0; i < s->n_computed; i++) {
        report_extend(note, "%s %s in %s", i ? "," : "", s->computed[i].role, s->computed[i].precision);
        differ = differ || strcmp(s->computed[i].precision, s->computed[0].precision) != 0;
    }
    if (differ)
        report_extend(note, ": in different precisions");
}

void score_inputs_notes(struct report_node *report, const struct score_inputs *s)
{
    for (int i = 0; i < s->n; i++) {
        char hex[DIGEST_HEX];
        digest_hex(s->item[i].identity, hex);
        struct report_node *note = report_note(report, "%-8s %s", s->item[i].role, hex);
        if (s->item[i].path)
            report_extend(note, " %s", s->item[i].path);
    }
    for (int i = 0; i < s->n_overlaps; i++)
        report_note(report, "overlap  %s of %s are in %s, %s: the scores are too good",
                    FMT_COUNT(s->overlap[i].images, "image", "images"), s->overlap[i].of, s->overlap[i].in,
                    FMT_COUNT(s->overlap[i].groups, "group", "groups"));
    if (s->not_f32)
        precision_note(report, s);
}

void score_inputs_report(struct report_node *report, const struct score_inputs *s)
{
    struct report_node *all = report_add(report, REPORT_OBJECT, "origins");
    for (int i = 0; i < s->n; i++) {
        char hex[DIGEST_HEX];
        struct report_node *one = report_add(all, REPORT_OBJECT, s->item[i].role);
        digest_hex(s->item[i].identity, hex);
        report_text(one, "identity", hex);
        if (s->item[i].path)
            report_text(one, "path", s->item[i].path);
    }
    struct report_node *overlaps = s->n_overlaps ? report_add(report, REPORT_LIST, "overlap") : NULL;
    for (int i = 0; i < s->n_overlaps; i++) {
        struct report_node *one = report_add(overlaps, REPORT_OBJECT, NULL);
        report_text(one, "of", s->overlap[i].of);
        report_text(one, "in", s->overlap[i].in);
        report_count(one, "images", s->overlap[i].images);
        report_count(one, "groups", s->overlap[i].groups);
    }
    struct report_node *computed = s->not_f32 ? report_add(report, REPORT_OBJECT, "computed_in") : NULL;
    for (int i = 0; computed && i < s->n_computed; i++)
        report_text(computed, s->computed[i].role, s->computed[i].precision);
}
