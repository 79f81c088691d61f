/* foreign.c - a device for tests, "foreign", whose memory the host cannot reach: pages without access, opened while an
 * operation or a copy is running and closed again when the last one ends. The CPU's functions compute. What the host
 * reads or writes of it outside of these crashes at once, and an operation refuses an operand in other memory; between
 * processes and machines a device would not crash but give wrong numbers.
 *
 * Linked into programs for tests in the place of kernels/device/device-list.c.
 */
#include "foreign.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "cpu.h"
#include "device.h"
#include "msg.h"

enum { BLOCKS_MAX = 1024 };

static struct block {
    void *p;
    size_t bytes;
} block[BLOCKS_MAX];
static int n_blocks, n_at_work; /* blocks of memory; operations and copies, of all threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t n_copies;

int64_t foreign_copies(void)
{
    return n_copies;
}

static void protect(int access)
{
    for (int i = 0; i < n_blocks; i++)
        if (mprotect(block[i].p, block[i].bytes, access))
            msg_bug("foreign: mprotect");
}

static void open_memory(void)
{
    pthread_mutex_lock(&lock);
    if (n_at_work++ == 0)
        protect(PROT_READ | PROT_WRITE);
    pthread_mutex_unlock(&lock);
}

static void close_memory(void)
{
    pthread_mutex_lock(&lock);
    if (--n_at_work == 0)
        protect(PROT_NONE);
    pthread_mutex_unlock(&lock);
}

static int foreign_reserve(struct device_address *at, size_t bytes, struct fmt_error *e)
{
    pthread_mutex_lock(&lock);
    int access = n_at_work ? PROT_READ | PROT_WRITE : PROT_NONE;
    void *p = mmap(NULL, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool good = p != MAP_FAILED && n_blocks < BLOCKS_MAX;
    if (good) {
        block[n_blocks++] = (struct block){p, bytes};
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice: fewer pages to open and close */
    }
    pthread_mutex_unlock(&lock);
    if (!good)
        return fmt_fail(e, FMT_MEMORY, "out of memory on the foreign device");
    at->at = (uintptr_t)p;
    return 0;
}

static void foreign_release(struct device_address at, size_t bytes)
{
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < n_blocks && (uintptr_t)block[i].p != at.at)
        i++;
    if (i == n_blocks || block[i].bytes != bytes)
        msg_bug("foreign: memory is released that was not reserved so");
    cpu_set_usable(at, bytes, true);
    munmap(block[i].p, bytes);
    block[i] = block[--n_blocks];
    pthread_mutex_unlock(&lock);
}

static bool foreign_owns(struct device_address at, size_t bytes)
{
    bool owned = false;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_blocks && !owned; i++) {
        uintptr_t first = (uintptr_t)block[i].p;
        owned = at.at >= first && at.at - first < block[i].bytes && bytes <= block[i].bytes - (at.at - first);
    }
    pthread_mutex_unlock(&lock);
    return owned;
}

static void foreign_copy_in(struct op_ctx *c, struct device_address to, const void *host, size_t bytes)
{
    n_copies++;
    open_memory();
    cpu_copy_in(c, to, host, bytes);
    close_memory();
}

static void foreign_copy_out(struct op_ctx *c, void *host, struct device_address from, size_t bytes)
{
    n_copies++;
    open_memory();
    cpu_copy_out(c, host, from, bytes);
    close_memory();
}

static int foreign_open(struct fmt_error *e)
{
    return backend_cpu.open(e);
}

static const char *foreign_environment(char text[BACKEND_TEXT])
{
    return backend_cpu.environment(text);
}

static void foreign_sync(struct op_ctx *c)
{
    backend_cpu.sync(c);
}

static size_t foreign_packed_bytes(enum dtype dtype, int64_t N, int64_t K)
{
    return backend_cpu.packed_bytes(dtype, N, K);
}

static bool foreign_supports(enum dtype dtype)
{
    return backend_cpu.supports(dtype);
}

static bool foreign_is_fast(enum dtype dtype)
{
    return backend_cpu.is_fast(dtype);
}

#define OP(name, params, args)         \
    static void foreign_##name params  \
    {                                  \
        open_memory();                 \
        backend_cpu.name args;         \
        close_memory();                \
    }
#include "ops.def"
#undef OP

const struct backend backend_foreign = {
    .name = "foreign",
    .open = foreign_open,
    .environment = foreign_environment,
    .reserve = foreign_reserve,
    .release = foreign_release,
    .set_usable = cpu_set_usable,
    .owns = foreign_owns,
    .copy_in = foreign_copy_in,
    .copy_out = foreign_copy_out,
    .sync = foreign_sync,
    .packed_bytes = foreign_packed_bytes,
    .supports = foreign_supports,
    .is_fast = foreign_is_fast,
    .batch_changes_bits = true,
#define OP(name, params, args) .name = foreign_##name,
#include "ops.def"
#undef OP
};

const struct backend *const device_list[] = {&backend_cpu, &backend_foreign, NULL};
