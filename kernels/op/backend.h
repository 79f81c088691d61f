/* backend.h - what a device fills in: a function for each operation of ops.def. Shapes and types were checked by op.c,
 * so a backend's function is its loop and nothing else. The CPU is the reference.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "pixel-norm.h"
#include "tensor.h"

struct op_ctx;
struct prototype_layer; /* prototypes.h */
struct prototype_pairs;
struct prototype_targets;
struct prototype_collapse;
struct update; /* update.h */

struct backend {
    const char *name; /* "cpu" */
    void (*sync)(struct op_ctx *c);     /* waits; NULL: nothing is asynchronous */
    bool (*prefers_transposed_weights)(void); /* whether forward products gain from them (tensor.h) */
#define OP(name, params, args) void(*name) params;
#include "ops.def"
#undef OP
};

/* "auto", "cpu"; NULL with FMT_UNSUPPORTED for a device that this build or machine does not have. */
const struct backend *backend_find(const char *device, struct fmt_error *e);

extern const struct backend backend_cpu;

#endif
