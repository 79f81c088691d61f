/* cancel-reader.c - waits by poll for data or for the wake-up event, whichever comes first, and reads what is there. */
#include "cancel-reader.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STOP_CHECK_MS = 1000 }; /* interval of checks of `stop`: a signal does not interrupt the wait */

/* 0: data or the end of the stream are there; -1 and errno: cancelled or failed. */
static int wait_for_data(const struct cancel_reader *in)
{
    struct pollfd fds[2] = {{.fd = in->file.fd, .events = POLLIN}, {.fd = in->wake, .events = POLLIN}};
    while (!in->stop || !*in->stop) {
        int n = poll(fds, 2, STOP_CHECK_MS);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0 && fds[1].revents)
            break;
        if (n > 0)
            return 0;
    }
    errno = ECANCELED;
    return -1;
}

static int64_t read_some(void *arg, void *buffer, size_t n)
{
    struct cancel_reader *in = arg;
    struct fmt_reader io = file_reader(&in->file);
    for (;;) {
        if (wait_for_data(in)) {
            in->file.error_number = errno;
            return -1;
        }
        int64_t got = io.read(io.arg, buffer, n);
        if (got >= 0 || errno != EAGAIN)
            return got;
    }
}

int cancel_reader_open(struct cancel_reader *in, const char *path, struct fmt_error *e)
{
    *in = (struct cancel_reader){.wake = -1};
    int status = file_open_nowait(&in->file, path, e);
    if (status)
        return status;
    in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (in->wake >= 0)
        return 0;
    status = fmt_fail(e, FMT_IO, "%.250s: cannot make reads cancellable: %s", path, strerror(errno));
    file_close(&in->file);
    return status;
}

struct fmt_reader cancel_reader_callbacks(struct cancel_reader *in)
{
    if (in->file.regular) /* never makes a reader wait */
        return file_reader(&in->file);
    return (struct fmt_reader){in, read_some, NULL, UINT64_MAX};
}

void cancel_reader_cancel(struct cancel_reader *in)
{
    eventfd_write(in->wake, 1);
}

void cancel_reader_close(struct cancel_reader *in)
{
    file_close(&in->file);
    close(in->wake);
    in->wake = -1;
}
