/* nearest.c - checks of the operations of nearest.h. */
#include "nearest.h"

void op_unit_rows(struct op_ctx *c, int64_t *nonfinite, struct tensor x)
{
    if (OP_SHAPE(c, "unit_rows", x, DTYPE_F32, x.dims[0], x.dims[1]))
        c->backend->unit_rows(c, nonfinite, x);
}

void op_nearest(struct op_ctx *c, const struct nearest *s, const struct nearest_host_work *host_work)
{
    struct tensor similarity = s->similarity, index = s->index, queries = s->queries, bank = s->bank;
    int64_t Q = similarity.dims[0], k = similarity.dims[1], T = bank.dims[0], C = bank.dims[1], tile = nearest_tile(Q);
    bool grouped = tensor_given(s->query_group);
    if (OP_SHAPE(c, "nearest", similarity, DTYPE_F32, Q, k) && OP_SHAPE(c, "nearest", index, DTYPE_I64, Q, k) &&
        OP_SHAPE(c, "nearest", queries, DTYPE_F32, num_ceil_div(Q, tile), C, tile) &&
        OP_SHAPE(c, "nearest", bank, DTYPE_F32, T, C) &&
        op_check(c, k > 0 && T % NEAREST_BANK == 0 && s->n >= 0 && s->n <= T, "nearest: a part of the bank") &&
        op_check(c, grouped == tensor_given(s->bank_group), "nearest: groups of one side only") &&
        (!grouped || (op_shape(c, "nearest: query_group", s->query_group, DTYPE_I64, 1, &Q) &&
                      op_shape(c, "nearest: bank_group", s->bank_group, DTYPE_I64, 1, &s->n))))
        c->backend->nearest(c, s, host_work);
}
