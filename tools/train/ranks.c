/* ranks.c - each process gathers the places of all and computes the same from them. */
#include "ranks.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "resource-limit.h"

/* ---------------------------------------------------------------- places */
static void describe_here(struct rank_place *p, int64_t asked, const char *device)
{
    cpu_set_t set;
    *p = (struct rank_place){.asked = asked, .quota = resource_limit_processors("")};
    if (p->quota == INT_MAX)
        p->quota = INT64_MAX;
    gethostname(p->host, sizeof p->host - 1);
    snprintf(p->device, sizeof p->device, "%s", device);
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        CPU_SET(0, &set);
    for (size_t i = 0; i < RANKS_PROCESSORS_MAX && i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &set))
            p->processor[i / 64] |= (uint64_t)1 << i % 64;
}

static bool may_run_on(const struct rank_place *p, int i)
{
    return p->processor[i / 64] >> i % 64 & 1;
}

static bool same_host(const struct rank_place *a, const struct rank_place *b)
{
    return strcmp(a->host, b->host) == 0;
}

/* Of the processors of rank i, and of the quota of its host. */
static double share(const struct rank_place *place, int n, int i)
{
    double processors = 0;
    int local = 0;
    for (int cpu = 0; cpu < RANKS_PROCESSORS_MAX; cpu++) {
        int users = 0;
        for (int k = 0; k < n && may_run_on(&place[i], cpu); k++)
            users += same_host(&place[i], &place[k]) && may_run_on(&place[k], cpu);
        processors += users ? 1.0 / users : 0;
    }
    for (int k = 0; k < n; k++)
        local += same_host(&place[i], &place[k]);
    double quota = (double)place[i].quota / local;
    return processors < quota ? processors : quota;
}

void ranks_divide(struct rank_place *place, int n)
{
    for (int i = 0; i < n; i++) {
        int64_t whole = place[i].asked ? place[i].asked : (int64_t)(share(place, n, i) + 1e-6);
        place[i].threads = num_max(whole, 1);
    }
}

int ranks_meet(struct ranks *r, const struct world *world, int64_t asked, const char *device, struct fmt_error *e)
{
    struct rank_place here;
    describe_here(&here, asked, device);
    *r = (struct ranks){.n = world->size, .place = calloc((size_t)world->size, sizeof *r->place)};
    int status = world_agree(world, r->place ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = world_all_gather_host(world, r->place, &here, sizeof here, e);
    if (!status)
        ranks_divide(r->place, r->n);
    return status;
}

int ranks_local(const struct ranks *r, int rank)
{
    int n = 0;
    for (int k = 0; k < r->n; k++)
        n += same_host(&r->place[k], &r->place[rank]);
    return n;
}

void ranks_release(struct ranks *r)
{
    free(r->place);
    *r = (struct ranks){0};
}

/* ---------------------------------------------------------------- the table */
static bool same_line(const struct rank_place *a, const struct rank_place *b)
{
    return same_host(a, b) && strcmp(a->device, b->device) == 0 && a->threads == b->threads;
}

bool ranks_text(const struct ranks *r, int *first, char out[RANKS_TEXT_MAX])
{
    int from = *first, end = from + 1;
    if (from >= r->n)
        return false;
    const struct rank_place *p = &r->place[from];
    while (end < r->n && same_line(p, &r->place[end]))
        end++;
    *first = end;
    const char *threads = FMT_COUNT(p->threads, "thread", "threads");
    if (end == from + 1)
        snprintf(out, RANKS_TEXT_MAX, "rank %d: host %s, device %s, %s", from, p->host, p->device, threads);
    else
        snprintf(out, RANKS_TEXT_MAX, "ranks %d to %d: host %s, device %s, %s each", from, end - 1, p->host, p->device,
                 threads);
    return true;
}
