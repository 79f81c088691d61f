/* pth-legacy.c - the container of torch.save before PyTorch 1.6: pickles one after the other (a magic number, a
 * protocol number, the machine, the object, the list of storages), then the storages. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "pth-internal.h"

enum { LEGACY_PROTOCOL = 1001, KEYS_MAX = 1 << 20 /* storages */ };

const uint8_t pth_legacy_magic[PTH_LEGACY_MAGIC_BYTES] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                                          0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};

struct legacy {
    const uint8_t *data; /* from the file's start, up to the limit of pickles */
    size_t bytes, at;
};

static int next_pickle(struct pth_reading *x, struct legacy *l, struct pickle *p)
{
    size_t used = 0;
    int status = pickle_read(l->data + l->at, l->bytes - l->at, p, &used, x->e);
    l->at += used;
    return status;
}

/* The protocol number and the description of the machine that wrote the file. */
static int check_legacy_head(struct pth_reading *x, struct legacy *l)
{
    struct pickle p;
    if (l->bytes < sizeof pth_legacy_magic || memcmp(l->data, pth_legacy_magic, sizeof pth_legacy_magic) != 0)
        return fmt_fail(x->e, FMT_MAGIC, "not written by torch.save");
    l->at = sizeof pth_legacy_magic;
    if (next_pickle(x, l, &p))
        return (int)x->e->status;
    const struct pickle_value *v = pickle_at(&p, p.root);
    bool known = v->kind == PICKLE_INT && v->integer == LEGACY_PROTOCOL;
    pickle_release(&p);
    if (!known)
        return fmt_fail(x->e, FMT_VERSION, "a version of the older container that is not known");
    if (next_pickle(x, l, &p))
        return (int)x->e->status;
    bool little = true;
    v = pickle_at(&p, p.root);
    for (int32_t c = v->kind == PICKLE_DICT ? v->a : -1; c >= 0; c = p.cell[c].next) {
        const struct pickle_value *key = pickle_at(&p, p.cell[c].value);
        c = p.cell[c].next;
        if (pickle_is_text(key, "little_endian"))
            little = pickle_at(&p, p.cell[c].value)->integer != 0;
    }
    pickle_release(&p);
    return little ? 0 : fmt_fail(x->e, FMT_UNSUPPORTED, "written on a big-endian machine");
}

/* The storages follow the pickles: for each key of the list int64 numel, then the elements. */
static int locate_legacy_storages(struct pth_reading *x, const struct pickle *keys, uint64_t at)
{
    const struct pickle_value *list = pickle_at(keys, keys->root);
    if (list->kind != PICKLE_LIST || list->n > KEYS_MAX)
        return fmt_fail(x->e, FMT_INVALID, "the list of storages is damaged");
    for (int32_t c = list->a; c >= 0; c = keys->cell[c].next) {
        const struct pickle_value *key = pickle_at(keys, keys->cell[c].value);
        struct pth_storage *s = key->kind == PICKLE_TEXT ? pth_find_storage(x, key) : NULL;
        uint8_t raw[8];
        uint64_t bytes;
        if (!s || s->end || !s->known)
            return fmt_fail(x->e, FMT_INVALID, "a storage that is unused, appears twice or has an unknown type");
        if (x->r->size - at < sizeof raw)
            return fmt_fail(x->e, FMT_TRUNCATED, "ends early among its storages");
        if (fmt_read_at_exact(x->r, at, raw, sizeof raw, x->e))
            return (int)x->e->status;
        struct bytes n = bytes_over(raw, sizeof raw);
        if (bytes_i64(&n) != s->numel || !pth_storage_bytes(s, &bytes))
            return fmt_fail(x->e, FMT_INVALID, "a storage's two sizes differ");
        s->at = at + sizeof raw;
        if (bytes > x->r->size - s->at)
            return fmt_fail(x->e, FMT_TRUNCATED, "ends early among its storages");
        s->end = at = s->at + bytes;
    }
    for (int32_t i = 0; i < x->n_storages; i++)
        if (!x->storage[i].end && x->storage[i].known)
            return fmt_fail(x->e, FMT_INVALID, "a storage is not in the list of storages");
    return at == x->r->size ? 0 : fmt_fail(x->e, FMT_INVALID, "%s after the last storage",
                                           FMT_COUNT(x->r->size - at, "byte", "bytes"));
}

/* Views in the older container have an offset into their storage; we know of no such weights. */
static bool has_views(const struct pickle *p)
{
    for (int32_t i = 0; i < p->n_values; i++) {
        const struct pickle_value *id = p->value[i].kind == PICKLE_PERSISTENT ? pickle_at(p, p->value[i].a) : NULL;
        const struct pickle_value *view = id ? pickle_item(p, id, 5) : NULL;
        if (view && view->kind != PICKLE_NONE)
            return true;
    }
    return false;
}

static int read_legacy_object(struct pth_reading *x, struct legacy *l)
{
    struct pickle keys = {.root = -1};
    if (check_legacy_head(x, l) || next_pickle(x, l, &x->p) || pth_collect_storages(x))
        return (int)x->e->status;
    if (has_views(&x->p))
        return fmt_fail(x->e, FMT_UNSUPPORTED, "views of storages in the older container");
    int status = next_pickle(x, l, &keys);
    if (!status)
        status = locate_legacy_storages(x, &keys, l->at);
    pickle_release(&keys);
    return status ? status : pth_add_all(x);
}

int pth_read_legacy(struct pth_reading *x)
{
    size_t n = x->r->size < PICKLE_BYTES_MAX ? (size_t)x->r->size : PICKLE_BYTES_MAX;
    uint8_t *data = malloc(n + 1);
    if (!data)
        return fmt_no_memory(x->e);
    struct legacy l = {.data = data, .bytes = n};
    int status = fmt_read_at_exact(x->r, 0, data, n, x->e);
    if (!status)
        status = read_legacy_object(x, &l);
    pickle_release(&x->p);
    free(data);
    return status;
}
