/* weights-quantized-write.c - the file of weights whose products are in int8 (weights-quantized.h). The list of float32
 * is written with other types; a product is quantised when its first element is asked for, and kept until its scales
 * and smoothing are written, too. */
#include "weights-quantized.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "safetensors.h"
#include "weights-internal.h"

struct writing {
    struct op_ctx c;
    struct device_arena scratch; /* its own */
    const struct vit_quantization *q;
    struct weights_export *from;
    struct named_tensor_out *out; /* [n] */
    char (*name)[BLOCK_CHUNKS_NAME_MAX];
    struct source {
        int64_t i; /* in `from` */
        enum weights_part part;
        const struct vit_quantized_product *product; /* NULL: written as it is, or rounded */
        int row;
    } *source; /* [n] */
    int64_t n;
    int8_t *integers; /* of the product that is being written */
    float *scale;
};

/* ------------------------------------------------------------------ the list */
static struct named_tensor_out *add(struct writing *w, struct source source, enum dtype dtype)
{
    struct named_tensor_out *out = &w->out[w->n];
    *out = w->from->out[source.i];
    out->dtype = dtype;
    w->source[w->n++] = source;
    return out;
}

/* [n], named after the weight that it belongs to */
static void add_vector(struct writing *w, struct source source, int64_t n)
{
    char *name = w->name[w->n];
    struct named_tensor_out *out = add(w, source, DTYPE_F32);
    weights_part_name(out->name, source.part, name);
    out->name = name;
    out->n_dims = 1;
    out->dims[0] = n;
}

static void add_product(struct writing *w, int64_t i, const struct vit_quantized_product *p, int row)
{
    if (!vit_is_quantized(p)) {
        add(w, (struct source){.i = i}, DTYPE_BF16);
        return;
    }
    add(w, (struct source){i, WEIGHTS_PART_VALUES, p, row}, DTYPE_I8);
    add_vector(w, (struct source){i, WEIGHTS_PART_SCALE, p, row}, p->N);
    add_vector(w, (struct source){i, WEIGHTS_PART_SMOOTHING, p, row}, p->K);
}

/* The product whose weight is a row of the table; NULL: it is none. */
static const struct vit_quantized_product *find_product(const struct vit_quantization *q, int row)
{
    for (int64_t i = 0; i < q->vit->config.depth; i++)
        for (int k = 0; k < VIT_PRODUCTS; k++)
            if (vit_product_row(q->vit, i, (enum vit_product)k) == row)
                return &q->product[i][k];
    return NULL;
}

/* The rows of the backbone are the first ones of the list, in the order of the table (weights_export_list). */
static void make_list(struct writing *w)
{
    int n_rows = w->q->values->table->n_rows;
    for (int64_t i = 0; i < w->from->n; i++) {
        const struct vit_quantized_product *p = i < n_rows ? find_product(w->q, (int)i) : NULL;
        if (p)
            add_product(w, i, p, (int)i);
        else
            add(w, (struct source){.i = i}, w->from->out[i].dtype);
    }
}

/* ------------------------------------------------------------------ values */
/* Of a product, into integers and scale. */
static void quantize(struct writing *w, const struct source *s)
{
    struct op_ctx *c = &w->c;
    size_t mark = c->scratch->used;
    struct tensor q = TENSOR_TAKE(c->scratch, DTYPE_I8, s->product->N, s->product->K);
    struct tensor scale = TENSOR_TAKE(c->scratch, DTYPE_F32, s->product->N);
    struct tensor smoothing = TENSOR_TAKE(c->scratch, DTYPE_F32, s->product->K);
    op_copy_in(c, smoothing, s->product->smoothing);
    op_quantize(c, q, scale, params_tensor(w->q->values, s->row), smoothing);
    op_copy_out(c, w->integers, q);
    op_copy_out(c, w->scale, scale);
    c->scratch->used = mark;
}

static int read_values(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    struct writing *w = arg;
    const struct source *s = &w->source[i];
    struct named_tensor_values plain = weights_export_values(w->from);
    if (!s->product)
        return plain.read(plain.arg, s->i, first, n, out, e);
    if (s->part == WEIGHTS_PART_VALUES && first == 0)
        quantize(w, s);
    const float *vector = s->part == WEIGHTS_PART_SCALE ? w->scale : s->product->smoothing;
    for (int64_t k = 0; k < n; k++)
        out[k] = s->part == WEIGHTS_PART_VALUES ? w->integers[first + k] : vector[first + k];
    return op_sync(&w->c, e);
}

/* ------------------------------------------------------------------ the file */
/* Memory for the list, for the largest product, and the scratch that quantises it. */
static int open_writing(struct writing *w, struct fmt_error *e)
{
    size_t capacity = (size_t)w->from->n * WEIGHTS_PARTS + 1;
    w->out = calloc(capacity, sizeof *w->out);
    w->name = calloc(capacity, sizeof *w->name);
    w->source = calloc(capacity, sizeof *w->source);
    if (!w->out || !w->name || !w->source)
        return fmt_no_memory(e);
    make_list(w);
    int64_t N = 1, elements = 1;
    for (int64_t i = 0; i < w->n; i++)
        if (w->source[i].product) {
            N = num_max(N, w->source[i].product->N);
            elements = num_max(elements, w->source[i].product->N * w->source[i].product->K);
            quantize(w, &w->source[i]); /* planning */
        }
    w->integers = malloc((size_t)elements);
    w->scale = malloc((size_t)N * sizeof *w->scale);
    if (!w->integers || !w->scale)
        return fmt_no_memory(e);
    return op_sync(&w->c, e) ? (int)e->status : device_arena_init(&w->scratch, w->c.backend, w->scratch.high, e);
}

static void close_writing(struct writing *w)
{
    device_arena_release(&w->scratch);
    free(w->out);
    free(w->name);
    free(w->source);
    free(w->integers);
    free(w->scale);
}

int weights_quantized_write(const struct fmt_writer *io, const struct device *device, struct weights_export *x,
                            const struct vit_quantization *q, struct weights_meta *meta, struct fmt_error *e)
{
    struct writing w = {.q = q, .from = x};
    struct named_tensor_values values = {&w, read_values};
    w.c = (struct op_ctx){.backend = device->backend, .pool = device->pool, .scratch = &w.scratch};
    weights_meta_add(meta, WEIGHTS_QUANTIZED_KEY, WEIGHTS_QUANTIZED_INT8);
    int status = open_writing(&w, e);
    if (!status)
        status = safetensors_write(io, w.out, w.n, meta->item, meta->n, &values, e);
    close_writing(&w);
    return status;
}
