/* fuzz-linear - classifiers: header, thresholds, rows of weights; what is accepted can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "linear.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(struct linear *m)
{
    struct linear again;
    struct provenance p;
    struct fmt_buffer file = {0};
    struct fmt_writer io = fmt_buffer_writer(&file);
    provenance_init(&p, "fuzz", "0", false);
    m->tile_mean_of = m->n_points % 2 ? 3 : m->tile_mean_of; /* 1.2 */
    if (linear_write(m, &p, &io, NULL))
        abort();
    struct fmt_memory memory = {file.data, file.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&memory);
    if (linear_read(&again, &in, NULL) || again.n_rows != m->n_rows || again.n_points != m->n_points ||
        feat_compatible(&m->features, &again.features, true, NULL) ||
        strcmp(feat_precision(&m->features), feat_precision(&again.features)) != 0 || again.positive != m->positive ||
        again.C != m->C || again.tile_mean_of != m->tile_mean_of ||
        memcmp(again.theta, m->theta, (size_t)(m->n_rows * (m->dim + 1)) * sizeof(double)) != 0)
        abort();
    linear_release(&again);
    provenance_release(&p);
    fmt_buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    int status[2] = {0};
    if (wrap(BLOCK_LINEAR, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory memory = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&memory) : fmt_memory_reader(&memory);
            struct linear m;
            status[piped] = linear_read(&m, &io, NULL);
            if (status[piped] == 0) {
                round_trip(&m);
                linear_release(&m);
            }
        }
    if ((status[0] == 0) != (status[1] == 0))
        abort();
    fmt_buffer_release(&file);
    return 0;
}
