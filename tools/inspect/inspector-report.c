/* inspector-report.c - see inspector-report.h. */
#include "inspector-report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

#include "gate-calibrate.h"
#include "json-report.h"
#include "report-print.h"
#include "verdict-report.h"

/* ------------------------------------------------------------------ notes */
static void identity_notes(struct report_node *report, const struct make_inspector *m)
{
    const struct inspect_settings *s = &m->settings;
    char hex[DIGEST_HEX];
    digest_hex(m->identity, hex);
    report_note(report, "inspector %s %s", hex, m->output);
    if (s->positive)
        report_note(report, "positive: %s", s->positive);
    report_note(report, "score of a photograph: %s, in %s",
                s->by_bank ? "distance to the bank" : "probability by the classifier", s->precision);
    rule_notes(report, &s->rule, m->thresholds.choose ? &m->thresholds.learned : NULL);
}

/* Similarity of pixels is 1 of copies; a picture that was compressed again has 0.999 and less. */
#define SAME_PICTURE 0.9999

static void gate_notes(struct report_node *report, const struct gate_limits *g)
{
    const struct gate_count *p = &g->all_photographs, *i = &g->all_installations;
    if (p->n == 0)
        return;
    report_note(report, "gates stop %" PRId64 " of %" PRId64 " good photographs, %" PRId64 " of %s", p->stopped, p->n,
                i->stopped, FMT_COUNT(i->n, "installation", "installations"));
    for (int l = 0; l < GATE_LIMITS; l++) {
        char text[GATE_LINE_MAX];
        gate_limit_text(g, (enum gate_limit)l, text);
        if (text[0])
            report_note(report, "  %s", text);
        else
            report_note(report, "  %s: off: it takes good photographs of two installations or more",
                        gate_name(gate_of_limit((enum gate_limit)l)));
    }
    if (g->limit[GATE_SIMILARITY_MOST] >= SAME_PICTURE)
        report_note(report, "  good photographs of two installations are the same picture:"
                            " with these no photograph that is used again is found");
}

static void counts_notes(struct report_node *report, const struct make_inspector *m, int i)
{
    report_note(report, "installations%s that %s:", i || m->thresholds.choose ? "" : " of the bank",
                i ? "promises were checked on" : "thresholds were chosen on");
    if (m->thresholds.n_left_out[i] > 0)
        report_note(report, "  %s unreadable or stopped by a gate, left out",
                    FMT_COUNT(m->thresholds.n_left_out[i], "photograph", "photographs"));
    if (m->settings.gates.all_photographs.n > 0 && !m->thresholds.is_judged[i])
        report_note(report, "  without what gates stop: there are scores, not photographs");
}

/* ------------------------------------------------------------------ reports */
/* A report is printed before the next: the tables of two stand apart. */
static int print(FILE *out, bool json, struct report_node *report, struct fmt_error *e)
{
    int status = json ? report_print_json(out, report, e) : report_print_text(out, report, e);
    report_release(report);
    return status;
}

static int put_promises(FILE *out, bool json, const struct make_inspector *m, struct fmt_error *e)
{
    const struct inspect_settings *s = &m->settings;
    struct report_node report = {.kind = REPORT_OBJECT};
    identity_notes(&report, m);
    if (m->thresholds.bank)
        report_note(&report, "nothing is promised about faults that are missed: thresholds are from good parts");
    gate_notes(&report, &s->gates);
    if (s->n_promises > 0) {
        report_add(&report, REPORT_BREAK, NULL);
        report_text(&report, "report", "promises");
        promises_report(&report, &s->rule, s->promise, s->n_promises, s->is_checked);
    }
    return print(out, json, &report, e);
}

static int put_counts(FILE *out, bool json, const struct make_inspector *m, int i, struct fmt_error *e)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    struct verdict_table table = {i ? m->settings.checked : m->settings.chosen, m->thresholds.level};
    report_add(&report, REPORT_BREAK, NULL);
    counts_notes(&report, m, i);
    report_text(&report, "report", "verdict-counts");
    report_text(&report, "of", i ? "test" : m->thresholds.choose ? "choose" : "bank");
    if (json)
        report_count(&report, "left_out", m->thresholds.n_left_out[i]);
    verdicts_report(&report, &table);
    return print(out, json, &report, e);
}

/* The same installations as the inspector judges them: gates add to the review. */
static int put_judged(FILE *out, bool json, const struct make_inspector *m, int i, struct fmt_error *e)
{
    struct report_node report = {.kind = REPORT_OBJECT};
    struct verdict_table table = {m->thresholds.judged[i], m->thresholds.level};
    report_add(&report, REPORT_BREAK, NULL);
    report_note(&report, "the same as they are judged, by the score and with what gates stop:");
    report_text(&report, "report", "verdict-counts-judged");
    report_text(&report, "of", i ? "test" : "choose");
    verdicts_report(&report, &table);
    return print(out, json, &report, e);
}

/* What became of the installations of a set. */
static int put_set(FILE *out, bool json, const struct make_inspector *m, int i, struct fmt_error *e)
{
    int status = put_counts(out, json, m, i, e);
    bool gates = m->settings.gates.all_photographs.n > 0 && m->thresholds.is_judged[i];
    return status || !gates ? status : put_judged(out, json, m, i, e);
}

/* The inspector itself and all of its settings, as one line. */
static int put_settings(FILE *out, const struct make_inspector *m, struct fmt_error *e)
{
    char hex[DIGEST_HEX], *text;
    int status = inspect_settings_text(&m->settings, &text, e);
    if (status)
        return status;
    cJSON *o = cJSON_CreateObject();
    digest_hex(m->identity, hex);
    json_report_text(o, "report", "inspector");
    json_report_text(o, "path", m->output);
    json_report_text(o, "identity", hex);
    cJSON_AddItemToObject(o, "settings", cJSON_Parse(text));
    free(text);
    return json_report_put(out, o) ? fmt_no_memory(e) : 0;
}

int inspector_report(FILE *out, bool json, const struct make_inspector *m, struct fmt_error *e)
{
    int status = json ? put_settings(out, m, e) : 0;
    if (!status)
        status = put_promises(out, json, m, e);
    if (!status && (m->thresholds.choose || m->thresholds.bank))
        status = put_set(out, json, m, 0, e);
    return status || !m->settings.is_checked ? status : put_set(out, json, m, 1, e);
}
