/* test-safetensors.c - tables of named tensors, conversions of numbers, the safetensors format. */
#include <math.h>
#include <string.h>

#include "golden.h"

static void every_golden_file(void)
{
    char **names;
    int64_t n_names;
    struct fmt_error e = {0};
    if (file_list(tap_golden(""), &names, &n_names, &e)) {
        ok(false, "golden files can be listed: %s", e.text);
        return;
    }
    for (int64_t i = 0; i < n_names; i++) {
        const char *suffix = strrchr(names[i], '.');
        struct golden g;
        if (!suffix || strcmp(suffix, ".safetensors") != 0 || !golden_open(&g, names[i]))
            continue;
        bool finite = true;
        for (int64_t t = 0; t < g.set.n; t++) {
            int64_t n;
            const double *v = golden_f64(&g, g.set.item[t].name, &n);
            for (int64_t k = 0; k < n; k++)
                finite = finite && isfinite(v[k]);
        }
        ok(g.set.n > 0 && finite, "%s: %lld tensors, all finite", names[i], (long long)g.set.n);
        golden_close(&g);
    }
    file_list_free(names, n_names);
}

int main(void)
{
    every_golden_file();
    return tap_done();
}
