/* msg.h - messages of a tool on standard error, and how it ends. One form: "tool: thing: reason"; of what is
 * no error "tool: warning: thing: reason".
 *
 * Only tools call these (libraries return, tools decide); msg_bug is for everybody. '?' replaces control characters,
 * which hostile file names may hold. All functions are thread-safe.
 */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>

struct fmt_error;

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,        /* data, I/O, memory, device */
    EXIT_USAGE = 2,         /* wrong usage */
    EXIT_SKIPPED = 3,       /* done, but inputs were skipped on request (-k) */
    EXIT_NOT_CONVERGED = 4,
    EXIT_DIVERGED = 5,      /* training diverged or collapsed */
    EXIT_IMPRECISE = 6,     /* done, but a check of precision missed its limits */
    EXIT_RESUMABLE = 75     /* stopped by a signal, state saved */
};

/* Verbosity: -1 errors and warnings only (-q), 0 normal, 1 more (-v). */
extern int msg_level;

void msg_init(const char *tool); /* sets the name before every message, fills closed streams, ignores SIGPIPE */
const char *msg_tool(void);

#define MSG_FORM(n) __attribute__((format(printf, n, n + 1)))

void msg_error(const char *format, ...) MSG_FORM(1); /* an error after which the tool continues */
void msg_warn(const char *format, ...) MSG_FORM(1);  /* at every level, after "warning: " */
void msg_note(const char *format, ...) MSG_FORM(1);  /* progress and results; not at level -1 */
void msg_more(const char *format, ...) MSG_FORM(1);  /* only at level 1 */

/* Print, remove incomplete outputs (file.h), exit with status 1, or with 2 and "try -h". */
_Noreturn void msg_die(const char *format, ...) MSG_FORM(1);
_Noreturn void msg_usage(const char *format, ...) MSG_FORM(1);

/* Where status is not 0, msg_die with the text of an error: "tool: thing: reason"; of an error that does not name its
 * file, with that name. */
void msg_check(int status, const struct fmt_error *e);
void msg_check_of(const char *path, int status, const struct fmt_error *e);

/* A broken invariant: prints its place in the source and aborts. */
#define msg_bug(what) msg_bug_at(__FILE__, __LINE__, what)
_Noreturn void msg_bug_at(const char *file, int line, const char *what);

/* The last call of every main: flushes and closes standard output and returns status. A full disk is status 1 with a
 * message; if the reader has gone, the process ends by SIGPIPE without one. */
int msg_finish(int status);

/* Called before a message is printed, to erase a live line on the terminal (set by progress.c). */
extern void (*msg_before)(void);

#endif
