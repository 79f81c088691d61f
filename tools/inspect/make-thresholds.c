/* make-thresholds.c - see make-thresholds.h. */
#include "make-thresholds.h"

#include "bank-good.h"
#include "overlap.h"
#include "scored-groups.h"

/* ------------------------------------------------------------------ choosing */
static bool has_both_kinds(const struct judged_groups *g)
{
    bool has[2] = {false};
    for (int64_t i = 0; i < g->n; i++)
        if (g->faulty[i] >= 0)
            has[g->faulty[i]] = true;
    return has[0] && has[1];
}

static int views_of(const struct make_thresholds *t, const char *path, const struct scored_groups *g)
{
    char warning[SCORED_GROUPS_TEXT];
    if (t->n_views >= 0)
        return t->n_views;
    int n = scored_groups_common_views(g, warning);
    if (warning[0])
        t->warn("%s: %s", path, warning);
    return n;
}

static void warn_apart(const struct make_thresholds *t, const char *path, const struct scored_groups *g,
                       const struct verdict_rule *r)
{
    char warning[SCORED_GROUPS_APART];
    scored_groups_apart(g, r, warning);
    if (warning[0])
        t->warn("%s: %s", path, warning);
}

static void count_one(struct verdict_counts *c, int faulty, enum verdict v)
{
    c->n[VERDICT_ALL][v]++;
    if (faulty >= 0)
        c->n[faulty ? VERDICT_FAULTY : VERDICT_GOOD][v]++;
}

/* An installation with a photograph that was left out of the rows gets no verdict by its score. */
static void count_judged(struct make_thresholds *t, int i, const struct scored_groups *g, const struct verdict_rule *r)
{
    const struct scored_set *s = &t->set[i];
    t->is_judged[i] = t->has_set[i] && scored_set_is_judged(s);
    for (int64_t k = 0; t->is_judged[i] && k < g->groups.n; k++)
        if (!scored_set_is_stopped(s, g->groups.name[k]))
            count_one(&t->judged[i], g->groups.faulty[k],
                      rule_verdict(r, g->score[k], verdict_groups_views(&g->groups, k)));
    for (int64_t k = 0; t->is_judged[i] && k < s->n_stopped; k++)
        count_one(&t->judged[i], s->stopped[k].faulty,
                  s->stopped[k].n_views < r->n_views ? VERDICT_INCOMPLETE : VERDICT_REVIEW);
}

/* Thresholds that keep the promises on the groups of these rows, and what a score says where both kinds are known. */
static int choose_on(struct make_thresholds *t, struct judge *j, const struct rows *rows, const char *path,
                     struct fmt_error *e)
{
    static const struct verdict_classes classes = {.faulty = 1, .good = -1};
    struct inspect_settings *s = &j->settings;
    struct promises_wanted wanted = {t->promise, t->n_promises, 0};
    struct scored_groups g;
    int status = scored_groups_make(&g, rows, classes, e);
    if (status)
        return status;
    s->rule.n_views = views_of(t, path, &g);
    status = scored_groups_choose(&g, &s->rule, &wanted, &t->learned, e);
    for (int i = 0; i < t->n_promises && !status; i++) {
        s->promise[i] = promise_outcome_unseen(&t->promise[i]);
        s->promise[i].chosen = thresholds_kept(&t->promise[i], &s->rule, &g.complete, t->level);
    }
    s->n_promises = t->n_promises;
    s->chosen = scored_groups_count(&g, &s->rule);
    if (!status)
        warn_apart(t, path, &g, &s->rule);
    count_judged(t, MAKE_CHOOSE, &g, &s->rule);
    if (!status && has_both_kinds(&g.complete))
        status = calibration_fit(&s->calibration, &g.complete, e);
    scored_groups_release(&g);
    if (status)
        fmt_prefix(e, path);
    return status;
}

static int open_set(struct make_thresholds *t, struct judge *j, int i, const char *path, struct fmt_error *e)
{
    int status = scored_set_open(&t->set[i], path, j, e);
    t->has_set[i] = !status;
    t->n_left_out[i] = t->set[i].n_left_out;
    return status;
}

static int choose_by_bank(struct make_thresholds *t, struct judge *j, struct fmt_error *e)
{
    int64_t n_alone = bank_good_without_group(&j->bank);
    int status = bank_good_rows(&t->good, &j->bank, j->has_faults ? &j->faults : NULL, 1, e);
    if (status) {
        fmt_prefix(e, t->bank);
        return status;
    }
    if (n_alone > 0)
        t->warn("%s: %s no installation: each counts as one", t->bank,
                FMT_COUNT(n_alone, "good photograph is of", "good photographs are of"));
    return choose_on(t, j, &t->good, t->bank, e);
}

static int choose(struct make_thresholds *t, struct judge *j, struct fmt_error *e)
{
    struct verdict_rule *r = &j->settings.rule;
    if (t->choose) {
        int status = open_set(t, j, MAKE_CHOOSE, t->choose, e);
        return status ? status : choose_on(t, j, &t->set[MAKE_CHOOSE].rows, t->choose, e);
    }
    if (t->bank)
        return choose_by_bank(t, j, e);
    r->n_views = t->n_views >= 0 ? t->n_views : 0;
    r->pass_below = t->pass_below;
    r->fail_from = t->fail_from;
    return 0;
}

/* ------------------------------------------------------------------ other installations */
/* They must not be those that the thresholds were chosen on. */
static int check_apart(const struct make_thresholds *t, struct fmt_error *e)
{
    struct overlap o;
    const struct rows *chosen = t->choose ? &t->set[MAKE_CHOOSE].rows : &t->good;
    if (!t->choose && !t->bank)
        return 0;
    int status = overlap_sets(chosen, &t->set[MAKE_TEST].rows, false, &o, e);
    return status ? status : overlap_refuse(&o, t->test, t->choose ? t->choose : t->bank, e);
}

static int test(struct make_thresholds *t, struct judge *j, struct fmt_error *e)
{
    static const struct verdict_classes classes = {.faulty = 1, .good = -1};
    struct inspect_settings *s = &j->settings;
    struct scored_groups g;
    int status = open_set(t, j, MAKE_TEST, t->test, e);
    if (!status)
        status = check_apart(t, e);
    if (!status)
        status = scored_groups_make(&g, &t->set[MAKE_TEST].rows, classes, e);
    if (status)
        return status;
    scored_groups_judge(&g, &s->rule);
    for (int i = 0; i < s->n_promises; i++)
        s->promise[i].checked = thresholds_kept(&s->promise[i].promise, &s->rule, &g.complete, t->level);
    s->checked = scored_groups_count(&g, &s->rule);
    count_judged(t, MAKE_TEST, &g, &s->rule);
    s->is_checked = true;
    scored_groups_release(&g);
    return 0;
}

int make_thresholds_run(struct make_thresholds *t, struct judge *j, struct fmt_error *e)
{
    int status = choose(t, j, e);
    return status || !t->test ? status : test(t, j, e);
}

int make_thresholds_inputs(struct make_thresholds *t, struct judge *j, struct provenance *p, struct fmt_error *e)
{
    static const char *const role[MAKE_SETS] = {"choose", "test"};
    int status = 0;
    for (int i = 0; i < MAKE_SETS && !status; i++)
        if (t->has_set[i])
            status = scored_set_input(&t->set[i], role[i], j, p, e);
    return status;
}

void make_thresholds_release(struct make_thresholds *t)
{
    for (int i = 0; i < MAKE_SETS; i++)
        if (t->has_set[i])
            scored_set_close(&t->set[i]);
    rows_release(&t->good);
}
