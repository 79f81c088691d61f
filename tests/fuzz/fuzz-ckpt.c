/* fuzz-ckpt - the table of a checkpoint and its tensors, found by name, by seeking and from a pipe. */
#include <stdlib.h>
#include <string.h>

#include "ckpt.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool read_tensors(struct ckpt *c)
{
    struct block_buffer b = {0};
    bool good = true;
    for (int64_t i = 0; i < c->n_tensors && good; i++) {
        const struct ckpt_tensor *t = &c->tensor[i];
        if (ckpt_find(c, t->name) != i)
            abort();
        void *to = t->bytes < 1 << 22 ? malloc((size_t)t->bytes + 1) : NULL;
        good = (to ? ckpt_read(c, i, to, t->bytes, &b, NULL) : ckpt_check(c, i, &b, NULL)) == 0;
        free(to);
    }
    good = good && ckpt_check_end(c, &b, NULL) == 0;
    block_buffer_release(&b);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    bool good[2] = {false, false};
    if (wrap(BLOCK_CKPT, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct ckpt c;
            if (ckpt_open(&c, &io, NULL) == 0) {
                good[piped] = read_tensors(&c);
                ckpt_close(&c);
            }
        }
    if (good[0] != good[1])
        abort();
    fmt_buffer_release(&file);
    return 0;
}
