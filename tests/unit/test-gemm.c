/* Products of matrices where memory is short, and what the environment says. Each case in a process of its own: the
 * library makes its code once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gemm.h"
#include "isa.h"
#include "op.h"
#include "tap.h"
#include "test-device.h"

/* What work returns, or 128 + the signal that ended it. */
static int in_child(int (*work)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(work());
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int64_t mapped_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* As much address space as is mapped now, and so much more. */
static bool leave(size_t more)
{
    struct rlimit l = {(rlim_t)mapped_bytes() + more, RLIM_INFINITY};
    return mapped_bytes() > 0 && setrlimit(RLIMIT_AS, &l) == 0;
}

static float a[512 * 512], b[512 * 512], c[512 * 512];

static int product(void)
{
    a[0] = 2, b[0] = 3, c[0] = 0;
    gemm_f32(false, false, 512, 512, 512, 1, a, 512, b, 512, 0, c, 512);
    return c[0] == 6;
}

static int too_little(void)
{
    struct fmt_error e = {0};
    if (!leave((size_t)8 << 20))
        return 1;
    if (gemm_open(&e) != FMT_MEMORY || !strstr(e.text, "MiB of address space"))
        return 2;
    return 0;
}

static int enough(void)
{
    struct fmt_error e = {0};
    return !leave((size_t)48 << 20) ? 1 : gemm_open(&e) ? 2 : !product() ? 3 : gemm_status(&e) ? 4 : 0;
}

/* No memory is left for the workspace of a product: it is not made, and that is reported, by operations too. */
static int used_up(void)
{
    struct fmt_error e = {0}, late = {0};
    struct op_ctx ctx = {.backend = test_backend()};
    if (!leave((size_t)48 << 20) || gemm_open(&e) || op_sync(&ctx, &e))
        return 1;
    for (size_t bytes = (size_t)1 << 24; bytes >= 16; bytes /= 2)
        while (malloc(bytes))
            ;
    if (product())
        return 2;
    if (gemm_status(&late) != FMT_MEMORY || !strstr(late.text, "out of memory"))
        return 3;
    return op_sync(&ctx, &e) == FMT_MEMORY ? 0 : 4;
}

static int environment(void)
{
    char text[GEMM_ENVIRONMENT_TEXT];
    static const char *const names[] = {
        "ONEDNN_MAX_CPU_ISA",  "DNNL_MAX_CPU_ISA",           "ONEDNN_CPU_ISA_HINTS",
        "DNNL_CPU_ISA_HINTS",  "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE",
    };
    for (int i = 0; i < 6; i++)
        unsetenv(names[i]);
    if (gemm_environment(text))
        return 1;
    setenv("ONEDNN_MAX_CPU_ISA", "all", 1);
    setenv("DNNL_DEFAULT_FPMATH_MODE", "STRICT", 1);
    setenv("DNNL_CPU_ISA_HINTS", "", 1);
    if (gemm_environment(text))
        return 2;
    for (int i = 0; i < 6; i++)
        setenv(names[i], "a value that is much longer than any that the library knows", 1);
    if (!gemm_environment(text))
        return 3;
    for (int i = 0; i < 6; i++)
        if (!strstr(text, names[i]))
            return 4;
    return 0;
}

/* How weights are laid out changes bits, so a lesser set of instructions for our own loops must not change it. */
static int prefers_transposed_base(void)
{
    setenv("DINOTOOLS_ISA", "base", 1);
    return isa_best() != ISA_BASE ? 2 : gemm_prefers_transposed();
}

static int prefers_transposed(void)
{
    unsetenv("DINOTOOLS_ISA");
    return gemm_prefers_transposed();
}

int main(void)
{
    if (mapped_bytes() > (int64_t)1 << 40) {
        skip("a sanitizer takes all address space", "little memory");
    } else {
        is_int(in_child(too_little), 0, "too little for the library's code is an error");
        is_int(in_child(enough), 0, "with enough a product is made");
        is_int(in_child(used_up), 0, "a product without a workspace is an error");
    }
    is_int(in_child(environment), 0, "variables that change results are named");
    is_int(in_child(prefers_transposed_base), in_child(prefers_transposed),
           "DINOTOOLS_ISA does not decide whether weights are transposed");
    return tap_done();
}
