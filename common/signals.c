/* signals.c - sigwait in a detached thread. */
#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    int number;
    bool always; /* even if it was ignored */
    const char *name;
} handled[] = {
    {SIGHUP, false, "SIGHUP"},   {SIGINT, true, "SIGINT"},       {SIGQUIT, true, "SIGQUIT"},
    {SIGTERM, true, "SIGTERM"},  {SIGUSR1, false, "SIGUSR1"},    {SIGUSR2, false, "SIGUSR2"},
    {SIGXCPU, false, "SIGXCPU"}, {SIGALRM, false, "SIGALRM"},    {SIGVTALRM, false, "SIGVTALRM"},
    {SIGPROF, false, "SIGPROF"},
};
enum { N_HANDLED = sizeof handled / sizeof *handled, STACK_BYTES = 1 << 18 };

static sigset_t blocked;
static void (*act_on)(int number);

static void *wait_for_signals(void *arg)
{
    (void)arg;
    for (;;) {
        int number;
        if (sigwait(&blocked, &number) == 0)
            act_on(number);
    }
    return NULL;
}

/* A small stack: under ulimit -v the default of 8 MiB is a lot. */
static int start_thread(void)
{
    pthread_t thread;
    pthread_attr_t small;
    if (pthread_attr_init(&small))
        return -1;
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    int status = pthread_create(&thread, &small, wait_for_signals, NULL);
    pthread_attr_destroy(&small);
    return status;
}

int signals_take(void (*act)(int number), struct fmt_error *e)
{
    act_on = act;
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&blocked);
    for (int i = 0; i < N_HANDLED; i++) {
        struct sigaction now;
        if (handled[i].always || (sigaction(handled[i].number, NULL, &now) == 0 && now.sa_handler == SIG_DFL))
            sigaddset(&blocked, handled[i].number);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (start_thread()) {
        pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
        return fmt_fail(e, FMT_MEMORY, "cannot start the thread that waits for signals");
    }
    return 0;
}

const char *signals_name(int number)
{
    for (int i = 0; i < N_HANDLED; i++)
        if (handled[i].number == number)
            return handled[i].name;
    return "a signal";
}

static bool pipe_ends;

void signals_ignore_pipe(void)
{
    struct sigaction before, ignore = {.sa_handler = SIG_IGN};
    pipe_ends = sigaction(SIGPIPE, &ignore, &before) == 0 && before.sa_handler != SIG_IGN;
}

bool signals_pipe_ends(void)
{
    return pipe_ends;
}

_Noreturn void signals_die(int number)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    raise(number);
    _exit(128 + number);
}
