/* pth-object.c - the object of a .pth file: a table of the storages that it names, and a walk that adds a tensor for
 * each recorded call of torch._utils._rebuild_tensor_v2 and its variants. The walk is bounded in depth and steps, as a
 * pickle may contain itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pth-internal.h"
#include "text.h"

enum {
    DEPTH_MAX = 16,          /* dictionaries inside dictionaries */
    STEPS_MAX = 4 << 20,     /* values seen by the walk */
    PARAMETER_DEPTH_MAX = 4, /* calls around a tensor */
    GLOBAL_HALF_MAX = 70,    /* characters of a module's or an object's name in a message */
    GLOBAL_TEXT_MAX = 2 * GLOBAL_HALF_MAX + 20,
    REASON_MAX = GLOBAL_TEXT_MAX + 80 /* why something is no tensor: the name in a sentence */
};

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

/* Characters of a name that a message shows. */
static int shown(const struct pickle_value *name)
{
    return name->n < GLOBAL_HALF_MAX ? name->n : GLOBAL_HALF_MAX;
}

/* "posix.system" for a call or a global, for messages. */
static void describe(const struct pickle *p, const struct pickle_value *v, char out[GLOBAL_TEXT_MAX])
{
    for (int i = 0; i < PARAMETER_DEPTH_MAX && v->kind == PICKLE_CALL; i++)
        v = pickle_at(p, v->a);
    if (v->kind != PICKLE_GLOBAL) {
        snprintf(out, GLOBAL_TEXT_MAX, "what is no name");
        return;
    }
    const struct pickle_value *module = pickle_at(p, v->a), *name = pickle_at(p, v->b);
    snprintf(out, GLOBAL_TEXT_MAX, "%.*s.%.*s", shown(module), module->text, shown(name), name->text);
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
static const char *why_unknown(const struct pickle *p, const struct pickle_value *v, char why[REASON_MAX])
{
    char name[GLOBAL_TEXT_MAX];
    describe(p, v, name);
    if (is_module(p, v))
        snprintf(why, REASON_MAX, "a whole module (%s), not its weights: save its state_dict() instead", name);
    else if (text_after(name, "torch.distributed."))
        snprintf(why, REASON_MAX, "one process's part of a tensor of sharded training (%s)", name);
    else
        snprintf(why, REASON_MAX, "made by %s, which is not known here", name);
    return why;
}

/* ------------------------------------------------------------------ storages */
static int by_key(const void *a, const void *b)
{
    const struct pickle_value *x = ((const struct pth_storage *)a)->key, *y = ((const struct pth_storage *)b)->key;
    int order = memcmp(x->text, y->text, (size_t)(x->n < y->n ? x->n : y->n));
    return order ? order : x->n - y->n;
}

/* ('storage', type, key, location, numel [, view]) -> a row; false if it is something else. */
static bool storage_of(const struct pickle *p, const struct pickle_value *v, struct pth_storage *s)
{
    const struct pickle_value *id = pickle_at(p, v->a);
    if (id->kind != PICKLE_TUPLE || id->n < 5 || !pickle_is_text(pickle_item(p, id, 0), "storage"))
        return false;
    bool untyped = false;
    const struct pickle_value *numel = pickle_item(p, id, 4);
    *s = (struct pth_storage){.key = pickle_item(p, id, 2)};
    s->dtype = dtype_of_storage(p, pickle_item(p, id, 1), &untyped);
    s->known = untyped || s->dtype != DTYPE_NONE;
    s->numel = numel->kind == PICKLE_INT ? numel->integer : -1;
    return s->key->kind == PICKLE_TEXT && s->numel >= 0;
}

int pth_collect_storages(struct pth_reading *x)
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
        struct pth_storage *last = x->n_storages ? &x->storage[x->n_storages - 1] : NULL;
        if (!last || by_key(last, &x->storage[i]) != 0)
            x->storage[x->n_storages++] = x->storage[i];
        else if (last->dtype != x->storage[i].dtype || last->numel != x->storage[i].numel)
            return fmt_fail(x->e, FMT_INVALID, "a storage is named with two types or sizes");
    }
    return 0;
}

struct pth_storage *pth_find_storage(const struct pth_reading *x, const struct pickle_value *key)
{
    const struct pth_storage like = {.key = key};
    return x->n_storages ? bsearch(&like, x->storage, (size_t)x->n_storages, sizeof like, by_key) : NULL;
}

bool pth_storage_bytes(const struct pth_storage *s, uint64_t *bytes)
{
    uint64_t each = s->dtype ? dtype_bytes(s->dtype) : 1;
    return !__builtin_mul_overflow((uint64_t)s->numel, each, bytes) && *bytes <= INT64_MAX;
}

/* ------------------------------------------------------------------ tensors */
struct view {
    const struct pth_storage *storage;
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
static const char *view_of(const struct pth_reading *x, const struct pickle_value *v, struct view *view,
                           char why[REASON_MAX])
{
    const struct pickle *p = &x->p;
    char name[GLOBAL_TEXT_MAX];
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
        snprintf(why, REASON_MAX, "its storage is made by %s, which is not known here", name);
        return why;
    }
    struct pth_storage s;
    int n_strides;
    *view = (struct view){0};
    if (!storage || !offset || offset->kind != PICKLE_INT || offset->integer < 0 || !storage_of(p, storage, &s) ||
        !integers_of(p, pickle_item(p, args, 2), view->dims, &view->n_dims) ||
        !integers_of(p, pickle_item(p, args, 3), view->strides, &n_strides) || n_strides != view->n_dims)
        return "its record is damaged";
    view->offset = offset->integer;
    view->storage = pth_find_storage(x, s.key);
    view->dtype = s.dtype ? s.dtype : v3 ? dtype_of_global(p, pickle_item(p, args, 6)) : DTYPE_NONE;
    return view->dtype && s.known ? NULL : "of a type that is not known here";
}

static int add_tensor(struct pth_reading *x, const struct pickle_value *v)
{
    struct view view;
    char text[REASON_MAX];
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
static size_t append_key(struct pth_reading *x, size_t n, const struct pickle_value *key, int64_t i_item)
{
    char number[24]; /* of an int64_t */
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

static int walk(struct pth_reading *x, const struct pickle_value *v, size_t n_name, int depth)
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
static int add_root(struct pth_reading *x, const struct pickle_value *root)
{
    char why[REASON_MAX];
    if (!is_module(&x->p, root))
        return add_tensor(x, root);
    return fmt_fail(x->e, FMT_UNSUPPORTED, "holds %s", why_unknown(&x->p, root, why));
}

int pth_add_all(struct pth_reading *x)
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
