/* signals.h - signals that end or stop a tool are taken by a thread of their own, and by no other.
 *
 * No handler may interrupt a thread that computes: the products' generated code (oneDNN) keeps its stack pointer in
 * memory from malloc for a while, and the kernel would write a handler's frame into whatever lies below it. So the
 * signals are blocked everywhere, and one thread waits for them. What it calls is an ordinary function, which may
 * lock, allocate and print.
 *
 * They are the signals that would end a program that does not ask for them, and that somebody else sends or a timer:
 * SIGHUP, SIGINT, SIGQUIT, SIGTERM; SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM, which batch systems send before the end of a
 * job; SIGVTALRM, SIGPROF. One that was ignored when the tool started stays so (nohup, trap), as does one that a
 * library loaded before it handles (a profiler); but SIGINT, SIGQUIT and SIGTERM are always taken: a shell's background
 * jobs start with the first two ignored.
 *
 * SIGXFSZ is ignored: a file that grows beyond ulimit -f is then a failed write with a reason, as a full disk is.
 *
 * SIGPIPE is ignored: it would leave what is half-written, and end a run of days because nobody reads its messages any
 * more. Where the reader of standard output has gone, a tool ends as that signal ends other programs, but tidily.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

#include "fmt.h"

/* Blocks these signals in this thread and in all that it starts from now on, and calls act(number) from a thread of
 * its own each time one of them comes. Call it before any other thread is started, and only once. */
int signals_take(void (*act)(int number), struct fmt_error *e);

const char *signals_name(int number); /* "SIGTERM"; of one that is not taken: "a signal" */

/* From now on a write into a closed pipe is an error of write, EPIPE. */
void signals_ignore_pipe(void);
/* Whether such a write to standard output is to end the process by SIGPIPE (signals_die); not if whoever started it
 * had that signal ignored, and so expects an error. */
bool signals_pipe_ends(void);

/* Ends the process as an unhandled signal would. For act, and for a closed pipe. */
_Noreturn void signals_die(int number);

#endif
