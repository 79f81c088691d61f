/* dtype.h - element types of tensors, in files and in memory. Which of them an operation takes is said in op.h. */
#ifndef DTYPE_H
#define DTYPE_H

#include <stdbool.h>
#include <stddef.h>

enum dtype {
    DTYPE_NONE, /* no element type: nothing is there, or nothing that is known */
    DTYPE_F64,
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_I8,
    DTYPE_U64,
    DTYPE_U32,
    DTYPE_U16,
    DTYPE_U8,
    DTYPE_BOOL,
    DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);     /* "F32", as safetensors has it; "none" */
enum dtype dtype_of_name(const char *name);   /* DTYPE_NONE if it is not known */
size_t dtype_bytes(enum dtype dtype);         /* of an element */
bool dtype_is_float(enum dtype dtype);

#endif
