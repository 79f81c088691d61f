/* msg.c - messages and exits. A message is formed in one buffer and written by one call, so that
 * messages of threads and processes do not run into each other. */
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

#include "printable.h"
#include "signals.h"

int msg_level;
void (*msg_before)(void);
static const char *tool_name = "dinotools";

/* A tool may be started without its three streams. The next file opened would take such a number, and messages would
 * be written into it. What stands there instead gives the errors that a closed stream does; messages go nowhere. */
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
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write, told like any other */
}

const char *msg_tool(void)
{
    return tool_name;
}

static void say(const char *format, va_list ap)
{
    char line[2048];
    int head = snprintf(line, sizeof line, "%s: ", tool_name);
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
            return; /* nobody is left to tell */
        at += put > 0 ? (int)put : 0;
    }
}

#define SAY(format)                                                                                \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, format);                                                                      \
        say(format, ap);                                                                           \
        va_end(ap);                                                                                \
    } while (0)

void msg_error(const char *format, ...)
{
    SAY(format);
}

void msg_warn(const char *format, ...)
{
    SAY(format);
}

void msg_note(const char *format, ...)
{
    if (msg_level >= 0)
        SAY(format);
}

void msg_more(const char *format, ...)
{
    if (msg_level >= 1)
        SAY(format);
}

void msg_die(const char *format, ...)
{
    SAY(format);
    exit(EXIT_FAILED);
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

/* Which write found the pipe closed does not matter, nor what errno was since. */
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
