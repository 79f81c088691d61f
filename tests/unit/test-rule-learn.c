/* Groups of rows; weights of views against scipy's bounded L-BFGS, and what they do for verdicts; calibration against
 * scikit-learn's isotonic regression. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibration.h"
#include "rng.h"
#include "scored-groups.h"
#include "tap.h"
#include "view-count.h"

enum { VIEWS = 3, MOST = 4000 };

/* Groups of VIEWS photographs, views 0 to 2, in static memory. */
static struct verdict_groups fixture(int64_t n)
{
    static int64_t first[MOST + 1];
    static double score[MOST * VIEWS];
    static int32_t view[MOST * VIEWS];
    static int8_t faulty[MOST];
    static int n_views[MOST];
    for (int64_t i = 0; i <= n; i++)
        first[i] = i * VIEWS;
    for (int64_t i = 0; i < n; i++)
        n_views[i] = VIEWS;
    for (int64_t i = 0; i < n * VIEWS; i++)
        view[i] = (int32_t)(i % VIEWS);
    return (struct verdict_groups){.n = n, .first = first, .score = score, .view = view, .n_views = n_views,
                                   .faulty = faulty};
}

/* ------------------------------------------------------------------ groups */
static void test_groups(void)
{
    const char *name[] = {"b", "a", "b", "", "a", "a"}, *key[] = {"0", "1", "2", "3", "4", "5"};
    int32_t view[] = {1, 0, 0, -1, 0, 2}, label[] = {2, 0, -1, -1, 1, 0};
    int64_t group[] = {0, 1, 0, 2, 1, 1};
    double proba[] = {0.1, 0.2, 0.7, 0.5, 0.3, 0.2, 0.2, 0.6, 0.2, 1, 0, 0, 0.25, 0.5, 0.25, 0.75, 0, 0.25};
    struct rows rows = {.n = 6, .n_classes = 3, .n_groups = 3, .group_name = name, .key = key, .group_view = view,
                        .label = label, .group = group, .proba = proba};
    struct verdict_groups g, other;
    ok(verdict_groups_make(&g, &rows, (struct verdict_classes){2, -1}, NULL) == 0 && g.n == 3 && g.first[3] == 6 &&
           verdict_groups_size(&g, 0) == 2 && verdict_groups_size(&g, 1) == 3 && verdict_groups_size(&g, 2) == 1,
       "three groups of 2, 3 and 1 photographs");
    ok(g.score[0] == 0.7 && g.score[1] == 0.2 && g.score[4] == 0.25 && g.view[2] == 0 && g.view[5] == -1 &&
           g.row[1] == 2 && g.row[3] == 4,
       "their scores, views and rows, in the order of the rows");
    is_text(g.name[0], "b", "the name of a group");
    is_text(g.name[2], "3", "a photograph without a group is named by its key");
    ok(g.faulty[0] == 1 && g.faulty[1] == 0 && g.faulty[2] == -1, "one faulty class: faulty, good, unknown");
    ok(verdict_groups_make(&other, &rows, (struct verdict_classes){-1, 0}, NULL) == 0 && other.faulty[1] == 1 &&
           other.faulty[0] == 1 && other.faulty[2] == -1 && other.score[0] == 0.9 && other.score[5] == 0,
       "one good class: all others are faulty, and the score is what is left to 1");
    double score[3];
    int8_t faulty[3];
    struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1, .n_views = 2};
    verdict_groups_score(&g, &r, score);
    ok(score[0] == 0.7 && score[1] == 0.25 && score[2] == 0, "scores of groups");
    ok(verdict_groups_complete(&g, &r, score, faulty) == 2 && faulty[0] == 1 && faulty[1] == 0 && score[1] == 0.25,
       "two have the two views that are expected: two photographs of one view are one");
    score[0] = NAN;
    ok(verdict_groups_complete(&g, &r, score, faulty) == 1 && score[0] == 0.25, "one without a score does not count");
    verdict_groups_release(&g);
    verdict_groups_release(&other);
}

/* ------------------------------------------------------------------ weights */
static const double grid[] = {1000, 100, 10, 1, 0.1};
static const struct weights_case {
    int64_t n;
    double shift[VIEWS];
    bool missing;            /* every fifth group has no view 2 */
    double centre[VIEWS];
    double golden[5][4];     /* of each lambda: base, weights */
} cases[] = {
    {60, {3, 0.5, 1}, true, {0.014, -0.94533333, -0.82866667},
     {{-1.68309643, 1.18887289, 1.18678761, 1.1886316}, {-1.67634309, 1.19430902, 1.17435789, 1.19221039},
      {-1.64251381, 1.23749503, 1.09663449, 1.23247452}, {-1.64234038, 1.36638675, 0.980632665, 1.39492968},
      {-1.66780177, 1.43505689, 0.951236938, 1.48377564}}},
    {90, {1, 1, 1}, false, {-0.49933333, -0.792, -0.75133333},
     {{-1.05096857, 0.773403232, 0.775237174, 0.778736696}, {-1.05526633, 0.760913044, 0.776127778, 0.807255939},
      {-1.08374509, 0.728664103, 0.78230871, 0.933552992}, {-1.11694054, 0.722248316, 0.789836446, 1.04359981},
      {-1.12393123, 0.72266248, 0.791522435, 1.06463143}}},
    {90, {2, -3, 0}, false, {-0.166, -2.12533333, -1.08466667},
     {{-0.693334018, 0.0190443176, 0, 0.0102453387}, {-0.704138325, 0.147905174, 0, 0.0803522916},
      {-0.800888172, 0.492906132, 0, 0.272490311}, {-0.889935387, 0.698593652, 0, 0.387313039},
      {-0.907326502, 0.735164012, 0, 0.407632941}}}};

static struct verdict_groups formula_groups(const struct weights_case *c)
{
    struct verdict_groups g = fixture(c->n);
    for (int64_t i = 0; i < c->n; i++) {
        g.faulty[i] = i % 3 == 0;
        for (int v = 0; v < VIEWS; v++) {
            double u = (double)((i * 7919 + v * 104729 + i * i * 31) % 1000) / 1000;
            g.score[i * VIEWS + v] = 6 * (u - 0.5) + g.faulty[i] * c->shift[v] - 1;
            if (v == 2 && c->missing && i % 5 == 0) { /* instead view 0 once more, with a score that does not count */
                g.view[i * VIEWS + v] = 0;
                g.score[i * VIEWS + v] = -100;
            }
        }
    }
    return g;
}

static void test_weights(void)
{
    double out_of_fold[MOST];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct weights_case *c = &cases[k];
        struct verdict_groups g = formula_groups(c);
        struct verdict_rule r = {.how = RULE_LEARNED};
        struct rule_learned learned;
        int l = 0;
        double worst = 0;
        int status = rule_learn(&r, &g, 0, out_of_fold, &learned, NULL);
        while (l < 4 && grid[l] != learned.lambda)
            l++;
        for (int v = 0; v < VIEWS; v++) {
            worst = worse(worst, fabs(r.view_weight[v][0] - c->centre[v]));
            worst = worse(worst, fabs(r.view_weight[v][1] - c->golden[l][1 + v]));
        }
        worst = worse(worst, fabs(r.base - c->golden[l][0]));
        ok(status == 0 && learned.n_faulty == c->n / 3 && learned.n_good == c->n - c->n / 3 && worst < 1e-6,
           "weights %zu at lambda %g: off by %.2g, log loss %.4f", k, learned.lambda, worst, learned.log_loss);
        ok(r.view_weight[VIEWS][1] == 0 && r.view_weight[1][1] >= 0, "no weight is negative, none of other views");
    }
}

/* Scores as probabilities: view 0 is an overview that tells, view 1 a close-up that does not but is loud, view 2 tells
 * a little. Groups 0 .. n_faulty - 1 are faulty. */
static void draw_groups(struct verdict_groups *g, int64_t n_faulty, struct rng *rng)
{
    static const double shift[VIEWS] = {2.5, 0.2, 1}, spread[VIEWS] = {1, 2.5, 1.2};
    for (int64_t i = 0; i < g->n; i++) {
        g->faulty[i] = i < n_faulty;
        for (int v = 0; v < VIEWS; v++) {
            double z = rng_normal(rng) * spread[v] + (g->faulty[i] ? shift[v] : 0) - 2;
            g->score[i * VIEWS + v] = 1 / (1 + exp(-z));
        }
    }
}

static double share_from(const double *score, int64_t first, int64_t n, double threshold)
{
    int64_t count = 0;
    for (int64_t i = first; i < first + n; i++)
        count += score[i] >= threshold;
    return (double)count / (double)n;
}

/* An uncertain close-up does not veto an overview: where 95 % of the faulty are found, the learned rule alarms for
 * half as many good groups as the largest score. */
static void test_veto(void)
{
    enum { N = 1000, FAULTY = 300, OTHERS = 2000 };
    static double out_of_fold[MOST], score[2][MOST];
    static struct verdict_rule rule[2] = {{.how = RULE_LEARNED, .log_odds = true}, {.how = RULE_MEAN_OF, .k = 1}};
    struct promise p = {PROMISE_MISSED, 0.05, 0};
    struct rng rng = rng_stream(3, 0, 0, RNG_TEST);
    struct verdict_groups g = fixture(N);
    struct rule_learned learned;
    double alarms[2], missed[2];
    draw_groups(&g, FAULTY, &rng);
    rule_learn(&rule[0], &g, 0, out_of_fold, &learned, NULL);
    verdict_groups_score(&g, &rule[1], score[1]);
    thresholds_choose(&rule[0], &(struct judged_groups){out_of_fold, g.faulty, N}, &p, 1, NULL);
    thresholds_choose(&rule[1], &(struct judged_groups){score[1], g.faulty, N}, &p, 1, NULL);
    const double(*w)[2] = rule[0].view_weight;
    ok(w[0][1] > 1.5 && w[1][1] < 0.2 && w[2][1] > 0.3 && w[2][1] < w[0][1], "weights of views: %.2f, %.2f, %.2f",
       w[0][1], w[1][1], w[2][1]);
    g = fixture(2 * OTHERS);
    draw_groups(&g, OTHERS, &rng);
    for (int k = 0; k < 2; k++) {
        verdict_groups_score(&g, &rule[k], score[k]);
        missed[k] = 1 - share_from(score[k], 0, OTHERS, rule[k].pass_below);
        alarms[k] = share_from(score[k], OTHERS, OTHERS, rule[k].fail_from);
    }
    ok(missed[0] < 0.08 && missed[1] < 0.08 && alarms[0] < 0.3 && alarms[1] > 0.4,
       "other groups: learned misses %.3f, alarms %.3f; largest misses %.3f, alarms %.3f", missed[0], alarms[0],
       missed[1], alarms[1]);
}

/* Thresholds from scores out of fold keep their promise on other groups although the weights were learned from the same
 * groups, also where these are few. */
static void test_coverage(void)
{
    enum { SETS = 250, OTHERS = 2000 };
    static const int64_t sizes[][2] = {{14, 40}, {30, 30}};
    static double out_of_fold[MOST], score[MOST], others[2 * OTHERS * VIEWS];
    struct promise p[] = {{PROMISE_MISSED, 0.2, 0.95}, {PROMISE_ALARMS, 0.2, 0.95}};
    struct verdict_groups g = fixture(2 * OTHERS);
    struct rng rng = rng_stream(4, 0, 0, RNG_TEST);
    draw_groups(&g, OTHERS, &rng);
    memcpy(others, g.score, sizeof others);
    for (int k = 0; k < 2; k++) {
        int n_broken[2] = {0, 0};
        for (int s = 0; s < SETS; s++) {
            struct verdict_rule r = {.how = RULE_LEARNED, .log_odds = true};
            struct rule_learned learned;
            g = fixture(sizes[k][0] + sizes[k][1]);
            draw_groups(&g, sizes[k][0], &rng);
            rule_learn(&r, &g, (uint64_t)s, out_of_fold, &learned, NULL);
            struct judged_groups judged = {out_of_fold, g.faulty, g.n};
            struct verdict_rule alone = r;
            thresholds_choose(&r, &judged, &p[0], 1, NULL);
            thresholds_choose(&alone, &judged, &p[1], 1, NULL);
            g = fixture(2 * OTHERS);
            memcpy(g.score, others, sizeof others);
            verdict_groups_score(&g, &r, score);
            n_broken[0] += 1 - share_from(score, 0, OTHERS, r.pass_below) > p[0].share;
            n_broken[1] += share_from(score, OTHERS, OTHERS, alone.fail_from) > p[1].share;
        }
        double limit = 0.05 + 4 * sqrt(0.05 * 0.95 / SETS); /* four deviations */
        for (int what = 0; what < 2; what++)
            ok(n_broken[what] < limit * SETS, "%s, %lld faulty and %lld good groups: broken in %d of %d sets",
               promise_names[what], (long long)sizes[k][0], (long long)sizes[k][1], n_broken[what], SETS);
    }
}

/* Groups that one score separates have no finite weights without a penalty; scores that are all equal say nothing. */
static void test_extremes(void)
{
    enum { N = 60 };
    double out_of_fold[N];
    for (int same = 0; same < 2; same++) {
        struct verdict_groups g = fixture(N);
        struct verdict_rule r = {.how = RULE_LEARNED, .log_odds = true};
        struct rule_learned learned;
        for (int64_t i = 0; i < N; i++) {
            g.faulty[i] = i < N / 3;
            for (int v = 0; v < VIEWS; v++)
                g.score[i * VIEWS + v] = same ? 0.5 : g.faulty[i] ? 1 : 0;
        }
        int status = rule_learn(&r, &g, 0, out_of_fold, &learned, NULL);
        double faulty = rule_score(&r, g.score, g.view, VIEWS);
        double good = rule_score(&r, g.score + (N - 1) * VIEWS, g.view, VIEWS);
        ok(status == 0 && (same ? fabs(faulty - 1. / 3) < 1e-6 && faulty == good : faulty > 0.99 && good < 0.01),
           "%s: a faulty group has %.4g, a good one %.4g", same ? "equal scores" : "separated groups", faulty, good);
    }
}

static void test_refused(void)
{
    struct verdict_groups g = fixture(60);
    struct verdict_rule r = {.how = RULE_LEARNED};
    struct rule_learned learned;
    struct fmt_error few = {0}, unknown = {0};
    double out_of_fold[60];
    for (int64_t i = 0; i < g.n; i++)
        g.faulty[i] = i < 9 ? 1 : 0;
    ok(rule_learn(&r, &g, 0, out_of_fold, &learned, &few) == FMT_LIMIT, "%s", few.text);
    g.faulty[10] = 1;
    for (int64_t i = 0; i < g.n; i++)
        g.view[i * VIEWS] = i % 2 ? -1 : RULE_VIEWS_MAX;
    ok(rule_learn(&r, &g, 0, out_of_fold, &learned, &unknown) == FMT_LIMIT && learned.n_good == 0,
       "no group has all views numbered: %s", unknown.text);
}

/* ------------------------------------------------------------------ groups and their verdicts */
/* The fourth of the five has a single view. */
static void test_common_views(struct scored_groups *s)
{
    char warning[SCORED_GROUPS_TEXT];
    ok(scored_groups_common_views(s, warning) == 0, "views that differ in number are not checked");
    is_text(warning, "1 of 5 installations has 1 view, not 2: the number of views is not checked (--views 2?)",
            "a warning says how many differ");
    s->groups.n = 3;
    ok(scored_groups_common_views(s, warning) == 2 && !warning[0], "the number that all have, without a warning");
    s->groups.n_views[0] = 5;
    s->groups.n_views[1] = 4;
    s->groups.n = 5;
    ok(scored_groups_common_views(s, warning) == 0, "three other numbers");
    is_text(warning, "3 of 5 installations have 1 to 5 views, not 2: the number of views is not checked (--views 2?)",
            "from the least to the most of them");
    s->groups.n_views[0] = s->groups.n_views[1] = 2;
}

/* Five installations of views 0 and 1: faulty, good, good, one of a single view, one without a label. */
static void test_scored(void)
{
    static char *name[] = {"a", "a", "b", "b", "c", "c", "d", "e", "e"};
    int32_t label[] = {1, 1, 0, 0, 0, 0, 1, -1, -1}, view[] = {0, 1, 0, 1, 0, 1, 0, 0, 1};
    int64_t group[] = {0, 0, 1, 1, 2, 2, 3, 4, 4};
    double proba[] = {0.2, 0.8, 0.3, 0.7, 0.9, 0.1, 0.8, 0.2, 0.4, 0.6, 0.6, 0.4, 0.1, 0.9, 0.5, 0.5, 0.5, 0.5};
    struct rows rows = {.n = 9, .n_groups = 5, .n_classes = 2, .label = label, .group_view = view, .group = group,
                        .group_name = (const char **)name, .key = (const char **)name, .proba = proba};
    struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1, .n_views = 2};
    struct promise p[] = {{PROMISE_MISSED, 0.5, 0.5}, {PROMISE_ALARMS, 0.4, 0}};
    struct promises_wanted wanted = {p, 2, 0};
    struct scored_groups s;
    scored_groups_make(&s, &rows, (struct verdict_classes){.faulty = 1, .good = -1}, NULL);
    test_common_views(&s);
    ok(scored_groups_choose(&s, &r, &wanted, NULL, NULL) == 0 && s.complete.n == 4, "one is incomplete");
    ok(fabs(r.pass_below - 0.7) < 1e-6 && fabs(r.fail_from - 0.7) < 1e-6, "%.9g, %.9g: between 0.8 and 0.6",
       r.pass_below, r.fail_from);
    struct verdict_counts c = scored_groups_count(&s, &r);
    ok(c.n[VERDICT_FAULTY][VERDICT_FAIL] == 1 && c.n[VERDICT_FAULTY][VERDICT_INCOMPLETE] == 1 &&
           c.n[VERDICT_GOOD][VERDICT_PASS] == 2 && c.n[VERDICT_ALL][VERDICT_PASS] == 3 &&
           c.n[VERDICT_ALL][VERDICT_INCOMPLETE] == 1,
       "verdicts are counted by kind, incomplete ones too");
    r.fail_from = 0.9;
    scored_groups_judge(&s, &r);
    ok(scored_groups_count(&s, &r).n[VERDICT_ALL][VERDICT_REVIEW] == 1, "by a rule that is given");
    scored_groups_release(&s);
}

/* Views as digits, files as letters, '.' for unknown: "0A1B" are two photographs of two views. */
static int count(const char *text)
{
    int32_t view[8];
    uint8_t content[8][DIGEST_BYTES] = {{0}};
    int n = 0, counted = 0;
    for (; *text; text += 2, n++) {
        view[n] = text[0] == '.' ? -1 : text[0] - '0';
        content[n][31] = text[1] == '.' ? 0 : (uint8_t)text[1];
    }
    view_count(view, (const uint8_t (*)[DIGEST_BYTES])content, n, &counted, NULL);
    return counted;
}

static void test_view_count(void)
{
    static const struct {
        const char *group;
        int n_views;
    } of[] = {{"", 0}, {"0A", 1}, {"0A1B2C", 3}, {"0.1.2.", 3}, {".A.B.C", 3}, {"0A0B0C", 1}, {"0A1A2A", 1},
              {"0A1A2B", 2}, {".A.A.B", 2}, {"0A1A1B", 2}, {"1B1A0A", 2}, {"1A0A1B", 2}, {"0A0B0C1A2A", 2},
              {"0A0B1A1C2A", 3}, {"2A1A1C0A0B", 3}, {"0A1.1.", 2}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        is_int(count(of[i].group), of[i].n_views, "views that files of their own show: %s", of[i].group);
}

/* ------------------------------------------------------------------ calibration */
/* Written and read again, by way of text: the same steps to the bit. */
static void same_in_json(const struct calibration *c)
{
    cJSON *o = calibration_json(c), *again;
    char *text = cJSON_Print(o);
    struct calibration read = {.n = 0};
    again = cJSON_Parse(text);
    bool same = calibration_parse(again, &read, NULL) == 0 && read.n == c->n;
    for (int64_t i = 0; same && i < c->n; i++)
        same = read.step[i].from == c->step[i].from && read.step[i].share == c->step[i].share &&
               read.step[i].n == c->step[i].n && read.step[i].n_faulty == c->step[i].n_faulty;
    ok(same, "JSON keeps %d steps to the bit", (int)c->n);
    calibration_release(&read);
    free(text);
    cJSON_Delete(o);
    cJSON_Delete(again);
}

static void test_calibration(void)
{
    enum { N = 40 };
    double score[N + 1];
    int8_t faulty[N + 1];
    struct judged_groups g = {score, faulty, N + 1}, none = {score, faulty, 0};
    struct calibration c;
    for (int i = 0; i < N; i++) {
        score[i] = i * 37 % 40 / 2 * 0.25;
        faulty[i] = (i * i * 13 + i * 5) % 17 < score[i] * 1.2;
    }
    score[N] = 2;
    faulty[N] = -1;
    ok(calibration_fit(&c, &g, NULL) == 0 && c.n == 3, "three steps");
    bool same = true;
    for (double x = 0; x < 5; x += 0.25)
        same = same && fabs(calibration_at(&c, x) - (x < 1.75 ? 1. / 15 : x < 3.25 ? 1. / 6 : 0.4)) < 1e-15;
    ok(same, "the shares of scikit-learn, with one faulty group below and one good group above all others");
    ok(calibration_at(&c, -100) == c.step[0].share && calibration_at(&c, 100) == 0.4 &&
           isnan(calibration_at(&c, NAN)) && calibration_at(&c, 3.2499) == c.step[1].share,
       "beyond the scores seen, and between them");
    ok(c.step[0].n + c.step[1].n + c.step[2].n == N && c.step[1].n_faulty == 2 && c.step[1].n == 12,
       "groups of each step, without those that were added");
    same_in_json(&c);
    calibration_release(&c);
    ok(calibration_fit(&c, &none, NULL) == 0 && c.n == 1 && calibration_at(&c, 1) == 0.5, "no groups: one half");
    same_in_json(&c);
    calibration_release(&c);
}

/* Each text with one thing wrong, and the error. */
static void test_calibration_refused(void)
{
#define FIRST "{\"share\":0.25,\"groups\":3,\"faulty\":0}"
#define LAST "{\"from\":0.5,\"share\":0.75,\"groups\":3,\"faulty\":3}"
    static const char *const wrong[][2] = {
        {"{}", "calibration: not a list of 1 to 1000000 steps"},
        {"[]", "calibration: not a list of 1 to 1000000 steps"},
        {"[7]", "calibration: step 1: share: missing"},
        {"[{\"from\":0,\"share\":0.5,\"groups\":0,\"faulty\":0}]",
         "calibration: step 1: from: is for the steps above the first"},
        {"[{\"share\":0.5,\"groups\":1.5,\"faulty\":0}]",
         "calibration: step 1: groups: not a whole number from 0 to 1000000000000000"},
        {"[{\"share\":0.5,\"groups\":1,\"faulty\":2}]", "calibration: step 1: faulty: not a whole number from 0 to 1"},
        {"[{\"share\":0.4,\"groups\":0,\"faulty\":0}]", "calibration: step 1: share: not that of its groups"},
        {"[" FIRST "," FIRST "]", "calibration: step 2: from: missing"},
        {"[" FIRST "," LAST "," LAST "]", "calibration: step 2: share: not that of its groups"},
        {"[" FIRST ",{\"from\":0.5,\"share\":0.2,\"groups\":4,\"faulty\":1}]",
         "calibration: step 2: from, share: not above those of the step before"},
        {"[" FIRST ",{\"from\":0.5,\"share\":0.5,\"groups\":2,\"faulty\":1},"
         "{\"from\":0.5,\"share\":0.75,\"groups\":3,\"faulty\":3}]",
         "calibration: step 3: from, share: not above those of the step before"},
    };
    struct calibration c;
    cJSON *good = cJSON_Parse("[" FIRST "," LAST "]");
    ok(calibration_parse(good, &c, NULL) == 0 && c.n == 2 && calibration_at(&c, 0.4) == 0.25 &&
           calibration_at(&c, 0.5) == 0.75, "what the refused ones are made from is read");
    calibration_release(&c);
    cJSON_Delete(good);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fmt_error e = {0};
        cJSON *o = cJSON_Parse(wrong[i][0]);
        ok(calibration_parse(o, &c, &e) == FMT_INVALID && c.step == NULL, "refused, nothing to release");
        is_text(e.text, wrong[i][1], "%s", wrong[i][0]);
        cJSON_Delete(o);
    }
}

int main(void)
{
    test_groups();
    test_weights();
    test_veto();
    test_coverage();
    test_extremes();
    test_refused();
    test_scored();
    test_view_count();
    test_calibration();
    test_calibration_refused();
    return tap_done();
}
