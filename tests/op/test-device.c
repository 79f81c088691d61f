/* Memory of a device: arenas of tensors, views, copies, devices by name; and that the foreign device (foreign.c), with
 * which other tests prove that the host leaves a device's memory alone, crashes where it does not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "foreign.h"
#include "op.h"
#include "tap.h"

/* ---- views and arenas ---- */

static void test_views(void)
{
    struct tensor t = {.data = {4096}, .dtype = DTYPE_F64, .n_dims = 2, .dims = {10, 3}}, none = t;
    struct tensor rows = tensor_rows(t, 4, 2), flat = TENSOR_SHAPED(rows, 6);
    char text[96];
    is_int((int64_t)rows.data.at, 4096 + 4 * 3 * 8, "rows start at their address");
    is_text(tensor_text(rows, text), "F64 [2,3]", "and are as many as asked for");
    is_text(tensor_text(flat, text), "F64 [6]", "the same elements in another shape");
    is_int((int64_t)flat.data.at, (int64_t)rows.data.at, "at the same address");
    none.data.at = 0;
    is_int((int64_t)tensor_rows(none, 4, 2).data.at, 0, "a view of a tensor without memory has none");
}

static void take_three(struct device_arena *a, struct tensor t[3])
{
    t[0] = TENSOR_TAKE(a, DTYPE_F32, 5, 3);
    size_t mark = a->used;
    t[1] = TENSOR_TAKE(a, DTYPE_I64, 1000);
    a->used = mark;
    t[2] = TENSOR_TAKE(a, DTYPE_U8, 7);
}

static void test_arena(const struct backend *backend)
{
    struct device_arena a = {0};
    struct fmt_error e = {0};
    struct tensor plan[3], t[3];
    take_three(&a, plan);
    ok(device_arena_planning(&a) && !plan[0].data.at && !plan[2].data.at, "%s: a plan takes no memory", backend->name);
    ok(a.high >= 8000 + 60 && a.used < a.high, "but counts it");
    if (!ok(device_arena_init(&a, backend, a.high, &e) == 0, "memory %s", e.text))
        return;
    take_three(&a, t);
    ok(t[0].data.at % 64 == 0 && t[1].data.at % 64 == 0 && t[2].data.at == t[1].data.at,
       "tensors are aligned; what was given back is taken again");
    ok(tensor_same_shape(t[0], plan[0]) && a.used <= a.size, "as planned");
    device_arena_release(&a);
    ok(device_arena_planning(&a), "released");
}

/* ---- copies ---- */

static void test_copies(const struct backend *backend)
{
    struct device_arena memory = {0}, scratch = {0};
    struct op_ctx c = {.backend = backend, .scratch = &scratch};
    float in[6] = {1, 2, 3, 4, 5, 6}, out[6] = {0}, row[3] = {7, 8, 9};
    op_copy_out(&c, out, (struct tensor){.dtype = DTYPE_F32, .n_dims = 1, .dims = {6}});
    ok(out[0] == 0 && op_sync(&c, NULL) == 0, "%s: nothing is copied while planning", backend->name);
    if (device_arena_init(&memory, backend, 4096, NULL) || device_arena_init(&scratch, backend, 4096, NULL))
        abort();
    struct tensor t = TENSOR_TAKE(&memory, DTYPE_F32, 2, 3);
    op_copy_out(&c, out, t);
    ok(out[0] == 0 && out[5] == 0, "fresh memory is zero");
    op_copy_in(&c, t, in);
    op_copy_in(&c, tensor_rows(t, 1, 1), row);
    op_copy_out(&c, out, t);
    ok(op_sync(&c, NULL) == 0 && out[0] == 1 && out[2] == 3 && out[3] == 7 && out[5] == 9,
       "in, a part of it again, and out");
    op_copy_in(&c, (struct tensor){.dtype = DTYPE_F32, .n_dims = 1, .dims = {6}}, in);
    ok(op_sync(&c, NULL) == FMT_MISMATCH, "a tensor without memory is refused");
    device_arena_release(&memory);
    device_arena_release(&scratch);
}

/* ---- devices by name ---- */

static int n_warnings;

static void warn(const char *format, ...)
{
    (void)format;
    n_warnings++;
}

static void test_names(void)
{
    struct device d;
    struct fmt_error e = {0};
    ok(device_open(&d, "auto", 2, warn, &e) == 0 && strcmp(d.backend->name, "cpu") == 0, "auto is the CPU");
    is_int(thread_workers(d.pool), 2, "with threads");
    device_close(&d);
    ok(device_open(&d, "abacus", 1, warn, &e) == FMT_UNSUPPORTED, "an unknown device");
    is_text(e.text, "abacus: this build has no such device, only cpu, foreign", "is reported with those there are");
    setenv("ONEDNN_MAX_CPU_ISA", "SSE41", 1);
    ok(device_open(&d, "cpu", 1, warn, &e) == 0 && n_warnings == 1, "a warning if the environment changes results");
    unsetenv("ONEDNN_MAX_CPU_ISA");
    device_close(&d);
}

/* ---- the foreign device ---- */

/* A stray access, in a child: the signal that ended it, which the address sanitizer would catch. */
static int signal_of_child(void (*access)(volatile char *p), uintptr_t at)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        access((volatile char *)at);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void stray_read(volatile char *p)
{
    (void)*p;
}

static void stray_write(volatile char *p)
{
    *p = 1;
}

static volatile char sink;

static void stray_copy(volatile char *p)
{
    char out[8];
    memcpy(out, (const void *)(uintptr_t)p, sizeof out);
    sink = out[3];
}

static void test_stray_access(void)
{
    struct device_arena memory = {0}, scratch = {0};
    struct op_ctx c = {.backend = &backend_foreign, .scratch = &scratch};
    if (device_arena_init(&memory, c.backend, 4096, NULL) || device_arena_init(&scratch, c.backend, 4096, NULL))
        abort();
    struct tensor t = TENSOR_TAKE(&memory, DTYPE_F32, 8), temporary = TENSOR_TAKE(&scratch, DTYPE_F32, 8);
    float out[8] = {0};
    is_int(signal_of_child(stray_read, t.data.at), SIGSEGV, "a stray read of foreign memory crashes");
    is_int(signal_of_child(stray_write, t.data.at), SIGSEGV, "a stray write, too");
    is_int(signal_of_child(stray_copy, t.data.at), SIGSEGV, "and a copy that is none of op_copy_out");
    is_int(signal_of_child(stray_read, temporary.data.at), SIGSEGV, "scratch of operations is foreign as well");
    op_fill(&c, t, 3);
    op_copy_out(&c, out, t);
    ok(op_sync(&c, NULL) == 0 && out[7] == 3, "operations and named copies reach it");
    is_int(signal_of_child(stray_read, t.data.at), SIGSEGV, "and close it again");
    device_arena_release(&memory);
    device_arena_release(&scratch);
}

/* The other direction: host memory as an operand, which the CPU could not tell from its own. */
static void test_host_operand(void)
{
    struct device_arena memory = {0}, scratch = {0};
    struct op_ctx c = {.backend = &backend_foreign, .scratch = &scratch};
    struct fmt_error e = {0};
    float host[8] = {0};
    if (device_arena_init(&memory, c.backend, 4096, NULL) || device_arena_init(&scratch, c.backend, 4096, NULL))
        abort();
    struct tensor t = TENSOR_TAKE(&memory, DTYPE_F32, 8), stray = t, past = t;
    stray.data.at = (uintptr_t)host;
    past.data.at = memory.base.at + memory.size - sizeof *host;
    op_copy(&c, t, stray);
    ok(op_sync(&c, &e) == FMT_MISMATCH && strstr(e.text, "is not in the memory of the device"), "a host operand: %s",
       e.text);
    op_fill(&c, past, 1);
    ok(op_sync(&c, &e) == FMT_MISMATCH, "an operand that ends outside: %s", e.text);
    op_copy_in(&c, stray, host);
    ok(op_sync(&c, &e) == FMT_MISMATCH, "a copy to host memory: %s", e.text);
    op_copy_out(&c, host, stray);
    ok(op_sync(&c, &e) == FMT_MISMATCH, "a copy from host memory: %s", e.text);
    device_arena_release(&memory);
    device_arena_release(&scratch);
}

/* Workers with contexts of their own, as extraction has them. */
struct worker {
    struct device_arena memory, scratch;
    struct op_ctx c;
    int64_t n_wrong;
};

static void fill_and_check(void *arg, int64_t item, int number)
{
    struct worker *w = (struct worker *)arg + number;
    struct tensor t = TENSOR_TAKE(&w->memory, DTYPE_F32, 1000);
    float out[1000];
    op_fill(&w->c, t, (double)item);
    op_copy_out(&w->c, out, t);
    for (int i = 0; i < 1000; i++)
        w->n_wrong += out[i] != (float)item;
    w->memory.used = 0;
}

static void test_threads(void)
{
    enum { WORKERS = 4 };
    struct thread_pool *pool = thread_open(WORKERS, NULL);
    struct worker w[WORKERS] = {0};
    int64_t n_wrong = 0;
    for (int i = 0; i < WORKERS; i++) {
        w[i].c = (struct op_ctx){.backend = &backend_foreign, .scratch = &w[i].scratch};
        if (device_arena_init(&w[i].memory, &backend_foreign, 8192, NULL) ||
            device_arena_init(&w[i].scratch, &backend_foreign, 4096, NULL))
            abort();
    }
    thread_for(pool, 2000, fill_and_check, w);
    uintptr_t at = w[0].memory.base.at;
    is_int(signal_of_child(stray_read, at), SIGSEGV, "closed when the last of many threads is done");
    for (int i = 0; i < WORKERS; i++) {
        n_wrong += w[i].n_wrong;
        device_arena_release(&w[i].memory);
        device_arena_release(&w[i].scratch);
    }
    is_int(n_wrong, 0, "operations of several threads at once");
    thread_close(pool);
}

int main(void)
{
    test_views();
    for (int i = 0; device_list[i]; i++) {
        test_arena(device_list[i]);
        test_copies(device_list[i]);
    }
    test_names();
    test_stray_access();
    test_host_operand();
    test_threads();
    return tap_done();
}
