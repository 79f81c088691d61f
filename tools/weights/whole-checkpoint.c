/* whole-checkpoint.c - tensor by tensor, in order, piece by piece. The identity is that of the state, and so is what
 * explains it: the new file says nothing of this program. */
#include "whole-checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "tensorfile.h"

/* Elements that are put together from the files that have them. */
struct piece {
    uint8_t *data; /* CKPT_PIECE_BYTES */
    int64_t first;
    size_t each;
};

static int put(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e)
{
    const struct piece *p = arg;
    (void)e;
    memcpy(p->data + (size_t)(at - p->first) * p->each, data, (size_t)k * p->each);
    return 0;
}

static int copy_tensor(struct checkpoint_reader *r, int64_t i, uint8_t *memory, struct ckpt_writer *w,
                       struct fmt_error *e)
{
    const struct ckpt_tensor *t = &checkpoint_reader_first(r)->tensor[i];
    struct piece p = {memory, 0, dtype_bytes(t->dtype)};
    int64_t most = (int64_t)(CKPT_PIECE_BYTES / p.each);
    int status = ckpt_add(w, NULL, 0, e); /* of an empty one this is all */
    for (; p.first < t->n && !status; p.first += most) {
        int64_t n = num_min(most, t->n - p.first);
        status = checkpoint_reader_read(r, i, p.first, n, put, &p, e);
        if (!status)
            status = ckpt_add(w, memory, (size_t)n * p.each, e);
    }
    return status;
}

static int copy_all(struct checkpoint_reader *r, const struct fmt_writer *io, struct fmt_error *e)
{
    const struct ckpt *c = checkpoint_reader_first(r);
    const struct block_header *from = &c->block.header;
    struct ckpt_header h = {.iteration = c->header.iteration, .rank = 0, .n_ranks = 1, .state = c->header.state};
    struct ckpt_writer w;
    struct provenance p;
    uint8_t *memory = malloc(CKPT_PIECE_BYTES);
    if (!memory)
        return fmt_no_memory(e);
    provenance_copy(&p, from->identity, from->provenance, true);
    int status = ckpt_create(&w, io, &h, c->tensor, c->n_tensors, &p, e);
    bool created = !status;
    for (int64_t i = 0; i < c->n_tensors && !status; i++)
        status = copy_tensor(r, i, memory, &w, e);
    if (created && status)
        ckpt_abandon(&w);
    else if (created)
        status = ckpt_finish(&w, e);
    provenance_release(&p);
    free(memory);
    return status;
}

int whole_checkpoint_write(const char *from, const char *to, struct fmt_error *e)
{
    struct tensorfile f;
    struct file_out out;
    int status = tensorfile_open(&f, from, e);
    if (status)
        return status;
    if (f.kind != TENSORFILE_CKPT)
        status = fmt_fail(e, FMT_MAGIC, "%.250s: is no checkpoint: only one becomes another", from);
    if (!status && !(status = file_create_binary(&out, to, e))) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, copy_all(&f.checkpoint, &io, e), e);
    }
    tensorfile_close(&f);
    return status;
}
