/* tensorfile.c - the tensors of a checkpoint are in blocks with checksums and cannot be read at offsets. So each has a
 * source of its own, which decodes straight into the caller's memory if the whole tensor is read, as loading does, and
 * otherwise caches the tensor last read. */
#include "tensorfile.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pth.h"
#include "safetensors.h"
#include "sniff.h"
#include "text.h"

enum { PARTS_MAX = 1000, INDEX_BYTES_MAX = 64 << 20, HEAD_BYTES = SNIFF_BYTES };
#define PIPE_BYTES_MAX ((size_t)16 << 30)

const char *const tensorfile_kind_name[] = {"safetensors", "pth", "checkpoint"};

struct tensorfile_part {
    struct file file;
    uint8_t *data; /* of a pipe */
    struct fmt_memory memory;
    struct fmt_reader reader;
};

struct ckpt_source {
    struct fmt_reader reader;
    struct tensorfile_ckpt *all;
    int64_t i;
};

struct tensorfile_ckpt {
    struct checkpoint_reader *from;
    struct ckpt_source *source; /* one per tensor */
    uint8_t *cached; /* the bytes of tensor i_cached */
    int64_t i_cached;
};

/* ------------------------------------------------------------------ checkpoints */
/* Reads a tensor. -1, with a reason in errno as readers have it: EBADMSG for a block that is damaged. */
static int read_whole(struct tensorfile_ckpt *all, int64_t i, void *to)
{
    struct fmt_error e = {0};
    if (checkpoint_reader_read_all(all->from, i, to, &e) == 0)
        return 0;
    if (e.status != FMT_IO)
        errno = e.status == FMT_MEMORY ? ENOMEM : EBADMSG;
    return -1;
}

static int64_t bytes_of(const struct ckpt_tensor *t)
{
    return t->n * (int64_t)dtype_bytes(t->dtype);
}

static int64_t ckpt_read_part(void *arg, uint64_t offset, void *to, size_t n)
{
    const struct ckpt_source *s = arg;
    struct tensorfile_ckpt *all = s->all;
    int64_t bytes = bytes_of(&checkpoint_reader_first(all->from)->tensor[s->i]);
    if (offset >= (uint64_t)bytes)
        return 0;
    if (n > (uint64_t)bytes - offset)
        n = (size_t)((uint64_t)bytes - offset);
    if (n == (size_t)bytes)
        return read_whole(all, s->i, to) ? -1 : (int64_t)n;
    if (all->i_cached != s->i) {
        uint8_t *grown = realloc(all->cached, (size_t)bytes);
        if (!grown)
            return -1;
        all->cached = grown;
        all->i_cached = -1;
        if (read_whole(all, s->i, grown))
            return -1;
        all->i_cached = s->i;
    }
    memcpy(to, all->cached + offset, n);
    return (int64_t)n;
}

static int list_ckpt(struct tensorfile *f, struct fmt_error *e)
{
    const struct ckpt *c = checkpoint_reader_first(&f->checkpoint);
    struct tensorfile_ckpt *all = calloc(1, sizeof *all);
    f->ckpt_part = all;
    if (all)
        all->source = calloc((size_t)c->n_tensors + 1, sizeof *all->source);
    if (!all || !all->source)
        return fmt_no_memory(e);
    all->from = &f->checkpoint;
    all->i_cached = -1;
    for (int64_t i = 0; i < c->n_tensors; i++) {
        const struct ckpt_tensor *t = &c->tensor[i];
        struct ckpt_source *s = &all->source[i];
        uint64_t bytes = (uint64_t)bytes_of(t);
        *s = (struct ckpt_source){{s, NULL, ckpt_read_part, bytes}, all, i};
        int status = named_tensor_add(&f->set, t->name, t->dtype, t->n_dims, t->dims, NULL, &s->reader, 0, bytes, e);
        if (status)
            return status;
    }
    return 0;
}

/* The members of the state become metadata, above all the settings of the run. */
static int copy_state(struct tensorfile *f, struct fmt_error *e)
{
    cJSON *state = cJSON_Parse(checkpoint_reader_first(&f->checkpoint)->header.state);
    const cJSON *item;
    int status = 0;
    cJSON_ArrayForEach(item, state)
    {
        if (!item->string || status)
            continue;
        char *text = cJSON_IsString(item) ? strdup(item->valuestring) : cJSON_PrintUnformatted(item);
        status = text ? named_tensor_add_meta(&f->set, item->string, text, e) : fmt_no_memory(e);
        free(text);
    }
    cJSON_Delete(state);
    return status;
}

/* A file is opened again, by its name, which those of its set have but for the rank. Errors name a path. */
static int read_ckpt(struct tensorfile *f, struct fmt_error *e)
{
    const struct tensorfile_part *p = &f->part[0];
    bool named = p->file.regular && strcmp(f->path, "-") != 0;
    f->kind = TENSORFILE_CKPT;
    int status = named ? checkpoint_reader_open(&f->checkpoint, f->path, e)
                       : checkpoint_reader_over(&f->checkpoint, &p->reader, e);
    if (status && named)
        return status;
    if (!status)
        status = list_ckpt(f, e);
    if (!status)
        status = copy_state(f, e);
    if (status)
        fmt_prefix(e, f->path);
    return status;
}

/* ------------------------------------------------------------------ files */
/* The kind by the first bytes; false: none of these. */
static bool recognise(const uint8_t *head, size_t n, enum tensorfile_kind *kind)
{
    /* A skippable frame of zstd: 0x184d2a50 .. 5f, little-endian. */
    if (n >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)
        *kind = TENSORFILE_CKPT;
    else if (pth_is(head, n))
        *kind = TENSORFILE_PTH;
    else if (n > 8 && head[8] == '{' && head[6] == 0 && head[7] == 0) /* a length, not a text */
        *kind = TENSORFILE_SAFETENSORS;
    else
        return false;
    return true;
}

static int read_head(struct tensorfile_part *p, struct fmt_buffer *b, struct fmt_error *e)
{
    while (b->bytes < HEAD_BYTES) {
        uint8_t piece[HEAD_BYTES];
        int64_t got = p->reader.read(p->reader.arg, piece, HEAD_BYTES - b->bytes);
        if (got < 0)
            return fmt_fail(e, FMT_IO, "%.250s: cannot be read", p->file.path);
        if (got == 0)
            break;
        if (fmt_buffer_append(b, piece, (size_t)got))
            return fmt_no_memory(e);
    }
    return 0;
}

/* A pipe is read into memory if it begins as weights do: endless zeros are refused at once. */
static int read_pipe(struct tensorfile_part *p, struct fmt_error *e)
{
    struct fmt_buffer b = {0};
    enum tensorfile_kind kind;
    int status = read_head(p, &b, e);
    if (!status && recognise(b.data, b.bytes, &kind))
        status = file_read_rest(&p->file, PIPE_BYTES_MAX, &b, e);
    p->data = b.data;
    p->memory = (struct fmt_memory){b.data, b.bytes, 0};
    p->reader = fmt_memory_reader(&p->memory);
    return status;
}

/* Opens the next part, which does not move in memory (tensors point to its reader). by_user: the user has named the
 * file, so it may be a pipe; one that an index names may not. */
static struct tensorfile_part *open_part(struct tensorfile *f, const char *path, bool by_user, struct fmt_error *e)
{
    struct tensorfile_part *p = &f->part[f->n_parts];
    if (by_user ? file_open(&p->file, path, e) : file_open_regular(&p->file, path, e))
        return NULL;
    f->n_parts++;
    p->reader = file_reader(&p->file);
    return p->file.regular || read_pipe(p, e) == 0 ? p : NULL;
}

/* single: not one of several files; a dinotools checkpoint must be a single file. */
static int read_part(struct tensorfile *f, const struct tensorfile_part *p, bool single, struct fmt_error *e)
{
    uint8_t head[HEAD_BYTES];
    size_t n = p->reader.size < sizeof head ? (size_t)p->reader.size : sizeof head;
    if (fmt_read_at_exact(&p->reader, 0, head, n, e))
        return (int)e->status;
    if (n == 0)
        return fmt_fail(e, FMT_TRUNCATED, "the file is empty");
    enum tensorfile_kind kind;
    if (!recognise(head, n, &kind)) {
        const char *what = sniff_text(head, n);
        return fmt_fail(e, FMT_MAGIC, "neither safetensors, .pth nor a checkpoint%s%s", what ? ": " : "",
                        what ? what : "");
    }
    if (kind == TENSORFILE_CKPT)
        return single ? read_ckpt(f, e) : fmt_fail(e, FMT_MAGIC, "a checkpoint cannot be one part of sharded weights");
    f->kind = kind;
    return kind == TENSORFILE_PTH ? pth_read(&p->reader, &f->set, e) : safetensors_read(&p->reader, &f->set, e);
}

/* ------------------------------------------------------------------ in several files */
/* {"weight_map": {"tensor": "model-00001-of-00002.safetensors", ...}}: opens each file once, in the folder of the
 * index. */
static int read_map(struct tensorfile *f, const char *path, const cJSON *map, struct fmt_error *e)
{
    char *directory = file_directory(path);
    const char *seen[PARTS_MAX];
    int n_seen = 0, status = directory ? 0 : fmt_no_memory(e);
    const cJSON *item;
    cJSON_ArrayForEach(item, map)
    {
        bool is_new = cJSON_IsString(item);
        for (int i = 0; i < n_seen && is_new; i++)
            is_new = strcmp(seen[i], item->valuestring) != 0;
        if (!is_new || status)
            continue;
        if (n_seen == PARTS_MAX || strchr(item->valuestring, '/')) {
            status = fmt_fail(e, FMT_INVALID, "names too many files, or files outside its folder");
            continue;
        }
        seen[n_seen++] = item->valuestring;
        char *name = file_join(directory, item->valuestring);
        const struct tensorfile_part *p = name ? open_part(f, name, false, e) : NULL;
        status = p ? read_part(f, p, false, e) : name ? (int)e->status : fmt_no_memory(e);
        if (status && p)
            fmt_prefix(e, item->valuestring);
        free(name);
    }
    free(directory);
    if (!status && n_seen == 0)
        status = fmt_fail(e, FMT_INVALID, "no weight_map that names files");
    return status ? status : named_tensor_check_unique(&f->set, e);
}

static int read_index(struct tensorfile *f, const char *path, struct fmt_error *e)
{
    uint8_t *text;
    size_t n;
    if (file_load(path, INDEX_BYTES_MAX, &text, &n, e))
        return (int)e->status;
    cJSON *index = cJSON_ParseWithLength((const char *)text, n);
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(index, "weight_map");
    int status = read_map(f, path, map, e);
    cJSON_Delete(index);
    free(text);
    return status;
}

/* The file that `path` means, for free(): itself, or in a folder the first that exists of Hugging Face's names. */
static char *find_file(const char *path, struct fmt_error *e)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    bool is_folder = file_is_dir(path);
    char *found = is_folder ? NULL : strdup(path);
    if (!is_folder && !found)
        fmt_no_memory(e);
    for (size_t i = 0; i < sizeof names / sizeof *names && is_folder; i++) {
        found = file_join(path, names[i]);
        if (found && file_exists(found))
            return found;
        free(found);
        found = NULL;
    }
    if (is_folder)
        fmt_fail(e, FMT_IO, "%.250s: a folder without %s, %s or an index of their parts", path, names[0], names[2]);
    return found;
}

int tensorfile_open(struct tensorfile *f, const char *given, struct fmt_error *e)
{
    struct fmt_error why = {0};
    *f = (struct tensorfile){0};
    const char *path = f->path = find_file(given, &why);
    if (!path)
        return fmt_fail(e, why.status, "%s", why.text);
    bool is_index = text_ends_with(path, ".index.json");
    f->part = calloc(is_index ? PARTS_MAX : 1, sizeof *f->part);
    int status = f->part ? 0 : fmt_no_memory(&why);
    if (!status && is_index) {
        status = read_index(f, path, &why);
    } else if (!status) {
        const struct tensorfile_part *p = open_part(f, path, true, &why);
        if (!p) { /* its error names the path */
            tensorfile_close(f);
            return fmt_fail(e, why.status, "%s", why.text);
        }
        status = read_part(f, p, true, &why);
    }
    if (!status)
        return 0;
    if (f->kind != TENSORFILE_CKPT)
        fmt_prefix(&why, path);
    tensorfile_close(f);
    return fmt_fail(e, why.status, "%s", why.text);
}

int tensorfile_open_over(struct tensorfile *f, const char *name, const struct fmt_reader *reader, struct fmt_error *e)
{
    struct fmt_error why = {0};
    *f = (struct tensorfile){.path = strdup(name), .inside = true, .part = calloc(1, sizeof *f->part)};
    int status = f->path && f->part ? 0 : fmt_no_memory(&why);
    if (!status) {
        f->part->reader = *reader;
        status = read_part(f, f->part, true, &why);
    }
    if (!status)
        return 0;
    if (f->kind != TENSORFILE_CKPT)
        fmt_prefix(&why, name);
    tensorfile_close(f);
    return fmt_fail(e, why.status, "%s", why.text);
}

void tensorfile_close(struct tensorfile *f)
{
    named_tensor_release(&f->set);
    if (f->ckpt_part) {
        free(f->ckpt_part->source);
        free(f->ckpt_part->cached);
        free(f->ckpt_part);
    }
    if (f->kind == TENSORFILE_CKPT)
        checkpoint_reader_close(&f->checkpoint);
    for (int i = 0; i < f->n_parts; i++) {
        file_close(&f->part[i].file);
        free(f->part[i].data);
    }
    free(f->part);
    free(f->path);
    *f = (struct tensorfile){0};
}
