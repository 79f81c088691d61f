/* verdict-report.c - see verdict-report.h. */
#include "verdict-report.h"

#include <math.h>

#include "binomial.h"

/* ------------------------------------------------------------------ the rule */
static void score_note(struct report_node *report, const struct verdict_rule *r)
{
    if (r->how == RULE_MEAN_OF && r->k == 1)
        report_note(report, "the score of an installation is the largest of its photographs' scores");
    else if (r->how == RULE_MEAN_OF && r->k == MEAN_OF_ALL)
        report_note(report, "the score of an installation is the mean of its photographs' scores");
    else if (r->how == RULE_MEAN_OF)
        report_note(report, "the score of an installation is the mean of the %d largest of its photographs' scores",
                    (int)r->k);
    if (r->how != RULE_LEARNED)
        return;
    struct report_node *note = report_note(report, "the score of an installation is learned: weights of views");
    for (int v = 0; v < RULE_VIEWS_MAX; v++)
        if (r->view_known[v])
            report_extend(note, " %d: %.3g", v, r->view_weight[v][1]);
}

static void learned_note(struct report_node *report, const struct rule_learned *l)
{
    report_note(report, "learned from %lld faulty and %lld good installations, penalty lambda %g; log loss out of fold "
                "%.4f", (long long)l->n_faulty, (long long)l->n_good, l->lambda, l->log_loss);
}

void rule_notes(struct report_node *report, const struct verdict_rule *r, const struct rule_learned *learned)
{
    score_note(report, r);
    if (r->how == RULE_LEARNED && learned)
        learned_note(report, learned);
    if (r->pass_below < r->fail_from)
        report_note(report, "pass below %.6g, fail from %.6g on, review between", r->pass_below, r->fail_from);
    else
        report_note(report, "pass below %.6g, else fail", r->pass_below);
    if (r->n_views > 0)
        report_note(report, "incomplete with fewer than %s", FMT_COUNT(r->n_views, "view", "views"));
    else
        report_note(report, "the number of views is not checked (--views)");
}

/* ------------------------------------------------------------------ promises */
static void titled_count(struct report_node *to, const char *name, const char *title, int64_t count)
{
    report_title(report_count(to, name, count), "%s", title);
}

static void titled_text(struct report_node *to, const char *name, const char *title, const char *text)
{
    report_title(report_text(to, name, text), "%s", title);
}

static void titled_share(struct report_node *to, const char *name, const char *title, double share, double low,
                         double high)
{
    report_title(report_put(to, (struct report_node){REPORT_MEASURE, name, .number = share, .low = low, .high = high}),
                 "%s", title);
}

/* For people; programs read promise_outcome_json. */
static void add_chosen(struct report_node *to, const struct promise_kept *k)
{
    titled_count(to, NULL, "chosen on", k->n);
    titled_count(to, NULL, "  of these wrong", k->n_wrong);
}

static void add_checked(struct report_node *to, const struct promise_kept *k)
{
    titled_count(to, NULL, "checked on", k->n);
    titled_count(to, NULL, "  of these wrong", k->n_wrong);
    titled_share(to, NULL, "  share", k->share, k->low, k->high);
    titled_text(to, NULL, "  the promise is", promise_state_names[k->state]);
}

void promises_report(struct report_node *report, const struct verdict_rule *r, const struct promise_outcome *promise,
                     int n, bool is_checked)
{
    char text[PROMISE_TEXT_BYTES];
    struct report_node *all = report_add(report, REPORT_RECORDS, NULL);
    for (int i = 0; i < n; i++) {
        const struct promise *p = &promise[i].promise;
        struct report_node *one = report_add(all, REPORT_OBJECT, NULL);
        report_title(one, p->what == PROMISE_MISSED ? "missed: faulty that pass" : "alarms: good that fail");
        report_json(one, promise_outcome_json(&promise[i], is_checked));
        titled_text(one, NULL, "at most", promise_text_short(p, text));
        report_title(report_number(one, "threshold", p->what == PROMISE_MISSED ? r->pass_below : r->fail_from),
                     "threshold");
        add_chosen(one, &promise[i].chosen);
        if (is_checked)
            add_checked(one, &promise[i].checked);
    }
}

/* ------------------------------------------------------------------ verdicts */
static int64_t sum(const int64_t n[VERDICTS])
{
    int64_t all = 0;
    for (int v = 0; v < VERDICTS; v++)
        all += n[v];
    return all;
}

void verdicts_report(struct report_node *report, const struct verdict_table *t)
{
    static const enum verdict_label order[VERDICT_LABELS] = {VERDICT_FAULTY, VERDICT_GOOD, VERDICT_ALL};
    struct report_node *all = report_add(report, REPORT_RECORDS, NULL);
    for (int i = 0; i < VERDICT_LABELS; i++) {
        const char *name = verdict_label_names[order[i]];
        const int64_t *n = t->counts.n[order[i]];
        int64_t complete = sum(n) - n[VERDICT_INCOMPLETE], review = n[VERDICT_REVIEW];
        if (sum(n) == 0 && order[i] != VERDICT_ALL)
            continue;
        struct report_node *one = report_add(all, REPORT_OBJECT, NULL);
        report_title(one, "%s (%lld)", name, (long long)sum(n));
        report_text(one, "installations", name);
        for (int v = 0; v < VERDICTS; v++)
            titled_count(one, verdict_names[v], verdict_names[v], n[v]);
        titled_share(one, "share_of_review", "share of review", complete ? (double)review / (double)complete : NAN,
                     complete ? binomial_lower(review, complete, (1 + t->level) / 2) : NAN,
                     complete ? binomial_upper(review, complete, (1 + t->level) / 2) : NAN);
    }
}
