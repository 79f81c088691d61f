/* msg.h - what a tool says on standard error, and how it ends. One form: "tool: thing: reason".
 *
 * Only files with a main may call these (libraries return, tools decide). Control characters in what
 * is printed, as hostile file names hold them, come out as '?'. All are safe to call from several threads.
 */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,        /* data, I/O, memory, device */
    EXIT_USAGE = 2,         /* wrong usage */
    EXIT_SKIPPED = 3,       /* done, but inputs were skipped on request (-k) */
    EXIT_NOT_CONVERGED = 4,
    EXIT_DIVERGED = 5,      /* training diverged or collapsed */
    EXIT_RESUMABLE = 75     /* stopped by a signal, state saved */
};

/* How much is said: -1 errors and warnings only (-q), 0 as usual, 1 more (-v). */
extern int msg_level;

void msg_init(const char *tool); /* the name before every message; also signals_ignore_pipe */
const char *msg_tool(void);

#define MSG_FORM(n) __attribute__((format(printf, n, n + 1)))

void msg_error(const char *format, ...) MSG_FORM(1); /* an error; the tool goes on (and counts) */
void msg_warn(const char *format, ...) MSG_FORM(1);  /* said at every level: a warning is not progress */
void msg_note(const char *format, ...) MSG_FORM(1);  /* what is going on; not at level -1 */
void msg_more(const char *format, ...) MSG_FORM(1);  /* only at level 1 */

/* Print, remove what is half-written (file.h), exit: 1, or 2 with "try -h". */
_Noreturn void msg_die(const char *format, ...) MSG_FORM(1);
_Noreturn void msg_usage(const char *format, ...) MSG_FORM(1);

/* The impossible: a broken invariant of ours. Prints where and aborts. */
#define msg_bug(what) msg_bug_at(__FILE__, __LINE__, what)
_Noreturn void msg_bug_at(const char *file, int line, const char *what);

/* The last act of every main: flushes and closes standard output; a full disk is status 1 with a message; if its reader
 * has gone the process ends by SIGPIPE, without a word. Returns status else. */
int msg_finish(int status);

/* A live line on a terminal is erased before a message is printed (progress.h sets this). */
extern void (*msg_before)(void);

#endif
