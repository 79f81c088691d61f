/* scored-groups.c - see scored-groups.h. */
#include "scored-groups.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scored_groups_make(struct scored_groups *s, const struct rows *rows, struct verdict_classes classes,
                       struct fmt_error *e)
{
    *s = (struct scored_groups){.score = NULL};
    int status = verdict_groups_make(&s->groups, rows, classes, e);
    if (status)
        return status;
    size_t n = (size_t)s->groups.n + 1;
    s->score = calloc(n, sizeof *s->score);
    s->complete_score = calloc(n, sizeof *s->complete_score);
    s->complete_faulty = calloc(n, sizeof *s->complete_faulty);
    if (s->score && s->complete_score && s->complete_faulty)
        return 0;
    scored_groups_release(s);
    return fmt_no_memory(e);
}

void scored_groups_release(struct scored_groups *s)
{
    verdict_groups_release(&s->groups);
    free(s->score);
    free(s->complete_score);
    free(s->complete_faulty);
    *s = (struct scored_groups){.score = NULL};
}

/* ------------------------------------------------------------------ how many views there are */
enum { VIEWS_MAX = 1000 }; /* more count as so many */

static int views_of(const struct verdict_groups *g, int64_t i)
{
    int n = verdict_groups_views(g, i);
    return n < VIEWS_MAX ? n : VIEWS_MAX;
}

static void say_unusual(const struct verdict_groups *g, int usual, char warning[SCORED_GROUPS_TEXT])
{
    int64_t n = 0;
    int least = VIEWS_MAX, most = 0;
    char to[16] = "";
    for (int64_t i = 0; i < g->n; i++) {
        int views = views_of(g, i);
        if (views == usual)
            continue;
        n++;
        least = views < least ? views : least;
        most = views > most ? views : most;
    }
    if (least < most)
        snprintf(to, sizeof to, " to %d", most);
    snprintf(warning, SCORED_GROUPS_TEXT,
             "%" PRId64 " of %s %s %d%s %s, not %d: the number of views is not checked (--views %d?)", n,
             FMT_COUNT(g->n, "installation", "installations"), n == 1 ? "has" : "have", least, to,
             most == 1 ? "view" : "views", usual, usual);
}

int scored_groups_common_views(const struct scored_groups *s, char warning[SCORED_GROUPS_TEXT])
{
    const struct verdict_groups *g = &s->groups;
    int64_t count[VIEWS_MAX + 1] = {0};
    int usual = 0;
    warning[0] = '\0';
    for (int64_t i = 0; i < g->n; i++)
        count[views_of(g, i)]++;
    for (int n = 1; n <= VIEWS_MAX; n++)
        usual = count[n] > count[usual] ? n : usual;
    if (count[usual] == g->n)
        return usual;
    say_unusual(g, usual, warning);
    return 0;
}

/* ------------------------------------------------------------------ scores */
static void take_complete(struct scored_groups *s, const struct verdict_rule *r)
{
    memcpy(s->complete_score, s->score, (size_t)s->groups.n * sizeof *s->score);
    int64_t n = verdict_groups_complete(&s->groups, r, s->complete_score, s->complete_faulty);
    s->complete = (struct judged_groups){s->complete_score, s->complete_faulty, n};
}

void scored_groups_judge(struct scored_groups *s, const struct verdict_rule *r)
{
    verdict_groups_score(&s->groups, r, s->score);
    take_complete(s, r);
}

int scored_groups_choose(struct scored_groups *s, struct verdict_rule *r, const struct promises_wanted *wanted,
                         struct rule_learned *learned, struct fmt_error *e)
{
    int status = 0;
    if (r->how == RULE_LEARNED)
        status = rule_learn(r, &s->groups, wanted->seed, s->score, learned, e);
    else
        verdict_groups_score(&s->groups, r, s->score);
    if (status)
        return status;
    take_complete(s, r);
    return thresholds_choose(r, &s->complete, wanted->promise, wanted->n, e);
}

/* Of the faulty groups in review that of the lowest score, of the good ones that of the highest; -1: there is none. */
static int64_t find_holder(const struct scored_groups *s, const struct verdict_rule *r, int faulty)
{
    int64_t found = -1;
    for (int64_t i = 0; i < s->groups.n; i++) {
        bool in_review = rule_verdict(r, s->score[i], verdict_groups_views(&s->groups, i)) == VERDICT_REVIEW;
        if (!in_review || isnan(s->score[i]) || s->groups.faulty[i] != faulty)
            continue;
        if (found < 0 || (faulty ? s->score[i] < s->score[found] : s->score[i] > s->score[found]))
            found = i;
    }
    return found;
}

void scored_groups_apart(const struct scored_groups *s, const struct verdict_rule *r, char text[SCORED_GROUPS_APART])
{
    struct verdict_counts c = scored_groups_count(s, r);
    int64_t bad = find_holder(s, r, 1), good = find_holder(s, r, 0);
    text[0] = '\0';
    if (2 * c.n[VERDICT_ALL][VERDICT_REVIEW] <= s->groups.n || bad < 0 || good < 0)
        return;
    snprintf(text, SCORED_GROUPS_APART,
             "%" PRId64 " of %" PRId64 " installations are in review: the thresholds are held apart by %.200s, faulty, "
             "%.4g, and %.200s, good, %.4g: are their labels right?", c.n[VERDICT_ALL][VERDICT_REVIEW], s->groups.n,
             s->groups.name[bad], s->score[bad], s->groups.name[good], s->score[good]);
}

struct verdict_counts scored_groups_count(const struct scored_groups *s, const struct verdict_rule *r)
{
    struct verdict_counts c = {0};
    for (int64_t i = 0; i < s->groups.n; i++) {
        enum verdict v = rule_verdict(r, s->score[i], verdict_groups_views(&s->groups, i));
        c.n[VERDICT_ALL][v]++;
        if (s->groups.faulty[i] >= 0)
            c.n[s->groups.faulty[i] ? VERDICT_FAULTY : VERDICT_GOOD][v]++;
    }
    return c;
}
