/* teacher-values.c - a piece of a tensor at a time is in host memory. */
#include "teacher-values.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "state.h"
#include "step.h"

enum { PIECE = 1 << 20 }; /* elements: 4 MiB */

struct teacher_values {
    struct step *step;
    int64_t first_tensor; /* of the state: that of the teacher's row 0 */
    int i_row;            /* whose piece is there; -1: none */
    int64_t i_piece;
    float *piece;         /* [PIECE] */
};

static int init(struct teacher_values *v, struct step *step, struct fmt_error *e)
{
    *v = (struct teacher_values){.step = step, .i_row = -1, .piece = malloc(PIECE * sizeof *v->piece)};
    struct state_tensor t = {.n = 0};
    for (; v->first_tensor < state_count(step); v->first_tensor++) {
        state_tensor(step, v->first_tensor, &t);
        if (strncmp(t.name, "teacher.", 8) == 0)
            break;
    }
    return v->piece ? 0 : fmt_no_memory(e);
}

/* What process 0 tells the others: the tensor of which it needs n elements from `first` on; tensor -1: nothing more. It
 * is sent as a maximum over all processes, to which the others contribute smaller numbers. */
struct request {
    int64_t tensor, first, n;
};

static int pass_on(const struct world *w, struct request *q, struct fmt_error *e)
{
    double x[3] = {-2, -2, -2};
    if (w->rank == 0)
        x[0] = (double)q->tensor, x[1] = (double)q->first, x[2] = (double)q->n;
    int status = world_all_reduce_host(w, x, 3, WORLD_MAX, e);
    *q = status ? (struct request){.tensor = -1} : (struct request){(int64_t)x[0], (int64_t)x[1], (int64_t)x[2]};
    return status;
}

/* In process 0. What it holds it reads by itself. */
static int read_or_collect(struct teacher_values *v, const struct state_tensor *t, struct request q, float *out,
                           struct fmt_error *e)
{
    if (q.first >= t->first && q.first + q.n <= t->first + t->count)
        return state_read(v->step, t, q.first, q.n, out, e);
    int status = pass_on(step_world(v->step), &q, e);
    return status ? status : state_collect(v->step, t, q.first, q.n, out, e);
}

/* In the others, until process 0 has finished. */
static int help(struct teacher_values *v, struct fmt_error *e)
{
    struct request q = {.tensor = -1};
    int status, failed = 0;
    while (!(status = pass_on(step_world(v->step), &q, e)) && q.tensor >= 0) {
        struct state_tensor t;
        state_tensor(v->step, q.tensor, &t);
        int collected = state_collect(v->step, &t, q.first, q.n, v->piece, failed ? NULL : e);
        failed = failed ? failed : collected;
    }
    return status ? status : failed;
}

int teacher_values_read(struct teacher_values *v, int i_row, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    struct state_tensor t;
    state_tensor(v->step, v->first_tensor + i_row, &t);
    while (n > 0) {
        int64_t i_piece = first / PIECE, at = first % PIECE, take = num_min(n, PIECE - at);
        if (v->i_row != i_row || v->i_piece != i_piece) {
            v->i_row = -1;
            struct request q = {v->first_tensor + i_row, i_piece * PIECE, num_min(PIECE, t.n - i_piece * PIECE)};
            int status = read_or_collect(v, &t, q, v->piece, e);
            if (status)
                return status;
            v->i_row = i_row;
            v->i_piece = i_piece;
        }
        memcpy(out, v->piece + at, (size_t)take * sizeof *out);
        out += take;
        first += take;
        n -= take;
    }
    return 0;
}

int teacher_values_use(struct step *step, teacher_work *work, void *arg, struct fmt_error *e)
{
    const struct world *w = step_world(step);
    struct teacher_values v;
    struct fmt_error broken = {0};
    int status = world_agree(w, init(&v, step, e), e);
    if (!status && w->rank > 0) {
        status = help(&v, e);
    } else if (!status) {
        status = work(arg, &v, e);
        int told = w->size > 1 ? pass_on(w, &(struct request){.tensor = -1}, &broken) : 0;
        status = status ? status : told;
        if (told && !e->status)
            *e = broken;
    }
    free(v.piece);
    return world_agree(w, status, e);
}
