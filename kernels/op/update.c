/* update.c - checks of the sweep over parameters. */
#include "update.h"

void op_update(struct op_ctx *c, const struct update *u)
{
    struct tensor student = u->student, grad = u->grad, m = u->m, v = u->v, teacher = u->teacher;
    int64_t n = student.dims[0], n_teacher = teacher.dims[0];
    bool inside = u->n_ranges >= 0;
    for (int64_t i = 0; i < u->n_ranges; i++) {
        const struct update_range *r = &u->ranges[i];
        inside = inside && r->offset >= 0 && r->count >= 0 && r->offset + r->count <= n &&
                 r->teacher_offset >= -1 && r->teacher_offset + r->count <= n_teacher;
    }
    if (OP_SHAPE(c, "update", student, DTYPE_F32, n) && OP_SHAPE(c, "update", grad, DTYPE_F32, n) &&
        OP_SHAPE(c, "update", m, DTYPE_F32, n) && OP_SHAPE(c, "update", teacher, DTYPE_F32, n_teacher) &&
        (u->rule != UPDATE_ADAMW || OP_SHAPE(c, "update", v, DTYPE_F32, n)) &&
        op_check(c, inside, "update: a range is not inside the arrays"))
        c->backend->update(c, u);
}
