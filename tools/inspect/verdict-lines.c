/* verdict-lines.c - see verdict-lines.h. */
#include "verdict-lines.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "json-report.h"
#include "msg.h"
#include "printable.h"
#include "verdict-line.h"
#include "version.h"

/* ------------------------------------------------------------------ JSON */
/* With the fewest digits that read back exactly. */
static void add_number(cJSON *o, const char *key, double v)
{
    if (isfinite(v))
        cJSON_AddNumberToObject(o, key, v);
    else
        cJSON_AddNullToObject(o, key);
}

static int begin_json(FILE *out, const char *inspector, const struct judge *j)
{
    char hex[DIGEST_HEX], rule[RULE_TEXT_BYTES];
    cJSON *o = cJSON_CreateObject();
    digest_hex(j->identity, hex);
    json_report_text(o, "report", "inspection");
    json_report_text(o, "tool", msg_tool());
    json_report_text(o, "version", DINOTOOLS_VERSION);
    if (j->settings.positive)
        json_report_text(o, "positive", j->settings.positive);
    json_report_text(o, "group_score", rule_text(&j->settings.rule, rule));
    add_number(o, "pass_below", j->settings.rule.pass_below);
    add_number(o, "fail_from", j->settings.rule.fail_from);
    json_report_int(o, "views", j->settings.rule.n_views);
    cJSON_AddItemToObject(o, "promises", promise_outcomes_json(j->settings.promise, j->settings.n_promises,
                                                               j->settings.is_checked));
    cJSON *of = json_report_object(json_report_object(o, "origins"), "inspector");
    json_report_text(of, "identity", hex);
    json_report_text(of, "path", inspector);
    return json_report_put(out, o);
}

static void add_measures(cJSON *o, const struct gate_values *v)
{
    for (int m = 0; m < GATE_MEASURES; m++)
        add_number(o, gate_measure_name((enum gate_measure)m), v->value[m]);
    if (v->similar_key[0])
        json_report_text(o, "similar", v->similar_key);
}

static int photo_json(const struct verdict_lines *l, const struct judged_group *g, const struct judged_photo *p)
{
    cJSON *o = cJSON_CreateObject();
    json_report_text(o, "photograph", p->photo->name);
    json_report_text(o, "group", g->name);
    if (p->photo->view >= 0)
        json_report_int(o, "view", p->photo->view);
    add_number(o, "score", p->score);
    if (l->measures)
        add_measures(o, &p->values);
    json_report_text(o, "verdict", verdict_names[p->verdict]);
    json_report_text(o, "reason", p->reason);
    if (!p->failure && p->cropped > 0)
        add_number(o, "cropped", p->cropped);
    return json_report_put(l->out, o);
}

static struct verdict_line group_line(const struct verdict_lines *l, const struct judged_group *g)
{
    return (struct verdict_line){g->n_views, g->score, g->verdict, g->reason, l->probability, g->probability};
}

static int group_json(const struct verdict_lines *l, const struct judged_group *g, const struct judged_photo *photo)
{
    cJSON *o = cJSON_CreateObject();
    struct verdict_line line = group_line(l, g);
    verdict_line_json(o, g->name, &line);
    cJSON *list = cJSON_AddArrayToObject(o, "photographs");
    for (int i = 0; i < g->n_photographs; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(photo[i].photo->name));
    return json_report_put(l->out, o);
}

/* ------------------------------------------------------------------ text */
static void put_seen(FILE *out, const char *where, const struct promise_kept *k)
{
    fprintf(out, "; %s %" PRId64 " of %" PRId64, where, k->n_wrong, k->n);
    if (k->state == PROMISE_OPEN || k->state == PROMISE_BROKEN)
        fprintf(out, ", %s", promise_state_names[k->state]);
}

/* "# promise at most 5 % of faulty installations pass, 95 % sure; when chosen 0 of 60; on others 1 of 53". */
static void put_promises(FILE *out, const struct inspect_settings *s)
{
    char text[PROMISE_TEXT_BYTES];
    for (int i = 0; i < s->n_promises; i++) {
        const struct promise_outcome *p = &s->promise[i];
        fprintf(out, "# promise %s", promise_text(&p->promise, text));
        put_seen(out, "when chosen", &p->chosen);
        if (s->is_checked)
            put_seen(out, "on others", &p->checked);
        putc('\n', out);
    }
}

static void begin_text(const struct verdict_lines *l, const char *inspector, const struct judge *j)
{
    FILE *out = l->out;
    char hex[DIGEST_HEX];
    digest_hex(j->identity, hex);
    fprintf(out, "# made by %s %s\n", msg_tool(), DINOTOOLS_VERSION);
    fprintf(out, "# inspector %s ", hex);
    printable_put(out, inspector);
    if (j->settings.positive) {
        fprintf(out, "\n# positive ");
        printable_put(out, j->settings.positive);
    }
    putc('\n', out);
    put_promises(out, &j->settings);
    fprintf(out, "of\tname\tinstallation\t");
    verdict_line_columns(out, l->probability);
    for (int m = 0; m < GATE_MEASURES && l->measures; m++)
        fprintf(out, "\t%s", gate_measure_name((enum gate_measure)m));
    putc('\n', out);
}

/* Of a photograph alone its measures; NULL: an installation has none. */
static void put_line(const struct verdict_lines *l, const char *of, const char *name, const char *group,
                     const struct verdict_line *line, const struct gate_values *v)
{
    fprintf(l->out, "%s\t", of);
    printable_put_field(l->out, name);
    putc('\t', l->out);
    printable_put_field(l->out, group);
    putc('\t', l->out);
    verdict_line_text(l->out, line);
    for (int m = 0; m < GATE_MEASURES && l->measures; m++)
        verdict_line_number(l->out, v ? v->value[m] : (double)NAN);
    putc('\n', l->out);
}

static void put_photo(const struct verdict_lines *l, const struct judged_group *g, const struct judged_photo *p)
{
    struct verdict_line line = {p->photo->view, p->score, p->verdict, p->reason, l->probability, NAN};
    put_line(l, "photograph", p->photo->name, g->name, &line, &p->values);
}

static void put_group(const struct verdict_lines *l, const struct judged_group *g)
{
    struct verdict_line line = group_line(l, g);
    put_line(l, "installation", g->name, g->name, &line, NULL);
}

/* ------------------------------------------------------------------ both */
int verdict_lines_begin(struct verdict_lines *l, const char *inspector, const struct judge *j, struct fmt_error *e)
{
    l->measures = j->measures;
    l->probability = j->settings.calibration.n > 0;
    if (l->json)
        return begin_json(l->out, inspector, j) ? fmt_no_memory(e) : 0;
    begin_text(l, inspector, j);
    return 0;
}

int verdict_lines_found(void *arg, const struct judged_group *g, const struct judged_photo *photo)
{
    struct verdict_lines *l = arg;
    int bad = 0;
    for (int i = 0; i < g->n_photographs; i++) {
        const struct judged_photo *p = &photo[i];
        l->n_photographs++;
        l->n_unreadable += p->failure != 0;
        l->cropped += p->failure ? 0 : p->cropped;
        if (l->json)
            bad |= photo_json(l, g, p);
        else
            put_photo(l, g, p);
    }
    l->n[g->verdict]++;
    if (l->json)
        bad |= group_json(l, g, photo);
    else
        put_group(l, g);
    return bad ? FMT_MEMORY : fflush(l->out) ? FMT_IO : 0;
}
