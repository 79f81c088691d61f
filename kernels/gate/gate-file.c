/* gate-file.c - a reference to bytes and back. */
#include "gate-file.h"

#include <stdlib.h>
#include <string.h>

#include "finite.h"
#include "safetensors.h"

enum { PRINT, NAMES, MEAN, FACTOR, TENSORS };
static const char *const tensor_name[TENSORS] = {"print", "names", "mean", "factor"};

/* ------------------------------------------------------------------ writing */
struct source {
    const struct gate_reference *r;
    struct fmt_buffer names;
};

static int collect_names(struct source *s, struct fmt_error *e)
{
    for (int64_t i = 0; i < s->r->n_good; i++) {
        struct gate_row row = gate_reference_row(s->r, i);
        if (fmt_buffer_append(&s->names, row.key, strlen(row.key) + 1) ||
            fmt_buffer_append(&s->names, row.group, strlen(row.group) + 1))
            return fmt_no_memory(e);
    }
    return 0;
}

static float value_of(const struct source *s, int64_t i_tensor, int64_t i)
{
    if (i_tensor == PRINT)
        return (float)gate_reference_row(s->r, i / GATE_PRINT_BYTES).print->luma[i % GATE_PRINT_BYTES] - 128;
    if (i_tensor == NAMES)
        return (float)(int8_t)s->names.data[i];
    return i_tensor == MEAN ? s->r->whitening.mean[i] : s->r->whitening.factor[i];
}

static int read_values(void *arg, int64_t i_tensor, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)e;
    for (int64_t i = 0; i < n; i++)
        out[i] = value_of(arg, i_tensor, first + i);
    return 0;
}

int gate_reference_write(const struct gate_reference *r, const struct fmt_writer *w, struct fmt_error *e)
{
    struct source s = {.r = r};
    int status = collect_names(&s, e);
    int64_t k = r->whitening.k;
    struct named_tensor_out list[TENSORS] = {
        {tensor_name[PRINT], DTYPE_I8, 3, {r->n_good, GATE_PRINT_SIDE, GATE_PRINT_SIDE}},
        {tensor_name[NAMES], DTYPE_I8, 1, {(int64_t)s.names.bytes}},
        {tensor_name[MEAN], DTYPE_F32, 1, {k}},
        {tensor_name[FACTOR], DTYPE_F32, 2, {k, k}}};
    const struct named_tensor_values values = {&s, read_values};
    if (!status)
        status = safetensors_write(w, list, k > 0 ? TENSORS : MEAN, NULL, 0, &values, e);
    fmt_buffer_release(&s.names);
    return status;
}

/* ------------------------------------------------------------------ reading */
struct tensors {
    const struct named_tensor *t[TENSORS];
    int64_t n;
    char *names; /* [n_names] */
    const char *name, *end; /* the next one */
};

static const char known[] = "known photographs";

static int check_shapes(struct tensors *s, const struct named_tensor_set *set, struct fmt_error *e)
{
    static const int n_dims[TENSORS] = {3, 1, 1, 2};
    for (int i = 0; i < TENSORS; i++) {
        s->t[i] = named_tensor_find(set, tensor_name[i]);
        bool may_lack = i == MEAN || (i == FACTOR && !s->t[MEAN]);
        if (!s->t[i] && may_lack)
            continue;
        if (!s->t[i] || s->t[i]->n_dims != n_dims[i] || s->t[i]->dtype != (i < MEAN ? DTYPE_I8 : DTYPE_F32))
            return fmt_fail(e, FMT_INVALID, "%s: \"%s\" is missing or of another type", known, tensor_name[i]);
    }
    const int64_t *d = s->t[PRINT]->dims;
    s->n = d[0];
    if (s->n > GATE_GOOD_MAX)
        return fmt_fail(e, FMT_LIMIT, "%lld known photographs, the limit is %d", (long long)s->n, GATE_GOOD_MAX);
    if (d[1] != GATE_PRINT_SIDE || d[2] != GATE_PRINT_SIDE)
        return fmt_fail(e, FMT_INVALID, "%s: the prints are not of %d x %d", known, GATE_PRINT_SIDE, GATE_PRINT_SIDE);
    return 0;
}

/* A factor with which distances can be computed. */
static int check_factor(const struct gate_whitening *w, struct fmt_error *e)
{
    bool good = finite_all(w->mean, w->k) && finite_all(w->factor, w->k * w->k);
    for (int64_t i = 0; i < w->k && good; i++)
        good = w->factor[i * w->k + i] > 0;
    return good ? 0 : fmt_fail(e, FMT_INVALID, "%s: \"mean\" or \"factor\" is none", known);
}

static int read_whitening(const struct tensors *s, struct gate_reference *r, struct fmt_error *e)
{
    struct gate_whitening *w = &r->whitening;
    if (!s->t[MEAN])
        return 0;
    int64_t k = s->t[MEAN]->dims[0];
    if (k != gate_folded(r->dim) || s->t[FACTOR]->dims[0] != k || s->t[FACTOR]->dims[1] != k)
        return fmt_fail(e, FMT_MISMATCH, "%s: of features of %lld values, the network makes %lld", known, (long long)k,
                        (long long)gate_folded(r->dim));
    w->k = k;
    w->mean = malloc((size_t)k * sizeof *w->mean);
    w->factor = malloc((size_t)(k * k) * sizeof *w->factor);
    int status = w->mean && w->factor ? named_tensor_read_f32(s->t[MEAN], 0, k, w->mean, e) : fmt_no_memory(e);
    if (!status)
        status = named_tensor_read_f32(s->t[FACTOR], 0, k * k, w->factor, e);
    return status ? status : check_factor(w, e);
}

static int read_names(struct tensors *s, struct fmt_error *e)
{
    int64_t n = s->t[NAMES]->n;
    s->names = malloc((size_t)n + 1);
    if (!s->names)
        return fmt_no_memory(e);
    s->name = s->names;
    s->end = s->names + n;
    return named_tensor_read_i8(s->t[NAMES], 0, n, (int8_t *)s->names, e);
}

/* The next text of the names; NULL: there are none left. */
static const char *next_name(struct tensors *s)
{
    const char *text = s->name, *zero = memchr(text, 0, (size_t)(s->end - text));
    s->name = zero ? zero + 1 : s->end;
    return zero ? text : NULL;
}

static int read_row(struct tensors *s, int64_t i, struct gate_reference *r, struct fmt_error *e)
{
    struct gate_print print;
    const char *key = next_name(s), *group = key ? next_name(s) : NULL;
    if (!group)
        return fmt_fail(e, FMT_INVALID, "%s: names are missing", known);
    int status = named_tensor_read_i8(s->t[PRINT], i * GATE_PRINT_BYTES, GATE_PRINT_BYTES, (int8_t *)print.luma, e);
    for (int k = 0; k < GATE_PRINT_BYTES && !status; k++)
        print.luma[k] ^= 128; /* + 128, in two's complement */
    return status ? status : gate_reference_add(r, key, group, NULL, &print, e);
}

static int read_rows(struct tensors *s, struct gate_reference *r, struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; i < s->n && !status; i++)
        status = read_row(s, i, r, e);
    if (!status && s->name != s->end)
        status = fmt_fail(e, FMT_INVALID, "%s: more names than photographs", known);
    return status;
}

int gate_reference_read(struct gate_reference *r, const struct fmt_reader *in, int64_t dim, int64_t recent_most,
                        struct fmt_error *e)
{
    struct named_tensor_set set = {0};
    struct tensors s = {.n = 0};
    *r = (struct gate_reference){0};
    int status = safetensors_read(in, &set, e);
    if (!status)
        status = check_shapes(&s, &set, e);
    if (!status)
        status = gate_reference_init(r, dim, recent_most, e);
    if (!status)
        status = read_whitening(&s, r, e);
    if (!status)
        status = read_names(&s, e);
    if (!status)
        status = read_rows(&s, r, e);
    if (status)
        gate_reference_release(r);
    free(s.names);
    named_tensor_release(&set);
    return status;
}
