/* backend.h - what a device fills in: raw-pointer versions of the operations in ops.def. Shapes were checked by op.c,
 * so a backend function is its loop and nothing else. CPU is the reference; the place of others is beside cpu/.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

struct op_ctx;
struct prototypes;         /* prototypes.h */
struct prototypes_pairs;
struct prototypes_targets;
struct prototypes_collapse;
struct update;        /* update.h */

struct backend {
    const char *name; /* "cpu" */
    void (*sync)(struct op_ctx *c);     /* waits; NULL: nothing is asynchronous */
    bool (*turns_weights)(void);        /* whether forward products gain from turned weights (tensor.h) */
#define OP(name, params) void(*name) params;
#include "ops.def"
#undef OP
};

/* "auto", "cpu"; NULL with FMT_UNSUPPORTED for a device that this build or machine does not have. */
const struct backend *backend_find(const char *device, struct fmt_error *e);

extern const struct backend backend_cpu;

#endif
