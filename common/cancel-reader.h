/* cancel-reader.h - a file or pipe that one thread reads and another can end the reading of: a pipe may be silent for
 * ever.
 *
 *   inlet_open(&in, path, e);           "-" is standard input; the writer of a fifo is not waited for
 *   in.stop = &stop;                    a wait that finds it not 0 ends within a second; may be NULL
 *   struct fmt_reader io = inlet_reader(&in);
 *   ... in the reading thread: io.read fails once it has been called back ...
 *   inlet_end(&in);                     from any thread: ends the wait there is, and all that come
 *   inlet_close(&in);                   when nobody reads
 */
#ifndef CANCEL_READER_H
#define CANCEL_READER_H

#include "file.h"

struct inlet {
    struct file file;
    int wake; /* eventfd: can be read once the end was asked for */
    const _Atomic int *stop;
};

int inlet_open(struct inlet *in, const char *path, struct fmt_error *e);
struct fmt_reader inlet_reader(struct inlet *in); /* in must outlive it */
void inlet_end(struct inlet *in);
void inlet_close(struct inlet *in);

#endif
