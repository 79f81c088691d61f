/* fuzz-zipdir - any bytes as a zip file: every member listed is inside the file and can be found by its name. */
#include <stdlib.h>

#include "zipdir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader r = fmt_memory_reader(&m);
    struct zipdir z;
    struct fmt_error e = {0};
    if (zipdir_read(&r, &z, &e)) {
        if (e.text[0] == 0)
            abort();
        return 0;
    }
    for (int64_t i = 0; i < z.n; i++)
        if (z.member[i].at > n || z.member[i].bytes > n - z.member[i].at ||
            zipdir_find(&z, z.member[i].name) != &z.member[i])
            abort();
    zipdir_release(&z);
    return 0;
}
