/* signals.h - one thread handles the signals that end or stop a tool.
 *
 * No handler may interrupt a thread that computes: the generated code of products (oneDNN) points its stack pointer
 * into memory from malloc for a while, and the kernel would write the frame of a handler into whatever is below it. So
 * the signals are blocked in all threads, and one thread waits for them. It calls an ordinary function, which may lock,
 * allocate and print.
 *
 * These are the signals that end a program by default and that are sent by others or by a timer: SIGHUP, SIGINT,
 * SIGQUIT, SIGTERM; SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM, which batch systems send before the end of a job; SIGVTALRM,
 * SIGPROF. A signal that was ignored when the tool started remains ignored (nohup, trap), and one that a library loaded
 * before handles (a profiler) is left to it; but SIGINT, SIGQUIT and SIGTERM are always handled, since background jobs
 * of a shell start with the first two ignored.
 *
 * SIGXFSZ is ignored: exceeding ulimit -f is then a failed write with a reason, like a full disk.
 *
 * SIGPIPE is ignored: it would leave incomplete outputs, and end a run of days because nobody reads its messages any
 * more. If the reader of standard output has gone, a tool removes incomplete outputs and then ends by that signal.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

#include "fmt.h"

/* Blocks these signals in this thread and in all that it starts later, and calls act(number) from a thread of its own
 * for each of them that arrives. To be called once, before any other thread is started. */
int signals_take(void (*act)(int number), struct fmt_error *e);

const char *signals_name(int number); /* "SIGTERM"; "a signal" if it is not one of them */

/* From now on a write to a closed pipe is an error of write, EPIPE. */
void signals_ignore_pipe(void);
/* Whether such a write to standard output should end the process by SIGPIPE (signals_die): not if the process was
 * started with that signal ignored, which means that an error is expected. */
bool signals_pipe_ends(void);

/* Ends the process as the unhandled signal would. For act, and for a closed pipe. */
_Noreturn void signals_die(int number);

#endif
