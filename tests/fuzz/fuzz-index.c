/* fuzz-index - records of a catalogue; what is accepted can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(struct index *x)
{
    struct index y;
    struct provenance p;
    struct fmt_buffer file = {0};
    struct fmt_writer io = fmt_buffer_writer(&file);
    provenance_init(&p, "fuzz", "0", true);
    if (index_write(x, &p, &io, NULL))
        abort();
    struct fmt_memory m = {file.data, file.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&m);
    if (index_read(&y, &in, NULL) || y.n_entries != x->n_entries || y.n_classes != x->n_classes)
        abort();
    for (int64_t i = 0; i < x->n_entries; i++)
        if (strcmp(x->entry[i].path, y.entry[i].path) != 0 ||
            strcmp(x->entry[i].labels.extra, y.entry[i].labels.extra) != 0 ||
            x->entry[i].labels.label != y.entry[i].labels.label || x->entry[i].bytes != y.entry[i].bytes)
            abort();
    index_release(&y);
    provenance_release(&p);
    fmt_buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    if (wrap(BLOCK_INDEX, data, n, &file) == 0) {
        struct fmt_memory m = {file.data, file.bytes, 0};
        struct fmt_reader io = fmt_memory_reader(&m);
        struct index x;
        if (index_read(&x, &io, NULL) == 0) {
            round_trip(&x);
            index_release(&x);
        }
    }
    fmt_buffer_release(&file);
    return 0;
}
