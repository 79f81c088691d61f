/* msg.c - messages and exits. A message is formatted in one buffer and written by one call, so that messages of threads
 * and processes do not mix. */
#include "msg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fmt.h"
#include "printable.h"
#include "signals.h"

int msg_level;
void (*msg_before)(void);
static const char *tool_name = "dinotools";

/* A tool may be started with some of its three streams closed. The next file to be opened would get that descriptor,
 * and messages would be written into it. So closed ones become /dev/null, opened such that reading and writing fail as
 * on a closed stream. */
static void fill_streams(void)
{
    static const int mode[] = {[STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) < 0)
            _exit(EXIT_FAILED);
}

void msg_init(const char *tool)
{
    tool_name = tool;
    fill_streams();
    signals_ignore_pipe();
    signal(SIGXFSZ, SIG_IGN); /* exceeding a limit of file size is then an error of write like any other */
}

const char *msg_tool(void)
{
    return tool_name;
}

static void print(const char *kind, const char *format, va_list ap)
{
    char line[2048];
    int head = snprintf(line, sizeof line, "%s: %s", tool_name, kind);
    int n = head + vsnprintf(line + head, sizeof line - (size_t)head - 1, format, ap);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    printable_text(line, (size_t)n);
    line[n++] = '\n';
    if (msg_before)
        msg_before();
    for (int at = 0; at < n;) {
        ssize_t put = write(STDERR_FILENO, line + at, (size_t)(n - at));
        if (put < 0 && errno != EINTR)
            return; /* standard error is gone */
        at += put > 0 ? (int)put : 0;
    }
}

#define PRINT(kind, format)                                                                        \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, format);                                                                      \
        print(kind, format, ap);                                                                   \
        va_end(ap);                                                                                \
    } while (0)

void msg_error(const char *format, ...)
{
    PRINT("", format);
}

void msg_warn(const char *format, ...)
{
    PRINT("warning: ", format);
}

void msg_note(const char *format, ...)
{
    if (msg_level >= 0)
        PRINT("", format);
}

void msg_more(const char *format, ...)
{
    if (msg_level >= 1)
        PRINT("", format);
}

void msg_die(const char *format, ...)
{
    PRINT("", format);
    exit(EXIT_FAILED);
}

void msg_check(int status, const struct fmt_error *e)
{
    if (status)
        msg_die("%s", e->text);
}

void msg_check_of(const char *path, int status, const struct fmt_error *e)
{
    if (status)
        msg_die("%s: %s", path, e->text);
}

void msg_usage(const char *format, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    msg_error("%s (try %s -h)", line, tool_name);
    exit(EXIT_USAGE);
}

void msg_bug_at(const char *file, int line, const char *what)
{
    msg_error("%s:%d: bug: %s", file, line, what);
    abort();
}

/* Asks the pipe itself: errno may have changed since the write that failed. */
static bool reader_has_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int msg_finish(int status)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && signals_pipe_ends() && reader_has_gone())
        signals_die(SIGPIPE);
    if (fclose(stdout) != 0)
        failed = true;
    if (!failed)
        return status;
    msg_error("standard output: %s", errno ? strerror(errno) : "cannot write");
    return EXIT_FAILED;
}
