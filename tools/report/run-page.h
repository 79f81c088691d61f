/* run-page.h - a training run as a page: losses, rates, signs of collapse, scores while it ran (dino-train). */
#ifndef RUN_PAGE_H
#define RUN_PAGE_H

#include "page.h"

/* folder: of the run. A file of it that is not there, or has no lines yet, leaves out its section; without
 * training_metrics.json it is no run: FMT_INVALID. Lines that cannot be read are passed over and counted. */
int run_page(struct page *p, const char *folder, struct fmt_error *e);

#endif
