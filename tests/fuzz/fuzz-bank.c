/* fuzz-bank - memory banks: header, photographs, vectors; what is accepted can be written and read again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void compare(const struct bank *a, const struct bank *b)
{
    if (b->n_photographs != a->n_photographs || b->n_vectors != a->n_vectors || b->largest != a->largest ||
        strcmp(a->positive, b->positive) != 0 ||
        feat_compatible(&a->features, &b->features, true, NULL) ||
        memcmp(a->origin, b->origin, (size_t)a->n_vectors * sizeof *a->origin) != 0 ||
        memcmp(a->x, b->x, (size_t)(a->n_vectors * a->features.dim) * sizeof *a->x) != 0)
        abort();
    for (int64_t i = 0; i < a->n_photographs; i++) {
        const struct bank_photograph *p = &a->photograph[i], *q = &b->photograph[i];
        if (strcmp(p->key, q->key) != 0 || strcmp(p->group, q->group) != 0 || p->label != q->label ||
            p->offered != q->offered ||
            isnan(p->score) != isnan(q->score) || p->score < q->score || p->score > q->score)
            abort();
    }
}

static void round_trip(struct bank *b)
{
    struct bank again;
    struct provenance p;
    struct fmt_buffer file = {0};
    struct fmt_writer io = fmt_buffer_writer(&file);
    provenance_init(&p, "fuzz", "0", false);
    if (bank_write(b, &p, &io, NULL))
        abort();
    struct fmt_memory memory = {file.data, file.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&memory);
    if (bank_read(&again, &in, NULL))
        abort();
    compare(b, &again);
    bank_release(&again);
    provenance_release(&p);
    fmt_buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_buffer file = {0};
    int status[2] = {0};
    if (wrap(BLOCK_BANK, data, n, &file) == 0)
        for (int piped = 0; piped < 2; piped++) {
            struct fmt_memory memory = {file.data, file.bytes, 0};
            struct fmt_reader io = piped ? wrap_pipe(&memory) : fmt_memory_reader(&memory);
            struct bank b;
            status[piped] = bank_read(&b, &io, NULL);
            if (status[piped] == 0) {
                round_trip(&b);
                bank_release(&b);
            }
        }
    if ((status[0] == 0) != (status[1] == 0))
        abort();
    fmt_buffer_release(&file);
    return 0;
}
