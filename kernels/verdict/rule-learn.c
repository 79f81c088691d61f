/* rule-learn.c - see rule-learn.h. Position 0 of vectors is the intercept b, position 1 + v the weight of view v. */
#include "rule-learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"

enum { M = RULE_VIEWS_MAX + 1, NEWTON_STEPS = 50, DESCENT_PASSES = 1000, HALVINGS = 30 };
#define MEAN_PENALTY 0.01 /* mu */

static const double lambdas[] = {1000, 100, 10, 1, 0.1};
enum { LAMBDAS = sizeof lambdas / sizeof *lambdas };

/* Groups that count, with x centred and divided; 0 where a view is not there. */
struct problem {
    int64_t n;
    double (*x)[M]; /* x[i][0] is 1 */
    int8_t *y;
    int *fold;
    int n_views; /* the highest view number and one */
    bool seen[RULE_VIEWS_MAX]; /* views without scores have no weight */
    int n_seen;
    double centre[RULE_VIEWS_MAX], unit;
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

/* ln(1 + exp(z)) without overflow. */
static double softplus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static double product(const struct problem *p, const double *w, const double *x)
{
    double sum = 0;
    for (int j = 0; j <= p->n_views; j++)
        sum += w[j] * x[j];
    return sum;
}

/* ------------------------------------------------------------------ the objective */
static double mean_weight(const struct problem *p, const double *w)
{
    double sum = 0;
    for (int v = 0; v < p->n_views; v++)
        sum += w[1 + v];
    return sum / p->n_seen;
}

/* Without groups of fold `without`; -1: of all. */
static double objective(const struct problem *p, double lambda, int without, const double *w)
{
    double mean = mean_weight(p, w), loss = MEAN_PENALTY / 2 * mean * mean;
    for (int v = 0; v < p->n_views; v++)
        loss += p->seen[v] ? lambda / 2 * (w[1 + v] - mean) * (w[1 + v] - mean) : 0;
    for (int64_t i = 0; i < p->n; i++)
        if (p->fold[i] != without) {
            double z = product(p, w, p->x[i]);
            loss += softplus(p->y[i] ? -z : z);
        }
    return loss;
}

/* gradient [M] and hessian [M][M] of the objective. The penalty's Hessian is lambda (I - 11'/V) + mu 11'/V^2. */
static void expand(const struct problem *p, double lambda, int without, const double *w, double *gradient,
                   double (*hessian)[M])
{
    double mean = mean_weight(p, w), V = p->n_seen;
    memset(gradient, 0, M * sizeof *gradient);
    memset(hessian, 0, M * sizeof *hessian);
    for (int v = 0; v < p->n_views; v++) {
        if (!p->seen[v])
            continue;
        gradient[1 + v] = lambda * (w[1 + v] - mean) + MEAN_PENALTY * mean / V;
        for (int u = 0; u < p->n_views; u++)
            if (p->seen[u])
                hessian[1 + v][1 + u] = lambda * ((u == v) - 1 / V) + MEAN_PENALTY / (V * V);
    }
    for (int64_t i = 0; i < p->n; i++) {
        const double *x = p->x[i];
        double s = sigmoid(product(p, w, x));
        for (int j = 0; j <= p->n_views && p->fold[i] != without; j++) {
            gradient[j] += (s - p->y[i]) * x[j];
            for (int k = 0; k <= p->n_views; k++)
                hessian[j][k] += s * (1 - s) * x[j] * x[k];
        }
    }
}

/* ------------------------------------------------------------------ fitting */
/* to: the minimum of the quadratic at w, over weights from 0 on. */
static void minimise_quadratic(const struct problem *p, const double *w, const double *gradient,
                               double (*hessian)[M], double *to)
{
    double largest = 1;
    memcpy(to, w, M * sizeof *to);
    for (int pass = 0; pass < DESCENT_PASSES && largest > 1e-12; pass++) {
        largest = 0;
        for (int j = 0; j <= p->n_views; j++) {
            double slope = gradient[j], curve = hessian[j][j] + 1e-9, before = to[j];
            if (j > 0 && !p->seen[j - 1])
                continue;
            for (int k = 0; k <= p->n_views; k++)
                slope += hessian[j][k] * (to[k] - w[k]);
            to[j] = j > 0 ? fmax(0, before - slope / curve) : before - slope / curve;
            largest = fmax(largest, fabs(to[j] - before));
        }
    }
}

/* w [M]: start and solution. */
static void fit(const struct problem *p, double lambda, int without, double *w)
{
    double gradient[M], hessian[M][M], to[M], next[M], value = objective(p, lambda, without, w);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double share = 1, better;
        expand(p, lambda, without, w, gradient, hessian);
        minimise_quadratic(p, w, gradient, hessian, to);
        for (int i = 0; i < HALVINGS; i++, share /= 2) {
            for (int j = 0; j < M; j++)
                next[j] = w[j] + share * (to[j] - w[j]);
            better = objective(p, lambda, without, next);
            if (better < value)
                break;
        }
        if (!(better < value))
            return;
        bool done = value - better < 1e-12 * (1 + value);
        memcpy(w, next, sizeof next);
        value = better;
        if (done)
            return;
    }
}

/* z [n]: log odds of each group out of fold. Returns the log loss per group. */
static double cross_validate(const struct problem *p, double lambda, double *z)
{
    double loss = 0;
    for (int f = 0; f < RULE_LEARN_FOLDS; f++) {
        double w[M] = {0};
        fit(p, lambda, f, w);
        for (int64_t i = 0; i < p->n; i++)
            if (p->fold[i] == f) {
                z[i] = product(p, w, p->x[i]);
                loss += softplus(p->y[i] ? -z[i] : z[i]);
            }
    }
    return loss / (double)p->n;
}

/* ------------------------------------------------------------------ the groups that count */
static bool counts(const struct verdict_groups *g, const struct verdict_rule *r, int64_t i)
{
    for (int64_t k = g->first[i]; k < g->first[i + 1]; k++)
        if (g->view[k] < 0 || g->view[k] >= RULE_VIEWS_MAX)
            return false;
    return g->faulty[i] >= 0 && verdict_groups_views(g, i) >= r->n_views;
}

/* Deals the groups of each kind out to the folds, in an order drawn from the seed. */
static int deal_folds(struct problem *p, uint64_t seed, struct fmt_error *e)
{
    int64_t *order = malloc(((size_t)p->n + 1) * sizeof *order);
    int dealt = 0;
    if (!order)
        return fmt_no_memory(e);
    struct rng rng = rng_stream(seed, 0, 0, RNG_SPLIT);
    rng_permutation(&rng, p->n, order);
    for (int kind = 1; kind >= 0; kind--)
        for (int64_t i = 0; i < p->n; i++)
            if (p->y[order[i]] == kind)
                p->fold[order[i]] = dealt++ % RULE_LEARN_FOLDS;
    free(order);
    return 0;
}

/* Sets centre, unit, seen; x becomes what the formula has. NAN: not there. */
static void standardise(struct problem *p)
{
    double squares = 0;
    int64_t n_all = 0;
    for (int v = 0; v < p->n_views; v++) {
        double sum = 0;
        int64_t n = 0;
        for (int64_t i = 0; i < p->n; i++)
            if (!isnan(p->x[i][1 + v])) {
                sum += p->x[i][1 + v];
                n++;
            }
        p->seen[v] = n > 0;
        p->n_seen += n > 0;
        p->centre[v] = n > 0 ? sum / (double)n : 0;
        for (int64_t i = 0; i < p->n; i++) {
            double *x = &p->x[i][1 + v];
            *x = isnan(*x) ? 0 : *x - p->centre[v];
            squares += *x * *x;
        }
        n_all += n;
    }
    p->unit = squares > 0 ? sqrt(squares / (double)n_all) : 1;
    for (int64_t i = 0; i < p->n; i++)
        for (int v = 0; v < p->n_views; v++)
            p->x[i][1 + v] /= p->unit;
}

static int collect(struct problem *p, const struct verdict_groups *g, const struct verdict_rule *r, uint64_t seed,
                   struct fmt_error *e)
{
    size_t n = (size_t)g->n + 1;
    p->x = malloc(n * sizeof *p->x);
    p->y = malloc(n * sizeof *p->y);
    p->fold = malloc(n * sizeof *p->fold);
    if (!p->x || !p->y || !p->fold)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < g->n; i++) {
        int64_t at = g->first[i];
        if (!counts(g, r, i))
            continue;
        p->x[p->n][0] = 1;
        rule_view_scores(r, g->score + at, g->view + at, verdict_groups_size(g, i), p->x[p->n] + 1);
        for (int v = p->n_views; v < RULE_VIEWS_MAX; v++)
            p->n_views = isnan(p->x[p->n][1 + v]) ? p->n_views : v + 1;
        p->y[p->n++] = g->faulty[i];
    }
    standardise(p);
    return deal_folds(p, seed, e);
}

static int check(const struct problem *p, struct rule_learned *learned, struct fmt_error *e)
{
    for (int64_t i = 0; i < p->n; i++)
        *(p->y[i] ? &learned->n_faulty : &learned->n_good) += 1;
    if (learned->n_faulty >= RULE_LEARN_FOLDS && learned->n_good >= RULE_LEARN_FOLDS)
        return 0;
    return fmt_fail(e, FMT_LIMIT, "a learned rule needs %d faulty and %d good installations with view numbers below "
                    "%d, has %lld and %lld", RULE_LEARN_FOLDS, RULE_LEARN_FOLDS, RULE_VIEWS_MAX,
                    (long long)learned->n_faulty, (long long)learned->n_good);
}

static void release(struct problem *p)
{
    free(p->x);
    free(p->y);
    free(p->fold);
}

/* ------------------------------------------------------------------ the rule */
static void set_rule(struct verdict_rule *r, const struct problem *p, const double *w)
{
    r->base = w[0];
    memset(r->view_weight, 0, sizeof r->view_weight);
    memset(r->view_known, 0, sizeof r->view_known);
    for (int v = 0; v < p->n_views; v++) {
        r->view_known[v] = p->seen[v];
        r->view_weight[v][0] = p->centre[v];
        r->view_weight[v][1] = w[1 + v] / p->unit;
    }
}

/* z [n] becomes that of the best lambda. scratch [n]. */
static void choose_lambda(const struct problem *p, struct rule_learned *learned, double *z, double *scratch)
{
    learned->log_loss = INFINITY;
    for (int l = 0; l < LAMBDAS; l++) {
        double loss = cross_validate(p, lambdas[l], scratch);
        if (loss < learned->log_loss) {
            learned->log_loss = loss;
            learned->lambda = lambdas[l];
            memcpy(z, scratch, (size_t)p->n * sizeof *z);
        }
    }
}

int rule_learn(struct verdict_rule *r, const struct verdict_groups *g, uint64_t seed, double *out_of_fold,
               struct rule_learned *learned, struct fmt_error *e)
{
    struct problem p = {.n = 0};
    double w[M] = {0}, *z = NULL;
    *learned = (struct rule_learned){.lambda = 0};
    int status = collect(&p, g, r, seed, e);
    if (!status)
        status = check(&p, learned, e);
    if (!status && !(z = malloc(2 * (size_t)p.n * sizeof *z)))
        status = fmt_no_memory(e);
    if (!status) {
        choose_lambda(&p, learned, z, z + p.n);
        fit(&p, learned->lambda, -1, w);
        set_rule(r, &p, w);
        verdict_groups_score(g, r, out_of_fold);
        for (int64_t i = 0, at = 0; i < g->n; i++)
            if (counts(g, r, i))
                out_of_fold[i] = sigmoid(z[at++]);
    }
    free(z);
    release(&p);
    return status;
}
