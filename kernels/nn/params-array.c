/* params-array.c - views by arithmetic on the table's offsets, and the crossings between host and device. */
#include "params-array.h"

#include "msg.h"
#include "num.h"
#include "rng.h"

/* ------------------------------------------------------------------ memory and views */

struct params_array params_array_take_part(struct device_arena *a, const struct params *table, enum dtype dtype,
                                           int64_t first, int64_t count)
{
    return (struct params_array){
        .table = table, .data = TENSOR_TAKE(a, dtype, count), .first = first, .count = count};
}

struct params_array params_array_take(struct device_arena *a, const struct params *table, enum dtype dtype)
{
    return params_array_take_part(a, table, dtype, 0, table->count);
}

int params_array_reserve(struct params_array *a, struct device_arena *memory, const struct backend *backend,
                         const struct params *table, enum dtype dtype, int64_t count, struct fmt_error *e)
{
    struct device_arena plan = {0};
    params_array_take_part(&plan, table, dtype, 0, count);
    int status = device_arena_init(memory, backend, plan.high, e);
    if (!status)
        *a = params_array_take_part(memory, table, dtype, 0, count);
    return status;
}

struct tensor params_range(const struct params_array *a, int64_t first, int64_t count)
{
    if (first < a->first || count > a->first + a->count - first)
        msg_bug("parameters: elements that the array does not have");
    return tensor_rows(a->data, first - a->first, count);
}

struct tensor params_tensor(const struct params_array *a, int row)
{
    if (row < 0)
        return TENSOR_NONE;
    const struct param *p = &a->table->rows[row];
    return tensor_reshape(params_range(a, p->offset, p->count), p->n_dims, p->dims);
}

/* ------------------------------------------------------------------ whole arrays */

void params_clear(struct op_ctx *c, const struct params_array *a)
{
    op_fill(c, a->data, 0);
}

static float draw(const struct param *p, struct rng *r)
{
    double v = (double)p->value;
    switch (p->init) {
    case INIT_NORMAL: return (float)(v * rng_normal(r));
    case INIT_UNIFORM: return (float)rng_between(r, -v, v);
    default: return p->value;
    }
}

enum { DRAW_PIECE = 4096 };

/* A row that is only partly in the array is still drawn from its first element on: a stream has one order. */
void params_init(struct op_ctx *c, const struct params_array *a, uint64_t seed)
{
    float piece[DRAW_PIECE];
    params_clear(c, a);
    for (int row = 0; row < a->table->n_rows; row++) {
        const struct param *p = &a->table->rows[row];
        struct rng r = rng_stream(seed, (uint64_t)row, 0, RNG_INIT);
        int64_t end = num_min(p->count, a->first + a->count - p->offset), skip = num_max(0, a->first - p->offset);
        for (int64_t first = 0; first < end; first += DRAW_PIECE) {
            int64_t n = num_min(DRAW_PIECE, end - first), from = num_max(first, skip);
            for (int64_t i = 0; i < n; i++)
                piece[i] = draw(p, &r);
            if (from < first + n)
                params_write(c, a, row, from, first + n - from, piece + (from - first));
        }
    }
}

/* ------------------------------------------------------------------ between host and device */

static struct tensor piece_of(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n)
{
    op_check(c, a->data.dtype == DTYPE_F32, "parameters: only float32 is read and written");
    return params_range(a, a->table->rows[row].offset + first, n);
}

void params_read(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n, float *host)
{
    op_copy_out(c, host, piece_of(c, a, row, first, n));
}

void params_write(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n,
                  const float *host)
{
    op_copy_in(c, piece_of(c, a, row, first, n), host);
}
