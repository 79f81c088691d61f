/* fuzz-ckpt-set - the file of a set, by seeking and from a pipe; what is accepted is written again byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "ckpt-set.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Fields and entries of what was read must come out again. */
static void write_again(const struct ckpt_set *s)
{
    struct fmt_buffer copy = {0};
    struct fmt_writer to = fmt_buffer_writer(&copy);
    struct provenance p;
    provenance_init(&p, "fuzz", "0", false);
    struct ckpt_set again;
    if (ckpt_set_write(s, &p, &to, NULL))
        abort();
    struct fmt_memory m = {copy.data, copy.bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    if (ckpt_set_read(&again, &io, NULL) || again.iteration != s->iteration || again.n_ranks != s->n_ranks)
        abort();
    for (int32_t r = 0; r < s->n_ranks; r++)
        if (again.seal[r].bytes != s->seal[r].bytes ||
            memcmp(again.seal[r].check, s->seal[r].check, CKPT_CHECK_BYTES) != 0)
            abort();
    ckpt_set_release(&again);
    provenance_release(&p);
    fmt_buffer_release(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    bool good[2] = {false, false};
    if (wrap(BLOCK_CKPT_SET, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct ckpt_set s;
            good[piped] = ckpt_set_read(&s, &io, NULL) == 0;
            if (good[piped])
                write_again(&s);
            if (good[piped])
                ckpt_set_release(&s);
        }
    if (good[0] != good[1])
        abort();
    fmt_buffer_release(&file);
    return 0;
}
