/* pth-zip.c - the container of torch.save since PyTorch 1.6: a zip file with the object in NAME/data.pkl and each
 * storage in NAME/data/KEY. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pth-internal.h"
#include "text.h"
#include "zipdir.h"

/* Characters of a storage's key, which torch.save makes a number; a longer one is not found. */
enum { KEY_MAX = 100 };

#define PACKED "%.100s: a compressed or encrypted member, which torch.save does not write"

/* torch.jit.save adds the program to what torch.save writes: "archive/code/...", "archive/constants.pkl". */
static bool is_script(const struct zipdir *z)
{
    for (int64_t i = 0; i < z->n; i++) {
        const char *slash = strchr(z->member[i].name, '/');
        if (slash && (text_after(slash, "/code/") || strcmp(slash, "/constants.pkl") == 0))
            return true;
    }
    return false;
}

/* "archive" of the one member "archive/data.pkl". */
static const struct zipdir_member *find_pickle(const struct zipdir *z, struct fmt_error *e)
{
    const struct zipdir_member *found = NULL;
    if (is_script(z)) {
        fmt_fail(e, FMT_UNSUPPORTED, "TorchScript, a program: save the model's state_dict() instead");
        return NULL;
    }
    for (int64_t i = 0; i < z->n; i++) {
        const char *slash = strchr(z->member[i].name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0)
            continue;
        if (found) {
            fmt_fail(e, FMT_INVALID, "two members named data.pkl");
            return NULL;
        }
        found = &z->member[i];
    }
    if (!found && z->n > 0)
        fmt_fail(e, FMT_MAGIC, "a zip file without data.pkl: not written by torch.save, it holds %.100s",
                 z->member[0].name);
    else if (!found)
        fmt_fail(e, FMT_MAGIC, "a zip file without members");
    else if (found->packed)
        fmt_fail(e, FMT_UNSUPPORTED, PACKED, found->name);
    return found && found->packed ? NULL : found;
}

static int check_byte_order(struct pth_reading *x, const struct zipdir *z, const char *archive)
{
    char name[NAMED_TENSOR_NAME_MAX], order[8] = "";
    snprintf(name, sizeof name, "%s/byteorder", archive);
    const struct zipdir_member *m = zipdir_find(z, name);
    if (!m)
        return 0;
    if (m->packed)
        return fmt_fail(x->e, FMT_UNSUPPORTED, PACKED, m->name);
    if (m->bytes >= sizeof order || fmt_read_at_exact(x->r, m->at, order, (size_t)m->bytes, x->e))
        return fmt_fail(x->e, FMT_INVALID, "member byteorder is damaged");
    return strncmp(order, "little", 6) == 0 ? 0 : fmt_fail(x->e, FMT_UNSUPPORTED, "byte order %.7s", order);
}

static int locate_zip_storages(struct pth_reading *x, const struct zipdir *z, const char *archive)
{
    for (int32_t i = 0; i < x->n_storages; i++) {
        struct pth_storage *s = &x->storage[i];
        char name[NAMED_TENSOR_NAME_MAX];
        uint64_t bytes;
        if (!s->known)
            continue;
        int n = snprintf(name, sizeof name, "%s/data/%.*s", archive, s->key->n < KEY_MAX ? s->key->n : KEY_MAX,
                         s->key->text);
        const struct zipdir_member *m = n < (int)sizeof name ? zipdir_find(z, name) : NULL;
        if (!m)
            return fmt_fail(x->e, FMT_INVALID, "storage %.60s is missing", name);
        if (m->packed)
            return fmt_fail(x->e, FMT_UNSUPPORTED, PACKED, name);
        if (!pth_storage_bytes(s, &bytes) || bytes > m->bytes)
            return fmt_fail(x->e, FMT_INVALID, "storage %.60s has %s, too few for %s", name,
                            FMT_COUNT(m->bytes, "byte", "bytes"), FMT_COUNT(s->numel, "element", "elements"));
        s->at = m->at;
        s->end = m->at + bytes;
    }
    return 0;
}

static int read_zip_object(struct pth_reading *x, const struct zipdir *z, uint8_t **data)
{
    const struct zipdir_member *m = find_pickle(z, x->e);
    size_t used;
    if (!m)
        return (int)x->e->status;
    char archive[NAMED_TENSOR_NAME_MAX / 2];
    size_t n = strlen(m->name) - strlen("/data.pkl");
    if (n >= sizeof archive || m->bytes > PICKLE_BYTES_MAX)
        return fmt_fail(x->e, FMT_LIMIT, "member data.pkl is too large, or its name");
    memcpy(archive, m->name, n);
    archive[n] = 0;
    *data = malloc((size_t)m->bytes + 1);
    if (!*data)
        return fmt_no_memory(x->e);
    if (fmt_read_at_exact(x->r, m->at, *data, (size_t)m->bytes, x->e) || check_byte_order(x, z, archive) ||
        pickle_read(*data, (size_t)m->bytes, &x->p, &used, x->e) || pth_collect_storages(x) ||
        locate_zip_storages(x, z, archive))
        return (int)x->e->status;
    return pth_add_all(x);
}

int pth_read_zip(struct pth_reading *x)
{
    struct zipdir z;
    uint8_t *data = NULL;
    int status = zipdir_read(x->r, &z, x->e);
    if (!status) {
        status = read_zip_object(x, &z, &data);
        zipdir_release(&z);
    }
    pickle_release(&x->p);
    free(data);
    return status;
}
