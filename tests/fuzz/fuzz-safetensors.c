/* fuzz-safetensors - any bytes as a safetensors file; what is read can be written, and is the same when read again. */
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { VALUES = 1 << 12 };

static int zeros(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)arg, (void)i, (void)first, (void)e;
    memset(out, 0, (size_t)n * sizeof *out);
    return 0;
}

/* Writes the same names and shapes as float32, and reads them back. */
static void round_trip(const struct named_tensor_set *set)
{
    struct named_tensor_out *list = calloc((size_t)set->n + 1, sizeof *list);
    struct fmt_buffer b = {0};
    struct fmt_writer w = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    int64_t total = 0;
    for (int64_t i = 0; list && i < set->n; i++) {
        list[i] = (struct named_tensor_out){
            .name = set->item[i].name, .dtype = DTYPE_F32, .n_dims = set->item[i].n_dims};
        memcpy(list[i].dims, set->item[i].dims, sizeof list[i].dims);
        total = set->item[i].n > VALUES || total > VALUES ? VALUES + 1 : total + set->item[i].n;
    }
    if (list && total <= VALUES &&
        safetensors_write(&w, list, set->n, set->meta, set->n_meta, &(struct named_tensor_values){NULL, zeros}, &e) ==
            0) {
        struct fmt_memory m = {b.data, b.bytes, 0};
        struct fmt_reader r = fmt_memory_reader(&m);
        struct named_tensor_set again = {0};
        if (safetensors_read(&r, &again, &e) || again.n != set->n || again.n_meta != set->n_meta)
            abort();
        named_tensor_release(&again);
    }
    free(list);
    fmt_buffer_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader r = fmt_memory_reader(&m);
    struct named_tensor_set set = {0};
    struct fmt_error e = {0};
    if (safetensors_read(&r, &set, &e)) {
        if (e.text[0] == 0 || set.n)
            abort();
        return 0;
    }
    static double values[VALUES];
    for (int64_t i = 0; i < set.n; i++)
        (void)named_tensor_read_f64(&set.item[i], 0, set.item[i].n < VALUES ? set.item[i].n : VALUES, values, NULL);
    round_trip(&set);
    named_tensor_release(&set);
    return 0;
}
