/* world-mpi.c - collectives in pieces that fit the buffers. Counts are bytes: what they mean is known here alone. */
#include "world-mpi.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "op.h"
#include "world-tree.h"

enum { BUFFER_BYTES = WORLD_MPI_BYTES / 3 };

/* How many bytes go to or come from each process, and where in the buffer they are. */
struct layout {
    int *count, *at;
};

struct world_mpi {
    MPI_Comm comm;
    char *out, *in, *sums; /* what is sent, received, and summed; room for a part from each rank */
    const void **given;    /* [ranks]: contributions, by rank */
    struct layout to, from;
    int64_t bytes_sent;
    int turns;             /* that the buffers are for */
    bool any_thread;       /* may make calls, one at a time */
};

/* ---------------------------------------------------------------- MPI and its kinds */
#ifdef OPEN_MPI
static const char packages[] = "libopenmpi-dev openmpi-bin";
static const char *const local_options[] = {"--oversubscribe", "--bind-to", "none", "--quiet", NULL};
#else
static const char packages[] = "libmpich-dev mpich";
static const char *const local_options[] = {"-bind-to", "none", NULL};
#endif

const char *world_mpi_packages(void)
{
    return packages;
}

const char *const *world_mpi_local_options(void)
{
    return local_options;
}

/* "Open MPI v4.1.4, package: ...", "MPICH Version:\t4.0.2\n..." */
const char *world_mpi_name(void)
{
    static char name[64];
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int n, major = 0, minor = 0, patch = 0;
    if (*name)
        return name;
    MPI_Get_library_version(text, &n);
    const char *digit = strpbrk(text, "0123456789");
    if (digit)
        sscanf(digit, "%d.%d.%d", &major, &minor, &patch);
    int letters = digit ? (int)strcspn(text, ":v0123456789") : 40;
    snprintf(name, sizeof name, "%.*s", letters < 40 ? letters : 40, text);
    if (strncmp(name, "MPICH", 5) == 0)
        name[5] = 0;
    size_t used = strlen(name);
    while (used > 0 && name[used - 1] == ' ')
        used--;
    snprintf(name + used, sizeof name - used, " %d.%d.%d", major, minor, patch);
    return name;
}

/* 0, or FMT_IO with MPI's own text. */
static int check(int code, const char *what, struct fmt_error *e)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int n;
    if (code == MPI_SUCCESS)
        return 0;
    MPI_Error_string(code, text, &n);
    return fmt_fail(e, FMT_IO, "MPI: %s: %.300s", what, text);
}

/* ---------------------------------------------------------------- pieces in host memory */
static void set(struct layout *l, int process, int64_t count, int64_t at, size_t each)
{
    l->count[process] = (int)((size_t)count * each);
    l->at[process] = (int)((size_t)at * each);
}

/* Sends out and receives at `in`. */
static int exchange(const struct world *w, const void *out, void *in, const char *what, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    for (int r = 0; r < w->size; r++)
        m->bytes_sent += r == w->rank ? 0 : m->to.count[r];
    return check(MPI_Alltoallv(out, m->to.count, m->to.at, MPI_BYTE, in, m->from.count, m->from.at, MPI_BYTE, m->comm),
                 what, e);
}

/* A piece of n elements, of which each process sums its part: what all send to whom. */
static struct world_part lay_out_piece(const struct world *w, int64_t n, size_t each)
{
    struct world_mpi *m = w->state;
    struct world_part mine = world_part(w, n, WORLD_GRAIN);
    for (int r = 0; r < w->size; r++) {
        struct world_part theirs = world_part_of(w, r, n, WORLD_GRAIN);
        set(&m->to, r, theirs.count, theirs.first, each);
        set(&m->from, r, mine.count, r * mine.count, each);
    }
    return mine;
}

/* x [n]: the sums that the processes have made of their parts go to all. */
static int share_parts(const struct world *w, void *x, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    m->bytes_sent += (int64_t)m->to.count[w->rank] * (w->size - 1);
    return check(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, x, m->to.count, m->to.at, MPI_BYTE, m->comm), "all_reduce",
                 e);
}

/* x [n] = over the processes; as many elements as fit the buffers. */
static int all_reduce_piece(const struct world *w, void *x, int64_t n, enum world_reduction how, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    struct world_part mine = lay_out_piece(w, n, sizeof(double));
    int status = exchange(w, x, m->in, "all_reduce", e);
    if (status)
        return status;
    for (int r = 0; r < w->size; r++)
        m->given[r] = m->in + m->from.at[r];
    world_tree_reduce((double *)x + mine.first, m->given, w->size, DTYPE_F64, mine.count, how);
    return share_parts(w, x, e);
}

static int all_reduce_host(const struct world *w, double *x, int64_t n, enum world_reduction how, struct fmt_error *e)
{
    int status = 0;
    int64_t most = BUFFER_BYTES / (int64_t)sizeof *x;
    for (int64_t first = 0; first < n && !status; first += most)
        status = all_reduce_piece(w, x + first, num_min(most, n - first), how, e);
    return status;
}

static int all_gather_host(const struct world *w, void *all, const void *mine, size_t bytes, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    m->bytes_sent += (int64_t)bytes * (w->size - 1);
    return check(MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, m->comm), "all_gather", e);
}

static int broadcast_host(const struct world *w, void *x, size_t bytes, int root, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    int status = 0;
    for (size_t at = 0, n; at < bytes && !status; at += n) {
        n = bytes - at < BUFFER_BYTES ? bytes - at : BUFFER_BYTES;
        m->bytes_sent += w->rank == root ? (int64_t)n * (w->size - 1) : 0;
        status = check(MPI_Bcast((char *)x + at, (int)n, MPI_BYTE, root, m->comm), "broadcast", e);
    }
    return status;
}

static int barrier(const struct world *w, struct fmt_error *e)
{
    struct world_mpi *m = w->state;
    return check(MPI_Barrier(m->comm), "barrier", e);
}

/* ---------------------------------------------------------------- tensors, piece by piece */
/* Elements [first, first + n) of a tensor of any shape. */
static struct tensor elements(struct tensor t, int64_t first, int64_t n)
{
    return tensor_rows(TENSOR_SHAPED(t, tensor_elements(t)), first, n);
}

/* Elements [first, first + n) of all turns, and their sum or the largest. */
static void reduce_turns(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in, int64_t first,
                         int64_t n, enum world_reduction how)
{
    struct world_mpi *m = w->state;
    size_t each = dtype_bytes(in.dtype);
    struct world_part mine = lay_out_piece(w, n, each);
    for (int turn = 0; turn < w->turns && !c->error.status; turn++) {
        char *received = m->in + (size_t)turn * (size_t)w->size * (size_t)mine.count * each;
        op_copy_out(c, m->out, elements(in, turn * tensor_elements(out) + first, n));
        if (!c->error.status)
            exchange(w, m->out, received, "all_reduce", &c->error);
        for (int r = 0; r < w->size; r++)
            m->given[turn * w->size + r] = received + m->from.at[r];
    }
    if (c->error.status)
        return;
    world_tree_reduce(m->out + (size_t)mine.first * each, m->given, world_ranks(w), in.dtype, mine.count, how);
    if (!share_parts(w, m->out, &c->error))
        op_copy_in(c, elements(out, first, n), m->out);
}

static void all_reduce(const struct world *w, struct op_ctx *c, struct tensor out, struct tensor in,
                       enum world_reduction how)
{
    const struct world_mpi *m = w->state;
    int64_t n = tensor_elements(out), most = num_max(BUFFER_BYTES / w->turns / (int64_t)dtype_bytes(in.dtype), 1);
    if (!op_check(c, w->turns <= m->turns, "all_reduce: turns without world_mpi_take_turns"))
        return;
    for (int64_t first = 0; first < n && !c->error.status; first += most)
        reduce_turns(w, c, out, in, first, num_min(most, n - first), how);
}

/* What a call on the parts of all processes does at a time: up to `most` elements of each part, from `offset` on. */
struct pieces {
    int64_t n, grain, most, offset, longest; /* n: of the whole */
};

static struct pieces pieces_of(const struct world *w, struct tensor whole, int64_t grain, int divisor)
{
    int64_t n = tensor_elements(whole), most = BUFFER_BYTES / divisor / (int64_t)dtype_bytes(whole.dtype);
    return (struct pieces){n, grain, num_max(most, 1), 0, world_part_of(w, 0, n, grain).count};
}

/* The piece of a process's part: elements of the whole. */
static struct world_part piece_of(const struct world *w, const struct pieces *p, int process)
{
    struct world_part part = world_part_of(w, process, p->n, p->grain);
    int64_t skipped = num_min(p->offset, part.count);
    return (struct world_part){part.first + skipped, num_min(p->most, part.count - skipped)};
}

/* Every process has sent its contribution to these n elements of this one's part into m->in. */
static void add_received(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn, int64_t offset,
                         int64_t n)
{
    struct world_mpi *m = w->state;
    enum dtype dtype = slot[0].dtype;
    int before = turn * w->size, ranks = world_ranks(w), n_before = world_tree_nodes(before, ranks),
        n_after = world_tree_nodes(before + w->size, ranks);
    void *sum[WORLD_SLOTS_MAX];
    for (int i = 0; i < num_max(n_before, n_after); i++)
        sum[i] = m->sums + (size_t)i * (size_t)n * dtype_bytes(dtype);
    for (int i = 0; i < n_before; i++)
        op_copy_out(c, sum[i], elements(slot[i], offset, n));
    for (int r = 0; r < w->size; r++)
        m->given[r] = m->in + m->from.at[r];
    world_tree_push(sum, before, m->given, w->size, ranks, dtype, n, WORLD_SUM);
    for (int i = 0; i < n_after; i++)
        op_copy_in(c, elements(slot[i], offset, n), sum[i]);
}

static void reduce_scatter(const struct world *w, struct op_ctx *c, const struct tensor *slot, int turn,
                           struct tensor whole, int64_t grain)
{
    struct world_mpi *m = w->state;
    size_t each = dtype_bytes(whole.dtype);
    struct pieces p = pieces_of(w, whole, grain, (int)num_max(w->size, world_slots(w)));
    for (; p.offset < p.longest && !c->error.status; p.offset += p.most) {
        struct world_part mine = piece_of(w, &p, w->rank);
        for (int r = 0; r < w->size; r++) {
            struct world_part theirs = piece_of(w, &p, r);
            set(&m->to, r, theirs.count, r * p.most, each);
            set(&m->from, r, mine.count, r * mine.count, each);
            op_copy_out(c, m->out + m->to.at[r], elements(whole, theirs.first, theirs.count));
        }
        if (c->error.status || exchange(w, m->out, m->in, "reduce_scatter", &c->error))
            return;
        add_received(w, c, slot, turn, mine.first - world_part(w, p.n, grain).first, mine.count);
    }
}

static void all_gather(const struct world *w, struct op_ctx *c, struct tensor whole, struct tensor part, int64_t grain)
{
    struct world_mpi *m = w->state;
    size_t each = dtype_bytes(whole.dtype);
    struct pieces p = pieces_of(w, whole, grain, w->size);
    for (; p.offset < p.longest && !c->error.status; p.offset += p.most) {
        for (int r = 0; r < w->size; r++)
            set(&m->from, r, piece_of(w, &p, r).count, r * p.most, each);
        struct world_part mine = piece_of(w, &p, w->rank);
        op_copy_out(c, m->out, elements(part, mine.first - world_part(w, p.n, grain).first, mine.count));
        if (c->error.status || check(MPI_Allgatherv(m->out, m->from.count[w->rank], MPI_BYTE, m->in, m->from.count,
                                                    m->from.at, MPI_BYTE, m->comm),
                                     "all_gather", &c->error))
            return;
        m->bytes_sent += (int64_t)m->from.count[w->rank] * (w->size - 1);
        for (int r = 0; r < w->size; r++) {
            struct world_part theirs = piece_of(w, &p, r);
            op_copy_in(c, elements(whole, theirs.first, theirs.count), m->in + m->from.at[r]);
        }
    }
}

static int64_t bytes_sent(const struct world *w)
{
    const struct world_mpi *m = w->state;
    return m->bytes_sent;
}

static const struct world_calls calls = {.all_reduce = all_reduce,
                                         .all_reduce_host = all_reduce_host,
                                         .all_gather_host = all_gather_host,
                                         .reduce_scatter = reduce_scatter,
                                         .all_gather = all_gather,
                                         .broadcast_host = broadcast_host,
                                         .barrier = barrier,
                                         .bytes_sent = bytes_sent};

/* ---------------------------------------------------------------- opening and closing */
static void release(struct world_mpi *m)
{
    free(m->out);
    free(m->in);
    free(m->sums);
    free(m->given);
    free(m->to.count);
    free(m);
}

/* A part is at most an equal share and WORLD_GRAIN elements more. */
static struct world_mpi *allocate(const struct world *w)
{
    struct world_mpi *m = calloc(1, sizeof *m);
    size_t size = (size_t)w->size, ranks = (size_t)world_ranks(w);
    size_t bytes = BUFFER_BYTES + ranks * WORLD_GRAIN * sizeof(double);
    if (!m)
        return NULL;
    m->turns = w->turns;
    m->out = malloc(bytes);
    m->in = malloc(bytes);
    m->sums = malloc(bytes);
    m->given = calloc(ranks, sizeof *m->given);
    m->to.count = calloc(size * 4, sizeof *m->to.count);
    if (!m->out || !m->in || !m->sums || !m->given || !m->to.count) {
        release(m);
        return NULL;
    }
    m->to.at = m->to.count + size;
    m->from.count = m->to.at + size;
    m->from.at = m->from.count + size;
    return m;
}

static int join(struct world *w, struct fmt_error *e)
{
    int status = check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "errors", e);
    if (!status)
        status = check(MPI_Comm_rank(MPI_COMM_WORLD, &w->rank), "rank", e);
    if (!status)
        status = check(MPI_Comm_size(MPI_COMM_WORLD, &w->size), "size", e);
    if (status)
        return status;
    struct world_mpi *m = allocate(w);
    if (!m)
        return fmt_no_memory(e);
    w->state = m;
    status = check(MPI_Comm_dup(MPI_COMM_WORLD, &m->comm), "communicator", e); /* with its handler of errors */
    if (status) {
        w->state = NULL;
        release(m);
    }
    return status;
}

int world_mpi_take_turns(struct world *w, int turns, struct fmt_error *e)
{
    struct world_mpi *before = w->state, *m;
    w->turns = turns;
    if (w->calls != &calls)
        return 0;
    if (!(m = allocate(w)))
        return fmt_no_memory(e);
    m->comm = before->comm;
    m->bytes_sent = before->bytes_sent;
    m->any_thread = before->any_thread;
    release(before);
    w->state = m;
    return 0;
}

int world_mpi_open(struct world *w, struct fmt_error *e)
{
    int threads;
    *w = (struct world){.size = 1, .turns = 1, .calls = &calls};
    int status = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &threads), "start", e);
    if (status)
        return status;
    if (threads < MPI_THREAD_FUNNELED)
        status = fmt_fail(e, FMT_UNSUPPORTED, "%s: cannot be used by a program with threads (MPI_THREAD_FUNNELED)",
                          world_mpi_name());
    if (!status)
        status = join(w, e);
    if (!status)
        ((struct world_mpi *)w->state)->any_thread = threads >= MPI_THREAD_SERIALIZED;
    if (status)
        MPI_Finalize();
    return status;
}

void world_mpi_close(struct world *w)
{
    if (w->calls != &calls)
        return;
    struct world_mpi *m = w->state;
    MPI_Comm_free(&m->comm);
    release(m);
    MPI_Finalize();
    *w = world_single;
}

void world_mpi_abort(const struct world *w, int exit_status)
{
    if (w->calls == &calls)
        MPI_Abort(MPI_COMM_WORLD, exit_status);
}

bool world_mpi_any_thread(const struct world *w)
{
    const struct world_mpi *m = w->state;
    return w->calls == &calls && m->any_thread;
}
