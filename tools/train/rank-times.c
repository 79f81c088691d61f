/* rank-times.c - medians over the ranks of a few numbers each. */
#include "rank-times.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"

const char *const rank_part_name[RANK_PARTS] = {"data", "forward", "backward", "update"};

void rank_times_add(struct rank_times *t, double own, double data, const struct step_times *of_step)
{
    t->part[RANK_DATA] += data;
    t->part[RANK_FORWARD] += of_step->forward;
    t->part[RANK_BACKWARD] += of_step->backward;
    t->part[RANK_REST] += own - data - of_step->forward - of_step->backward;
    t->n++;
}

static double own_time(const struct rank_times *t)
{
    double sum = 0;
    for (int p = 0; p < RANK_PARTS; p++)
        sum += t->part[p];
    return sum;
}

static double lower_median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, num_order_f64);
    return x[(n - 1) / 2];
}

/* The part in which a rank exceeds the median of all most. x: room for n. */
static enum rank_part largest_excess(const struct rank_times *all, int n, int rank, double *x)
{
    enum rank_part largest = RANK_DATA;
    double most = -1;
    for (int p = 0; p < RANK_PARTS; p++) {
        for (int r = 0; r < n; r++)
            x[r] = all[r].part[p];
        double excess = all[rank].part[p] - lower_median(x, n);
        if (excess > most)
            most = excess, largest = (enum rank_part)p;
    }
    return largest;
}

int rank_times_judge(const struct rank_times *all, int n, struct rank_report *report, struct fmt_error *e)
{
    double *x = calloc((size_t)n, sizeof *x);
    if (!x)
        return fmt_no_memory(e);
    int slowest = 0;
    for (int r = 0; r < n; r++) {
        x[r] = own_time(&all[r]);
        slowest = x[r] > own_time(&all[slowest]) ? r : slowest;
    }
    double steps = (double)num_max(all[slowest].n, 1);
    *report = (struct rank_report){.slowest = slowest, .time = own_time(&all[slowest]) / steps,
                                   .median = lower_median(x, n) / steps, .n = all[slowest].n};
    memcpy(report->host, all[slowest].host, sizeof report->host);
    report->part = largest_excess(all, n, slowest, x);
    free(x);
    return 0;
}

int rank_times_compare(const struct world *world, struct rank_times *t, struct rank_report *report,
                       struct fmt_error *e)
{
    struct rank_times *all = calloc((size_t)world->size, sizeof *all);
    int status = world_agree(world, all ? 0 : fmt_no_memory(e), e);
    gethostname(t->host, sizeof t->host - 1);
    if (!status)
        status = world_all_gather_host(world, all, t, sizeof *t, e);
    if (!status)
        status = rank_times_judge(all, world->size, report, e);
    free(all);
    *t = (struct rank_times){.n = 0};
    return status;
}

bool rank_times_persists(struct rank_slow *s, const struct rank_report *r)
{
    enum { REPORTS = 3, LOST_SECONDS = 5 };
    const double slower = 1.1;
    if (r->time <= slower * r->median || (s->n_reports > 0 && s->rank != r->slowest))
        *s = (struct rank_slow){.rank = 0};
    if (r->time <= slower * r->median)
        return false;
    s->rank = r->slowest;
    s->n_reports++;
    s->lost += (r->time - r->median) * (double)r->n;
    if (s->said || s->n_reports < REPORTS || s->lost < LOST_SECONDS)
        return false;
    return s->said = true;
}
