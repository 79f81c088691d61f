/* backend.h - what a device fills in: memory, copies, waiting, and a function for each operation of ops.def. Shapes and
 * types were checked by op.c, so a backend's function is its loop and nothing else. The CPU is the reference
 * (kernels/cpu); op.h says how another one is added.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"
#include "pixel-norm.h"
#include "tensor.h"
#include "thread.h"

struct op_ctx;
struct prototype_layer; /* prototypes.h */
struct prototype_pairs;
struct prototype_targets;
struct prototype_collapse;
struct koleo_result;
struct update; /* update.h */
struct nearest; /* nearest.h */
struct nearest_host_work;
struct regression_data; /* regression.h */

enum { BACKEND_TEXT = 400 }; /* characters of a warning */

struct backend {
    const char *name; /* "cpu" */

    /* Once, before any other thread is started. Fails here if this machine cannot run the operations. */
    int (*open)(struct fmt_error *e);
    /* What the first products would otherwise begin with: the CPU generates code. In any thread, beside other work.
     * NULL: nothing. */
    void (*prepare)(void);
    /* A sentence for a warning, if the environment makes results differ from those without it; else NULL. */
    const char *(*environment)(char text[BACKEND_TEXT]);

    /* Zeroed memory; FMT_MEMORY if there is not enough. */
    int (*reserve)(struct device_address *at, size_t bytes, struct fmt_error *e);
    void (*release)(struct device_address at, size_t bytes);
    void (*set_usable)(struct device_address at, size_t bytes, bool usable); /* red-zone.h; NULL: does nothing */
    /* Whether reserved memory holds all of them; NULL: cannot tell. Every operand of an operation is asked about. */
    bool (*owns)(struct device_address at, size_t bytes);

    /* Copies in the order of the operations of a context. copy_in has read the host's memory when it returns;
     * copy_out waits for earlier operations. */
    void (*copy_in)(struct op_ctx *c, struct device_address to, const void *host, size_t bytes);
    void (*copy_out)(struct op_ctx *c, void *host, struct device_address from, size_t bytes);
    void (*sync)(struct op_ctx *c); /* waits and reports what failed; NULL: nothing to wait for */

    /* Bytes of a packed weight [N,K] (op_pack) of F32, BF16 or I8; 0: there is none of this type. */
    size_t (*packed_bytes)(enum dtype dtype, int64_t N, int64_t K);
    bool (*supports)(enum dtype dtype); /* whether there are products of BF16, of I8 */
    bool (*is_fast)(enum dtype dtype);  /* whether these are faster than those of F32 */
    bool computes_in_host_memory; /* its addresses are those of the host (op_borrow) */
    bool batch_changes_bits; /* results of an image depend on the batch size */

#define OP(name, params, args) void(*name) params;
#include "ops.def"
#undef OP
};

/* What a tool computes on, passed down from its main (device_open). */
struct device {
    const struct backend *backend;
    struct thread_pool *pool; /* threads of the host; the CPU backend computes with them */
};
#endif
