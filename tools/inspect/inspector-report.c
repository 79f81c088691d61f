/* inspector-report.c - see inspector-report.h. */
#include "inspector-report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate-calibrate.h"
#include "json-report.h"
#include "printable.h"

static const char *const set_name[] = {"chosen on", "checked on"};

static void put_kept(FILE *out, const char *what, const struct promise_kept *k)
{
    fprintf(out, "  %-10s ", what);
    if (k->n == 0)
        fprintf(out, "no group of this kind\n");
    else
        fprintf(out, "%" PRId64 " of %" PRId64 ", %.2f %% [%.2f, %.2f]: %s\n", k->n_wrong, k->n, 100 * k->share,
               100 * k->low, 100 * k->high, promise_state_names[k->state]);
}

static void put_promises(FILE *out, const struct make_inspector *m)
{
    const struct inspect_settings *s = &m->settings;
    for (int i = 0; i < s->n_promises; i++) {
        char text[PROMISE_TEXT_BYTES];
        fprintf(out, "promise: %s\n", promise_text(&s->promise[i].promise, text));
        put_kept(out, set_name[0], &s->promise[i].chosen);
        if (s->is_checked)
            put_kept(out, set_name[1], &s->promise[i].checked);
    }
}

static void put_gates(FILE *out, const struct gate_limits *g)
{
    if (g->n_photographs == 0)
        return;
    fprintf(out, "gates stop %" PRId64 " of %" PRId64 " good photographs\n", g->n_stopped, g->n_photographs);
    for (int l = 0; l < GATE_LIMITS; l++) {
        char text[GATE_LINE_MAX];
        gate_limit_text(g, (enum gate_limit)l, text);
        if (text[0])
            fprintf(out, "  %s\n", text);
    }
}

static void put_counts(FILE *out, const struct make_inspector *m, int i)
{
    static const char *const kind[] = {"good", "faulty"};
    const struct verdict_counts *c = i ? &m->settings.checked : &m->settings.chosen;
    fprintf(out, "installations %s:%*s%8s%8s\n", set_name[i], 32 - (int)strlen(set_name[i]),
            verdict_names[VERDICT_PASS], verdict_names[VERDICT_REVIEW], verdict_names[VERDICT_FAIL]);
    for (int f = 0; f < 2; f++)
        fprintf(out, "  %-30s%15" PRId64 "%8" PRId64 "%8" PRId64 "\n", kind[f], c->n[f][VERDICT_PASS],
               c->n[f][VERDICT_REVIEW], c->n[f][VERDICT_FAIL]);
    if (m->n_incomplete[i] > 0)
        fprintf(out, "  %" PRId64 " incomplete, not counted\n", m->n_incomplete[i]);
    if (m->n_left_out[i] > 0)
        fprintf(out, "  %" PRId64 " photographs unreadable or stopped by a gate, left out\n", m->n_left_out[i]);
}

void inspector_report_text(FILE *out, const struct make_inspector *m)
{
    const struct inspect_settings *s = &m->settings;
    const struct verdict_rule *r = &s->rule;
    char hex[DIGEST_HEX], rule[RULE_TEXT_BYTES];
    digest_hex(m->identity, hex);
    fprintf(out, "inspector %s %s\n", hex, m->output);
    if (s->positive) {
        fprintf(out, "positive: ");
        printable_put(out, s->positive);
        putc('\n', out);
    }
    fprintf(out, "score of a photograph: %s, in %s\n",
            s->by_bank ? "distance to the bank" : "probability by the classifier", s->precision);
    fprintf(out, "score of an installation: %s", rule_text(r, rule));
    if (r->n_views > 0)
        fprintf(out, ", of %d views\n", r->n_views);
    else
        fprintf(out, "; the number of views is not checked (--views)\n");
    fprintf(out, "pass below %.6g, fail from %.6g on\n", r->pass_below, r->fail_from);
    put_promises(out, m);
    put_gates(out, &s->gates);
    if (m->choose)
        put_counts(out, m, 0);
    if (s->is_checked)
        put_counts(out, m, 1);
}

int inspector_report_json(const struct make_inspector *m, struct fmt_error *e)
{
    char hex[DIGEST_HEX], *text;
    cJSON *o = json_report_begin("inspector");
    int status = inspect_settings_text(&m->settings, &text, e);
    digest_hex(m->identity, hex);
    json_report_text(o, "path", m->output);
    json_report_text(o, "identity", hex);
    if (!status)
        cJSON_AddItemToObject(o, "settings", cJSON_Parse(text));
    free(text);
    json_report_int(o, "incomplete", m->n_incomplete[0]);
    json_report_int(o, "left_out", m->n_left_out[0]);
    return json_report_end(o) && !status ? fmt_no_memory(e) : status;
}
