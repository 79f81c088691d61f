/* tiles.c - which tables this processor can use. DINOTOOLS_ISA does not matter: they compute products. */
#include "tiles.h"

#include "isa.h"
#include "matmul.h"

const struct tiles *tiles_of(enum dtype dtype)
{
#if defined(__x86_64__)
    if (dtype == DTYPE_F32 && isa_of_processor() == ISA_AVX512)
        return &tiles_f32;
    if (dtype == DTYPE_BF16 && matmul_supports(DTYPE_BF16))
        return &tiles_bf16;
#endif
    (void)dtype;
    return NULL;
}
