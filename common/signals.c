/* signals.c - sigwait in a detached thread. */
#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static sigset_t taken;
static void (*act_on)(int number);

static void *wait_for_signals(void *arg)
{
    (void)arg;
    for (;;) {
        int number;
        if (sigwait(&taken, &number) == 0)
            act_on(number);
    }
    return NULL;
}

int signals_take(const int *signals, int n, void (*act)(int number), struct fmt_error *e)
{
    pthread_t thread;
    act_on = act;
    sigemptyset(&taken);
    for (int i = 0; i < n; i++) {
        struct sigaction now;
        /* nohup ignores SIGHUP before it starts a tool: it stays so. */
        if (signals[i] != SIGHUP || (sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN))
            sigaddset(&taken, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &taken, NULL);
    if (pthread_create(&thread, NULL, wait_for_signals, NULL)) {
        pthread_sigmask(SIG_UNBLOCK, &taken, NULL);
        return fmt_fail(e, FMT_MEMORY, "cannot start the thread that waits for signals");
    }
    pthread_detach(thread);
    return 0;
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
