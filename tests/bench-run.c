/* bench-run.c - runs a command and gives it a row of make bench's table.
 *
 *   bench-run [-n COUNT] [-u UNIT] [-f FLOPS] WHAT COMMAND [ARGUMENT...]
 *
 * COUNT units (1 run) of FLOPS together were worked on. Best of three runs. What the command prints is
 * thrown away; if it fails the row says so, and the exit status is the command's.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-row.h"

enum { REPEATS = 3 };

static _Noreturn void run_child(char **command)
{
    int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0)
        _exit(127);
    execvp(command[0], command);
    _exit(127);
}

/* The best of the repeats; the exit status of the first that failed. */
static int repeat(char **command, struct bench_time *best, double *bytes)
{
    *best = BENCH_WORST;
    for (int i = 0; i < REPEATS; i++) {
        double start = bench_clock(CLOCK_MONOTONIC);
        pid_t child = fork();
        if (child == 0)
            run_child(command);
        int status = 0;
        struct rusage used;
        if (child < 0 || wait4(child, &status, 0, &used) != child)
            return 1;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        struct timeval user = used.ru_utime, system = used.ru_stime;
        *best = bench_best(*best, (struct bench_time){bench_clock(CLOCK_MONOTONIC) - start,
                                                      (double)(user.tv_sec + system.tv_sec) +
                                                          1e-6 * (double)(user.tv_usec + system.tv_usec)});
        *bytes = (double)used.ru_maxrss * 1024;
    }
    return 0;
}

int main(int argc, char **argv)
{
    double n = 1, flops = 0, bytes = 0;
    const char *unit = "runs";
    for (int option; (option = getopt(argc, argv, "+n:u:f:")) != -1;) {
        if (option == 'n')
            n = atof(optarg);
        else if (option == 'f')
            flops = atof(optarg);
        else if (option == 'u')
            unit = optarg;
        else
            return 2;
    }
    if (argc - optind < 2 || !(n > 0))
        return 2;
    struct bench_peak peak = {.pool = flops > 0 ? thread_open(0, NULL) : NULL};
    struct bench_time best;
    int status = repeat(argv + optind + 1, &best, &bytes);
    if (status)
        printf("%-50s failed\n", argv[optind]);
    else
        bench_row(argv[optind], n, unit, best, flops, &peak, bytes);
    thread_close(peak.pool);
    return status;
}
