/* named-tensor.c - tables of contents of tensor files; reading elements in row-major order from any strides.
 *
 * A row-major tensor is read in pieces. Of a strided one the whole span of its bytes is read at once if its elements
 * fill a good part of it, else each element by itself: a transposed matrix is one read, a hostile stride costs time but
 * no memory.
 */
#include "named-tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "half.h"

enum { PIECE_BYTES = 1 << 16, SPAN_BYTES_MAX = 256 << 20 };

const char *named_tensor_dims_text(const int64_t *dims, int n_dims, char out[NAMED_TENSOR_DIMS_TEXT_MAX])
{
    int at = snprintf(out, NAMED_TENSOR_DIMS_TEXT_MAX, "[");
    for (int i = 0; i < n_dims; i++)
        at += snprintf(out + at, (size_t)(NAMED_TENSOR_DIMS_TEXT_MAX - at), "%s%lld", i ? "," : "", (long long)dims[i]);
    snprintf(out + at, (size_t)(NAMED_TENSOR_DIMS_TEXT_MAX - at), "]");
    return out;
}

/* ------------------------------------------------------------------ the table */
const struct named_tensor *named_tensor_find(const struct named_tensor_set *set, const char *name)
{
    for (int64_t i = 0; i < set->n; i++)
        if (strcmp(set->item[i].name, name) == 0)
            return &set->item[i];
    return NULL;
}

const char *named_tensor_meta_find(const struct named_tensor_set *set, const char *key)
{
    for (int64_t i = 0; i < set->n_meta; i++)
        if (strcmp(set->meta[i].key, key) == 0)
            return set->meta[i].value;
    return NULL;
}

void named_tensor_release(struct named_tensor_set *set)
{
    for (int64_t i = 0; i < set->n; i++) {
        free(set->item[i].name);
        free(set->item[i].unusable);
    }
    for (int64_t i = 0; i < set->n_meta; i++) {
        free(set->meta[i].key);
        free(set->meta[i].value);
    }
    free(set->item);
    free(set->meta);
    free(set->owned);
    *set = (struct named_tensor_set){0};
}

static struct named_tensor *append(struct named_tensor_set *set, const char *name, struct fmt_error *e)
{
    if (set->n == NAMED_TENSOR_COUNT_MAX) {
        fmt_fail(e, FMT_LIMIT, "more than %d tensors", NAMED_TENSOR_COUNT_MAX);
        return NULL;
    }
    if (strlen(name) > NAMED_TENSOR_NAME_MAX) {
        fmt_fail(e, FMT_LIMIT, "%.60s...: a name of more than %d bytes", name, NAMED_TENSOR_NAME_MAX);
        return NULL;
    }
    if (fmt_grow(&set->item, set->n, &set->capacity, sizeof *set->item, e))
        return NULL;
    char *copy = strdup(name);
    if (!copy) {
        fmt_no_memory(e);
        return NULL;
    }
    struct named_tensor *t = &set->item[set->n++];
    *t = (struct named_tensor){.name = copy};
    return t;
}

/* Row-major strides of dims, and their product; false: it has more than 63 bits. */
static bool row_major(int n_dims, const int64_t *dims, int64_t *strides, int64_t *n)
{
    int64_t product = 1;
    bool empty = false;
    for (int i = n_dims - 1; i >= 0; i--) {
        strides[i] = product;
        if (dims[i] < 0)
            return false;
        empty = empty || dims[i] == 0;
        if (dims[i] > 0 && __builtin_mul_overflow(product, dims[i], &product))
            return false;
    }
    *n = empty ? 0 : product;
    return true;
}

/* Offset of the last element from element 0, in elements; false: it has more than 63 bits. */
static bool last_element(const struct named_tensor *t, int64_t *last)
{
    int64_t sum = 0;
    for (int i = 0; i < t->n_dims && t->n > 0; i++) {
        int64_t step;
        if (t->strides[i] < 0 || __builtin_mul_overflow(t->dims[i] - 1, t->strides[i], &step) ||
            __builtin_add_overflow(sum, step, &sum))
            return false;
    }
    *last = sum;
    return true;
}

int named_tensor_add(struct named_tensor_set *set, const char *name, enum dtype dtype, int n_dims,
                     const int64_t *dims, const int64_t *strides, const struct fmt_reader *source, uint64_t at,
                     uint64_t end, struct fmt_error *e)
{
    struct named_tensor t = {.dtype = dtype, .n_dims = n_dims, .source = source, .at = at};
    if (n_dims < 0 || n_dims > NAMED_TENSOR_DIMS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%.200s: more than %d dimensions", name, NAMED_TENSOR_DIMS_MAX);
    for (int i = 0; i < n_dims; i++)
        t.dims[i] = dims[i];
    uint64_t bytes;
    int64_t last;
    bool good = row_major(n_dims, t.dims, t.strides, &t.n);
    if (good && strides)
        memcpy(t.strides, strides, (size_t)n_dims * sizeof *strides);
    good = good && last_element(&t, &last) && end >= at;
    if (good && t.n > 0)
        good = !__builtin_mul_overflow((uint64_t)last + 1, (uint64_t)dtype_bytes(dtype), &bytes) &&
               bytes <= end - at;
    if (!good)
        return fmt_fail(e, FMT_INVALID, "%.200s: its shape does not fit its bytes", name);
    struct named_tensor *slot = append(set, name, e);
    if (!slot)
        return (int)(e ? e->status : FMT_MEMORY);
    t.name = slot->name;
    *slot = t;
    return 0;
}

int named_tensor_add_unusable(struct named_tensor_set *set, const char *name, const char *why, struct fmt_error *e)
{
    struct named_tensor *slot = append(set, name, e);
    if (!slot)
        return (int)(e ? e->status : FMT_MEMORY);
    slot->unusable = strdup(why);
    return slot->unusable ? 0 : fmt_no_memory(e);
}

int named_tensor_add_meta(struct named_tensor_set *set, const char *key, const char *value, struct fmt_error *e)
{
    if (fmt_grow(&set->meta, set->n_meta, &set->meta_capacity, sizeof *set->meta, e))
        return FMT_MEMORY;
    struct named_tensor_meta m = {strdup(key), strdup(value)};
    if (!m.key || !m.value) {
        free(m.key);
        free(m.value);
        return fmt_no_memory(e);
    }
    set->meta[set->n_meta++] = m;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int named_tensor_check_unique(const struct named_tensor_set *set, struct fmt_error *e)
{
    if (set->n < 2)
        return 0;
    char **name = malloc((size_t)set->n * sizeof *name);
    if (!name)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < set->n; i++)
        name[i] = set->item[i].name;
    qsort(name, (size_t)set->n, sizeof *name, by_name);
    int status = 0;
    for (int64_t i = 1; i < set->n && !status; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            status = fmt_fail(e, FMT_INVALID, "%.200s: two tensors of this name", name[i]);
    free(name);
    return status;
}

static double one_value(enum dtype dtype, const uint8_t *p)
{
    struct bytes c = bytes_over(p, dtype_bytes(dtype));
    switch (dtype) {
    case DTYPE_F64: return bytes_f64(&c);
    case DTYPE_F32: return bytes_f32(&c);
    case DTYPE_F16: return f16_to_f32(bytes_u16(&c));
    case DTYPE_BF16: return bf16_to_f32(bytes_u16(&c));
    case DTYPE_I64: return (double)bytes_i64(&c);
    case DTYPE_I32: return bytes_i32(&c);
    case DTYPE_I16: return (int16_t)bytes_u16(&c);
    case DTYPE_I8: return (int8_t)bytes_u8(&c);
    case DTYPE_U64: return (double)bytes_u64(&c);
    case DTYPE_U32: return bytes_u32(&c);
    case DTYPE_U16: return bytes_u16(&c);
    case DTYPE_U8: return bytes_u8(&c);
    case DTYPE_BOOL: return bytes_u8(&c) != 0;
    case DTYPE_NONE:
    case DTYPE_COUNT: break;
    }
    return NAN;
}

/* ------------------------------------------------------------------ reading elements */
struct sink { /* one of the three */
    float *f32;
    double *f64;
    int8_t *i8; /* of a tensor of this type */
};

static uint16_t half_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put_run(const struct sink *out, int64_t at, enum dtype dtype, const uint8_t *p, int64_t n)
{
    size_t bytes = dtype_bytes(dtype);
    if (out->f32 && dtype == DTYPE_F16) { /* short cuts for the usual types */
        for (int64_t i = 0; i < n; i++)
            out->f32[at + i] = f16_to_f32(half_at(p + 2 * i));
        return;
    }
    if (out->f32 && dtype == DTYPE_BF16) {
        for (int64_t i = 0; i < n; i++)
            out->f32[at + i] = bf16_to_f32(half_at(p + 2 * i));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double v = one_value(dtype, p + (size_t)i * bytes);
        if (out->f32)
            out->f32[at + i] = (float)v;
        else if (out->f64)
            out->f64[at + i] = v;
        else
            out->i8[at + i] = (int8_t)v;
    }
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

static bool is_contiguous(const struct named_tensor *t)
{
    int64_t strides[NAMED_TENSOR_DIMS_MAX], n;
    if (!row_major(t->n_dims, t->dims, strides, &n))
        return false;
    for (int i = 0; i < t->n_dims; i++)
        if (t->dims[i] > 1 && t->strides[i] != strides[i])
            return false;
    return true;
}

static int read_contiguous(const struct named_tensor *t, int64_t first, int64_t n, const struct sink *out,
                           struct fmt_error *e)
{
    size_t each = dtype_bytes(t->dtype);
    uint64_t at = t->at + (uint64_t)first * each;
    if (out->f32 && t->dtype == DTYPE_F32 && is_little_endian())
        return fmt_read_at_exact(t->source, at, out->f32, (size_t)n * each, e);
    if (out->i8)
        return fmt_read_at_exact(t->source, at, out->i8, (size_t)n, e);
    uint8_t piece[PIECE_BYTES];
    for (int64_t done = 0; done < n;) {
        int64_t k = n - done < (int64_t)(PIECE_BYTES / each) ? n - done : (int64_t)(PIECE_BYTES / each);
        if (fmt_read_at_exact(t->source, at + (uint64_t)done * each, piece, (size_t)k * each, e))
            return (int)(e ? e->status : FMT_IO);
        put_run(out, done, t->dtype, piece, k);
        done += k;
    }
    return 0;
}

/* Offset of element i (row-major) from element 0, in elements. */
static int64_t offset_of(const struct named_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        offset += i % t->dims[d] * t->strides[d];
        i /= t->dims[d];
    }
    return offset;
}

static int read_strided(const struct named_tensor *t, int64_t first, int64_t n, const struct sink *out,
                        struct fmt_error *e)
{
    size_t each = dtype_bytes(t->dtype);
    int64_t last = 0;
    if (!last_element(t, &last))
        return fmt_fail(e, FMT_INVALID, "%.200s: strides too large", t->name);
    /* At least every fourth element of the span is one of the tensor. */
    bool dense = (uint64_t)last < SPAN_BYTES_MAX / each && last / 4 <= t->n;
    uint8_t *span = NULL;
    if (dense) {
        span = malloc((size_t)(last + 1) * each);
        if (!span)
            return fmt_no_memory(e);
        if (fmt_read_at_exact(t->source, t->at, span, (size_t)(last + 1) * each, e)) {
            free(span);
            return (int)(e ? e->status : FMT_IO);
        }
    }
    int status = 0;
    for (int64_t i = 0; i < n && !status; i++) {
        uint8_t one[8];
        uint64_t offset = (uint64_t)offset_of(t, first + i) * each;
        if (!span)
            status = fmt_read_at_exact(t->source, t->at + offset, one, each, e);
        put_run(out, i, t->dtype, span ? span + offset : one, 1);
    }
    free(span);
    return status;
}

static int read_elements(const struct named_tensor *t, int64_t first, int64_t n, const struct sink *out,
                         struct fmt_error *e)
{
    if (t->unusable)
        return fmt_fail(e, FMT_UNSUPPORTED, "%.150s: %.200s", t->name, t->unusable);
    if (first < 0 || n < 0 || first > t->n || n > t->n - first)
        return fmt_fail(e, FMT_INVALID, "%.200s: elements beyond its end", t->name);
    struct fmt_error why = {0};
    int status = 0;
    if (n > 0)
        status = is_contiguous(t) ? read_contiguous(t, first, n, out, &why) : read_strided(t, first, n, out, &why);
    return status ? fmt_fail(e, why.status, "%.150s: %.200s", t->name, why.text) : 0;
}

int named_tensor_read_f32(const struct named_tensor *t, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    return read_elements(t, first, n, &(struct sink){.f32 = out}, e);
}

int named_tensor_read_f64(const struct named_tensor *t, int64_t first, int64_t n, double *out, struct fmt_error *e)
{
    return read_elements(t, first, n, &(struct sink){.f64 = out}, e);
}

int named_tensor_read_i8(const struct named_tensor *t, int64_t first, int64_t n, int8_t *out, struct fmt_error *e)
{
    if (t->dtype != DTYPE_I8)
        return fmt_fail(e, FMT_MISMATCH, "%.200s is %s, not I8", t->name, dtype_name(t->dtype));
    return read_elements(t, first, n, &(struct sink){.i8 = out}, e);
}

/* ------------------------------------------------------------------ writing */
static bool out_elements(const struct named_tensor_out *t, int64_t *n)
{
    int64_t strides[NAMED_TENSOR_DIMS_MAX];
    return t->n_dims >= 0 && t->n_dims <= NAMED_TENSOR_DIMS_MAX && row_major(t->n_dims, t->dims, strides, n);
}

bool named_tensor_out_bytes(const struct named_tensor_out *t, uint64_t *bytes)
{
    int64_t n;
    return out_elements(t, &n) &&
           !__builtin_mul_overflow((uint64_t)n, (uint64_t)dtype_bytes(t->dtype), bytes) &&
           *bytes <= INT64_MAX;
}

static size_t put_values(enum dtype dtype, const float *values, int64_t n, uint8_t *out)
{
    size_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        size_t bytes = 2;
        if (dtype == DTYPE_F16)
            u = f32_to_f16(values[i]);
        else if (dtype == DTYPE_BF16)
            u = f32_to_bf16(values[i]);
        else if (dtype == DTYPE_I8) {
            u = (uint8_t)(int8_t)values[i];
            bytes = 1;
        } else {
            u = f32_bits(values[i]);
            bytes = 4;
        }
        for (size_t b = 0; b < bytes; b++)
            out[at++] = (uint8_t)(u >> (8 * b));
    }
    return at;
}

int named_tensor_write_values(const struct fmt_writer *w, const struct named_tensor_out *list, int64_t i,
                              const struct named_tensor_values *values, struct fmt_error *e)
{
    enum { PIECE = PIECE_BYTES / sizeof(float) };
    float piece[PIECE];
    uint8_t raw[PIECE_BYTES];
    int64_t n;
    if (list[i].dtype != DTYPE_F32 && list[i].dtype != DTYPE_F16 && list[i].dtype != DTYPE_BF16 &&
        list[i].dtype != DTYPE_I8)
        return fmt_fail(e, FMT_UNSUPPORTED, "%.200s: written are F32, F16, BF16 and I8", list[i].name);
    if (!out_elements(&list[i], &n))
        return fmt_fail(e, FMT_INVALID, "%.200s: its size does not fit", list[i].name);
    for (int64_t done = 0; done < n;) {
        int64_t k = n - done < PIECE ? n - done : PIECE;
        int status = values->read(values->arg, i, done, k, piece, e);
        if (!status)
            status = fmt_write_all(w, raw, put_values(list[i].dtype, piece, k, raw), e);
        if (status)
            return status;
        done += k;
    }
    return 0;
}
