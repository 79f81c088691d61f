/* fuzz-views - batches; what is accepted can be written again, to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "views.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_batches(struct views *v)
{
    struct views_batch batch;
    struct views_writer w = {.header = v->header, .next_step = v->header.first_step};
    struct fmt_buffer file = {0};
    if (views_global_bytes(&v->header) + views_local_bytes(&v->header) + views_mask_bytes(&v->header) > 1 << 24 ||
        views_batch_init(&batch, &v->header, NULL))
        return;
    w.block.io = fmt_buffer_writer(&file);
    w.block.block_bytes_max = BLOCK_BYTES_MAX;
    while (views_next(v, &batch, NULL) == 0)
        if (views_add(&w, &batch, NULL) || w.raw.bytes != v->buffer.raw_bytes ||
            memcmp(w.raw.data, v->buffer.raw, w.raw.bytes) != 0)
            abort();
    views_abandon(&w);
    views_batch_release(&batch);
    fmt_buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    if (wrap(BLOCK_VIEWS, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct views v;
            if (views_open(&v, &io, NULL) == 0) {
                if (n > 0 && data[n - 1] & 1)
                    views_skip_to(&v, v.header.first_step + 1, NULL);
                else
                    read_batches(&v);
                views_close(&v);
            }
        }
    fmt_buffer_release(&file);
    return 0;
}
