/* fuzz-feat - features as a whole, by seeking and from a pipe; what is accepted can be written again. */
#include <stdlib.h>
#include <string.h>

#include "feat.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(const struct feat_table *t)
{
    struct feat_writer w;
    struct provenance p;
    struct fmt_buffer file = {0};
    struct fmt_writer io = fmt_buffer_writer(&file);
    struct feat_table again;
    provenance_init(&p, "fuzz", "0", false);
    if (feat_create(&w, &io, &t->header, &p, NULL))
        abort();
    for (int64_t i = 0; i < t->n_rows; i++) {
        struct feat_row row = {t->labels[i], t->x + i * t->width, NULL};
        if (feat_add(&w, &row, NULL))
            abort();
    }
    if (feat_finish(&w, NULL))
        abort();
    struct fmt_memory m = {file.data, file.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&m);
    if (feat_load(&again, &in, NULL) || again.n_rows != t->n_rows ||
        feat_compatible(&t->header, &again.header, true, NULL) ||
        strcmp(feat_precision(&t->header), feat_precision(&again.header)) != 0 ||
        t->header.part.i != again.header.part.i || t->header.part.n != again.header.part.n ||
        (t->n_rows > 0 && memcmp(again.x, t->x, (size_t)(t->n_rows * t->width) * sizeof *t->x) != 0))
        abort();
    feat_table_release(&again);
    provenance_release(&p);
    fmt_buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    int64_t rows[2] = {-1, -1};
    if (wrap(BLOCK_FEAT, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct feat_table t;
            if (feat_load(&t, &io, NULL) == 0) {
                rows[piped] = t.n_rows;
                round_trip(&t);
                feat_table_release(&t);
            }
        }
    if (rows[0] != rows[1])
        abort();
    fmt_buffer_release(&file);
    return 0;
}
