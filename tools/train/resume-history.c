/* resume-history.c - the rules by which training makes lines (training_metrics_due, periodic_eval_period_due), asked
 * about the past. */
#include "resume-history.h"

#include <inttypes.h>
#include <stdio.h>

#include "config.h"
#include "periodic-eval.h"
#include "training-metrics.h"

/* Whether the run once ended here. With train.resume=true it may have been shorter or longer: its end is not known. */
static bool ended_at(const struct resume *b, int64_t iteration)
{
    return iteration + 1 == config_iterations(b->state.config) && !b->plan.may_differ;
}

static bool had_metrics(const void *arg, int64_t iteration)
{
    return training_metrics_due(iteration, ended_at(arg, iteration));
}

static bool had_scores(const void *arg, int64_t iteration)
{
    const struct resume *b = arg;
    return b->before.set[INPUT_KNN_TRAIN] && (iteration == PERIODIC_EVAL_INITIAL || ended_at(b, iteration) ||
                                              periodic_eval_period_due(b->eval_period, iteration));
}

static struct jsonl_history past_of(const struct resume *b, bool (*due)(const void *arg, int64_t iteration))
{
    return (struct jsonl_history){.last = b->resumed ? b->state.iteration : JSONL_WRITER_NONE, .due = due, .arg = b};
}

struct jsonl_history resume_history_of_metrics(const struct resume *b)
{
    return past_of(b, had_metrics);
}

struct jsonl_history resume_history_of_scores(const struct resume *b)
{
    return past_of(b, had_scores);
}

struct jsonl_history resume_history_of_times(const struct resume *b)
{
    return past_of(b, NULL);
}

void resume_history_report(const struct resume *b, const char *name, const struct jsonl_history *past)
{
    /* Of a checkpoint named with its path the lines are where it comes from. */
    enum resume_level level = b->plan.path ? RESUME_NOTE : RESUME_WARNING;
    char text[300];
    if (past->n_foreign) {
        snprintf(text, sizeof text, "%s: damaged lines, left out: %" PRId64, name, past->n_foreign);
        b->tell(b->arg, RESUME_WARNING, text);
    }
    if (past->n_missing) {
        snprintf(text, sizeof text,
                 "%s: lines up to iteration %" PRId64 " that are missing: %" PRId64 ", the first of iteration %" PRId64
                 "; they are not made again", name, past->last, past->n_missing, past->first_missing);
        b->tell(b->arg, level, text);
    }
}
