/* views-input.h - views as the input of a batch loader: do they fit the settings, and their batches from a step on.
 *
 *   views_input_open(&v, path, config, first_batch, &stop, e);
 *   views_input_read(&v, i_batch, &batch, e);  in the reading thread, in ascending order
 *   views_input_cancel(&v);                    from any thread: ends a wait for a silent pipe
 *   views_input_close(&v);                     when nobody reads
 */
#ifndef VIEWS_INPUT_H
#define VIEWS_INPUT_H

#include <stdbool.h>

#include "cancel-reader.h"
#include "config.h"
#include "views.h"

struct views_input {
    struct cancel_reader input;
    struct views file;
    int over; /* why reading has ended */
};

bool views_input_is_pipe(const char *path); /* "-", or neither a file nor a folder */
bool views_input_is(const char *path);      /* a pipe, or a file that begins as views do */

/* FMT_MISMATCH: made with other settings, or beginning after first_batch. stop (may be NULL) ends the wait for a
 * header: FMT_STOPPED. */
int views_input_open(struct views_input *v, const char *path, const struct config *c, int64_t first_batch,
                     const _Atomic int *stop, struct fmt_error *e);
/* FMT_END: there are no more. After a failure all later calls fail the same way. */
int views_input_read(struct views_input *v, int64_t i_batch, struct views_batch *batch, struct fmt_error *e);
/* Reads the end mark that follows the last batch, so that the writer of a pipe can write it. Does nothing after a
 * failure. */
void views_input_drain(struct views_input *v);
void views_input_cancel(struct views_input *v);
void views_input_close(struct views_input *v);

#endif
