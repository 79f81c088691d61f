/* foreign.h - the device for tests whose memory the host cannot reach (foreign.c). */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <stdint.h>

#include "backend.h"

extern const struct backend backend_foreign;

/* Copies between host and device of all contexts so far. */
int64_t foreign_copies(void);

#endif
