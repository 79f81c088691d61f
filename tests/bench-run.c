/* bench-run.c - runs a command and gives it a row of make bench's table.
 *
 *   bench-run [-n COUNT] [-u UNIT] [-f FLOPS] WHAT COMMAND [ARGUMENT...]
 *
 * COUNT units (1 run) of FLOPS together were worked on. What the command prints is thrown away; if it fails the row
 * says so, and the exit status is the command's.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-row.h"
#include "cpu/peak.h"

static _Noreturn void run_child(char **command)
{
    int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0)
        _exit(127);
    execvp(command[0], command);
    _exit(127);
}

static double measured_peak(void)
{
    struct thread_pool *pool = thread_open(0, NULL);
    double peak = pool ? peak_gflops(pool) : 0;
    thread_close(pool);
    return peak;
}

int main(int argc, char **argv)
{
    double n = 1, flops = 0;
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
    double peak = flops > 0 ? measured_peak() : 0, start = bench_clock(CLOCK_MONOTONIC);
    pid_t child = fork();
    if (child == 0)
        run_child(argv + optind + 1);
    int status = 0;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("%-50s failed\n", argv[optind]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    struct bench_time t = {bench_clock(CLOCK_MONOTONIC) - start,
                           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec)};
    bench_row(argv[optind], n, unit, t, flops, peak, (double)used.ru_maxrss * 1024);
    return 0;
}
