/* inspection.c - what is shown is chosen by the verdicts; suspected labels by the rule of confident learning (Northcutt
 * et al. 2021, "Confident Learning", section 3.1): a label is suspected where the score is at least the mean score of
 * those with the other label. It has no setting, and does not need scores that are calibrated.
 */
#include "inspection.h"

#include <math.h>
#include <stdlib.h>

#include "sections.h"

struct candidate {
    int64_t installation;
    double worth; /* the larger, the earlier it is shown */
};

static int by_worth(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth > y->worth ? -1 : 1;
    return (x->installation > y->installation) - (x->installation < y->installation);
}

/* ------------------------------------------------------------------ suspected labels */
static void expect(struct inspection *in)
{
    const struct cases *c = in->cases;
    int64_t n[2] = {0};
    in->expected[0] = in->expected[1] = 0;
    for (int64_t g = 0; g < c->n_installations; g++) {
        const struct installation *t = &c->installation[g];
        if (t->label < 0 || !isfinite(t->score))
            continue;
        in->expected[t->label] += t->score;
        n[t->label]++;
    }
    for (int k = 0; k < 2; k++)
        in->expected[k] = n[k] ? in->expected[k] / (double)n[k] : NAN;
}

/* How far the score is beyond the mean of the other label; below 0: not suspected. */
static double suspicion(const struct inspection *in, const struct installation *t)
{
    const double *m = in->expected;
    if (t->label < 0 || !isfinite(t->score) || !(m[0] < m[1]))
        return -1;
    return t->label ? m[0] - t->score : t->score - m[1];
}

static void find_suspects(struct inspection *in, struct candidate *of)
{
    int64_t n = 0;
    expect(in);
    for (int64_t g = 0; g < in->cases->n_installations; g++) {
        double worth = suspicion(in, &in->cases->installation[g]);
        if (worth >= 0)
            of[n++] = (struct candidate){g, worth};
    }
    qsort(of, (size_t)n, sizeof *of, by_worth);
    in->n_suspects = n;
    for (int64_t i = 0; i < n; i++)
        in->suspect[i] = of[i].installation;
}

/* ------------------------------------------------------------------ what is shown */
/* NAN: not of this kind. */
static double worth_of(const struct inspection *in, const struct installation *t, enum shown_why why)
{
    bool open = t->verdict == VERDICT_REVIEW || t->verdict == VERDICT_INCOMPLETE;
    double score = isnan(t->score) ? INFINITY : t->score; /* without one it needs a person most */
    int64_t n_open = in->n_of[SHOWN_HELD] + in->n_of[SHOWN_REVIEW];
    switch (why) {
    case SHOWN_HELD: return inspection_is_held(in, t) ? score : NAN;
    case SHOWN_MISSED: return t->label == 1 && t->verdict == VERDICT_PASS ? -score : NAN;
    case SHOWN_ALARM: return t->label == 0 && t->verdict == VERDICT_FAIL ? score : NAN;
    case SHOWN_REVIEW: return open && !inspection_is_held(in, t) ? score : NAN;
    case SHOWN_FAILED: return t->label < 0 && t->verdict == VERDICT_FAIL ? score : NAN;
    case SHOWN_NEAREST: return n_open == 0 ? -fabs(score - in->rule.pass_below) : NAN;
    case SHOWN_LABEL: return suspicion(in, t) >= 0 ? suspicion(in, t) : NAN;
    case SHOWN_WHYS: break;
    }
    return NAN;
}

static void choose(struct inspection *in, enum shown_why why, struct candidate *of, bool *taken)
{
    int64_t n = 0, most = in->n_shown_max;
    for (int64_t g = 0; g < in->cases->n_installations; g++) {
        double worth = worth_of(in, &in->cases->installation[g], why);
        if (!isnan(worth) && !(taken[g] && why == SHOWN_NEAREST))
            of[n++] = (struct candidate){g, worth};
    }
    qsort(of, (size_t)n, sizeof *of, by_worth);
    in->n_of[why] = n;
    for (int64_t i = 0; i < n && i < most; i++) {
        if (taken[of[i].installation])
            continue;
        taken[of[i].installation] = true;
        in->shown[in->n_shown++] = (struct shown){of[i].installation, why};
    }
}

static int choose_shown(struct inspection *in, struct fmt_error *e)
{
    const struct cases *c = in->cases;
    size_t n = (size_t)c->n_installations;
    struct candidate *of = calloc(n + 1, sizeof *of);
    bool *taken = calloc(n + 1, sizeof *taken);
    in->shown = calloc(n + 1, sizeof *in->shown);
    in->suspect = calloc(n + 1, sizeof *in->suspect);
    int status = of && taken && in->shown && in->suspect ? 0 : fmt_no_memory(e);
    if (!status)
        find_suspects(in, of);
    for (int why = 0; why < SHOWN_WHYS && !status; why++)
        if (why != SHOWN_NEAREST || !c->judged)
            choose(in, (enum shown_why)why, of, taken);
    free(of);
    free(taken);
    return status;
}

/* The keys of all photographs that are shown, for one search. */
static int find_neighbours(struct inspection *in, struct fmt_error *e)
{
    const struct cases *c = in->cases;
    int64_t n = 0;
    if (!in->neighbours)
        return 0;
    const char **key = calloc((size_t)c->n_photos + 1, sizeof *key);
    if (!key)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < in->n_shown; i++) {
        const struct installation *t = &c->installation[in->shown[i].installation];
        for (int64_t k = 0; k < t->n; k++)
            key[n++] = c->photo[c->photo_of[t->first + k]].key;
    }
    int status = neighbours_find(in->neighbours, key, n, e);
    free(key);
    return status;
}

/* ------------------------------------------------------------------ the whole */
void inspection_promise(struct inspection *in, const struct promise_outcome *p)
{
    for (int i = 0; i < in->n_promises; i++)
        if (in->promise[i].promise.what == p->promise.what)
            return;
    in->promise[in->n_promises++] = *p;
}

int inspection_open(struct inspection *in, struct fmt_error *e)
{
    for (int64_t g = 0; g < in->cases->n_installations; g++)
        in->grouped = in->grouped || in->cases->installation[g].n > 1;
    in->decided = in->cases->judged || isfinite(in->rule.pass_below);
    int status = level_open(&in->photographs, in->cases, false, &in->bootstrap, in->pool, e);
    if (!status)
        status = level_open(&in->installations, in->cases, true, &in->bootstrap, in->pool, e);
    if (!status)
        status = level_open_shares(&in->shares, in->cases, &in->bootstrap, in->pool, e);
    if (!status)
        status = choose_shown(in, e);
    if (!status)
        status = find_neighbours(in, e);
    return status;
}

int inspection_write(struct inspection *in, struct page *p, struct fmt_error *e)
{
    section_lead(in, p);
    section_glance(in, p);
    if (in->cases->n_photos == 0) {
        section_about(in, p);
        return 0;
    }
    section_shown(in, p);
    section_labels(in, p);
    section_verdicts(in, p);
    section_curves(in, p);
    section_calibration(in, p);
    int status = section_keys(in, p, e);
    if (!status)
        status = section_all(in, p, e);
    if (!status)
        section_about(in, p);
    return status;
}

void inspection_close(struct inspection *in)
{
    level_close(&in->photographs);
    level_close(&in->installations);
    level_close(&in->shares);
    free(in->shown);
    free(in->suspect);
}
