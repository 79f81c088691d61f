/* text-log.c - whole lines by single writes in append mode, so that lines of two processes do not mix. */
#include "text-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "printable.h"
#include "file.h"

/* A fifo that nobody reads is an error at once, and one that is full a failed write. */
enum { FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC };

int text_log_open(struct text_log *j, const char *directory, struct fmt_error *e)
{
    char *path = file_join(directory, "log.txt");
    *j = (struct text_log){.fd = path ? open(path, FLAGS, 0666) : -1};
    int status = !path ? fmt_no_memory(e) : j->fd < 0 ? file_fail(path, e) : 0;
    free(path);
    return status;
}

void text_log_add(struct text_log *j, const char *text)
{
    char line[1200], when[40] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (j->fd < 0)
        return;
    if (localtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &parts);
    int n = snprintf(line, sizeof line, "[%s] %.1100s\n", when, text);
    printable_text(line, (size_t)n - 1);
    if (write(j->fd, line, (size_t)n) != n && !j->error_number)
        j->error_number = errno ? errno : ENOSPC;
}

void text_log_close(struct text_log *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}
