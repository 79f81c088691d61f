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

struct params_array params_array_take_cut(struct device_arena *a, const struct params_cut *cut, enum dtype dtype)
{
    return (struct params_array){
        .table = cut->table, .data = TENSOR_TAKE(a, dtype, cut->count), .count = cut->count, .cut = cut};
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

/* The elements from [first, first + count) of the layout that the array has, a run of them: where it begins in the
 * layout and in the array. Returns how many. */
static int64_t overlap(const struct params_array *a, int64_t first, int64_t count, int64_t *begin, int64_t *at)
{
    int64_t held = a->first, n = a->count, place = 0;
    if (a->cut) {
        const struct params_unit *unit = &a->cut->unit[params_cut_find(a->cut, first)];
        held = unit->part_first, n = unit->part_count, place = unit->at;
    }
    *begin = num_max(first, held);
    *at = place + *begin - held;
    return num_max(num_min(first + count, held + n) - *begin, 0);
}

struct tensor params_range(const struct params_array *a, int64_t first, int64_t count)
{
    int64_t begin, at;
    if (overlap(a, first, count, &begin, &at) != count || begin != first)
        msg_bug("parameters: elements that the array does not have");
    return tensor_rows(a->data, at, count);
}

int64_t params_held(const struct params_array *a, int row, int64_t *first)
{
    const struct param *p = &a->table->rows[row];
    int64_t begin, at, n = overlap(a, p->offset, p->count, &begin, &at);
    *first = n > 0 ? begin - p->offset : 0;
    return n;
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
        int64_t skip, held = params_held(a, row, &skip), end = held ? skip + held : 0;
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

static bool is_f32(struct op_ctx *c, const struct params_array *a)
{
    return op_check(c, a->data.dtype == DTYPE_F32, "parameters: only float32 is read and written");
}

void params_read(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n, float *host)
{
    int64_t at = a->table->rows[row].offset + first;
    if (!is_f32(c, a))
        return;
    if (a->fetch)
        a->fetch->elements(a->fetch->arg, a, at, n, host);
    else
        op_copy_out(c, host, params_range(a, at, n));
}

void params_write(struct op_ctx *c, const struct params_array *a, int row, int64_t first, int64_t n,
                  const float *host)
{
    int64_t from = a->table->rows[row].offset + first, begin, at, count = overlap(a, from, n, &begin, &at);
    if (!is_f32(c, a))
        return;
    if (!a->cut)
        op_copy_in(c, params_range(a, from, n), host);
    else if (count > 0)
        op_copy_in(c, tensor_rows(a->data, at, count), host + (begin - from));
}
