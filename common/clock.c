/* clock.c - the monotonic clock: setting the machine's time does not move it. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t clock_now_ms(void)
{
    return (int64_t)(clock_now() * 1000);
}

void clock_duration_text(double seconds, char out[32])
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s < 100)
        snprintf(out, 32, "%d s", (int)s);
    else if (s < 6000)
        snprintf(out, 32, "%d min %d s", (int)(s / 60), (int)(s % 60));
    else
        snprintf(out, 32, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
}
