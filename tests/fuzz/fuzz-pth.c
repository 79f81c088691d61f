/* fuzz-pth - any bytes as a .pth file, zip or older container: every tensor listed can be read, or has the reason why
 * not. */
#include <stdlib.h>

#include "pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { VALUES = 1 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader r = fmt_memory_reader(&m);
    struct named_tensor_set set = {0};
    struct fmt_error e = {0};
    static double values[VALUES];
    if (pth_read(&r, &set, &e)) {
        if (e.text[0] == 0 || set.n)
            abort();
        return 0;
    }
    for (int64_t i = 0; i < set.n && i < VALUES; i++) {
        const struct named_tensor *t = &set.item[i];
        int64_t some = t->n < VALUES ? t->n : VALUES;
        if (named_tensor_read_f64(t, t->n - some, some, values, NULL) != 0 && !t->unusable)
            abort();
    }
    named_tensor_release(&set);
    return 0;
}
