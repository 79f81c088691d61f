/* onednn.c - oneDNN in threads of our own, and without memory.
 *
 * The library's own threads (OpenMP) are switched off, which has an effect on the calling thread only, so every thread
 * does it before its first product.
 *
 * The library generates machine code for each primitive, and in the first product of each kind of sgemm. Version 2 ends
 * by SIGSEGV or an exception where it gets no memory for that (it writes to a null pointer). A primitive takes at most
 * 3.3 MiB of address space, sgemm more (gemm.c). So where address space is limited onednn_has_room first takes more
 * than enough, and gives it back. */
#include "onednn.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "msg.h"
#include "resource-limit.h"

/* From the OpenMP library that oneDNN links; not all compilers have its header. */
void omp_set_num_threads(int n);

static _Thread_local bool single;
static atomic_bool out_of_memory;

void onednn_use_this_thread_only(void)
{
    if (single)
        return;
    omp_set_num_threads(1);
    single = true;
}

bool onednn_usable(void)
{
    return !atomic_load_explicit(&out_of_memory, memory_order_relaxed);
}

bool onednn_has_room(int mib)
{
    const size_t bytes = (size_t)mib << 20;
    if (!resource_limit_address_space())
        return true;
    void *reserve = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserve == MAP_FAILED)
        return onednn_check(dnnl_out_of_memory);
    munmap(reserve, bytes);
    return true;
}

bool onednn_check(dnnl_status_t status)
{
    if (status == dnnl_out_of_memory)
        atomic_store(&out_of_memory, true);
    else if (status != dnnl_success)
        msg_bug("gemm: the library refused a product");
    return status == dnnl_success;
}
