/* device-arena.c - one block of a device's memory. Under the address sanitizer what is not taken is out of bounds,
 * where the backend can say so (red-zone.h). */
#include "device-arena.h"

#include "arena.h"
#include "backend.h"
#include "msg.h"
#include "num.h"

static void guard(const struct device_arena *a, struct device_address at, size_t bytes, bool usable)
{
    if (a->backend->set_usable)
        a->backend->set_usable(at, bytes, usable);
}

int device_arena_init(struct device_arena *a, const struct backend *backend, size_t bytes, struct fmt_error *e)
{
    struct device_arena fresh = {.backend = backend, .size = bytes ? bytes : ARENA_ALIGN};
    int status = backend->reserve(&fresh.base, fresh.size, e);
    if (status)
        return status;
    *a = fresh;
    guard(a, a->base, a->size, false);
    return 0;
}

void device_arena_release(struct device_arena *a)
{
    if (a->base.at)
        a->backend->release(a->base, a->size);
    *a = (struct device_arena){0};
}

static size_t bytes_of(enum dtype dtype, int n_dims, const int64_t *dims)
{
    size_t bytes = dtype_bytes(dtype);
    for (int i = 0; i < n_dims; i++)
        if (dims[i] < 0 || !num_mul(bytes, (size_t)dims[i], &bytes))
            msg_bug("device arena: a size that does not fit into memory");
    return bytes;
}

void device_arena_borrow(struct device_arena *a, const struct backend *backend, struct tensor memory)
{
    bool planned = memory.data.at == 0;
    *a = (struct device_arena){.backend = planned ? NULL : backend, .base = memory.data, .high = a->high,
                               .size = bytes_of(memory.dtype, memory.n_dims, memory.dims)};
    if (!planned)
        guard(a, a->base, a->size, false);
}

void device_arena_return(struct device_arena *a)
{
    if (a->base.at)
        guard(a, a->base, a->size, true);
    *a = (struct device_arena){.high = a->high};
}

struct tensor device_arena_take(struct device_arena *a, enum dtype dtype, int n_dims, const int64_t *dims)
{
    struct tensor t = {.dtype = dtype, .n_dims = n_dims};
    size_t bytes = bytes_of(dtype, n_dims, dims), first = arena_advance(&a->used, &a->high, bytes);
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = dims[i];
    if (device_arena_planning(a))
        return t;
    if (a->used > a->size)
        msg_bug("device arena: more taken than planned");
    t.data.at = a->base.at + first;
    guard(a, t.data, bytes, true);
    guard(a, (struct device_address){t.data.at + bytes}, a->used - first - bytes, false);
    return t;
}
