/* run-log.c - each line is one write in append mode, so that lines of two processes do not mix. */
#include "run-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "printable.h"

static const char file_name[] = "log.txt";

/* A fifo without a reader is an error at once, and a full one a failed write. */
enum { FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC };

int run_log_open(struct run_log *log, const char *directory, struct fmt_error *e)
{
    log->directory = directory;
    char *path = file_join(directory, file_name);
    log->fd = path ? open(path, FLAGS, 0666) : -1;
    int status = !path ? fmt_no_memory(e) : log->fd < 0 ? file_fail(path, e) : 0;
    free(path);
    return status;
}

static void print(const struct run_log *log, enum run_log_level level, const char *text)
{
    if (log->print && level != RUN_FILE_ONLY)
        log->print(log->arg, level, text);
}

/* 0, or errno. */
static int append(int fd, const char *text)
{
    char line[1200], when[40] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    int n = snprintf(line, sizeof line, "[%s] %.1100s\n", when, text);
    printable_text(line, (size_t)n - 1);
    errno = 0;
    if (write(fd, line, (size_t)n) == n)
        return 0;
    return errno ? errno : ENOSPC; /* a part of the line */
}

void run_log(struct run_log *log, enum run_log_level level, const char *format, ...)
{
    char text[1000], warning[500];
    va_list ap;
    if (log->rank > 0 && level != RUN_OWN_WARNING && level != RUN_ERROR)
        return;
    int n = log->rank > 0 ? snprintf(text, sizeof text, "rank %d: ", log->rank) : 0;
    va_start(ap, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, ap);
    va_end(ap);
    int error_number = log->fd < 0 ? 0 : append(log->fd, text);
    if (error_number && !log->failed) {
        log->failed = true;
        snprintf(warning, sizeof warning, "%.300s/%s: %s; what is said is not kept there", log->directory, file_name,
                 strerror(error_number));
        print(log, RUN_WARNING, warning);
    }
    print(log, level, text);
}

void run_log_close(struct run_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
