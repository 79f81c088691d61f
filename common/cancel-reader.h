/* cancel-reader.h - a file or pipe that one thread reads and another can end the reading of: a pipe may be silent for
 * ever.
 *
 *   cancel_reader_open(&in, path, e);           "-" is standard input; the writer of a fifo is not waited for
 *   in.stop = &stop;                    a wait that finds it not 0 ends within a second; may be NULL
 *   struct fmt_reader io = cancel_reader_callbacks(&in);
 *   ... in the reading thread: io.read fails once it has been called back ...
 *   cancel_reader_cancel(&in);                     from any thread: ends the wait there is, and all that come
 *   cancel_reader_close(&in);                   when nobody reads
 */
#ifndef CANCEL_READER_H
#define CANCEL_READER_H

#include "file.h"

struct cancel_reader {
    struct file file;
    int wake; /* eventfd: can be read once the end was asked for */
    const _Atomic int *stop;
};

int cancel_reader_open(struct cancel_reader *in, const char *path, struct fmt_error *e);
struct fmt_reader cancel_reader_callbacks(struct cancel_reader *in); /* in must outlive it */
void cancel_reader_cancel(struct cancel_reader *in);
void cancel_reader_close(struct cancel_reader *in);

#endif
