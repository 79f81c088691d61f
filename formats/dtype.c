/* dtype.c - one table of element types. */
#include "dtype.h"

#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[DTYPE_COUNT] = {
    [DTYPE_NONE] = {"none", 0}, [DTYPE_F64] = {"F64", 8}, [DTYPE_F32] = {"F32", 4}, [DTYPE_F16] = {"F16", 2},
    [DTYPE_BF16] = {"BF16", 2}, [DTYPE_I64] = {"I64", 8}, [DTYPE_I32] = {"I32", 4}, [DTYPE_I16] = {"I16", 2},
    [DTYPE_I8] = {"I8", 1},     [DTYPE_U64] = {"U64", 8}, [DTYPE_U32] = {"U32", 4}, [DTYPE_U16] = {"U16", 2},
    [DTYPE_U8] = {"U8", 1},     [DTYPE_BOOL] = {"BOOL", 1},
};

const char *dtype_name(enum dtype dtype)
{
    return dtypes[dtype].name;
}

enum dtype dtype_of_name(const char *name)
{
    for (int i = DTYPE_NONE + 1; i < DTYPE_COUNT; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return (enum dtype)i;
    return DTYPE_NONE;
}

size_t dtype_bytes(enum dtype dtype)
{
    return dtypes[dtype].bytes;
}

bool dtype_is_float(enum dtype dtype)
{
    return dtype >= DTYPE_F64 && dtype <= DTYPE_BF16;
}
