/* dtype.h - element types of tensors. The CPU computes in f32; bf16 and i8 have their place for later backends. */
#ifndef DTYPE_H
#define DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_I64, DTYPE_I32, DTYPE_I8, DTYPE_U8 };

static inline size_t dtype_bytes(enum dtype t)
{
    static const uint8_t bytes[] = {[DTYPE_F32] = 4, [DTYPE_BF16] = 2, [DTYPE_I64] = 8,
                                    [DTYPE_I32] = 4, [DTYPE_I8] = 1,   [DTYPE_U8] = 1};
    return bytes[t];
}

static inline const char *dtype_name(enum dtype t)
{
    static const char *const names[] = {[DTYPE_F32] = "f32", [DTYPE_BF16] = "bf16", [DTYPE_I64] = "i64",
                                        [DTYPE_I32] = "i32", [DTYPE_I8] = "i8",     [DTYPE_U8] = "u8"};
    return names[t];
}

#endif
