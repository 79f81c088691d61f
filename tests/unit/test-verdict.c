/* Scores and verdicts of groups; promises from text; thresholds by order statistics; and that a promise is kept over
 * many drawn sets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binomial.h"
#include "reason.h"
#include "rng.h"
#include "tap.h"
#include "thresholds.h"

/* ------------------------------------------------------------------ rules */
static void test_scores(void)
{
    static const double scores[] = {0.2, 0.9, 0.4, 0.9}, turned[] = {0.9, 0.4, 0.9, 0.2};
    static const int32_t views[] = {0, 1, 2, 1}, same[] = {-1, -1, 3, 3};
    struct verdict_rule largest = {.how = RULE_MEAN_OF, .k = 1}, mean = {.how = RULE_MEAN_OF, .k = 3};
    ok(rule_score(&largest, scores, NULL, 4) == 0.9 && rule_score(&largest, scores, views, 1) == 0.2, "the largest");
    ok(rule_score(&mean, scores, views, 4) == (0.9 + 0.9 + 0.4) / 3 &&
           rule_score(&mean, scores, views, 2) == (0.9 + 0.2) / 2,
       "the mean of the three largest, equal ones each; of all where there are fewer");
    ok(rule_score(&mean, scores, NULL, 4) == rule_score(&mean, turned, NULL, 4), "in any order, to the bit");
    ok(rule_views(views, 4) == 3 && rule_views(same, 4) == 3 && rule_views(NULL, 4) == 4 && rule_views(views, 0) == 0,
       "a view counts once, each photograph without a number as one");
    ok(isnan(rule_score(&largest, (const double[]){0.1, NAN}, NULL, 2)), "of no number comes no number");
}

static void test_names(void)
{
    static const struct {
        const char *text;
        enum rule_how how;
        int32_t k;
    } good[] = {{"max", RULE_MEAN_OF, 1}, {"mean", RULE_MEAN_OF, MEAN_OF_ALL}, {"mean-of-2", RULE_MEAN_OF, 2},
                {"mean-of-2147483646", RULE_MEAN_OF, 2147483646}, {"learned", RULE_LEARNED, 5}};
    static const char *const bad[] = {"", "maximum", "mean-of-", "mean-of-0", "mean-of--1", "mean-of-1.5",
                                      "mean-of-2147483647", "mean-of-99999999999999999999", "Max", "learned "};
    char text[RULE_TEXT_BYTES];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct verdict_rule r = {.k = 5};
        ok(rule_parse(&r, good[i].text) && r.how == good[i].how && r.k == good[i].k, "%s is a rule", good[i].text);
        is_text(rule_text(&r, text), good[i].text, "and back");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct verdict_rule r = {.how = RULE_LEARNED, .k = 5};
        ok(!rule_parse(&r, bad[i]) && r.how == RULE_LEARNED && r.k == 5, "'%s' is none", bad[i]);
    }
}

static void test_learned(void)
{
    struct verdict_rule r = {.how = RULE_LEARNED, .log_odds = true, .base = -1,
                             .view_known = {true, true}, .view_weight = {{-2, 0.5}, {0, 2}}};
    double half[] = {0.9, 0.5}, x = -1 + 0.5 * (log(9) + 2), y = x + 2 * log(0.8 / 0.2);
    static const int32_t views[] = {0, 1}, beyond[] = {-1, 99};
    ok(fabs(rule_score(&r, half, views, 2) - 1 / (1 + exp(-x))) < 1e-15, "weights times log odds, from the centre");
    half[1] = 0.8;
    ok(fabs(rule_score(&r, half, views, 2) - 1 / (1 + exp(-y))) < 1e-15, "the second view counts more");
    ok(rule_score(&r, half, views, 1) == rule_score(&r, (const double[]){0.9, 0.3}, (const int32_t[]){0, 0}, 2),
       "of a view its largest; one that is not there adds nothing");
    ok(isnan(rule_score(&r, half, beyond, 2)) && isnan(rule_score(&r, half, NULL, 2)) &&
           isnan(rule_score(&r, half, (const int32_t[]){0, 7}, 2)),
       "with a view that has no number or was not learned there is no score");
    char text[VERDICT_REASON_BYTES];
    is_text(rule_reason(&r, NAN, 2, text), "views: one that the rule does not know", "why a person has to look");
    ok(rule_score(&r, (const double[]){1}, views + 1, 1) < 1 && rule_score(&r, (const double[]){0}, views + 1, 1) > 0,
       "probabilities of 0 and 1 are finite");
}

static void test_verdicts(void)
{
    struct verdict_rule r = {.n_views = 3, .pass_below = 0.2, .fail_from = 0.6};
    ok(rule_verdict(&r, 0.1, 3) == VERDICT_PASS && rule_verdict(&r, 0.2, 3) == VERDICT_REVIEW &&
           rule_verdict(&r, 0.59, 4) == VERDICT_REVIEW && rule_verdict(&r, 0.6, 3) == VERDICT_FAIL,
       "pass below, fail from, review between");
    ok(rule_verdict(&r, 0.1, 2) == VERDICT_INCOMPLETE && rule_verdict(&r, 0.9, 2) == VERDICT_INCOMPLETE,
       "two of three views: incomplete whatever the score");
    ok(rule_verdict(&r, NAN, 3) == VERDICT_REVIEW, "a score that is no number is not a pass");
    char text[VERDICT_REASON_BYTES];
    is_text(rule_reason(&r, 0.1, 3, text), "score: 0.1, passes below 0.2", "why: pass");
    is_text(rule_reason(&r, 0.75, 3, text), "score: 0.75, fails from 0.6 on", "fail");
    is_text(rule_reason(&r, 0.5, 3, text), "score: 0.5, between 0.2 and 0.6", "review");
    is_text(rule_reason(&r, 0.59999, 3, text), "score: 0.59999, between 0.2 and 0.6", "digits that tell them apart");
    is_text(rule_reason(&r, 0.1, 2, text), "views: 2 of 3", "incomplete");
}

/* ------------------------------------------------------------------ promises */
static void test_promises(void)
{
    static const char *const bad[] = {"", "0", "1", "5", "-1%", "5%%", "x", "5/0", "1/", "5%,", "5%,100%", "5%,95",
                                      "5%,-1%", "5 %", "0.05,0.9,1", "nan", "5%5"};
    struct promise p, untouched = {PROMISE_ALARMS, 0.3, 0.4};
    char text[PROMISE_TEXT_BYTES];
    ok(promise_parse(&p, PROMISE_MISSED, "5%", NULL) == 0 && p.share == 0.05 && p.confidence == 0.95 &&
           strcmp(promise_text(&p, text), "at most 5 % of faulty installations pass, 95 % sure") == 0,
       "5%%: %s", text);
    ok(promise_parse(&p, PROMISE_ALARMS, "10/1000", NULL) == 0 && p.share == 0.01 && p.confidence == 0 &&
           strcmp(promise_text(&p, text), "at most 1 % of good installations fail, on average") == 0,
       "10/1000: %s", text);
    ok(promise_parse(&p, PROMISE_ALARMS, "0.002,0.9", NULL) == 0 && p.share == 0.002 && p.confidence == 0.9 &&
           strcmp(promise_text_short(&p, text), "0.2 %, 90 % sure") == 0,
       "0.002,0.9: %s", text);
    ok(promise_parse(&p, PROMISE_MISSED, "1/20,0", NULL) == 0 && p.confidence == 0, "sure 0: on average");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fmt_error e = {0};
        p = untouched;
        int status = promise_parse(&p, PROMISE_MISSED, bad[i], &e);
        ok(status == FMT_INVALID && p.what == PROMISE_ALARMS && p.share == 0.3, "\"%s\" is refused: %s", bad[i],
           e.text);
    }
}

static void test_ranks(void)
{
    struct promise mean = {PROMISE_ALARMS, 0.001, 0}, sure = {PROMISE_MISSED, 0.05, 0.95};
    ok(promise_least_n(&mean) == 999 && promise_rank(&mean, 999) == 1 && promise_rank(&mean, 998) == 0 &&
           promise_rank(&mean, 1999) == 2,
       "1 in 1,000 on average: 999 groups, the second of 1,999");
    ok(promise_least_n(&sure) == 59 && promise_rank(&sure, 93) == 2, "5 %%, 95 %% sure: 59 groups, the second of 93");
    bool whole = true;
    for (int n = 1; n < 3000; n++) {
        struct promise p = {PROMISE_ALARMS, 1.0 / n, 0};
        whole = whole && (n == 1 || promise_least_n(&p) == n - 1);
    }
    ok(whole, "1 in n on average: n - 1 groups, in spite of rounding");
}

/* ------------------------------------------------------------------ thresholds */
/* Near enough for nine digits to be the same, and not equal. */
static bool is_just_below(double a, double b)
{
    return a < b && a > b * (1 - 2e-8);
}

static void test_thresholds(void)
{
    enum { FAULTY = 100, GOOD = 300, N = FAULTY + GOOD + 1 };
    static double score[N];
    static int8_t faulty[N];
    struct judged_groups g = {score, faulty, N};
    struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1};
    struct promise p[] = {{PROMISE_MISSED, 0.05, 0.95}, {PROMISE_ALARMS, 0.01, 0}};
    for (int i = 0; i < N; i++) {
        faulty[i] = i < FAULTY ? 1 : i < FAULTY + GOOD ? 0 : -1;
        score[i] = i < FAULTY ? 200 + i * 37 % FAULTY : (i - FAULTY) * 7 % GOOD;
    }
    score[N - 1] = 1000;
    ok(thresholds_choose(&r, &g, p, 2, NULL) == 0 && is_just_below(r.pass_below, 201) && r.fail_from > 297 &&
           is_just_below(297, r.fail_from),
       "both: the second faulty score from below, above the third good one from above");
    ok(thresholds_choose(&r, &g, p, 1, NULL) == 0 && is_just_below(r.pass_below, 201) && r.fail_from == r.pass_below,
       "missed alone: one threshold");
    ok(thresholds_choose(&r, &g, p + 1, 1, NULL) == 0 && r.pass_below == r.fail_from && r.fail_from > 297,
       "alarms alone: one threshold");
    for (int i = 0; i < FAULTY; i++)
        score[i] += 200;
    ok(thresholds_choose(&r, &g, p, 2, NULL) == 0 && r.pass_below == r.fail_from && r.pass_below > 297 + 51 &&
           r.pass_below < 401 - 51,
       "both kept without review: one threshold in the middle, %g", r.pass_below);
}

static void test_too_few(void)
{
    static double score[60];
    static int8_t faulty[60];
    struct judged_groups g = {score, faulty, 60};
    struct verdict_rule r = {.pass_below = 7};
    struct promise p[] = {{PROMISE_MISSED, 0.05, 0.95}, {PROMISE_ALARMS, 0.01, 0}};
    struct fmt_error e = {0}, twice = {0};
    for (int i = 0; i < 41; i++)
        faulty[i] = 1;
    ok(thresholds_choose(&r, &g, p, 2, &e) == FMT_LIMIT && r.pass_below == 7, "too few groups are refused");
    is_text(e.text, "missed 5 %, 95 % sure: needs 59 faulty installations, has 41 (enough for 7.1 %); "
                    "alarms 1 % on average: needs 99 good installations, has 19 (enough for 5 %)",
            "with what is needed of both kinds");
    for (int n = 1; n < 400; n += 7)
        for (int i = 0; i < 2; i++) {
            struct promise least = p[i], less = p[i];
            least.share = promise_least_share(&p[i], n);
            less.share = least.share - 0.001;
            ok(least.share == 1 || (promise_rank(&least, n) > 0 && (less.share <= 0 || promise_rank(&less, n) == 0)),
               "%d groups are enough for %g, %s", n, least.share, promise_names[p[i].what]);
        }
    p[1] = p[0];
    ok(thresholds_choose(&r, &g, p, 2, &twice) == FMT_INVALID, "%s", twice.text);
    ok(thresholds_choose(&r, &g, p, 0, NULL) == FMT_INVALID, "no promise is no threshold");
}

static void test_kept(void)
{
    enum { N = 200 };
    double score[N];
    int8_t faulty[N];
    struct judged_groups g = {score, faulty, N};
    struct verdict_rule r = {.n_views = 3, .pass_below = 10, .fail_from = 150};
    struct promise p = {PROMISE_MISSED, 0.1, 0.95}, alarms = {PROMISE_ALARMS, 0.2, 0};
    for (int i = 0; i < N; i++) {
        score[i] = i;
        faulty[i] = i % 2 == 0;
    }
    struct promise_kept k = thresholds_kept(&p, &r, &g, 0.9);
    ok(k.n == 100 && k.n_wrong == 5 && k.share == 0.05 && k.low == binomial_lower(5, 100, 0.95) &&
           k.high == binomial_upper(5, 100, 0.95) && k.state == PROMISE_KEPT,
       "5 of 100 faulty groups pass: %g to %g", k.low, k.high);
    k = thresholds_kept(&alarms, &r, &g, 0.95);
    ok(k.n == 100 && k.n_wrong == 25 && k.state == PROMISE_OPEN, "25 of 100 fail, 20 %% promised: open");
    alarms.share = 0.1;
    ok(thresholds_kept(&alarms, &r, &g, 0.95).state == PROMISE_BROKEN, "10 %% promised: broken");
    memset(faulty, -1, sizeof faulty);
    k = thresholds_kept(&p, &r, &g, 0.95);
    ok(k.state == PROMISE_UNSEEN && isnan(k.share), "no group of the kind: unseen");
}

/* Scores that were rounded to nine digits choose thresholds, all digits are judged: a third of all have one score. */
static void test_digits(void)
{
    static double score[60];
    static int8_t faulty[60];
    struct judged_groups g = {score, faulty, 60};
    struct promise p[] = {{PROMISE_MISSED, 0.05, 0.95}, {PROMISE_ALARMS, 0.05, 0.95}};
    for (int what = 0; what < 2; what++) {
        struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1};
        double rounded = what ? 0.333333333 : 0.666666667, all = what ? 1. / 3 : 2. / 3;
        for (int i = 0; i < 60; i++) {
            faulty[i] = (int8_t)!what;
            score[i] = rounded;
        }
        thresholds_choose(&r, &g, &p[what], 1, NULL);
        ok(rule_verdict(&r, all, 0) == (what ? VERDICT_PASS : VERDICT_FAIL), "%s: %.9g is judged as %.17g",
           promise_names[what], rounded, all);
    }
}

/* ------------------------------------------------------------------ coverage */
enum { SETS = 2000 };

/* Scores are drawn from a known distribution, so that the true share beyond a threshold is known, too: uniform in
 * [0, 1), or, with ties, whole numbers below `levels`. */
static double draw(struct rng *rng, int levels)
{
    return levels > 0 ? (double)rng_below(rng, (uint64_t)levels) : rng_f64(rng);
}

/* P(score < t) or P(score >= t) of these scores. */
static double true_share(const struct promise *p, double t, int levels)
{
    double below = levels > 0 ? ceil(t) / levels : t;
    return p->what == PROMISE_MISSED ? below : 1 - below;
}

/* Over many sets of n groups: how often the true share is above the promised one, and its mean. */
static void simulate(const struct promise *p, int64_t n, int levels, double *broken, double *mean)
{
    enum { MOST = 1000 };
    double score[MOST];
    int8_t faulty[MOST];
    struct judged_groups g = {score, faulty, n};
    struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1};
    int n_broken = 0;
    *mean = 0;
    memset(faulty, p->what == PROMISE_MISSED, sizeof faulty);
    for (int s = 0; s < SETS; s++) {
        struct rng rng = rng_stream(14, (uint64_t)s, (uint64_t)(n * 1000 + levels), RNG_TEST);
        for (int64_t i = 0; i < n; i++)
            score[i] = draw(&rng, levels);
        thresholds_choose(&r, &g, p, 1, NULL);
        double share = true_share(p, r.pass_below, levels);
        n_broken += share > p->share + 1e-9; /* 1 - 0.95 is rounded */
        *mean += share / SETS;
    }
    *broken = (double)n_broken / SETS;
}

/* The bound is attained where P(Bin(n, share) >= rank) is: there the share of broken promises is what it says, within
 * four deviations of 2,000 sets; with ties it is less. */
static void test_coverage(void)
{
    static const struct promise promises[] = {
        {PROMISE_MISSED, 0.05, 0.95}, {PROMISE_ALARMS, 0.05, 0.95}, {PROMISE_MISSED, 0.2, 0.9},
        {PROMISE_ALARMS, 0.01, 0.95}, {PROMISE_MISSED, 0.02, 0},    {PROMISE_ALARMS, 0.01, 0}};
    static const int64_t more[] = {0, 34, 200, 500};
    static const int levels[] = {0, 7, 100};
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++)
        for (size_t j = 0; j < sizeof more / sizeof *more; j++)
            for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
                const struct promise *p = &promises[i];
                int64_t n = promise_least_n(p) + more[j], rank = promise_rank(p, n);
                double broken, mean, sure = binomial_at_least(rank, n, p->share);
                double noise = 4 * sqrt(sure * (1 - sure) / SETS), mean_noise = 4 * p->share / sqrt(SETS);
                simulate(p, n, levels[l], &broken, &mean);
                bool good = p->confidence > 0 ? broken <= 1 - sure + noise && 1 - sure <= 1 - p->confidence
                                              : mean <= p->share + mean_noise;
                if (levels[l] == 0 && p->confidence > 0) /* and no more careful than it must be */
                    good = good && broken >= 1 - sure - noise;
                if (levels[l] == 0 && p->confidence == 0)
                    good = good && fabs(mean - (double)rank / (double)(n + 1)) <= mean_noise;
                char text[PROMISE_TEXT_BYTES];
                ok(good, "%s %s, %lld groups, %d levels: broken in %.2f %% of sets, mean %.3g %%",
                   promise_names[p->what], promise_text_short(p, text), (long long)n, levels[l], 100 * broken,
                   100 * mean);
            }
}

/* The first word, whatever follows the colon. */
static void test_reasons(void)
{
    static const char *const none[] = {"", "score", "scored: 0.3", ": score", "Score: 0.3"};
    struct verdict_rule r = {.how = RULE_MEAN_OF, .k = 1, .n_views = 3, .pass_below = 0.2, .fail_from = 0.6};
    char text[VERDICT_REASON_BYTES];
    for (int i = 0; i < REASONS; i++) {
        snprintf(text, sizeof text, "%s: dark: 3 of 4", reason_names[i]);
        is_int(reason_of(text), i, "%s", text);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        is_int(reason_of(none[i]), REASON_NONE, "no reason: '%s'", none[i]);
    is_int(reason_of(rule_reason(&r, 0.1, 3, text)), REASON_SCORE, "%s", text);
    is_int(reason_of(rule_reason(&r, NAN, 3, text)), REASON_SCORE, "%s", text);
    is_int(reason_of(rule_reason(&r, 0.1, 2, text)), REASON_VIEWS, "%s", text);
    r.how = RULE_LEARNED;
    is_int(reason_of(rule_reason(&r, NAN, 3, text)), REASON_VIEWS, "%s", text);
}

int main(void)
{
    test_reasons();
    test_scores();
    test_names();
    test_learned();
    test_verdicts();
    test_promises();
    test_ranks();
    test_thresholds();
    test_too_few();
    test_kept();
    test_digits();
    test_coverage();
    return tap_done();
}
