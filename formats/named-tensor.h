/* named-tensor.h - named tensors in a file of any kind: what safetensors, .pth and checkpoints have in common.
 *
 * A struct named_tensor_set is a table of contents. Tensors are not loaded: each has the position of its bytes in a
 * source that can be read at offsets, and named_tensor_read_f32 / named_tensor_read_f64 convert a run of elements, in
 * row-major order whatever the strides are. So a model of many gigabytes is read once, straight into the caller's
 * array.
 *
 *   struct named_tensor_set set = {0};
 *   safetensors_read(&reader, &set, e)   or   pth_read(&reader, &set, e)
 *   const struct named_tensor *t = named_tensor_find(&set, "cls_token");
 *   named_tensor_read_f32(t, 0, t->n, values, e);
 *   named_tensor_release(&set);                  the reader must live until here
 *
 * All elements of a tensor are within its source: readers check that before they add it.
 */
#ifndef NAMED_TENSOR_H
#define NAMED_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "fmt.h"

enum {
    NAMED_TENSOR_DIMS_MAX = 8,
    NAMED_TENSOR_NAME_MAX = 1000,      /* bytes */
    NAMED_TENSOR_COUNT_MAX = 1000000 /* in one file */
};

struct named_tensor {
    char *name;
    enum dtype dtype;
    int n_dims;
    int64_t dims[NAMED_TENSOR_DIMS_MAX];
    int64_t strides[NAMED_TENSOR_DIMS_MAX]; /* in elements; >= 0 */
    int64_t n;                              /* elements: the product of dims, 1 without dims */
    const struct fmt_reader *source;
    uint64_t at;    /* offset of element 0 in the source */
    char *unusable; /* NULL, or why it has no values: "made by posix.system, which is not known here" */
};

struct named_tensor_meta {
    char *key, *value;
};

struct named_tensor_set {
    struct named_tensor *item;
    int64_t n, capacity;
    struct named_tensor_meta *meta; /* texts that the file holds besides its tensors */
    int64_t n_meta, meta_capacity;
    void *owned; /* memory of the reader that tensors point into; for free() */
};

const struct named_tensor *named_tensor_find(const struct named_tensor_set *set, const char *name);
const char *named_tensor_meta_find(const struct named_tensor_set *set, const char *key); /* NULL: not there */
void named_tensor_release(struct named_tensor_set *set);

/* Elements first .. first+n-1, converted as C converts: values out of the range of float become infinite. */
int named_tensor_read_f32(const struct named_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e);
int named_tensor_read_f64(const struct named_tensor *t, int64_t first, int64_t n, double *out, struct fmt_error *e);
/* As they are; FMT_MISMATCH if the tensor is not I8. */
int named_tensor_read_i8(const struct named_tensor *t, int64_t first, int64_t n, int8_t *out, struct fmt_error *e);

/* "[1536,384]"; "[]" without dims. */
enum { NAMED_TENSOR_DIMS_TEXT_MAX = 176 };
const char *named_tensor_dims_text(const int64_t *dims, int n_dims, char out[NAMED_TENSOR_DIMS_TEXT_MAX]);

/* For readers: appends a tensor (its name is copied; strides NULL: row-major without gaps) or a text. at, end: offsets
 * of element 0 and of the end of its bytes in the source. FMT_LIMIT: a name too long, too many tensors; FMT_INVALID: a
 * size of more than 63 bits, or elements beyond `end`. */
int named_tensor_add(struct named_tensor_set *set, const char *name, enum dtype dtype, int n_dims,
                     const int64_t *dims, const int64_t *strides, const struct fmt_reader *source, uint64_t at,
                     uint64_t end, struct fmt_error *e);
int named_tensor_add_unusable(struct named_tensor_set *set, const char *name, const char *why, struct fmt_error *e);
int named_tensor_add_meta(struct named_tensor_set *set, const char *key, const char *value, struct fmt_error *e);
/* FMT_INVALID, with the name, if two tensors have the same. */
int named_tensor_check_unique(const struct named_tensor_set *set, struct fmt_error *e);

/* ---- writing: a list of tensors, and a callback that provides their values, once and in order. */
struct named_tensor_out {
    const char *name;
    enum dtype dtype; /* F32, F16, BF16: values are rounded to the nearest, ties to even; I8: they are such integers */
    int n_dims;
    int64_t dims[NAMED_TENSOR_DIMS_MAX];
};

struct named_tensor_values {
    void *arg;
    /* elements first .. first+n-1 of tensor i */
    int (*read)(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e);
};

/* Bytes of a tensor in a file; false: more than 63 bits. */
bool named_tensor_out_bytes(const struct named_tensor_out *t, uint64_t *bytes);
/* Writes the values of list[i], little-endian. */
int named_tensor_write_values(const struct fmt_writer *w, const struct named_tensor_out *list, int64_t i,
                              const struct named_tensor_values *values, struct fmt_error *e);

#endif
