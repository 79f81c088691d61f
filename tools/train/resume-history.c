/* resume-history.c - the rules by which training makes lines (metrics_due, examine_period_due), asked about the past.
 * */
#include "resume-history.h"

#include <inttypes.h>
#include <stdio.h>

#include "config.h"
#include "periodic-eval.h"
#include "training-metrics.h"

/* Whether the run once ended here. With train.resume=true it may have been shorter or longer: its end is not known. */
static bool ended_at(const struct begin *b, int64_t iteration)
{
    return iteration + 1 == config_iterations(b->state.config) && !b->plan.may_differ;
}

static bool had_metrics(const void *arg, int64_t iteration)
{
    return metrics_due(iteration, ended_at(arg, iteration));
}

static bool had_scores(const void *arg, int64_t iteration)
{
    const struct begin *b = arg;
    return b->before.set[INPUT_KNN_TRAIN] &&
           (iteration == EXAMINE_INITIAL || ended_at(b, iteration) || examine_period_due(b->eval_period, iteration));
}

static struct lines_past past_of(const struct begin *b, bool (*due)(const void *arg, int64_t iteration))
{
    return (struct lines_past){.last = b->resumed ? b->state.iteration : LINES_NONE, .due = due, .arg = b};
}

struct lines_past past_of_metrics(const struct begin *b)
{
    return past_of(b, had_metrics);
}

struct lines_past past_of_scores(const struct begin *b)
{
    return past_of(b, had_scores);
}

struct lines_past past_of_times(const struct begin *b)
{
    return past_of(b, NULL);
}

void past_tell(const struct begin *b, const char *name, const struct lines_past *past)
{
    /* Of a checkpoint named with its path the lines are where it comes from. */
    enum begin_level level = b->plan.path ? BEGIN_NOTE : BEGIN_WARNING;
    char text[300];
    if (past->n_foreign) {
        snprintf(text, sizeof text, "%s: damaged lines, left out: %" PRId64, name, past->n_foreign);
        b->tell(b->arg, BEGIN_WARNING, text);
    }
    if (past->n_missing) {
        snprintf(text, sizeof text,
                 "%s: lines up to iteration %" PRId64 " that are missing: %" PRId64 ", the first of iteration %" PRId64
                 "; they are not made again", name, past->last, past->n_missing, past->first_missing);
        b->tell(b->arg, level, text);
    }
}
