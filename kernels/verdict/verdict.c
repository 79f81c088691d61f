/* verdict.c - see verdict.h. Sums run over values in descending order, or over view numbers: the order of the
 * photographs changes no bit. */
#include "verdict.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reason.h"

const char *const verdict_names[VERDICTS] = {"pass", "fail", "review", "incomplete"};
const char *const verdict_label_names[VERDICT_LABELS] = {"good", "faulty", "all"};
static const char rule_learned_text[] = "learned";

#define PROBABILITY_LEAST 1e-7 /* nearer to 0 or 1 the log odds say nothing: float32 rounds there */

bool rule_parse(struct verdict_rule *r, const char *text)
{
    bool learned = strcmp(text, rule_learned_text) == 0;
    if (!learned && !mean_of_parse(text, &r->k))
        return false;
    r->how = learned ? RULE_LEARNED : RULE_MEAN_OF;
    return true;
}

const char *rule_text(const struct verdict_rule *r, char text[RULE_TEXT_BYTES])
{
    if (r->how == RULE_MEAN_OF)
        return mean_of_text(r->k, text);
    return memcpy(text, rule_learned_text, sizeof rule_learned_text);
}

static bool any_nan(const double *scores, int n)
{
    for (int i = 0; i < n; i++)
        if (isnan(scores[i]))
            return true;
    return false;
}

/* The largest of the scores below `limit`, and how many have it; 0: none. */
static int next_largest(const double *scores, int n, double limit, double *largest)
{
    int n_equal = 0;
    for (int i = 0; i < n; i++)
        if (scores[i] < limit && (n_equal == 0 || scores[i] >= *largest)) {
            n_equal = n_equal > 0 && scores[i] == *largest ? n_equal + 1 : 1;
            *largest = scores[i];
        }
    return n_equal;
}

static double mean_of_largest(const double *scores, int n, int k)
{
    double sum = 0, value = NAN;
    int n_taken = 0, n_equal = next_largest(scores, n, INFINITY, &value);
    while (n_equal > 0 && n_taken < k) {
        int take = n_equal < k - n_taken ? n_equal : k - n_taken;
        sum += take * value;
        n_taken += take;
        n_equal = next_largest(scores, n, value, &value);
    }
    return sum / n_taken;
}

static double log_odds(double p)
{
    p = fmin(fmax(p, PROBABILITY_LEAST), 1 - PROBABILITY_LEAST);
    return log(p / (1 - p));
}

void rule_view_scores(const struct verdict_rule *r, const double *scores, const int32_t *views, int n, double *x)
{
    for (int v = 0; v < RULE_VIEWS_MAX; v++)
        x[v] = NAN;
    for (int i = 0; i < n && views; i++) {
        if (views[i] < 0 || views[i] >= RULE_VIEWS_MAX)
            continue;
        double value = r->log_odds ? log_odds(scores[i]) : scores[i];
        x[views[i]] = fmax(x[views[i]], value); /* of a NAN and a number the number */
    }
}

static bool knows(const struct verdict_rule *r, int32_t view)
{
    return view >= 0 && view < RULE_VIEWS_MAX && r->view_known[view];
}

static double learned(const struct verdict_rule *r, const double *scores, const int32_t *views, int n)
{
    double x[RULE_VIEWS_MAX], sum = r->base;
    for (int i = 0; i < n; i++)
        if (!views || !knows(r, views[i]))
            return NAN;
    rule_view_scores(r, scores, views, n, x);
    for (int v = 0; v < RULE_VIEWS_MAX; v++)
        if (!isnan(x[v]))
            sum += r->view_weight[v][1] * (x[v] - r->view_weight[v][0]);
    return 1 / (1 + exp(-sum));
}

double rule_score(const struct verdict_rule *r, const double *scores, const int32_t *views, int n)
{
    if (any_nan(scores, n))
        return NAN;
    if (r->how == RULE_LEARNED)
        return learned(r, scores, views, n);
    return mean_of_largest(scores, n, r->k);
}

static bool seen_before(const int32_t *views, int i)
{
    for (int j = 0; j < i; j++)
        if (views[j] == views[i])
            return true;
    return false;
}

int rule_views(const int32_t *views, int n)
{
    int n_views = 0;
    for (int i = 0; i < n; i++)
        n_views += !views || views[i] < 0 || !seen_before(views, i);
    return n_views;
}

enum verdict rule_verdict(const struct verdict_rule *r, double score, int n_views)
{
    if (n_views < r->n_views)
        return VERDICT_INCOMPLETE;
    return score < r->pass_below ? VERDICT_PASS : score >= r->fail_from ? VERDICT_FAIL : VERDICT_REVIEW;
}

/* So many digits that a score is written as below the threshold that it is below: not "1, between 0.998 and 1". */
static int digits_for(double score, double below)
{
    char a[32], b[32];
    int digits = 3;
    do {
        digits++;
        snprintf(a, sizeof a, "%.*g", digits, score);
        snprintf(b, sizeof b, "%.*g", digits, below);
    } while (score < below && strcmp(a, b) == 0 && digits < 17);
    return digits;
}

const char *rule_reason(const struct verdict_rule *r, double score, int n_views, char text[VERDICT_REASON_BYTES])
{
    enum verdict v = rule_verdict(r, score, n_views);
    bool of_views = v == VERDICT_INCOMPLETE || (isnan(score) && r->how == RULE_LEARNED);
    int n = digits_for(score, v == VERDICT_PASS ? r->pass_below : r->fail_from);
    char *at = stpcpy(stpcpy(text, reason_names[of_views ? REASON_VIEWS : REASON_SCORE]), ": ");
    size_t room = VERDICT_REASON_BYTES - (size_t)(at - text);
    if (v == VERDICT_INCOMPLETE)
        snprintf(at, room, "%d of %d", n_views, r->n_views);
    else if (isnan(score))
        snprintf(at, room, "%s", of_views ? "one that the rule does not know" : "none");
    else if (v == VERDICT_PASS)
        snprintf(at, room, "%.*g, passes below %.*g", n, score, n, r->pass_below);
    else if (v == VERDICT_FAIL)
        snprintf(at, room, "%.*g, fails from %.*g on", n, score, n, r->fail_from);
    else
        snprintf(at, room, "%.*g, between %.*g and %.*g", n, score, n, r->pass_below, n, r->fail_from);
    return text;
}
