/* views-input.h - views as a source of batches (a part of batch-loader.c): do they fit the settings, and where
 * to begin. */
#ifndef VIEWS_INPUT_H
#define VIEWS_INPUT_H

#include <stdbool.h>

#include "config.h"
#include "cancel-reader.h"
#include "views.h"

struct views_input {
    struct cancel_reader input;
    struct views file;
    bool placed; /* skipped to the first step */
};

/* "-", a pipe, or a file that says it holds views. */
bool views_input_is(const char *path);

/* stop (may be NULL) ends the wait for a header: FMT_STOPPED. */
int views_input_open(struct views_input *v, const char *path, const struct config *c, int64_t first_step,
                      const _Atomic int *stop, struct fmt_error *e);
/* The batch of this step; steps are asked for in order. views_input_cancel makes it fail, from another thread. */
int views_input_read(struct views_input *v, int64_t step, struct views_batch *batch, struct fmt_error *e);
/* Reads the end behind the last batch that is wanted, so that who writes into the pipe finds it open. */
void views_input_drain(struct views_input *v);
void views_input_cancel(struct views_input *v);
void views_input_close(struct views_input *v);

#endif
