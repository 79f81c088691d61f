/* memory.c - the CPU's memory is the host's: addresses are pointers, copies are memcpy, nothing is waited for. */
#include <string.h>

#include "arena.h"
#include "cpu.h"
#include "red-zone.h"

int cpu_reserve(struct device_address *at, size_t bytes, struct fmt_error *e)
{
    struct arena block = {0};
    int status = arena_init(&block, bytes, e);
    at->at = (uintptr_t)block.base;
    return status;
}

void cpu_release(struct device_address at, size_t bytes)
{
    struct arena block = {.base = (uint8_t *)at.at, .size = bytes};
    arena_release(&block);
}

void cpu_set_usable(struct device_address at, size_t bytes, bool usable)
{
    red_zone_set((const void *)at.at, bytes, usable);
}

void *cpu_take(struct op_ctx *c, int64_t n, size_t bytes_each)
{
    return cpu_data(TENSOR_TAKE(c->scratch, DTYPE_U8, n, (int64_t)bytes_each));
}

void cpu_copy_in(struct op_ctx *c, struct device_address to, const void *host, size_t bytes)
{
    (void)c;
    memcpy((void *)to.at, host, bytes);
}

void cpu_copy_out(struct op_ctx *c, void *host, struct device_address from, size_t bytes)
{
    (void)c;
    memcpy(host, (const void *)from.at, bytes);
}
