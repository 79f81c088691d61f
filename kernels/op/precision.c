/* precision.c - precisions by name, and which of them a processor can compute in. */
#include "precision.h"

#include <string.h>

static const struct {
    const char *name;
    enum dtype products;      /* the element type that products are computed in */
    const char *instructions; /* that they need */
} precisions[PRECISION_COUNT] = {
    [PRECISION_F32] = {"f32", DTYPE_F32, NULL},
    [PRECISION_BF16] = {"bf16", DTYPE_BF16, "AVX-512 BF16"},
    [PRECISION_INT8] = {"int8", DTYPE_I8, "AVX-512 VNNI and BF16"},
};

const char *precision_name(enum precision p)
{
    return precisions[p].name;
}

enum dtype precision_activations(enum precision p)
{
    return p == PRECISION_F32 ? DTYPE_F32 : DTYPE_BF16;
}

static bool is_supported(const struct backend *backend, enum precision p)
{
    return p == PRECISION_F32 || (backend->supports(DTYPE_BF16) && backend->supports(precisions[p].products));
}

int precision_choose(const struct backend *backend, const char *name, enum precision *p, struct fmt_error *e)
{
    if (strcmp(name, "auto") == 0) {
        *p = backend->supports(DTYPE_BF16) && backend->is_fast(DTYPE_BF16) ? PRECISION_BF16 : PRECISION_F32;
        return 0;
    }
    for (int i = 0; i < PRECISION_COUNT; i++)
        if (strcmp(name, precisions[i].name) == 0) {
            *p = (enum precision)i;
            if (is_supported(backend, *p))
                return 0;
            return fmt_fail(e, FMT_UNSUPPORTED, "%s: instructions for it (%s) are not available; f32 and auto work",
                            name, precisions[i].instructions);
        }
    return fmt_fail(e, FMT_INVALID, "%s: no such precision: f32, bf16, int8 or auto", name);
}
