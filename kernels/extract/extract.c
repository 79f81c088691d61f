/* extract.c - see extract.h. A worker keeps a canvas of pixels, and the arenas of a forward pass: they are planned by
 * running the same code without memory, anew only when a picture's size asks for it. */
#include "extract.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image-decode.h"
#include "resize.h"
#include "num.h"

enum { ALIGN = 64 };

/* Memory that grows and is not kept: what it held is lost. */
struct room {
    void *p;
    size_t bytes;
};

struct extract_worker {
    struct op_ctx c;
    struct device_arena pass, scratch;
    struct arena draw;    /* scratch of resizing */
    int64_t net_h, net_w; /* that the arenas are planned for */
    struct room part, canvas, net;
    double *sum;          /* [C] */
    struct vit_activations run;
    struct image photo;   /* of extract_shards */
    struct block_buffer buffer;
};

static int make_room(struct room *r, size_t bytes, struct fmt_error *e)
{
    if (bytes <= r->bytes)
        return 0;
    free(r->p);
    *r = (struct room){aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN), bytes};
    if (r->p)
        return 0;
    r->bytes = 0;
    return fmt_no_memory(e);
}

/* An arena of at least so many bytes, empty. */
static int make_arena(struct arena *a, size_t bytes, struct fmt_error *e)
{
    a->used = 0;
    if (a->base && bytes <= a->size)
        return 0;
    arena_release(a);
    return arena_init(a, bytes, e);
}

static int make_device_arena(struct device_arena *a, const struct backend *backend, size_t bytes, struct fmt_error *e)
{
    a->used = 0;
    if (a->base.at && bytes <= a->size)
        return 0;
    device_arena_release(a);
    return device_arena_init(a, backend, bytes, e);
}

/* ------------------------------------------------------------------ pixels */
static size_t pixels_bytes(int64_t rows, int64_t cols)
{
    return (size_t)rows * (size_t)cols * 3;
}

/* Rows of `channels` bytes a pixel into an RGB canvas. */
static void put_part(const struct extract_geometry *p, const uint8_t *part, int channels, uint8_t *canvas)
{
    for (int64_t y = 0; y < p->rows; y++) {
        const uint8_t *from = part + (size_t)(y * p->cols) * (size_t)channels;
        uint8_t *to = canvas + (size_t)((p->at_y + y) * p->canvas_w + p->at_x) * 3;
        if (channels == 3) {
            memcpy(to, from, (size_t)p->cols * 3);
            continue;
        }
        for (int64_t x = 0; x < p->cols; x++)
            to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = from[x];
    }
}

static struct resize resize_to(const struct extract_geometry *p, int64_t height, int64_t width, int components)
{
    return (struct resize){.in_h = height, .in_w = width, .out_h = p->full_h, .out_w = p->full_w, .top = p->top,
                           .left = p->left, .rows = p->rows, .cols = p->cols, .channels = components};
}

/* The picture on its canvas [canvas_h, canvas_w, 3]. */
static int draw_canvas(struct extract_worker *w, const struct image *photo, const struct extract_geometry *p,
                       struct fmt_error *e)
{
    struct resize r = resize_to(p, photo->height, photo->width, photo->components);
    size_t bytes = pixels_bytes(p->canvas_h, p->canvas_w);
    bool direct = photo->components == 3 && p->rows == p->canvas_h && p->cols == p->canvas_w;
    int64_t stride = (int64_t)photo->width * photo->components;
    struct arena planned = {0};
    resize_bicubic(&r, NULL, stride, NULL, &planned);
    if (make_arena(&w->draw, planned.high, e) || make_room(&w->canvas, bytes, e) ||
        (!direct && make_room(&w->part, pixels_bytes(p->rows, p->cols), e)))
        return FMT_MEMORY;
    uint8_t *canvas = w->canvas.p;
    resize_bicubic(&r, photo->pixels, stride, direct ? canvas : w->part.p, &w->draw);
    if (direct)
        return 0;
    memset(canvas, 0, bytes); /* black, as the published crop of a picture that is too small */
    put_part(p, w->part.p, photo->components, canvas);
    return 0;
}

/* Padded: normalised values [3, net_h, net_w], zero around the canvas. */
static int draw_padded(const struct extract *x, struct extract_worker *w, const struct extract_geometry *p,
                       struct fmt_error *e)
{
    size_t n = pixels_bytes(p->net_h, p->net_w);
    if (make_room(&w->net, n * sizeof(float), e))
        return FMT_MEMORY;
    float *net = w->net.p;
    const uint8_t *canvas = w->canvas.p;
    const struct pixel_norm *norm = &x->model.pixel_norm;
    memset(net, 0, n * sizeof *net);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < p->canvas_h; y++)
            for (int64_t i = 0; i < p->canvas_w; i++)
                net[(c * p->net_h + p->net_y + y) * p->net_w + p->net_x + i] =
                    ((float)canvas[(y * p->canvas_w + i) * 3 + c] / 255.0f - norm->mean[c]) / norm->std[c];
    return 0;
}

/* ------------------------------------------------------------------ the network */
/* What a row is taken from. */
struct outputs {
    const float *layer[VIT_DEPTH_MAX]; /* [T,C] of each block asked for, normed as asked */
    float *logits;                     /* [K] of the head */
};

static int forward(const struct extract *x, struct op_ctx *c, struct device_arena *a, const struct vit_request *r,
                   struct vit_activations *pass, struct outputs *out, struct fmt_error *e)
{
    const struct extract_model *m = &x->model;
    const struct vit_config *f = &m->vit->config;
    int status = vit_forward(c, m->vit, m->values, r, a, pass, e);
    if (status)
        return status;
    for (int64_t i = 0; i < f->depth; i++) {
        if (!(x->settings.layers >> i & 1))
            continue;
        bool last = i == f->depth - 1;
        out->layer[i] = last ? x->settings.no_norm ? pass->prenorm : pass->normed : pass->layers[i];
        if (last || x->settings.no_norm)
            continue;
        float *normed = HOST_TAKE(a, float, pass->T * f->C);
        vit_final_norm(c, m->vit, m->values, normed, pass->layers[i], pass->T);
        out->layer[i] = normed;
    }
    if (m->head) {
        struct head_activations head;
        int64_t K = m->head->config.n_prototypes;
        out->logits = HOST_TAKE(a, float, K);
        /* While planning there is no row yet, and none is read. */
        head_forward(c, m->head, m->values, device_arena_planning(a) ? m->values : pass->normed, 1, false, a, &head);
        struct prototype_layer layer = head_prototypes(m->head, m->values, head.z, 1);
        op_prototype_fwd(c, HOST_TENSOR(out->logits, 1, K), &layer);
    }
    return op_sync(c, e);
}

static struct vit_request request_of(const struct extract *x, int64_t net_h, int64_t net_w)
{
    struct vit_request r = {.n_inputs = 1, .inputs = {{.B = 1, .H = net_h, .W = net_w}},
                            .pixel_norm = x->model.pixel_norm, .weights_transposed = x->model.turned};
    for (int64_t i = 0; i + 1 < x->model.vit->config.depth; i++)
        r.return_layer[i] = x->settings.layers >> i & 1;
    return r;
}

/* What a pass needs, in the arenas' high. */
static int count_pass(const struct extract *x, struct extract_worker *w, const struct vit_request *r,
                      struct device_arena *pass, struct device_arena *scratch, struct fmt_error *e)
{
    struct op_ctx c = {.backend = w->c.backend, .scratch = scratch};
    struct outputs out = {0};
    return forward(x, &c, pass, r, &w->run, &out, e);
}

/* Arenas for pictures of this size. */
static int plan(const struct extract *x, struct extract_worker *w, struct vit_request r, struct fmt_error *e)
{
    int64_t H = r.inputs[0].H, W = r.inputs[0].W;
    if (w->net_h == H && w->net_w == W)
        return 0;
    struct device_arena pass = {0}, scratch = {0};
    w->net_h = w->net_w = 0;
    int status = count_pass(x, w, &r, &pass, &scratch, e);
    if (!status)
        status = make_device_arena(&w->pass, w->c.backend, pass.high, e);
    if (!status)
        status = make_device_arena(&w->scratch, w->c.backend, scratch.high, e);
    if (status)
        return status;
    w->net_h = H;
    w->net_w = W;
    return 0;
}

/* ------------------------------------------------------------------ rows */
/* out [C] = mean over the patches: sums in double, patch by patch. */
static void mean_patches(double *sum, const float *patches, int64_t P, int64_t C, float *out)
{
    memset(sum, 0, (size_t)C * sizeof *sum);
    for (int64_t i = 0; i < P; i++)
        for (int64_t k = 0; k < C; k++)
            sum[k] += (double)patches[i * C + k];
    for (int64_t k = 0; k < C; k++)
        out[k] = (float)(sum[k] / (double)P);
}

static void to_unit(float *v, int64_t n)
{
    double squares = 0;
    for (int64_t k = 0; k < n; k++)
        squares += (double)v[k] * (double)v[k];
    double length = sqrt(squares);
    length = length > 1e-12 ? length : 1e-12; /* as the published evaluation bounds it */
    for (int64_t k = 0; k < n; k++)
        v[k] = (float)((double)v[k] / length);
}

/* The row's values from the blocks' outputs: block after block within a token. */
static void collect(const struct extract *x, struct extract_worker *w, const struct outputs *out, float *row)
{
    const struct vit_config *f = &x->model.vit->config;
    int64_t C = f->C, N = w->run.n_tokens[0], P = N - 1 - f->R, at = 0;
    for (int64_t i = 0; i < f->depth; i++) {
        const float *tokens = out->layer[i], *patches = tokens ? tokens + (1 + f->R) * C : NULL;
        if (!tokens)
            continue;
        switch (x->settings.kind) {
        case FEAT_CLS:
        case FEAT_CLS_MEAN:
            memcpy(row + at, tokens, (size_t)C * sizeof *row);
            at += C;
            if (x->settings.kind == FEAT_CLS)
                break;
            /* fall through */
        case FEAT_MEAN:
            mean_patches(w->sum, patches, P, C, row + at);
            at += C;
            break;
        case FEAT_PATCH:
            for (int64_t k = 0; k < P; k++)
                memcpy(row + k * x->dim + at, patches + k * C, (size_t)C * sizeof *row);
            at += C;
            break;
        case FEAT_HEAD:
            break;
        }
    }
    if (x->settings.kind == FEAT_HEAD)
        memcpy(row, out->logits, (size_t)x->dim * sizeof *row);
}

static int64_t row_tokens(const struct extract *x, int64_t net_h, int64_t net_w)
{
    int64_t patch = x->model.vit->config.patch;
    return x->settings.kind == FEAT_PATCH ? net_h / patch * (net_w / patch) : 1;
}

static int reserve_row(struct extract_row *row, int64_t n, struct fmt_error *e)
{
    if (n > FEAT_WIDTH_MAX)
        return fmt_fail(e, FMT_LIMIT, "a row of %lld values", (long long)n);
    if (n <= row->room)
        return 0;
    float *grown = realloc(row->x, (size_t)n * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    row->x = grown;
    row->room = n;
    return 0;
}

int extract_image(struct extract *x, int worker, const struct image *photo, struct extract_row *row,
                  struct fmt_error *e)
{
    struct extract_worker *w = &x->worker[worker];
    struct extract_geometry *p = &row->place;
    struct outputs out = {0};
    int status = extract_geometry(&x->settings, x->model.vit->config.patch, photo->height, photo->width, p, e);
    if (!status)
        status = draw_canvas(w, photo, p, e);
    bool padded = !status && (p->net_h != p->canvas_h || p->net_w != p->canvas_w);
    if (padded)
        status = draw_padded(x, w, p, e);
    if (status)
        return status;
    struct vit_request r = request_of(x, p->net_h, p->net_w);
    r.inputs[0].pixels = padded ? NULL : w->canvas.p;
    r.inputs[0].values = padded ? w->net.p : NULL;
    row->n_tokens = row_tokens(x, p->net_h, p->net_w);
    status = plan(x, w, r, e);
    if (!status)
        status = reserve_row(row, row->n_tokens * x->dim, e);
    if (status)
        return status;
    w->pass.used = w->scratch.used = 0;
    status = forward(x, &w->c, &w->pass, &r, &w->run, &out, e);
    if (status)
        return status;
    collect(x, w, &out, row->x);
    for (int64_t i = 0; i < row->n_tokens && x->settings.unit; i++)
        to_unit(row->x + i * x->dim, x->dim);
    return 0;
}

int extract_worker_bytes(struct extract *x, int64_t height, int64_t width, size_t *bytes, struct fmt_error *e)
{
    struct extract_geometry p;
    struct device_arena pass = {0}, scratch = {0};
    struct arena draw = {0};
    int status = extract_geometry(&x->settings, x->model.vit->config.patch, height, width, &p, e);
    if (status)
        return status;
    struct vit_request request = request_of(x, p.net_h, p.net_w);
    struct resize resize = resize_to(&p, height, width, 3);
    resize_bicubic(&resize, NULL, width * 3, NULL, &draw);
    status = count_pass(x, &x->worker[0], &request, &pass, &scratch, e);
    x->worker[0].net_h = x->worker[0].net_w = 0;
    bool padded = p.net_h != p.canvas_h || p.net_w != p.canvas_w;
    *bytes = pass.high + scratch.high + draw.high + pixels_bytes(p.canvas_h, p.canvas_w) +
             pixels_bytes(p.rows, p.cols) + (padded ? pixels_bytes(p.net_h, p.net_w) * sizeof(float) : 0);
    return status;
}

/* ------------------------------------------------------------------ opening */
int extract_transpose_weights(const struct vit *vit, float *values, const struct device *device, bool *turned,
                              struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    *turned = vit_transpose_weights(&c, vit, NULL); /* planning */
    int status = op_sync(&c, e);
    if (!status && *turned)
        status = device_arena_init(&scratch, c.backend, scratch.high, e);
    if (!status && *turned) {
        vit_transpose_weights(&c, vit, values);
        status = op_sync(&c, e);
    }
    device_arena_release(&scratch);
    return status;
}

static int check_settings(const struct extract *x, struct fmt_error *e)
{
    const struct extract_settings *s = &x->settings;
    int64_t depth = x->model.vit->config.depth;
    if (s->kind == FEAT_HEAD && !x->model.head)
        return fmt_fail(e, FMT_MISMATCH, "the weights have no projection head");
    if (s->kind == FEAT_HEAD && (s->layers != (uint64_t)1 << (depth - 1) || s->no_norm))
        return fmt_fail(e, FMT_INVALID, "the head takes the normalised output of the last block");
    if (depth < 64 && s->layers >> depth)
        return fmt_fail(e, FMT_INVALID, "layers beyond the last block");
    if (s->resize < 0 || s->size < 0 || s->resize > RESIZE_SIDE_MAX || s->size > RESIZE_SIDE_MAX)
        return fmt_fail(e, FMT_LIMIT, "sizes are from 0 to %d", RESIZE_SIDE_MAX);
    struct extract_geometry p;
    if (s->size > 0 && extract_geometry(s, x->model.vit->config.patch, s->size, s->size, &p, e))
        return (int)(e ? e->status : FMT_INVALID);
    return x->dim <= FEAT_DIM_MAX ? 0 : fmt_fail(e, FMT_LIMIT, "tokens of %lld values", (long long)x->dim);
}

int extract_open(struct extract *x, const struct device *device, const struct extract_model *model,
                 const struct extract_settings *settings, int n_workers, struct fmt_error *e)
{
    *x = (struct extract){.model = *model, .settings = *settings, .n_workers = n_workers};
    const struct vit_config *f = &model->vit->config;
    int status = extract_check_depth(f->depth, e);
    if (status)
        return status;
    if (settings->kind != FEAT_HEAD)
        x->model.head = NULL;
    if (!settings->layers)
        x->settings.layers = (uint64_t)1 << (f->depth - 1);
    x->n_layers = __builtin_popcountll(x->settings.layers);
    x->dim = f->C * x->n_layers * (settings->kind == FEAT_CLS_MEAN ? 2 : 1);
    if (settings->kind == FEAT_HEAD && model->head)
        x->dim = model->head->config.n_prototypes;
    status = check_settings(x, e);
    if (status)
        return status;
    x->worker = calloc((size_t)n_workers, sizeof *x->worker);
    if (!x->worker)
        return fmt_no_memory(e);
    for (int i = 0; i < n_workers; i++) {
        struct extract_worker *w = &x->worker[i];
        w->c = (struct op_ctx){.backend = device->backend, .scratch = &w->scratch};
        w->sum = calloc((size_t)f->C, sizeof *w->sum);
        if (!w->sum) {
            extract_close(x);
            return fmt_no_memory(e);
        }
    }
    return 0;
}

void extract_close(struct extract *x)
{
    for (int i = 0; x->worker && i < x->n_workers; i++) {
        struct extract_worker *w = &x->worker[i];
        device_arena_release(&w->pass);
        device_arena_release(&w->scratch);
        arena_release(&w->draw);
        free(w->part.p);
        free(w->canvas.p);
        free(w->net.p);
        free(w->sum);
        image_release(&w->photo);
        block_buffer_release(&w->buffer);
    }
    free(x->worker);
    *x = (struct extract){0};
}

int64_t extract_width(const struct extract *x)
{
    struct extract_geometry p;
    if (x->settings.kind != FEAT_PATCH)
        return x->dim;
    if (x->settings.size == 0 ||
        extract_geometry(&x->settings, x->model.vit->config.patch, x->settings.size, x->settings.size, &p, NULL))
        return 0;
    return row_tokens(x, p.net_h, p.net_w) * x->dim;
}

struct feat_header extract_feat_header(const struct extract *x)
{
    struct feat_header h = {.kind = x->settings.kind, .dim = (int32_t)x->dim, .n_tokens = 1,
                            .n_layers = (int32_t)x->n_layers, .layers = x->settings.layers,
                            .normalised = !x->settings.no_norm, .unit = x->settings.unit};
    struct extract_geometry p;
    int64_t patch = x->model.vit->config.patch;
    if (x->settings.size > 0 &&
        extract_geometry(&x->settings, patch, x->settings.size, x->settings.size, &p, NULL) == 0) {
        h.image_h = (int32_t)p.net_h;
        h.image_w = (int32_t)p.net_w;
        h.grid_h = (int32_t)(p.net_h / patch);
        h.grid_w = (int32_t)(p.net_w / patch);
        h.n_tokens = (int32_t)row_tokens(x, p.net_h, p.net_w);
    }
    return h;
}

static int network_recipe(const struct vit_config *v, struct recipe *r, struct fmt_error *e)
{
    int status = recipe_add_int(r, "num_heads", v->n_heads, e);
    if (!status)
        status = recipe_add_real(r, "interpolate_offset", v->offset, e);
    if (!status)
        status = recipe_add_flag(r, "interpolate_antialias", v->antialias, e);
    return status ? status : recipe_add_real(r, "layer_norm_eps", v->eps, e);
}

int extract_recipe(const struct extract *x, struct recipe *r, struct fmt_error *e)
{
    static const char *const fit[] = {[EXTRACT_RESIZE] = "resize", [EXTRACT_CROP] = "crop", [EXTRACT_PAD] = "pad"};
    const struct extract_settings *s = &x->settings;
    int status = recipe_add_int(r, "resize", s->resize, e);
    if (!status)
        status = recipe_add_int(r, "size", s->size, e);
    if (!status)
        status = recipe_add(r, "fit", fit[s->fit], e);
    if (!status)
        status = recipe_add_flag(r, "as_stored", s->as_stored, e);
    if (!status)
        status = recipe_add_reals(r, "mean", x->model.pixel_norm.mean, 3, e);
    if (!status)
        status = recipe_add_reals(r, "std", x->model.pixel_norm.std, 3, e);
    return status ? status : network_recipe(&x->model.vit->config, r, e);
}

/* ------------------------------------------------------------------ a shard set into memory */
struct set_run {
    struct extract *x;
    const struct shard_set *set;
    struct extract_shards_job *job;
    struct fmt_error *error; /* [n_workers]: the first of each */
    int64_t *at;             /* [n_workers]: the item it belongs to */
    int64_t width;
};

static void extract_item(void *arg, int64_t item, int worker)
{
    struct set_run *run = arg;
    struct extract_worker *w = &run->x->worker[worker];
    struct extract_shards_job *job = run->job;
    struct shard_image image;
    struct fmt_error why = {0};
    struct extract_row row = {.x = job->out + item * run->width, .room = run->width};
    int64_t number = job->image ? job->image[item] : item;
    int status = shard_set_read(run->set, number, &w->buffer, &image, &why);
    if (!status) {
        status = image_decode(&image, !run->x->settings.as_stored, &w->photo, &why);
        if (!status)
            status = extract_image(run->x, worker, &w->photo, &row, &why);
        if (status)
            fmt_prefix(&why, image.labels.key);
    }
    job->failed[item] = status != 0;
    if (!status)
        return;
    memset(job->out + item * run->width, 0, (size_t)run->width * sizeof *job->out);
    if (!run->error[worker].status || item < run->at[worker]) {
        run->error[worker] = why;
        run->at[worker] = item;
    }
}

int extract_shards(struct extract *x, const struct shard_set *set, struct thread_pool *pool,
                   struct extract_shards_job *job, struct fmt_error *e)
{
    struct set_run run = {.x = x, .set = set, .job = job, .width = extract_width(x)};
    if (run.width == 0)
        return fmt_fail(e, FMT_INVALID, "rows of differing width cannot be one matrix");
    if (thread_workers(pool) > x->n_workers)
        return fmt_fail(e, FMT_INVALID, "more threads than workers");
    run.error = calloc((size_t)x->n_workers, sizeof *run.error);
    run.at = calloc((size_t)x->n_workers, sizeof *run.at);
    int status = run.error && run.at ? 0 : fmt_no_memory(e);
    job->n_failed = 0;
    job->first = (struct fmt_error){0};
    if (!status)
        thread_for(pool, job->n, extract_item, &run);
    for (int64_t i = 0; i < job->n && !status; i++)
        job->n_failed += job->failed[i];
    int64_t first = INT64_MAX;
    for (int i = 0; i < x->n_workers && !status; i++)
        if (run.error[i].status && run.at[i] < first) {
            first = run.at[i];
            job->first = run.error[i];
        }
    free(run.error);
    free(run.at);
    return status;
}
