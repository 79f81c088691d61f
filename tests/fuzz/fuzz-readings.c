/* fuzz-readings - records of readings, by seeking and from a pipe; what is accepted can be written and read again. */
#include <stdlib.h>
#include <string.h>

#include "readings.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Reads a whole part and, where copy is given, writes it there. Returns the number of records, -1: it is refused. */
static int64_t read_all(const struct fmt_reader *io, struct fmt_buffer *copy)
{
    struct readings r;
    struct image_reading t;
    struct readings_writer w;
    struct provenance p;
    struct fmt_writer to = fmt_buffer_writer(copy);
    if (readings_open(&r, io, NULL))
        return -1;
    provenance_init(&p, "fuzz", "0", false);
    if (readings_create(&w, &to, &r.header, &p, NULL))
        abort();
    provenance_release(&p);
    int status;
    while ((status = readings_next(&r, &t, NULL)) == 0)
        if (readings_add(&w, &t, NULL))
            abort();
    int64_t n = status == FMT_END ? r.n : -1;
    if (readings_finish(&w, NULL))
        abort();
    readings_close(&r);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    int64_t n_records[2] = {-1, -1};
    if (wrap(BLOCK_READINGS, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory m = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&m) : fmt_memory_reader(&m);
            struct fmt_buffer copy = {0}, again = {0};
            n_records[piped] = read_all(&io, &copy);
            struct fmt_memory whole = {copy.data, copy.bytes, 0};
            struct fmt_reader in = fmt_memory_reader(&whole);
            if (n_records[piped] >= 0 && read_all(&in, &again) != n_records[piped])
                abort();
            fmt_buffer_release(&copy);
            fmt_buffer_release(&again);
        }
    if (n_records[0] != n_records[1])
        abort();
    fmt_buffer_release(&file);
    return 0;
}
