/* resume-history.c - the rules by which training writes lines (training_metrics_due, periodic_eval_period_due), asked
 * about earlier iterations. */
#include "resume-history.h"

#include <inttypes.h>

#include "config.h"
#include "periodic-eval.h"
#include "training-metrics.h"

/* Whether the run once ended here. With train.resume=true it may have been shorter or longer: its end is not known. */
static bool ended_at(const struct resume *r, int64_t iteration)
{
    return iteration + 1 == config_iterations(r->config) && !r->plan.may_differ;
}

static bool had_metrics(const void *arg, int64_t iteration)
{
    return training_metrics_due(iteration, ended_at(arg, iteration));
}

static bool had_scores(const void *arg, int64_t iteration)
{
    const struct resume *r = arg;
    return r->inputs.set[INPUT_KNN_TRAIN] && (iteration == PERIODIC_EVAL_INITIAL || ended_at(r, iteration) ||
                                              periodic_eval_period_due(r->eval_period, iteration));
}

static struct jsonl_history history_of(const struct resume *r, bool (*due)(const void *arg, int64_t iteration))
{
    return (struct jsonl_history){.resumed = r->resumed, .last = r->iteration, .due = due, .arg = r};
}

struct jsonl_history resume_history_of_metrics(const struct resume *r)
{
    return history_of(r, had_metrics);
}

struct jsonl_history resume_history_of_scores(const struct resume *r)
{
    return history_of(r, had_scores);
}

struct jsonl_history resume_history_of_times(const struct resume *r)
{
    return history_of(r, NULL);
}

void resume_history_report(const struct resume *r, const char *name, const struct jsonl_history *h)
{
    /* A checkpoint that was named by its path may be of another folder, where its lines are. */
    enum run_log_level level = r->plan.path ? RUN_NOTE : RUN_WARNING;
    if (h->n_foreign)
        run_log(r->log, RUN_WARNING, "%s: damaged lines, left out: %" PRId64, name, h->n_foreign);
    if (h->n_missing)
        run_log(r->log, level,
                "%s: lines up to iteration %" PRId64 " that are missing: %" PRId64 ", the first of iteration %" PRId64
                "; they are not made again", name, h->last, h->n_missing, h->first_missing);
}
