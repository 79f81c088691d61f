/* batch-loader-views.h - views as a source of batches (a part of batch-loader.c): do they fit the settings, and where
 * to begin. */
#ifndef BATCH_LOADER_VIEWS_H
#define BATCH_LOADER_VIEWS_H

#include <stdbool.h>

#include "config.h"
#include "cancel-reader.h"
#include "views.h"

struct batch_loader_views {
    struct cancel_reader input;
    struct views file;
    bool placed; /* skipped to the first step */
};

/* "-", a pipe, or a file that says it holds views. */
bool batch_loader_views_is(const char *path);

/* stop (may be NULL) ends the wait for a header: FMT_STOPPED. */
int batch_loader_views_open(struct batch_loader_views *v, const char *path, const struct config *c, int64_t first_step,
                      const _Atomic int *stop, struct fmt_error *e);
/* The batch of this step; steps are asked for in order. batch_loader_views_end makes it fail, from another thread. */
int batch_loader_views_read(struct batch_loader_views *v, int64_t step, struct views_batch *batch, struct fmt_error *e);
/* Reads the end behind the last batch that is wanted, so that who writes into the pipe finds it open. */
void batch_loader_views_drain(struct batch_loader_views *v);
void batch_loader_views_end(struct batch_loader_views *v);
void batch_loader_views_close(struct batch_loader_views *v);

#endif
