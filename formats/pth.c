/* pth.c - three steps, the same for both containers: read the pickle with the object; make a table of the storages that
 * it names and find their bytes; walk the object and add a tensor for each recorded call of
 * torch._utils._rebuild_tensor_v2 and its variants. The walk is bounded in depth and steps, as a pickle may contain
 * itself. */
#include "pth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "pickle.h"
#include "zipdir.h"

enum { DEPTH_MAX = 16, STEPS_MAX = 4 << 20, KEYS_MAX = 1 << 20, PARAMETER_DEPTH_MAX = 4 };

/* The pickle of 0x1950a86a20f9469cfc6c. */
static const uint8_t legacy_magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                       0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
enum { LEGACY_PROTOCOL = 1001 };

struct storage {
    const struct pickle_value *key; /* a text */
    enum dtype dtype;               /* DTYPE_NONE: untyped, the tensor has the type */
    bool known;                     /* the type is known here */
    int64_t numel;                  /* elements; of an untyped one bytes */
    uint64_t at, end;               /* in the file */
};

struct reading {
    const struct fmt_reader *r;
    struct pickle p;
    struct storage *storage; /* sorted by key */
    int32_t n_storages;
    struct named_tensor_set *set;
    int64_t steps;
    char name[NAMED_TENSOR_NAME_MAX + 2];
    struct fmt_error *e;
};

bool pth_is(const uint8_t *head, size_t n)
{
    return n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, legacy_magic, 4) == 0);
}

/* ------------------------------------------------------------------ names of types and objects */
static enum dtype dtype_of_storage(const struct pickle *p, const struct pickle_value *type, bool *untyped)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } known[] = {{"FloatStorage", DTYPE_F32},     {"HalfStorage", DTYPE_F16},
                 {"BFloat16Storage", DTYPE_BF16}, {"DoubleStorage", DTYPE_F64},
                 {"LongStorage", DTYPE_I64},      {"IntStorage", DTYPE_I32},
                 {"ShortStorage", DTYPE_I16},     {"CharStorage", DTYPE_I8},
                 {"ByteStorage", DTYPE_U8},       {"BoolStorage", DTYPE_BOOL}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (pickle_is_global(p, type, "torch", known[i].name) || pickle_is_global(p, type, "torch.cuda", known[i].name))
            return known[i].dtype;
    *untyped = pickle_is_global(p, type, "torch.storage", "UntypedStorage");
    return DTYPE_NONE;
}

static enum dtype dtype_of_global(const struct pickle *p, const struct pickle_value *v)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } known[] = {{"float32", DTYPE_F32}, {"float16", DTYPE_F16}, {"bfloat16", DTYPE_BF16},
                 {"float64", DTYPE_F64}, {"int64", DTYPE_I64},   {"int32", DTYPE_I32},
                 {"int16", DTYPE_I16},   {"int8", DTYPE_I8},     {"uint8", DTYPE_U8},
                 {"bool", DTYPE_BOOL},   {"uint16", DTYPE_U16},  {"uint32", DTYPE_U32},
                 {"uint64", DTYPE_U64}};
    for (size_t i = 0; v && i < sizeof known / sizeof *known; i++)
        if (pickle_is_global(p, v, "torch", known[i].name))
            return known[i].dtype;
    return DTYPE_NONE;
}

/* "posix.system" for a call or a global, for messages. */
static void describe(const struct pickle *p, const struct pickle_value *v, char out[160])
{
    for (int i = 0; i < PARAMETER_DEPTH_MAX && v->kind == PICKLE_CALL; i++)
        v = pickle_at(p, v->a);
    if (v->kind != PICKLE_GLOBAL) {
        snprintf(out, 160, "what is no name");
        return;
    }
    const struct pickle_value *module = pickle_at(p, v->a), *name = pickle_at(p, v->b);
    snprintf(out, 160, "%.*s.%.*s", module->n < 70 ? module->n : 70, module->text, name->n < 70 ? name->n : 70,
             name->text);
}

/* Whether the call made a torch.nn.Module or something like it: its state has the tables of a module near the front. */
static bool is_module(const struct pickle *p, const struct pickle_value *v)
{
    enum { KEYS_LOOKED_AT = 64 };
    const struct pickle_value *state = v->kind == PICKLE_CALL && v->n >= 0 ? pickle_at(p, v->n) : NULL;
    if (!state || state->kind != PICKLE_DICT)
        return false;
    int n = 0;
    for (int32_t c = state->a; c >= 0 && n < KEYS_LOOKED_AT; c = p->cell[p->cell[c].next].next, n++) {
        const struct pickle_value *key = pickle_at(p, p->cell[c].value);
        if (pickle_is_text(key, "_parameters") || pickle_is_text(key, "_modules"))
            return true;
    }
    return false;
}

/* Why an object made by an unknown name is no tensor. */
static const char *why_unknown(const struct pickle *p, const struct pickle_value *v, char why[240])
{
    char name[160];
    describe(p, v, name);
    if (is_module(p, v))
        snprintf(why, 240, "a whole module (%s), not its weights: its state_dict() is to be saved", name);
    else if (strncmp(name, "torch.distributed.", 18) == 0)
        snprintf(why, 240, "one process's part of a tensor of sharded training (%s)", name);
    else
        snprintf(why, 240, "made by %s, which is not known here", name);
    return why;
}

/* ------------------------------------------------------------------ storages */
static int by_key(const void *a, const void *b)
{
    const struct pickle_value *x = ((const struct storage *)a)->key, *y = ((const struct storage *)b)->key;
    int order = memcmp(x->text, y->text, (size_t)(x->n < y->n ? x->n : y->n));
    return order ? order : x->n - y->n;
}

/* ('storage', type, key, location, numel [, view]) -> a row; false if it is something else. */
static bool storage_of(const struct pickle *p, const struct pickle_value *v, struct storage *s)
{
    const struct pickle_value *id = pickle_at(p, v->a);
    if (id->kind != PICKLE_TUPLE || id->n < 5 || !pickle_is_text(pickle_item(p, id, 0), "storage"))
        return false;
    bool untyped = false;
    const struct pickle_value *numel = pickle_item(p, id, 4);
    *s = (struct storage){.key = pickle_item(p, id, 2)};
    s->dtype = dtype_of_storage(p, pickle_item(p, id, 1), &untyped);
    s->known = untyped || s->dtype != DTYPE_NONE;
    s->numel = numel->kind == PICKLE_INT ? numel->integer : -1;
    return s->key->kind == PICKLE_TEXT && s->numel >= 0;
}

static int collect_storages(struct reading *x)
{
    int32_t n = 0;
    for (int32_t i = 0; i < x->p.n_values; i++)
        n += x->p.value[i].kind == PICKLE_PERSISTENT;
    x->storage = calloc((size_t)n + 1, sizeof *x->storage);
    if (!x->storage)
        return fmt_no_memory(x->e);
    n = 0;
    for (int32_t i = 0; i < x->p.n_values; i++)
        if (x->p.value[i].kind == PICKLE_PERSISTENT && storage_of(&x->p, &x->p.value[i], &x->storage[n]))
            n++;
    if (n > 1)
        qsort(x->storage, (size_t)n, sizeof *x->storage, by_key);
    for (int32_t i = 0; i < n; i++) { /* each tensor of a storage names it */
        struct storage *last = x->n_storages ? &x->storage[x->n_storages - 1] : NULL;
        if (!last || by_key(last, &x->storage[i]) != 0)
            x->storage[x->n_storages++] = x->storage[i];
        else if (last->dtype != x->storage[i].dtype || last->numel != x->storage[i].numel)
            return fmt_fail(x->e, FMT_INVALID, "a storage is named with two types or sizes");
    }
    return 0;
}

static struct storage *find_storage(const struct reading *x, const struct pickle_value *key)
{
    const struct storage like = {.key = key};
    return x->n_storages ? bsearch(&like, x->storage, (size_t)x->n_storages, sizeof like, by_key) : NULL;
}

static bool storage_bytes(const struct storage *s, uint64_t *bytes)
{
    uint64_t each = s->dtype ? dtype_bytes(s->dtype) : 1;
    return !__builtin_mul_overflow((uint64_t)s->numel, each, bytes) && *bytes <= INT64_MAX;
}

/* ------------------------------------------------------------------ tensors */
struct view {
    const struct storage *storage;
    enum dtype dtype;
    int64_t offset;
    int n_dims;
    int64_t dims[NAMED_TENSOR_DIMS_MAX], strides[NAMED_TENSOR_DIMS_MAX];
};

static bool integers_of(const struct pickle *p, const struct pickle_value *v, int64_t *out, int *n)
{
    if (!v || v->kind != PICKLE_TUPLE || v->n > NAMED_TENSOR_DIMS_MAX)
        return false;
    *n = 0;
    for (int32_t c = v->a; c >= 0; c = p->cell[c].next) {
        const struct pickle_value *item = pickle_at(p, p->cell[c].value);
        if (item->kind != PICKLE_INT)
            return false;
        out[(*n)++] = item->integer;
    }
    return true;
}

/* Interprets the record of a call as a tensor: NULL, or why it is none. */
static const char *view_of(const struct reading *x, const struct pickle_value *v, struct view *view, char why[240])
{
    const struct pickle *p = &x->p;
    char name[160];
    for (int i = 0; i < PARAMETER_DEPTH_MAX && v && v->kind == PICKLE_CALL; i++) {
        const struct pickle_value *callee = pickle_at(p, v->a);
        if (!pickle_is_global(p, callee, "torch._utils", "_rebuild_parameter") &&
            !pickle_is_global(p, callee, "torch._utils", "_rebuild_parameter_with_state"))
            break;
        v = pickle_item(p, pickle_at(p, v->b), 0);
    }
    if (!v || v->kind != PICKLE_CALL)
        return "a parameter that is no tensor";
    const struct pickle_value *callee = pickle_at(p, v->a), *args = pickle_at(p, v->b);
    bool v3 = pickle_is_global(p, callee, "torch._utils", "_rebuild_tensor_v3");
    if (!v3 && !pickle_is_global(p, callee, "torch._utils", "_rebuild_tensor_v2") &&
        !pickle_is_global(p, callee, "torch._utils", "_rebuild_tensor"))
        return why_unknown(p, v, why);
    const struct pickle_value *storage = pickle_item(p, args, 0), *offset = pickle_item(p, args, 1);
    if (storage && storage->kind != PICKLE_PERSISTENT) {
        describe(p, storage, name);
        snprintf(why, 240, "its storage is made by %s, which is not known here", name);
        return why;
    }
    struct storage s;
    int n_strides;
    *view = (struct view){0};
    if (!storage || !offset || offset->kind != PICKLE_INT || offset->integer < 0 || !storage_of(p, storage, &s) ||
        !integers_of(p, pickle_item(p, args, 2), view->dims, &view->n_dims) ||
        !integers_of(p, pickle_item(p, args, 3), view->strides, &n_strides) || n_strides != view->n_dims)
        return "its record is damaged";
    view->offset = offset->integer;
    view->storage = find_storage(x, s.key);
    view->dtype = s.dtype ? s.dtype : v3 ? dtype_of_global(p, pickle_item(p, args, 6)) : DTYPE_NONE;
    return view->dtype && s.known ? NULL : "of a type that is not known here";
}

static int add_tensor(struct reading *x, const struct pickle_value *v)
{
    struct view view;
    char text[240];
    const char *why = view_of(x, v, &view, text);
    if (why)
        return named_tensor_add_unusable(x->set, x->name, why, x->e);
    uint64_t at;
    if (__builtin_mul_overflow((uint64_t)view.offset, (uint64_t)dtype_bytes(view.dtype), &at) ||
        at > view.storage->end - view.storage->at)
        return fmt_fail(x->e, FMT_INVALID, "%.200s: reaches beyond its storage", x->name);
    return named_tensor_add(x->set, x->name, view.dtype, view.n_dims, view.dims, view.strides, x->r,
                            view.storage->at + at, view.storage->end, x->e);
}

/* ------------------------------------------------------------------ the walk */
/* Appends ".key" to the name and returns the new length; 0: the key cannot be part of a name. */
static size_t append_key(struct reading *x, size_t n, const struct pickle_value *key, int64_t i_item)
{
    char number[24];
    const char *text = number;
    size_t n_text = (size_t)snprintf(number, sizeof number, "%" PRId64, key ? key->integer : i_item);
    if (key && key->kind == PICKLE_TEXT) {
        text = key->text;
        n_text = (size_t)key->n;
        if (memchr(text, 0, n_text))
            return 0;
    } else if (key && key->kind != PICKLE_INT) {
        return 0;
    }
    if (n_text == 0 || n + 1 + n_text > NAMED_TENSOR_NAME_MAX)
        return 0;
    if (n > 0)
        x->name[n++] = '.';
    memcpy(x->name + n, text, n_text);
    x->name[n + n_text] = 0;
    return n + n_text;
}

static int walk(struct reading *x, const struct pickle_value *v, size_t n_name, int depth)
{
    const struct pickle *p = &x->p;
    if (v->kind == PICKLE_CALL)
        return add_tensor(x, v);
    if (v->kind != PICKLE_DICT && v->kind != PICKLE_LIST && v->kind != PICKLE_TUPLE)
        return 0;
    if (depth == DEPTH_MAX)
        return fmt_fail(x->e, FMT_LIMIT, "%.200s: more than %d levels of dictionaries", x->name, DEPTH_MAX);
    int64_t i = 0;
    for (int32_t c = v->a; c >= 0; c = p->cell[c].next, i++) {
        if (++x->steps > STEPS_MAX)
            return fmt_fail(x->e, FMT_LIMIT, "more than %d values", STEPS_MAX);
        const struct pickle_value *key = NULL;
        if (v->kind == PICKLE_DICT) {
            key = pickle_at(p, p->cell[c].value);
            c = p->cell[c].next;
        }
        size_t n = append_key(x, n_name, key, i);
        int status = n ? walk(x, pickle_at(p, p->cell[c].value), n, depth + 1) : 0;
        x->name[n_name] = 0;
        if (status)
            return status;
    }
    return 0;
}

/* A file of one object: a tensor, or there is nothing to list. */
static int add_root(struct reading *x, const struct pickle_value *root)
{
    char why[240];
    if (!is_module(&x->p, root))
        return add_tensor(x, root);
    return fmt_fail(x->e, FMT_UNSUPPORTED, "holds %s", why_unknown(&x->p, root, why));
}

static int add_all(struct reading *x)
{
    const struct pickle_value *root = pickle_at(&x->p, x->p.root);
    int status;
    if (root->kind == PICKLE_CALL) {
        strcpy(x->name, "tensor");
        status = add_root(x, root);
    } else {
        status = walk(x, root, 0, 0);
    }
    return status ? status : named_tensor_check_unique(x->set, x->e);
}

/* ------------------------------------------------------------------ the zip container */
#define PACKED "%.100s: a compressed or encrypted member, which torch.save does not write"

/* torch.jit.save adds the program to what torch.save writes: "archive/code/...", "archive/constants.pkl". */
static bool is_script(const struct zipdir *z)
{
    for (int64_t i = 0; i < z->n; i++) {
        const char *slash = strchr(z->member[i].name, '/');
        if (slash && (strncmp(slash, "/code/", 6) == 0 || strcmp(slash, "/constants.pkl") == 0))
            return true;
    }
    return false;
}

/* "archive" of the one member "archive/data.pkl". */
static const struct zipdir_member *find_pickle(const struct zipdir *z, struct fmt_error *e)
{
    const struct zipdir_member *found = NULL;
    if (is_script(z)) {
        fmt_fail(e, FMT_UNSUPPORTED, "TorchScript, a program: the state_dict() of the model is to be saved instead");
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

static int check_byte_order(struct reading *x, const struct zipdir *z, const char *archive)
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

static int locate_zip_storages(struct reading *x, const struct zipdir *z, const char *archive)
{
    for (int32_t i = 0; i < x->n_storages; i++) {
        struct storage *s = &x->storage[i];
        char name[NAMED_TENSOR_NAME_MAX];
        uint64_t bytes;
        if (!s->known)
            continue;
        int n = snprintf(name, sizeof name, "%s/data/%.*s", archive, s->key->n < 100 ? s->key->n : 100, s->key->text);
        const struct zipdir_member *m = n < (int)sizeof name ? zipdir_find(z, name) : NULL;
        if (!m)
            return fmt_fail(x->e, FMT_INVALID, "storage %.60s is missing", name);
        if (m->packed)
            return fmt_fail(x->e, FMT_UNSUPPORTED, PACKED, name);
        if (!storage_bytes(s, &bytes) || bytes > m->bytes)
            return fmt_fail(x->e, FMT_INVALID, "storage %.60s has %s, too few for %s", name,
                            FMT_COUNT(m->bytes, "byte", "bytes"), FMT_COUNT(s->numel, "element", "elements"));
        s->at = m->at;
        s->end = m->at + bytes;
    }
    return 0;
}

static int read_zip_object(struct reading *x, const struct zipdir *z, uint8_t **data)
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
        pickle_read(*data, (size_t)m->bytes, &x->p, &used, x->e) || collect_storages(x) ||
        locate_zip_storages(x, z, archive))
        return (int)x->e->status;
    return add_all(x);
}

static int read_zip(struct reading *x)
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

/* ------------------------------------------------------------------ the older container */
struct legacy {
    const uint8_t *data; /* from the file's start, up to the limit of pickles */
    size_t bytes, at;
};

static int next_pickle(struct reading *x, struct legacy *l, struct pickle *p)
{
    size_t used = 0;
    int status = pickle_read(l->data + l->at, l->bytes - l->at, p, &used, x->e);
    l->at += used;
    return status;
}

/* The protocol number and the description of the machine that wrote the file. */
static int check_legacy_head(struct reading *x, struct legacy *l)
{
    struct pickle p;
    if (l->bytes < sizeof legacy_magic || memcmp(l->data, legacy_magic, sizeof legacy_magic) != 0)
        return fmt_fail(x->e, FMT_MAGIC, "not written by torch.save");
    l->at = sizeof legacy_magic;
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
static int locate_legacy_storages(struct reading *x, const struct pickle *keys, uint64_t at)
{
    const struct pickle_value *list = pickle_at(keys, keys->root);
    if (list->kind != PICKLE_LIST || list->n > KEYS_MAX)
        return fmt_fail(x->e, FMT_INVALID, "the list of storages is damaged");
    for (int32_t c = list->a; c >= 0; c = keys->cell[c].next) {
        const struct pickle_value *key = pickle_at(keys, keys->cell[c].value);
        struct storage *s = key->kind == PICKLE_TEXT ? find_storage(x, key) : NULL;
        uint8_t raw[8];
        uint64_t bytes;
        if (!s || s->end || !s->known)
            return fmt_fail(x->e, FMT_INVALID, "a storage that no tensor names, that comes twice or of unknown type");
        if (x->r->size - at < sizeof raw)
            return fmt_fail(x->e, FMT_TRUNCATED, "ends early among its storages");
        if (fmt_read_at_exact(x->r, at, raw, sizeof raw, x->e))
            return (int)x->e->status;
        struct bytes n = bytes_over(raw, sizeof raw);
        if (bytes_i64(&n) != s->numel || !storage_bytes(s, &bytes))
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

static int read_legacy_object(struct reading *x, struct legacy *l)
{
    struct pickle keys = {.root = -1};
    if (check_legacy_head(x, l) || next_pickle(x, l, &x->p) || collect_storages(x))
        return (int)x->e->status;
    if (has_views(&x->p))
        return fmt_fail(x->e, FMT_UNSUPPORTED, "views of storages in the older container");
    int status = next_pickle(x, l, &keys);
    if (!status)
        status = locate_legacy_storages(x, &keys, l->at);
    pickle_release(&keys);
    return status ? status : add_all(x);
}

static int read_legacy(struct reading *x)
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

int pth_read(const struct fmt_reader *r, struct named_tensor_set *set, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct reading x = {.r = r, .p.root = -1, .set = set, .e = &why};
    uint8_t head[8];
    int status = 0;
    if (!r->read_at || r->size == UINT64_MAX)
        status = fmt_fail(&why, FMT_UNSUPPORTED, ".pth files cannot be read from a pipe");
    if (!status)
        status = fmt_read_at_exact(r, 0, head, sizeof head, &why);
    if (!status)
        status = memcmp(head, "PK", 2) == 0 ? read_zip(&x) : read_legacy(&x);
    free(x.storage);
    if (status) {
        named_tensor_release(set);
        return fmt_fail(e, why.status, "%s", why.text);
    }
    return 0;
}
