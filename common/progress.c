/* progress.c - the live line is redrawn at most ten times a second and erased before any message. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fmt.h"
#include "msg.h"

static bool line_shown;

static void erase(void)
{
    if (line_shown)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    line_shown = false;
}

void progress_begin(struct progress *p, const char *what, const char *one, const char *many, int64_t total)
{
    double now = clock_now();
    *p = (struct progress){what, one, many, total, 0, now, now, isatty(STDERR_FILENO) == 1, msg_level < 0};
    msg_before = erase;
}

static const char *rate_text(double per_second, char out[32])
{
    snprintf(out, 32, "%.*f/s", per_second < 10 ? 2 : per_second < 100 ? 1 : 0, per_second);
    return out;
}

static void show(struct progress *p, double now)
{
    char line[256], left[32], text[32];
    double rate = (double)p->done / (now - p->start + 1e-9);
    int n = snprintf(line, sizeof line, "%s: %s: %lld", msg_tool(), p->what, (long long)p->done);
    if (p->total > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, " of %lld", (long long)p->total);
    n += snprintf(line + n, sizeof line - (size_t)n, " %s, %s", (p->total ? p->total : p->done) == 1 ? p->one : p->many,
                  rate_text(rate, text));
    if (p->total > 0 && p->done > 0) {
        clock_duration_text((double)(p->total - p->done) / rate, left);
        n += snprintf(line + n, sizeof line - (size_t)n, ", %s left", left);
    }
    if (p->terminal) {
        (void)!write(STDERR_FILENO, "\r", 1);
        (void)!write(STDERR_FILENO, line, (size_t)n);
        (void)!write(STDERR_FILENO, "\033[K", 3);
        line_shown = true;
    } else {
        line[n] = '\n';
        (void)!write(STDERR_FILENO, line, (size_t)n + 1);
    }
    p->shown = now;
}

void progress_step(struct progress *p, int64_t done)
{
    p->done = done;
    if (p->silent)
        return;
    double now = clock_now();
    if (now - p->shown >= (p->terminal ? 0.1 : 30))
        show(p, now);
}

void progress_abandon(struct progress *p)
{
    p->done = 0;
    erase();
}

void progress_end(struct progress *p)
{
    char text[32];
    erase();
    double seconds = clock_now() - p->start;
    if (!p->silent && p->done > 0)
        msg_note("%s: %s in %.1f s (%s)", p->what, FMT_COUNT(p->done, p->one, p->many), seconds,
                 rate_text((double)p->done / (seconds + 1e-9), text));
}
