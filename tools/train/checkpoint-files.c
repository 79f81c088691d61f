/* checkpoint-files.c - a directory is read again each time: others may have removed files meanwhile. */
#include "checkpoint-files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint-reader.h"
#include "file.h"

/* ---------------------------------------------------------------- what is there */
/* One file of a directory. */
struct found {
    int64_t iteration;
    int rank; /* CHECKPOINT_SET comes first */
};

struct folder {
    struct found *file; /* sorted */
    int64_t n;
};

static int by_iteration(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->iteration != y->iteration)
        return (x->iteration > y->iteration) - (x->iteration < y->iteration);
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static int read_folder(const char *directory, struct folder *f, struct fmt_error *e)
{
    char **names;
    int64_t n_names;
    *f = (struct folder){0};
    if (!file_exists(directory))
        return 0;
    int status = file_list(directory, &names, &n_names, e);
    if (status)
        return status;
    f->file = malloc(((size_t)n_names + 1) * sizeof *f->file);
    for (int64_t i = 0; f->file && i < n_names; i++) {
        struct found *t = &f->file[f->n];
        f->n += checkpoint_parse_name(names[i], &t->iteration, &t->rank);
    }
    file_list_free(names, n_names);
    if (!f->file)
        return fmt_no_memory(e);
    if (f->n)
        qsort(f->file, (size_t)f->n, sizeof *f->file, by_iteration);
    return 0;
}

/* The first file of the iteration after that of file i. */
static int64_t next_iteration(const struct folder *f, int64_t i)
{
    int64_t k = i;
    while (k < f->n && f->file[k].iteration == f->file[i].iteration)
        k++;
    return k;
}

static char *path_of(const char *directory, int64_t iteration, int rank)
{
    char name[CHECKPOINT_NAME_MAX];
    return file_join(directory, checkpoint_name(iteration, rank, name));
}

/* Whether a file is there that has only a part of a state. One that cannot be read is taken for a whole that is
 * damaged: nobody removes it because of that. */
static bool is_part(const char *path)
{
    struct file f;
    struct ckpt c;
    if (file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    bool part = false;
    if (ckpt_open(&c, &io, NULL) == 0) {
        part = c.part;
        ckpt_close(&c);
    }
    file_close(&f);
    return part;
}

/* Whether the files of an iteration, the first of which is t, are the rest of a set. */
static bool is_rest(const char *directory, const struct found *t)
{
    if (t->rank == CHECKPOINT_SET)
        return false;
    char *path = t->rank == 0 ? path_of(directory, t->iteration, 0) : NULL;
    bool rest = t->rank > 0 || (path && is_part(path));
    free(path);
    return rest;
}

static int list(const char *directory, bool rests, struct checkpoint_list *out, struct fmt_error *e)
{
    struct folder f;
    *out = (struct checkpoint_list){0};
    int status = read_folder(directory, &f, e);
    if (!status && f.n && !(out->iteration = malloc((size_t)f.n * sizeof *out->iteration)))
        status = fmt_no_memory(e);
    for (int64_t i = 0; i < f.n && !status; i = next_iteration(&f, i))
        if (is_rest(directory, &f.file[i]) == rests)
            out->iteration[out->n++] = f.file[i].iteration;
    free(f.file);
    return status;
}

int checkpoint_list(const char *directory, struct checkpoint_list *out, struct fmt_error *e)
{
    return list(directory, false, out, e);
}

int checkpoint_list_rests(const char *directory, struct checkpoint_list *out, struct fmt_error *e)
{
    return list(directory, true, out, e);
}

void checkpoint_list_release(struct checkpoint_list *l)
{
    free(l->iteration);
    *l = (struct checkpoint_list){0};
}

char *checkpoint_path(const char *directory, int64_t iteration)
{
    char *set = path_of(directory, iteration, CHECKPOINT_SET);
    if (!set || file_exists(set))
        return set;
    free(set);
    return path_of(directory, iteration, 0);
}

/* ---------------------------------------------------------------- removing */
/* Files from..to-1, in order: the set's comes first. All are tried. One that is gone is no failure; *removed: any was
 * there. */
static int remove_files(const char *directory, const struct folder *f, int64_t from, int64_t to, bool *removed,
                        struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = from; i < to; i++) {
        char *path = path_of(directory, f->file[i].iteration, f->file[i].rank);
        int failed = !path ? fmt_no_memory(e) : 0;
        if (path && unlink(path) == 0)
            *removed = true;
        else if (path && errno != ENOENT)
            failed = file_fail(path, e);
        free(path);
        status = status ? status : failed;
        if (failed && f->file[i].rank == CHECKPOINT_SET) /* without its files it would look damaged */
            return status;
    }
    return status;
}

int checkpoint_remove(const char *directory, int64_t iteration, struct fmt_error *e)
{
    struct folder f;
    bool removed = false;
    int status = read_folder(directory, &f, e);
    for (int64_t i = 0, next; i < f.n && !status; i = next) {
        next = next_iteration(&f, i);
        if (f.file[i].iteration == iteration)
            status = remove_files(directory, &f, i, next, &removed, e);
    }
    free(f.file);
    return status;
}

int checkpoint_remove_all(const char *directory, struct fmt_error *e)
{
    struct folder f;
    bool removed = false;
    int status = read_folder(directory, &f, e);
    for (int64_t i = 0, next; i < f.n && !status; i = next) {
        next = next_iteration(&f, i);
        status = remove_files(directory, &f, i, next, &removed, e);
    }
    free(f.file);
    return status;
}

/* Of one iteration: files of ranks that its run does not have. */
static int remove_others(const char *directory, const struct folder *f, int64_t from, int64_t to, int n_ranks,
                         struct fmt_error *e)
{
    bool removed = false;
    while (from < to && f->file[from].rank < n_ranks)
        from++;
    return remove_files(directory, f, from, to, &removed, e);
}

int checkpoint_prune(const char *directory, int64_t newest, int n_ranks, int64_t max_to_keep, struct fmt_error *e)
{
    struct folder f;
    bool removed = false;
    int64_t n_good = 0;
    int status = read_folder(directory, &f, e);
    bool *rest = calloc((size_t)f.n + 1, sizeof *rest); /* by the first file of an iteration */
    if (!rest)
        status = fmt_no_memory(e);
    for (int64_t i = 0; i < f.n && !status && f.file[i].iteration <= newest; i = next_iteration(&f, i)) {
        rest[i] = is_rest(directory, &f.file[i]);
        n_good += !rest[i];
    }
    bool listed = !status;
    for (int64_t i = 0, next; i < f.n && listed && f.file[i].iteration <= newest; i = next) {
        int failed = 0;
        struct fmt_error *why = status ? NULL : e;
        next = next_iteration(&f, i);
        if (rest[i])
            failed = remove_files(directory, &f, i, next, &removed, why);
        else if (n_good > max_to_keep && n_good--)
            failed = remove_files(directory, &f, i, next, &removed, why);
        else if (f.file[i].iteration == newest)
            failed = remove_others(directory, &f, i, next, n_ranks, why);
        status = status ? status : failed;
    }
    free(rest);
    free(f.file);
    return status;
}

/* The newest checkpoint up to an iteration; -1: none. */
static int64_t newest_to(const char *directory, const struct folder *f, int64_t iteration)
{
    int64_t newest = -1;
    for (int64_t i = 0; i < f->n && f->file[i].iteration <= iteration; i = next_iteration(f, i))
        if (!is_rest(directory, &f->file[i]))
            newest = f->file[i].iteration;
    return newest;
}

int64_t checkpoint_evict_oldest(const char *directory, int64_t last_good, const struct fmt_error *why)
{
    struct folder f;
    bool removed = false;
    int64_t evicted = -1;
    if (why->status != FMT_FULL || read_folder(directory, &f, NULL))
        return -1;
    int64_t keep = newest_to(directory, &f, last_good);
    for (int rests = 1; rests >= 0 && !removed; rests--)
        for (int64_t i = 0, next; i < f.n && f.file[i].iteration < keep && !removed; i = next) {
            next = next_iteration(&f, i);
            if (is_rest(directory, &f.file[i]) == (rests == 1))
                remove_files(directory, &f, i, next, &removed, NULL);
            evicted = removed ? f.file[i].iteration : -1;
        }
    free(f.file);
    return evicted;
}
