/* matmul.c - oneDNN's matmul and reorder primitives. Making a primitive costs as much as a small product, so they are
 * cached by shape, with them the objects of a call; a primitive in use is never evicted. The order of packed weights
 * depends on type, K and N alone: it is what the library prefers for ORDER_ROWS rows.
 *
 * At the shapes of ViT-S with 64 to 1,370 rows a core of Zen 4 reaches with oneDNN 2.6.3 92 to 98 % of the peak of its
 * bf16 instruction, and in int8, quantising rows and scaling sums included, 77 to 82 % (tests/bench-op linear). Where
 * the order of B is given and rows of A or C are not adjacent, the library has nothing but its reference. */
#include "matmul.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "msg.h"
#include "onednn.h"

enum { CACHE = 512, ORDER_ROWS = 256, PRIMITIVE_MIB = 16 };

/* ------------------------------------------------------------------ processors */
/* The library may be kept from instructions that the processor has (ONEDNN_MAX_CPU_ISA). */
static bool library_uses(dnnl_cpu_isa_t isa)
{
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool matmul_supports(enum dtype type)
{
    if (type == DTYPE_BF16)
        return isa_has_bf16() && library_uses(dnnl_cpu_isa_avx512_core_bf16);
    return type == DTYPE_I8 && isa_has_vnni() && library_uses(dnnl_cpu_isa_avx512_core_vnni);
}

bool matmul_is_fast(enum dtype type)
{
    return matmul_supports(type) && (type != DTYPE_BF16 || isa_bf16_is_fast());
}

/* ------------------------------------------------------------------ primitives */
/* What a primitive is made for; compared as bytes, so it is zeroed first. */
struct key {
    int64_t is_reorder, type, source, M, N, K, ta, stride_k, stride_n, first, n, accumulate, rounded, bias;
};

enum { ARGUMENTS_MAX = 5 };

/* What the library wants for an execution. Making it takes 1 us of a call's 2, so it is kept for the next one. */
struct call {
    struct call *next;
    dnnl_stream_t stream;
    dnnl_exec_arg_t args[ARGUMENTS_MAX];
    int n;
};

struct primitive {
    struct key key;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t src, weights, bias, dst, scratch; /* a reorder's dst: columns of the weights */
    struct call *idle; /* as many as were ever at work at once */
    int users;
    uint64_t last_use;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct primitive cache[CACHE];
static int n_cached;
static uint64_t uses;
static dnnl_engine_t engine;

static dnnl_data_type_t library_type(enum dtype type)
{
    return type == DTYPE_BF16 ? dnnl_bf16 : type == DTYPE_I8 ? dnnl_s8 : dnnl_f32;
}

static dnnl_data_type_t sum_type(enum dtype type)
{
    return type == DTYPE_I8 ? dnnl_s32 : dnnl_f32;
}

/* Before anything is made. */
static bool open_engine(void)
{
    return onednn_has_room(PRIMITIVE_MIB) && (engine || onednn_check(dnnl_engine_create(&engine, dnnl_cpu, 0)));
}

/* Scratch is the caller's; accumulate: the product is added to C. */
static bool make_attributes(dnnl_primitive_attr_t *attr, bool accumulate)
{
    if (!onednn_check(dnnl_primitive_attr_create(attr)))
        return false;
    bool good = onednn_check(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user)) &&
                (!accumulate || onednn_check(onednn_add_to_destination(*attr)));
    if (!good)
        dnnl_primitive_attr_destroy(*attr);
    return good;
}

/* The order of packed weights B [K,N]. */
static bool packed_order(dnnl_memory_desc_t *order, enum dtype type, int64_t K, int64_t N)
{
    dnnl_memory_desc_t a = {0}, b = {0}, c = {0};
    dnnl_primitive_desc_t pd;
    bool good = onednn_check(onednn_strided(&a, ORDER_ROWS, K, library_type(type), K, 1)) &&
                onednn_check(onednn_any_order(&b, K, N, library_type(type))) &&
                onednn_check(onednn_strided(&c, ORDER_ROWS, N, sum_type(type), N, 1)) &&
                onednn_check(onednn_matmul(&pd, engine, &a, &b, NULL, &c, NULL));
    if (good) {
        good = onednn_check(onednn_described(order, pd, dnnl_query_weights_md));
        dnnl_primitive_desc_destroy(pd);
    }
    onednn_release(a);
    onednn_release(b);
    onednn_release(c);
    return good;
}

/* Descriptors of the operands, then the primitive's own description. */
static bool describe(struct primitive *p, dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
    const struct key *k = &p->key;
    enum dtype type = (enum dtype)k->type;
    if (!packed_order(&p->weights, type, k->K, k->N))
        return false;
    if (k->is_reorder)
        return onednn_check(onednn_strided(&p->src, k->K, k->n, library_type((enum dtype)k->source), k->stride_k,
                                           k->stride_n)) &&
               onednn_check(onednn_columns(&p->dst, &p->weights, k->K, k->first, k->n)) &&
               onednn_check(dnnl_reorder_primitive_desc_create(pd, ONEDNN_REF(p->src), engine, ONEDNN_REF(p->dst),
                                                               engine, attr));
    dnnl_data_type_t out = k->rounded ? dnnl_bf16 : sum_type(type);
    return onednn_check(onednn_strided(&p->src, k->M, k->K, library_type(type), k->ta ? 1 : k->K, k->ta ? k->M : 1)) &&
           onednn_check(onednn_strided(&p->dst, k->M, k->N, out, k->N, 1)) &&
           onednn_check(onednn_strided(&p->bias, 1, k->N, dnnl_f32, k->N, 1)) &&
           onednn_check(onednn_matmul(pd, engine, &p->src, &p->weights, k->bias ? &p->bias : NULL, &p->dst, attr));
}

static void destroy_call(struct call *call)
{
    for (int i = 0; i < call->n; i++)
        dnnl_memory_destroy(call->args[i].memory);
    dnnl_stream_destroy(call->stream);
    free(call);
}

/* What is there of it: making may have failed. */
static void destroy(struct primitive *p)
{
    for (struct call *next, *call = p->idle; call; call = next) {
        next = call->next;
        destroy_call(call);
    }
    dnnl_primitive_destroy(p->primitive);
    onednn_release(p->src);
    onednn_release(p->weights);
    onednn_release(p->scratch);
    onednn_release(p->dst);
    onednn_release(p->bias);
}

static bool make(struct primitive *p, const struct key *key)
{
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;
    *p = (struct primitive){.key = *key};
    if (!open_engine() || !make_attributes(&attr, key->accumulate != 0))
        return false;
    bool good = describe(p, attr, &pd);
    dnnl_primitive_attr_destroy(attr);
    if (good) {
        good = onednn_check(onednn_described(&p->scratch, pd, dnnl_query_scratchpad_md)) &&
               onednn_check(dnnl_primitive_create(&p->primitive, pd));
        dnnl_primitive_desc_destroy(pd);
    }
    if (!good)
        destroy(p);
    return good;
}

/* A place for a new primitive: an empty one, or that of the one which was not used for the longest time. */
static struct primitive *vacate(void)
{
    struct primitive *oldest = NULL;
    if (n_cached < CACHE)
        return &cache[n_cached];
    for (int i = 0; i < CACHE; i++)
        if (!cache[i].users && (!oldest || cache[i].last_use < oldest->last_use))
            oldest = &cache[i];
    return oldest;
}

static struct primitive *find(const struct key *key)
{
    for (int i = 0; i < n_cached; i++)
        if (memcmp(&cache[i].key, key, sizeof *key) == 0)
            return &cache[i];
    return NULL;
}

/* Makes a primitive and puts it into the cache; NULL: out of memory. */
static struct primitive *add(const struct key *key)
{
    struct primitive made, *p = NULL;
    if (!make(&made, key))
        return NULL;
    p = vacate();
    if (!p)
        msg_bug("matmul: more shapes in use than the cache holds");
    if (n_cached < CACHE)
        n_cached++;
    else
        destroy(p);
    *p = made;
    return p;
}

/* The primitive for this key, and an idle call of it or NULL, until release_primitive; NULL: out of memory, which is
 * noted. */
static struct primitive *take_primitive(const struct key *key, struct call **call)
{
    *call = NULL;
    if (!onednn_usable())
        return NULL;
    onednn_use_this_thread_only();
    pthread_mutex_lock(&lock);
    struct primitive *p = find(key);
    if (!p)
        p = add(key);
    if (p) {
        p->users++;
        p->last_use = ++uses;
        *call = p->idle;
        if (*call)
            p->idle = (*call)->next;
    }
    pthread_mutex_unlock(&lock);
    return p;
}

static void release_primitive(struct primitive *p, struct call *call)
{
    pthread_mutex_lock(&lock);
    p->users--;
    if (call) {
        call->next = p->idle;
        p->idle = call;
    }
    pthread_mutex_unlock(&lock);
}

/* ------------------------------------------------------------------ calls */
struct argument {
    int which; /* DNNL_ARG_... */
    dnnl_memory_desc_t *md;
    const void *data;
};

/* NULL: out of memory, which is noted. */
static struct call *make_call(const struct argument *argument, int n)
{
    struct call *call = calloc(1, sizeof *call);
    if (!onednn_check(call ? dnnl_success : dnnl_out_of_memory))
        return NULL;
    if (!onednn_check(dnnl_stream_create(&call->stream, engine, dnnl_stream_default_flags))) {
        free(call);
        return NULL;
    }
    for (; call->n < n; call->n++) {
        dnnl_exec_arg_t *arg = &call->args[call->n];
        arg->arg = argument[call->n].which;
        if (!onednn_check(dnnl_memory_create(&arg->memory, ONEDNN_REF(*argument[call->n].md), engine,
                                             (void *)argument[call->n].data))) {
            destroy_call(call);
            return NULL;
        }
    }
    return call;
}

/* A primitive is always called with the same arguments but for their data. */
static void execute(const struct primitive *p, struct call **call, const struct argument *argument, int n)
{
    bool good = true;
    if (!*call)
        *call = make_call(argument, n);
    for (int i = 0; i < n && *call && good; i++)
        good = onednn_check(dnnl_memory_set_data_handle((*call)->args[i].memory, (void *)argument[i].data));
    if (*call && good)
        (void)onednn_check(dnnl_primitive_execute(p->primitive, (*call)->stream, n, (*call)->args));
}

static struct key key_of_product(const struct matmul *m)
{
    struct key key;
    memset(&key, 0, sizeof key);
    key.type = m->type, key.M = m->M, key.N = m->N, key.K = m->K;
    key.ta = m->ta, key.accumulate = m->accumulate, key.rounded = m->rounded, key.bias = m->bias != NULL;
    return key;
}

size_t matmul_packed_bytes(enum dtype type, int64_t K, int64_t N)
{
    dnnl_memory_desc_t order;
    pthread_mutex_lock(&lock);
    bool good = onednn_usable() && open_engine() && packed_order(&order, type, K, N);
    pthread_mutex_unlock(&lock);
    if (!good)
        return 0;
    size_t bytes = dnnl_memory_desc_get_size(ONEDNN_REF(order));
    onednn_release(order);
    return bytes;
}

void matmul_pack(enum dtype type, int64_t K, int64_t N, const void *b, enum dtype source, int64_t stride_k,
                 int64_t stride_n, void *packed)
{
    matmul_pack_part(type, K, N, b, source, stride_k, stride_n, 0, N, packed);
}

void matmul_pack_part(enum dtype type, int64_t K, int64_t N, const void *b, enum dtype source, int64_t stride_k,
                      int64_t stride_n, int64_t first, int64_t n, void *packed)
{
    size_t from = (size_t)(first * stride_n) * dtype_bytes(source);
    alignas(64) uint8_t scratch[MATMUL_SMALL_SCRATCH];
    struct key key;
    memset(&key, 0, sizeof key);
    key.is_reorder = 1, key.type = type, key.source = source, key.K = K, key.N = N;
    key.stride_k = stride_k, key.stride_n = stride_n, key.first = first, key.n = n;
    struct call *call;
    struct primitive *p = take_primitive(&key, &call);
    if (!p)
        return;
    if (dnnl_memory_desc_get_size(ONEDNN_REF(p->scratch)) > sizeof scratch)
        msg_bug("matmul: packing needs scratch");
    execute(p, &call, (struct argument[]){{DNNL_ARG_FROM, &p->src, (const uint8_t *)b + from},
                                   {DNNL_ARG_TO, &p->dst, packed},
                                   {DNNL_ARG_SCRATCHPAD, &p->scratch, scratch}}, 3);
    release_primitive(p, call);
}

size_t matmul_scratch_bytes(const struct matmul *m)
{
    struct key key = key_of_product(m);
    struct call *call;
    struct primitive *p = take_primitive(&key, &call);
    if (!p)
        return 0;
    size_t bytes = dnnl_memory_desc_get_size(ONEDNN_REF(p->scratch));
    release_primitive(p, call);
    return bytes;
}

void matmul_run(const struct matmul *m, const void *a, const void *packed_b, void *c, void *scratch)
{
    alignas(64) uint8_t small[MATMUL_SMALL_SCRATCH];
    if (m->M <= 0 || m->N <= 0)
        return;
    struct key key = key_of_product(m);
    struct call *call;
    struct primitive *p = take_primitive(&key, &call);
    if (!p)
        return;
    if (!scratch && dnnl_memory_desc_get_size(ONEDNN_REF(p->scratch)) > sizeof small)
        msg_bug("matmul: a product needs scratch");
    execute(p, &call, (struct argument[]){{DNNL_ARG_SRC, &p->src, a}, {DNNL_ARG_WEIGHTS, &p->weights, packed_b},
                                   {DNNL_ARG_DST, &p->dst, c},
                                   {DNNL_ARG_SCRATCHPAD, &p->scratch, scratch ? scratch : small},
                                   {DNNL_ARG_BIAS, &p->bias, m->bias}}, m->bias ? 5 : 4);
    release_primitive(p, call);
}
