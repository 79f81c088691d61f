/* fuzz-inspector - inspectors: members, their pieces, the settings; by seeking and from a pipe, and members as files
 * inside the file. */
#include <stdlib.h>
#include <string.h>

#include "inspector.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A member read in odd steps must be the one that is loaded. */
static void read_member(const struct inspector *x, int i)
{
    enum { STEP = 7 };
    struct inspector_source s;
    uint8_t *whole, part[STEP];
    if (inspector_load(x, i, &whole, NULL)) {
        free(whole);
        return;
    }
    inspector_source_init(&s, x, i);
    for (uint64_t at = 0; at < x->member[i].bytes; at += STEP) {
        size_t left = (size_t)(x->member[i].bytes - at), n = left < STEP ? left : STEP;
        if (fmt_read_at_exact(&s.reader, at, part, n, NULL) || memcmp(part, whole + at, n) != 0)
            abort();
    }
    inspector_source_release(&s);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    bool good[2] = {false, false};
    if (wrap(BLOCK_INSPECTOR, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            int64_t n_members = 0;
            good[piped] = inspector_check(&io, NULL, NULL, &n_members, NULL) == 0;
        }
    if (good[0] != good[1])
        abort();
    struct fmt_memory m = {file.data, file.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    struct inspector x;
    if (file.bytes > 0 && inspector_open(&x, &io, NULL) == 0) {
        for (int i = 0; i < x.n_members; i++)
            read_member(&x, i);
        inspector_close(&x);
    }
    fmt_buffer_release(&file);
    return 0;
}
