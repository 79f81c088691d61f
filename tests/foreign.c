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

/* All memory is of one range of addresses in whole huge pages, so that opening it is a few entries of a few calls. */
#define RANGE_BYTES ((size_t)64 << 30)
#define PAGE ((size_t)2 << 20)

enum { BLOCKS_MAX = 1024 };

static struct block {
    uintptr_t at;
    size_t bytes, span; /* as reserved; in whole pages */
} block[BLOCKS_MAX]; /* by address */
static uintptr_t range; /* 0: not yet reserved */
static int n_blocks, n_at_work; /* blocks of memory; operations and copies, of all threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t n_copies;

int64_t foreign_copies(void)
{
    return n_copies;
}

static void protect(uintptr_t at, size_t bytes, int access)
{
    if (mprotect((void *)at, bytes, access))
        msg_bug("foreign: mprotect");
}

static void protect_all(int access)
{
    for (int i = 0, next; i < n_blocks; i = next) {
        size_t span = block[i].span;
        for (next = i + 1; next < n_blocks && block[next].at == block[i].at + span; next++)
            span += block[next].span;
        protect(block[i].at, span, access);
    }
}

static void open_memory(void)
{
    pthread_mutex_lock(&lock);
    if (n_at_work++ == 0)
        protect_all(PROT_READ | PROT_WRITE);
    pthread_mutex_unlock(&lock);
}

static void close_memory(void)
{
    pthread_mutex_lock(&lock);
    if (--n_at_work == 0)
        protect_all(PROT_NONE);
    pthread_mutex_unlock(&lock);
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static bool reserve_range(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (range)
        return true;
    void *p = mmap(NULL, RANGE_BYTES, PROT_NONE, flags, -1, 0);
    if (p == MAP_FAILED)
        return false;
    range = whole_pages((uintptr_t)p);
    (void)madvise(p, RANGE_BYTES, MADV_HUGEPAGE); /* advice */
    return true;
}

/* Takes the first gap that is large enough; NULL: there is none. */
static const struct block *take_block(size_t bytes)
{
    struct block new = {range, bytes, whole_pages(bytes)};
    int i = 0;
    for (; i < n_blocks && block[i].at - new.at < new.span; i++)
        new.at = block[i].at + block[i].span;
    if (n_blocks == BLOCKS_MAX || new.span > range + RANGE_BYTES - PAGE - new.at) /* PAGE: range was rounded up */
        return NULL;
    for (int k = n_blocks++; k > i; k--)
        block[k] = block[k - 1];
    block[i] = new;
    return &block[i];
}

static int foreign_reserve(struct device_address *at, size_t bytes, struct fmt_error *e)
{
    pthread_mutex_lock(&lock);
    const struct block *b = bytes < RANGE_BYTES && reserve_range() ? take_block(bytes) : NULL;
    if (b) {
        at->at = b->at;
        if (n_at_work)
            protect(b->at, b->span, PROT_READ | PROT_WRITE);
    }
    pthread_mutex_unlock(&lock);
    return b ? 0 : fmt_fail(e, FMT_MEMORY, "out of memory on the foreign device");
}

static void foreign_release(struct device_address at, size_t bytes)
{
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < n_blocks && block[i].at != at.at)
        i++;
    if (i == n_blocks || block[i].bytes != bytes)
        msg_bug("foreign: memory is released that was not reserved so");
    cpu_set_usable(at, bytes, true);
    protect(at.at, block[i].span, PROT_NONE);
    if (madvise((void *)at.at, block[i].span, MADV_DONTNEED)) /* the next block there is zeros */
        msg_bug("foreign: madvise");
    for (n_blocks--; i < n_blocks; i++)
        block[i] = block[i + 1];
    pthread_mutex_unlock(&lock);
}

static bool foreign_owns(struct device_address at, size_t bytes)
{
    bool owned = false;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_blocks && !owned; i++) {
        uintptr_t first = block[i].at;
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
