/* mpirun.c - mpirun is a child, not what this process becomes: Open MPI's mpirun answers SIGTERM by ending the
 * processes a second later, which is no time to save a checkpoint. Like that of MPICH it passes on SIGUSR1, but what
 * arrives before the processes are there is lost: so it is sent again until all have ended. */
#include "mpirun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "world-mpi.h"

static _Atomic pid_t child;
static _Atomic int passed; /* the signal that was passed on last */

static void pass_on(int number)
{
    passed = number == SIGQUIT ? SIGTERM : SIGUSR1;
    kill(child, passed);
}

/* "mpirun", options, "-n", N, program, arguments, NULL; the array is for free(). */
static const char **command_line(const char *count, const char *program, int argc, char **argv)
{
    const char *const *option = world_mpi_local_options();
    int n_options = 0, n = 0;
    while (option[n_options])
        n_options++;
    const char **words = calloc((size_t)(n_options + argc + 5), sizeof *words);
    if (!words)
        return NULL;
    words[n++] = "mpirun";
    for (int i = 0; i < n_options; i++)
        words[n++] = option[i];
    words[n++] = "-n";
    words[n++] = count;
    words[n++] = program;
    for (int i = 1; i < argc; i++)
        words[n++] = argv[i];
    return words;
}

/* In the child: returns only where it failed. */
static int become_mpirun(const char **words, struct fmt_error *e)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    signal(SIGPIPE, SIG_DFL);
    execvp(words[0], (char *const *)words);
    return fmt_fail(e, FMT_UNSUPPORTED, "mpirun: %s: it comes with %s", strerror(errno), world_mpi_packages());
}

static int wait_for(pid_t pid, int *exit_status, struct fmt_error *e)
{
    enum { POLL_MS = 50, AGAIN = 5 };
    int status;
    pid_t ended;
    for (int i = 1; (ended = waitpid(pid, &status, WNOHANG)) == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
        if (passed && i % AGAIN == 0)
            kill(pid, passed);
    }
    if (ended < 0)
        return fmt_fail(e, FMT_IO, "mpirun: %s", strerror(errno));
    int ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128; /* 128 + n: of a rank */
    if (passed && ended_by == passed) /* mpirun or a rank did not wait for it yet */
        return fmt_fail(e, FMT_STOPPED, "stopped before all ranks had started");
    if (WIFSIGNALED(status))
        return fmt_fail(e, FMT_IO, "mpirun: ended by signal %d", WTERMSIG(status));
    if (ended_by > 0)
        return fmt_fail(e, FMT_IO, "a process was ended by signal %d%s; the same command resumes the run", ended_by,
                        ended_by == SIGKILL ? ", which is what the system sends where memory runs out" : "");
    *exit_status = WEXITSTATUS(status);
    return 0;
}

/* Signals are taken after the fork: mpirun and the processes have them as this one was given them. */
static int run(const char **words, int *exit_status, struct fmt_error *e)
{
    pid_t pid = fork();
    if (pid < 0)
        return fmt_fail(e, FMT_IO, "mpirun: %s", strerror(errno));
    if (pid == 0)
        return become_mpirun(words, e);
    child = pid;
    int status = signals_take(pass_on, e);
    return status ? status : wait_for(pid, exit_status, e);
}

int mpirun_start(int64_t n, int argc, char **argv, int *exit_status, struct fmt_error *e)
{
    char program[4096], count[32];
    ssize_t bytes = readlink("/proc/self/exe", program, sizeof program - 1);
    if (bytes < 0)
        return fmt_fail(e, FMT_IO, "/proc/self/exe: %s", strerror(errno));
    program[bytes] = 0;
    snprintf(count, sizeof count, "%lld", (long long)n);
    const char **words = command_line(count, program, argc, argv);
    if (!words)
        return fmt_no_memory(e);
    int status = run(words, exit_status, e);
    free(words);
    return status;
}
