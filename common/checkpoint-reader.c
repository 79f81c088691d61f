/* checkpoint-reader.c - at most OPEN_MAX files are open at a time: the one that was not used for longest is closed for
 * another. The table of each file is read when the reader is opened; of those that are closed only the ranges remain.
 */
#include "checkpoint-reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint-name.h"

enum { OPEN_MAX = 64 };

/* ---------------------------------------------------------------- one file */
static int open_file(struct checkpoint_reader_file *f, const char *path, struct fmt_error *e)
{
    int status = file_open_regular(&f->file, path, e);
    if (status)
        return status;
    f->io = file_reader(&f->file);
    status = ckpt_open(&f->ckpt, &f->io, e);
    if (status) {
        fmt_prefix(e, path);
        file_close(&f->file);
        return status;
    }
    f->open = true;
    return 0;
}

static void close_file(struct checkpoint_reader *r, int rank)
{
    struct checkpoint_reader_file *f = &r->file[rank];
    if (!f->open)
        return;
    ckpt_close(&f->ckpt);
    file_close(&f->file);
    f->open = false;
    r->n_open--;
}

static void close_oldest(struct checkpoint_reader *r)
{
    int oldest = 0;
    for (int k = 1; k < r->set.n_ranks; k++) /* the first stays */
        if (r->file[k].open && (oldest == 0 || r->file[k].used < r->file[oldest].used))
            oldest = k;
    if (oldest)
        close_file(r, oldest);
}

char *checkpoint_reader_path(const struct checkpoint_reader *r, int rank)
{
    return r->set.n_ranks == 1 ? strdup(r->path) : checkpoint_sibling(r->path, rank);
}

struct ckpt *checkpoint_reader_file(struct checkpoint_reader *r, int rank, struct fmt_error *e)
{
    struct checkpoint_reader_file *f = &r->file[rank];
    f->used = ++r->clock;
    if (f->open)
        return &f->ckpt;
    if (r->n_open >= OPEN_MAX)
        close_oldest(r);
    char *path = checkpoint_reader_path(r, rank);
    int status = path ? open_file(f, path, e) : fmt_no_memory(e);
    if (!status) {
        r->n_open++;
        if (r->part && (status = ckpt_set_has(&r->set, rank, &f->ckpt, e))) { /* it was opened before */
            fmt_prefix(e, path);
            close_file(r, rank);
        }
    }
    free(path);
    return status ? NULL : &f->ckpt;
}

struct ckpt_part checkpoint_reader_part(const struct checkpoint_reader *r, int64_t i, int rank)
{
    if (r->part)
        return r->part[i * r->set.n_ranks + rank];
    return (struct ckpt_part){0, r->file[0].ckpt.tensor[i].n};
}

/* ---------------------------------------------------------------- what is wrong with a set */
/* Ranks as "1, 4-7", as far as the text has room. */
struct ranks_text {
    char text[120];
    size_t n;
    int first, last; /* the run that is not yet written; -1: none */
    int count;
};

static void put_run(struct ranks_text *t)
{
    char run[40];
    if (t->first < 0)
        return;
    int n = t->first == t->last ? snprintf(run, sizeof run, "%s%d", t->n ? ", " : "", t->first)
                                : snprintf(run, sizeof run, "%s%d%s%d", t->n ? ", " : "", t->first,
                                           t->last == t->first + 1 ? ", " : "-", t->last);
    t->first = -1;
    if (t->n + (size_t)n + strlen(" ...") >= sizeof t->text) {
        if (t->n && t->text[t->n - 1] != '.')
            t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, " ...");
        return;
    }
    memcpy(t->text + t->n, run, (size_t)n + 1);
    t->n += (size_t)n;
}

static void add_rank(struct ranks_text *t, int rank)
{
    t->count++;
    if (t->first >= 0 && rank == t->last + 1) {
        t->last = rank;
        return;
    }
    put_run(t);
    t->first = t->last = rank;
}

struct problems {
    struct ranks_text missing, differ;
    struct fmt_error why; /* of the first that differs */
};

static int report(const struct checkpoint_reader *r, struct problems *p, struct fmt_error *e)
{
    char missing[160] = "", differ[320] = "";
    put_run(&p->missing);
    put_run(&p->differ);
    if (p->missing.count)
        snprintf(missing, sizeof missing, "missing: rank%s %s", p->missing.count > 1 ? "s" : "", p->missing.text);
    if (p->differ.count)
        snprintf(differ, sizeof differ, "%sdifferent: rank%s %s (%s%.100s)", p->missing.count ? "; " : "",
                 p->differ.count > 1 ? "s" : "", p->differ.text, p->differ.count > 1 ? "the first: " : "", p->why.text);
    return fmt_fail(e, FMT_INVALID, "%.150s: the set is not complete: %s%s", r->path, missing, differ);
}

/* ---------------------------------------------------------------- opening a set */
/* The table must be that of the first file, but for the parts, which are noted. */
static int take_parts(struct checkpoint_reader *r, int rank, struct fmt_error *e)
{
    const struct ckpt *a = checkpoint_reader_first(r), *b = &r->file[rank].ckpt;
    bool same = a->n_tensors == b->n_tensors && strcmp(a->header.state, b->header.state) == 0;
    for (int64_t i = 0; i < a->n_tensors && same; i++) {
        const struct ckpt_tensor *x = &a->tensor[i], *y = &b->tensor[i];
        same = strcmp(x->name, y->name) == 0 && x->dtype == y->dtype && x->n_dims == y->n_dims &&
               memcmp(x->dims, y->dims, (size_t)x->n_dims * sizeof *x->dims) == 0;
        r->part[i * r->set.n_ranks + rank] = (struct ckpt_part){y->first, y->count};
    }
    return same ? 0 : fmt_fail(e, FMT_MISMATCH, "a table or a state unlike rank 0's");
}

/* Opens and compares one file. FMT_END: it is missing. */
static int open_rank(struct checkpoint_reader *r, int rank, struct fmt_error *e)
{
    struct checkpoint_reader_file *f = &r->file[rank];
    char *path = checkpoint_reader_path(r, rank);
    if (!path)
        return fmt_no_memory(e);
    if (r->n_open >= OPEN_MAX)
        close_oldest(r);
    int status = file_exists(path) ? file_open_regular(&f->file, path, e) : FMT_END;
    free(path);
    if (status)
        return status;
    f->io = file_reader(&f->file);
    if ((status = ckpt_open(&f->ckpt, &f->io, e))) {
        file_close(&f->file);
        return status;
    }
    f->open = true;
    f->used = ++r->clock;
    r->n_open++;
    status = ckpt_set_has(&r->set, rank, &f->ckpt, e);
    if (!status && !r->part) { /* the first */
        r->part = calloc((size_t)f->ckpt.n_tensors + 1, (size_t)r->set.n_ranks * sizeof *r->part);
        status = r->part ? 0 : fmt_no_memory(e);
    }
    if (!status && r->file[0].open)
        status = take_parts(r, rank, e);
    if (status)
        close_file(r, rank);
    return status;
}

/* All files are looked at, so that the error names all that are wrong. */
static int open_ranks(struct checkpoint_reader *r, struct fmt_error *e)
{
    struct problems p = {.missing = {.first = -1}, .differ = {.first = -1}};
    for (int rank = 0; rank < r->set.n_ranks; rank++) {
        struct fmt_error why = {0};
        int status = open_rank(r, rank, &why);
        if (status == FMT_MEMORY)
            return fmt_no_memory(e);
        if (status == FMT_VERSION)
            return fmt_fail(e, FMT_VERSION, "%.200s: rank %d: %s", r->path, rank, why.text);
        if (status == FMT_END)
            add_rank(&p.missing, rank);
        else if (status)
            add_rank(&p.differ, rank);
        if (status && status != FMT_END && !p.why.status)
            p.why = why;
    }
    return p.missing.count || p.differ.count ? report(r, &p, e) : 0;
}

static int check_parts(struct checkpoint_reader *r, struct fmt_error *e)
{
    const struct ckpt *c = checkpoint_reader_first(r);
    size_t n = (size_t)r->set.n_ranks;
    struct ckpt_part *sorted = malloc(n * sizeof *sorted);
    int status = sorted ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < c->n_tensors && !status; i++) {
        memcpy(sorted, r->part + (size_t)i * n, n * sizeof *sorted);
        status = ckpt_set_check_parts(sorted, r->set.n_ranks, c->tensor[i].n, e);
        if (status)
            fmt_prefix(e, c->tensor[i].name);
    }
    if (status && sorted)
        fmt_prefix(e, r->path);
    free(sorted);
    return status;
}

/* r->path names the set's file. */
static int open_set(struct checkpoint_reader *r, struct fmt_error *e)
{
    struct file f;
    int status = file_open_regular(&f, r->path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    status = ckpt_set_read(&r->set, &io, e);
    file_close(&f);
    if (status)
        fmt_prefix(e, r->path);
    if (!status && !(r->file = calloc((size_t)r->set.n_ranks, sizeof *r->file)))
        status = fmt_no_memory(e);
    if (!status)
        status = open_ranks(r, e);
    return status ? status : check_parts(r, e);
}

/* ---------------------------------------------------------------- opening any file */
static int set_path(struct checkpoint_reader *r, char *path, struct fmt_error *e)
{
    free(r->path);
    r->path = path;
    return path ? 0 : fmt_no_memory(e);
}

/* A part: the set's file is beside it. */
static int open_set_of(struct checkpoint_reader *r, const char *path, struct fmt_error *e)
{
    int n = r->file[0].ckpt.header.n_ranks, rank = r->file[0].ckpt.header.rank;
    close_file(r, 0);
    free(r->file);
    r->file = NULL;
    char *set = checkpoint_sibling(path, CHECKPOINT_SET);
    if (!set)
        return fmt_fail(e, FMT_UNSUPPORTED, "%.200s: part of a checkpoint, of rank %d of %d: its set is found only by "
                        "a name that ends in .rank_%d.ckpt", path, rank, n, rank);
    int status = set_path(r, set, e);
    if (!status && !file_exists(set))
        status = fmt_fail(e, FMT_INVALID, "%.200s: the set is not complete: this file is missing", set);
    return status ? status : open_set(r, e);
}

static int open_first(struct checkpoint_reader *r, const char *path, struct fmt_error *e)
{
    r->set.n_ranks = 1;
    r->file = calloc(1, sizeof *r->file);
    if (!r->file)
        return fmt_no_memory(e);
    int status = open_file(&r->file[0], path, e);
    if (status)
        return status;
    r->n_open = 1;
    r->set.iteration = r->file[0].ckpt.header.iteration;
    if (r->file[0].ckpt.part)
        return open_set_of(r, path, e);
    return set_path(r, strdup(path), e);
}

char *checkpoint_reader_stand_in(const char *path)
{
    static const int others[] = {CHECKPOINT_SET, 0};
    for (int k = 0; k < 2 && !file_exists(path); k++) {
        char *other = checkpoint_sibling(path, others[k]);
        if (other && file_exists(other))
            return other;
        free(other);
    }
    return strdup(path);
}

static bool is_set(const char *path)
{
    struct file f;
    uint8_t first[24];
    if (file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    bool is = io.size >= sizeof first && fmt_read_at_exact(&io, 0, first, sizeof first, NULL) == 0 &&
              block_kind_of(first, sizeof first) == BLOCK_CKPT_SET;
    file_close(&f);
    return is;
}

int checkpoint_reader_open(struct checkpoint_reader *r, const char *given, struct fmt_error *e)
{
    *r = (struct checkpoint_reader){0};
    char *path = checkpoint_reader_stand_in(given);
    if (!path)
        return fmt_no_memory(e);
    int status;
    if (!is_set(path)) {
        status = open_first(r, path, e);
        free(path);
    } else if (!(status = set_path(r, path, e))) {
        char *sibling = checkpoint_sibling(path, 0);
        status = sibling ? open_set(r, e)
                         : fmt_fail(e, FMT_UNSUPPORTED, "%.200s: a checkpoint set: its files are found only by a name "
                                    "that ends in .set", path);
        free(sibling);
    }
    if (status)
        checkpoint_reader_close(r);
    return status;
}

int checkpoint_reader_over(struct checkpoint_reader *r, const struct fmt_reader *io, struct fmt_error *e)
{
    *r = (struct checkpoint_reader){.set = {.n_ranks = 1}, .file = calloc(1, sizeof *r->file)};
    if (!r->file)
        return fmt_no_memory(e);
    r->file[0].file.fd = -1;
    int status = ckpt_open(&r->file[0].ckpt, io, e);
    if (!status) {
        r->file[0].open = true;
        r->n_open = 1;
        r->set.iteration = r->file[0].ckpt.header.iteration;
        if (r->file[0].ckpt.part)
            status = fmt_fail(e, FMT_UNSUPPORTED, "part of a checkpoint, of rank %d of %d: its set is found only by "
                              "the name of a file", r->file[0].ckpt.header.rank, r->file[0].ckpt.header.n_ranks);
    }
    if (status)
        checkpoint_reader_close(r);
    return status;
}

void checkpoint_reader_close(struct checkpoint_reader *r)
{
    for (int k = 0; r->file && k < r->set.n_ranks; k++)
        close_file(r, k);
    free(r->file);
    free(r->part);
    free(r->path);
    ckpt_set_release(&r->set);
    *r = (struct checkpoint_reader){0};
}

/* ---------------------------------------------------------------- reading */
static int name_file(const struct checkpoint_reader *r, int rank, int status, struct fmt_error *e)
{
    char *path = status && r->path ? checkpoint_reader_path(r, rank) : NULL;
    if (path)
        fmt_prefix(e, path);
    free(path);
    return status;
}

int checkpoint_reader_read(struct checkpoint_reader *r, int64_t i, int64_t first, int64_t n, ckpt_take *take, void *arg,
                           struct fmt_error *e)
{
    int status = 0;
    for (int rank = 0; rank < r->set.n_ranks && !status; rank++) {
        struct ckpt_part p = checkpoint_reader_part(r, i, rank);
        if (r->part && (p.count == 0 || p.first >= first + n || p.first + p.count <= first))
            continue;
        struct ckpt *c = checkpoint_reader_file(r, rank, e);
        if (!c)
            return (int)e->status;
        status = name_file(r, rank, ckpt_read_pieces(c, i, first, n, take, arg, &c->buffer, e), e);
    }
    return status;
}

int checkpoint_reader_check(struct checkpoint_reader *r, int rank, struct fmt_error *e)
{
    struct ckpt *c = checkpoint_reader_file(r, rank, e);
    int status = c ? 0 : (int)e->status;
    for (int64_t i = 0; c && i < c->n_tensors && !status; i++)
        status = name_file(r, rank, ckpt_check(c, i, &c->buffer, e), e);
    return status;
}

int checkpoint_reader_read_all(struct checkpoint_reader *r, int64_t i, void *to, struct fmt_error *e)
{
    int status = 0;
    for (int rank = 0; rank < r->set.n_ranks && !status; rank++) {
        struct ckpt_part p = checkpoint_reader_part(r, i, rank);
        if (r->part && p.count == 0)
            continue;
        struct ckpt *c = checkpoint_reader_file(r, rank, e);
        if (!c)
            return (int)e->status;
        size_t each = dtype_bytes(c->tensor[i].dtype);
        status = name_file(r, rank, ckpt_read(c, i, (char *)to + (size_t)p.first * each, c->tensor[i].bytes, &c->buffer,
                                              e), e);
    }
    return status;
}
