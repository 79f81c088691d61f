/* thresholds.c - see thresholds.h. */
#include "thresholds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

static int8_t faulty_of(enum promise_kind what)
{
    return what == PROMISE_MISSED;
}

static int64_t count_of(const struct judged_groups *g, enum promise_kind what)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n; i++)
        n += g->faulty[i] == faulty_of(what);
    return n;
}

/* Adds "missed 5 %, 95 % sure: needs 59 faulty installations, has 41 (enough for 7.1 %)" for each promise
 * that is too much for these groups. */
static void list_needs(char *text, size_t bytes, const struct judged_groups *g, const struct promise *p, int n)
{
    char promised[PROMISE_TEXT_BYTES];
    for (int i = 0; i < n; i++) {
        int64_t has = count_of(g, p[i].what), needed = promise_least_n(&p[i]);
        size_t at = strlen(text);
        if (has >= needed)
            continue;
        snprintf(text + at, bytes - at, "%s%s %s: needs %" PRId64 " %s installations, has %" PRId64, at ? "; " : "",
                 promise_names[p[i].what], promise_text_short(&p[i], promised), needed, promise_groups[p[i].what], has);
        at = strlen(text);
        if (has > 0)
            snprintf(text + at, bytes - at, " (enough for %.4g %%)", 100 * promise_least_share(&p[i], has));
    }
}

/* Scores are read with nine digits and judged with all of theirs: what is equal in one form may differ in the other. A
 * threshold keeps this distance from its score, relative, on the careful side. */
#define MARGIN 1e-8

static double above(double score)
{
    return score + fmax(MARGIN * fabs(score), 1e-300);
}

static double below(double score)
{
    return score - MARGIN * fabs(score);
}

/* The threshold of one promise. scratch [g->n]. */
static double threshold_of(const struct promise *p, const struct judged_groups *g, double *scratch)
{
    int64_t n = 0, r;
    for (int64_t i = 0; i < g->n; i++)
        if (g->faulty[i] == faulty_of(p->what))
            scratch[n++] = g->score[i];
    r = promise_rank(p, n);
    qsort(scratch, (size_t)n, sizeof *scratch, num_order_f64);
    return p->what == PROMISE_MISSED ? below(scratch[r - 1]) : above(scratch[n - r]);
}

static void set_thresholds(struct verdict_rule *r, const double *threshold, const bool *given)
{
    double pass = threshold[PROMISE_MISSED], fail = threshold[PROMISE_ALARMS];
    if (!given[PROMISE_MISSED] || !given[PROMISE_ALARMS])
        pass = fail = given[PROMISE_MISSED] ? pass : fail;
    else if (pass > fail)
        pass = fail = fail + (pass - fail) / 2;
    r->pass_below = pass;
    r->fail_from = fail;
}

int thresholds_choose(struct verdict_rule *r, const struct judged_groups *g, const struct promise *promises, int n,
                      struct fmt_error *e)
{
    char needs[2 * PROMISE_TEXT_BYTES + 128] = "";
    double threshold[PROMISE_KINDS] = {0}, *scratch;
    bool given[PROMISE_KINDS] = {false};
    for (int i = 0; i < n; i++) {
        if (given[promises[i].what])
            return fmt_fail(e, FMT_INVALID, "two promises of the kind %s", promise_names[promises[i].what]);
        given[promises[i].what] = true;
    }
    if (n == 0)
        return fmt_fail(e, FMT_INVALID, "no promise to keep");
    list_needs(needs, sizeof needs, g, promises, n);
    if (needs[0])
        return fmt_fail(e, FMT_LIMIT, "%s", needs);
    scratch = malloc((size_t)g->n * sizeof *scratch);
    if (!scratch)
        return fmt_no_memory(e);
    for (int i = 0; i < n; i++)
        threshold[promises[i].what] = threshold_of(&promises[i], g, scratch);
    set_thresholds(r, threshold, given);
    free(scratch);
    return 0;
}

static bool is_wrong(const struct promise *p, const struct verdict_rule *r, double score)
{
    return rule_verdict(r, score, r->n_views) == (p->what == PROMISE_MISSED ? VERDICT_PASS : VERDICT_FAIL);
}

struct promise_kept thresholds_kept(const struct promise *p, const struct verdict_rule *r,
                                    const struct judged_groups *g, double level)
{
    int64_t n = 0, n_wrong = 0;
    for (int64_t i = 0; i < g->n; i++) {
        bool counts = g->faulty[i] == faulty_of(p->what);
        n += counts;
        n_wrong += counts && is_wrong(p, r, g->score[i]);
    }
    return promise_outcome_kept(p, n, n_wrong, level);
}
