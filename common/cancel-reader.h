/* cancel-reader.h - reading a file or pipe in one thread so that another thread can end it: a pipe may be silent for
 * ever.
 *
 *   cancel_reader_open(&in, path, e);      "-" is standard input; does not wait for the writer of a fifo
 *   in.stop = &stop;                       a wait ends within a second after this becomes nonzero; may be NULL
 *   struct fmt_reader io = cancel_reader_callbacks(&in);
 *   ... the reading thread: io.read fails with ECANCELED once it is cancelled ...
 *   cancel_reader_cancel(&in);             from any thread: ends the current wait and all later ones
 *   cancel_reader_close(&in);              when no thread reads
 */
#ifndef CANCEL_READER_H
#define CANCEL_READER_H

#include "file.h"

struct cancel_reader {
    struct file file;
    int wake; /* eventfd: readable once the reader is cancelled */
    const _Atomic int *stop;
};

int cancel_reader_open(struct cancel_reader *in, const char *path, struct fmt_error *e);
struct fmt_reader cancel_reader_callbacks(struct cancel_reader *in); /* in must outlive it */
void cancel_reader_cancel(struct cancel_reader *in);
void cancel_reader_close(struct cancel_reader *in);

#endif
