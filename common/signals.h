/* signals.h - signals that end or stop a tool are taken by a thread of their own, and by no other.
 *
 * No handler may interrupt a thread that computes: the products' generated code (oneDNN) keeps its stack pointer in
 * memory from malloc for a while, and the kernel would write a handler's frame into whatever lies below it. So the
 * signals are blocked everywhere, and one thread waits for them. What it calls is an ordinary function, which may
 * lock, allocate and print.
 *
 * SIGPIPE is ignored: it would leave what is half-written, and end a run of days because nobody reads its messages any
 * more. Where the reader of standard output has gone, a tool ends as that signal ends other programs, but tidily.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

#include "fmt.h"

/* Blocks the n signals in this thread and in all that it starts from now on, and calls act(number) from a thread of
 * its own each time one of them comes. Call it before any other thread is started, and only once. */
int signals_take(const int *signals, int n, void (*act)(int number), struct fmt_error *e);

/* From now on a write into a closed pipe is an error of write, EPIPE. */
void signals_ignore_pipe(void);
/* Whether such a write to standard output is to end the process by SIGPIPE (signals_die); not if whoever started it
 * had that signal ignored, and so expects an error. */
bool signals_pipe_ends(void);

/* Ends the process as an unhandled signal would. For act, and for a closed pipe. */
_Noreturn void signals_die(int number);

#endif
