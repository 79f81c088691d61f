/* bench-run.c - runs a command and gives it a row of make bench's table.
 *
 *   bench-run [-n COUNT] [-u UNIT] [-f OPERATIONS] [-p PRECISION] [-r RUNS] [-t] WHAT COMMAND [ARGUMENT...]
 *
 * A run (one of 3) works on COUNT units (1 run) of OPERATIONS together, in PRECISION (f32). -t: bare numbers
 * (bench_print). What the command prints is thrown away; if it fails the row says so, and the exit status is the
 * command's.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-row.h"

static _Noreturn void run_child(char **command)
{
    int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0)
        _exit(127);
    execvp(command[0], command);
    _exit(127);
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* The exit status of the first run that failed. */
static int repeat(char **command, int n_runs, struct bench_row *row)
{
    for (int i = 0; i < n_runs; i++) {
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
        bench_add_run(row, bench_clock(CLOCK_MONOTONIC) - start,
                      seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
        row->bytes = (double)used.ru_maxrss * 1024;
    }
    return 0;
}

/* PRECISION_COUNT: no such name. */
static enum precision precision_of(const char *name)
{
    int i = 0;
    while (i < PRECISION_COUNT && strcmp(name, precision_name((enum precision)i)) != 0)
        i++;
    return (enum precision)i;
}

int main(int argc, char **argv)
{
    struct bench_row row = {.unit = "runs", .n = 1};
    int n_runs = 3;
    bool bare = false;
    for (int option; (option = getopt(argc, argv, "+n:u:f:p:r:t")) != -1;) {
        if (option == 'n')
            row.n = atof(optarg);
        else if (option == 'f')
            row.ops = atof(optarg);
        else if (option == 'p')
            row.precision = precision_of(optarg);
        else if (option == 'u')
            row.unit = optarg;
        else if (option == 'r')
            n_runs = atoi(optarg);
        else if (option == 't')
            bare = true;
        else
            return 2;
    }
    if (argc - optind < 2 || !(row.n > 0) || n_runs < 1 || row.precision == PRECISION_COUNT)
        return 2;
    struct bench_peak peak = {.pool = row.ops > 0 ? thread_open(0, NULL) : NULL};
    row.what = argv[optind];
    int status = repeat(argv + optind + 1, n_runs, &row);
    if (status)
        printf("%-42s failed\n", row.what);
    else
        bench_print(&row, &peak, bare);
    thread_close(peak.pool);
    return status;
}
