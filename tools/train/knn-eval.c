/* knn-eval.c - class tokens of both sets by the teacher, then one search. The features are made only by extract.h,
 * with the settings that dino-extract would be given, from a copy of the backbone: extraction transposes its weights.
 *
 * A feature depends on its image alone and a similarity on its two rows alone, so it does not matter which process
 * computes them.
 */
#include "knn-eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "bank-search.h"
#include "extract.h"
#include "json-line.h"
#include "knn.h"
#include "knn-set.h"
#include "model.h"
#include "num.h"
#include "overlap.h"
#include "step.h"
#include "weights.h"

enum { TRAIN, VAL, SETS };

struct knn_eval {
    const struct config *config;
    const struct world *world;
    struct knn_set set[SETS];
    int k[CONFIG_INTS_MAX], n_k, n_left_out;
};

/* ---------------------------------------------------------------- opening */
/* Those of the settings that are at most the number of images that vote. */
static int choose_ks(struct knn_eval *ev, struct fmt_error *e)
{
    const struct config_ints *asked = &ev->config->evaluation.knn_k;
    ev->n_k = ev->n_left_out = 0;
    for (int i = 0; i < asked->n; i++)
        if (asked->item[i] <= ev->set[TRAIN].rows.n)
            ev->k[ev->n_k++] = (int)asked->item[i];
        else
            ev->n_left_out++;
    if (ev->n_k)
        return 0;
    return fmt_fail(e, FMT_INVALID, "evaluation.knn_k: every value exceeds the %s of %.200s",
                    FMT_COUNT(ev->set[TRAIN].rows.n, "labelled image", "labelled images"),
                    ev->config->evaluation.knn_train.item[0]);
}

static void warn(const struct knn_eval *ev, const char *overlap, struct run_log *log)
{
    const char *train = shard_set_without_recipe(&ev->set[TRAIN].shards);
    const char *val = shard_set_without_recipe(&ev->set[VAL].shards);
    if (*overlap)
        run_log(log, RUN_WARNING, "evaluation.knn_val: the scores are optimistic (data leakage): %s", overlap);
    if (ev->n_left_out)
        run_log(log, RUN_WARNING, "evaluation.knn_k: %s more than the labelled images; left out",
                FMT_COUNT(ev->n_left_out, "of its values is", "of its values are"));
    if (train || val)
        run_log(log, RUN_WARNING,
                "%s: does not say what bbu-pack did to its photographs: whether evaluation.knn_train and "
                "evaluation.knn_val are alike is not known", train ? train : val);
}

int knn_eval_open(struct knn_eval **ev, const struct config *config, const struct world *world, struct run_log *log,
                  struct fmt_error *e)
{
    char overlap[OVERLAP_TEXT];
    *ev = NULL;
    if (!config->evaluation.knn_train.n || !config->evaluation.eval_period_iterations)
        return 0;
    if (!(*ev = calloc(1, sizeof **ev)))
        return fmt_no_memory(e);
    (*ev)->config = config;
    (*ev)->world = world;
    int64_t dim = config_dims(config).embed_dim;
    int status = knn_set_open(&(*ev)->set[TRAIN], &config->evaluation.knn_train, dim, world->size, e);
    if (!status)
        status = knn_set_open(&(*ev)->set[VAL], &config->evaluation.knn_val, dim, 1, e);
    if (!status)
        status = knn_set_compare(&(*ev)->set[TRAIN], &(*ev)->set[VAL], config, overlap, e);
    if (!status)
        status = choose_ks(*ev, e);
    if (status) {
        knn_eval_close(*ev);
        *ev = NULL;
        return status;
    }
    warn(*ev, overlap, log);
    return 0;
}

void knn_eval_close(struct knn_eval *ev)
{
    for (int i = 0; ev && i < SETS; i++)
        knn_set_close(&ev->set[i]);
    free(ev);
}

const uint8_t *knn_eval_identity(const struct knn_eval *ev, bool val)
{
    return ev->set[val ? VAL : TRAIN].identity;
}

/* ---------------------------------------------------------------- features */
static struct extract_settings settings_of(const struct config *c)
{
    struct extract_settings s = extract_published_settings();
    s.resize = c->evaluation.resize;
    s.size = c->evaluation.crop;
    s.as_stored = !c->augment.exif_orientation;
    return s;
}

static struct extract_model model_of(const struct config *c, const struct vit *vit,
                                     const struct params_array *values, const struct vit_packed *packed)
{
    return (struct extract_model){.vit = vit, .values = values, .packed = packed, .pixel_norm = config_pixel_norm(c)};
}

/* Elements of a copy of only the backbone: it is the first module of its table. */
static int64_t backbone_count(const struct params *table)
{
    int64_t first, n = params_module_span(table, params_find_module(table, VIT_MODULE), &first);
    return first + n;
}

/* Of the rows of a backbone, piece by piece: what is sharded comes from the processes that hold it. */
static void copy_rows(struct op_ctx *c, const struct params_array *copy, const struct params_array *from, float *piece)
{
    const struct params *t = from->table;
    int module = params_find_module(t, VIT_MODULE);
    for (int row = 0; row < t->n_rows; row++)
        for (int64_t first = 0; t->rows[row].module == module && first < t->rows[row].count; first += PARAMS_PIECE) {
            int64_t n = num_min(PARAMS_PIECE, t->rows[row].count - first);
            params_read(c, from, row, first, n, piece);
            params_write(c, copy, row, first, n, piece);
        }
}

/* A copy of the teacher's backbone in memory of its own, whole on every process. All of them call it. */
static int copy_teacher(struct step *step, struct device_arena *memory, struct params_array *copy, struct fmt_error *e)
{
    const struct params_array *teacher = step_teacher(step);
    int64_t n = backbone_count(teacher->table);
    float *piece = malloc(PARAMS_PIECE * sizeof *piece);
    int status = 0;
    if (!piece ||
        params_array_reserve(copy, memory, step_context(step)->backend, teacher->table, DTYPE_F32, n, NULL))
        status = fmt_fail(e, FMT_MEMORY, "out of memory for a copy of the teacher");
    status = world_agree(step_world(step), status, e);
    if (!status) {
        copy_rows(step_context(step), copy, teacher, piece);
        status = op_sync(step_context(step), e);
    }
    free(piece);
    return status;
}

/* The own part of a set. *first: why the first image of it that failed did. */
static int extract_part(struct knn_set *s, const struct world *w, struct extract *x, struct fmt_error *first,
                        struct fmt_error *e)
{
    knn_set_divide(s, world_share(w));
    struct extract_shards_job job = {.image = s->image + s->own, .n = s->n_own, .out = knn_set_own_x(s),
                                     .failed = s->failed + s->own};
    int status = extract_shards(x, &s->shards, &job, e);
    *first = job.first;
    return status || first->status != FMT_MEMORY ? status : fmt_fail(e, FMT_MEMORY, "%s", first->text);
}

/* The own parts of both sets. */
static int extract_parts(struct knn_eval *ev, struct step *step, const struct device *device,
                         uint8_t weights[DIGEST_BYTES], struct fmt_error first[SETS], struct fmt_error *e)
{
    struct extract x = {.n_workers = 0};
    struct extract_settings settings = settings_of(ev->config);
    struct packed_weights packed = {.memory = {0}};
    struct device_arena memory = {0};
    struct params_array values;
    int status = copy_teacher(step, &memory, &values, e);
    if (!status)
        status = weights_hash(step_context(step), &values, WEIGHTS_BACKBONE, weights, e);
    if (!status)
        status = extract_pack_weights(device, step_teacher_vit(step), &values, PRECISION_F32, NULL, &packed, e);
    if (!status) {
        struct extract_model model = model_of(ev->config, step_teacher_vit(step), &values, &packed.weights);
        status = extract_open(&x, device, &model, &settings, e);
    }
    for (int i = 0; i < SETS && !status; i++)
        status = extract_part(&ev->set[i], ev->world, &x, &first[i], e);
    extract_close(&x);
    packed_weights_release(&packed);
    device_arena_release(&memory);
    return status;
}

/* Images that failed on any process are left out on all. */
static int gather(struct knn_set *s, const struct world *w, struct fmt_error *first, struct knn_eval_scores *scores,
                  struct fmt_error *e)
{
    int status = world_gather_shares(w, s->failed, s->rows.n, sizeof *s->failed, e);
    if (!status && s->whole)
        status = world_gather_shares(w, s->x, s->rows.n, (size_t)s->rows.dim * sizeof *s->x, e);
    int64_t n_failed = status ? 0 : knn_set_n_failed(s);
    if (!n_failed)
        return status;
    world_agree(w, (int)first->status, first); /* the lowest rank's has the first image */
    if (n_failed == s->rows.n)
        return fmt_fail(e, first->status, "%s", first->text);
    knn_set_remove_failed(s);
    if (!scores->n_failed)
        scores->failed = *first;
    scores->n_failed += n_failed;
    return 0;
}

static int all_features(struct knn_eval *ev, struct step *step, const struct device *device,
                        struct knn_eval_scores *scores, struct fmt_error *e)
{
    struct fmt_error first[SETS] = {{0}, {0}};
    int status = world_agree(ev->world, extract_parts(ev, step, device, scores->weights, first, e), e);
    for (int i = 0; i < SETS && !status; i++)
        status = gather(&ev->set[i], ev->world, &first[i], scores, e);
    return status || !scores->n_failed ? status : choose_ks(ev, e);
}

/* ---------------------------------------------------------------- scores */
/* right[i]: images of evaluation.knn_val that ks[i] neighbours classify correctly. */
static int search(struct knn_eval *ev, const struct device *device, const int *ks, int n_ks, int64_t *right,
                  struct fmt_error *e)
{
    const struct knn_set *train = &ev->set[TRAIN];
    struct rows own = knn_set_own_rows(train);
    struct bank_search s = {.world = ev->world, .own = &own, .first = train->own,
                            .vote = {ks[n_ks - 1], KNN_TEMPERATURE, train->rows.label, train->shards.n_classes, ks,
                                     n_ks}};
    return bank_search_count_right(&s, &ev->set[VAL].rows, device, right, e);
}

int knn_eval_run(struct knn_eval *ev, struct step *step, const struct device *device, struct knn_eval_scores *scores,
                 struct fmt_error *e)
{
    int ks[CONFIG_INTS_MAX], n_ks = 0;
    int64_t right[CONFIG_INTS_MAX];
    const struct knn_set *train = &ev->set[TRAIN], *val = &ev->set[VAL];
    *scores = (struct knn_eval_scores){.n = 0};
    int status = all_features(ev, step, device, scores, e);
    if (!status) {
        memcpy(ks, ev->k, sizeof ks);
        n_ks = knn_sort_ks(ks, ev->n_k);
        status = search(ev, device, ks, n_ks, right, e);
    }
    memcpy(scores->train, train->identity, DIGEST_BYTES);
    memcpy(scores->val, val->identity, DIGEST_BYTES);
    scores->n = status ? 0 : ev->n_k;
    scores->n_train = train->rows.n;
    scores->n_val = val->rows.n;
    for (int i = 0; i < scores->n; i++) {
        scores->k[i] = ev->k[i];
        for (int j = 0; j < n_ks; j++)
            if (ks[j] == ev->k[i])
                scores->top1[i] = (double)right[j] / (double)val->rows.n;
    }
    return status;
}

static void add_identity(struct json_line *l, const char *role, const uint8_t identity[DIGEST_BYTES])
{
    char hex[DIGEST_HEX];
    digest_hex(identity, hex);
    json_line_open(l, role);
    json_line_text(l, "identity", hex);
    json_line_close(l);
}

int knn_eval_line(const struct knn_eval_scores *s, int64_t iteration, int64_t best_iteration, struct fmt_buffer *out,
                  struct fmt_error *e)
{
    struct json_line l = json_line_begin(out);
    json_line_int(&l, "iteration", iteration);
    json_line_open(&l, "knn_top1");
    for (int i = 0; i < s->n; i++) {
        char k[16];
        snprintf(k, sizeof k, "%d", s->k[i]);
        json_line_real(&l, k, s->top1[i]);
    }
    json_line_close(&l);
    json_line_int(&l, "n_train", s->n_train);
    json_line_int(&l, "n_val", s->n_val);
    json_line_int(&l, "best_iteration", best_iteration);
    json_line_open(&l, "origins"); /* as in the reports of feat-knn: bbu-info --trace traces a score to its inputs */
    add_identity(&l, "weights", s->weights);
    add_identity(&l, "knn_train", s->train);
    add_identity(&l, "knn_val", s->val);
    json_line_close(&l);
    return json_line_end(&l, e);
}

/* ---------------------------------------------------------------- memory */
struct counts {
    int64_t n[SETS], side[2], pixels, record, index;
    int n_classes;
};

static int count_sets(const struct config *c, struct counts *n, struct fmt_error *e)
{
    const struct config_paths *paths[SETS] = {&c->evaluation.knn_train, &c->evaluation.knn_val};
    for (int i = 0; i < SETS; i++) {
        struct shard_set s;
        int status = shard_set_open(&s, paths[i]->item, paths[i]->n, e);
        if (status)
            return status;
        n->n[i] = s.n_images;
        n->side[0] = num_max(n->side[0], s.height_max);
        n->side[1] = num_max(n->side[1], s.width_max);
        n->pixels = num_max(n->pixels, (int64_t)s.pixels_max);
        n->record = num_max(n->record, shard_set_record_bytes(&s));
        n->index += shard_set_index_bytes(&s);
        n->n_classes = s.n_classes;
        shard_set_close(&s);
    }
    return 0;
}

/* Each worker holds a record, its image and all that is made of it. */
static int plan_extraction(const struct config *c, const struct vit *vit, const struct params_array *values,
                           const struct counts *n, const struct device *device, int64_t *bytes,
                           struct fmt_error *e)
{
    struct extract x;
    struct extract_settings settings = settings_of(c);
    size_t worker = 0;
    struct device_arena plan = {0}, scratch = {0};
    struct op_ctx planning = {.backend = device->backend, .scratch = &scratch};
    struct vit_packed packed;
    vit_pack(&planning, vit, values, PRECISION_F32, NULL, &plan, &packed);
    struct extract_model model = model_of(c, vit, values, &packed);
    int status = extract_open(&x, device, &model, &settings, e);
    if (!status)
        status = extract_worker_bytes(&x, n->side[0], n->side[1], &worker, e);
    extract_close(&x);
    *bytes = thread_workers(device->pool) * ((int64_t)worker + n->record + 3 * n->pixels);
    return status;
}

/* The copy of the backbone, and the extraction with it. */
static int plan_network(const struct config *c, const struct counts *n, const struct device *device,
                        struct knn_eval_bytes *bytes, struct fmt_error *e)
{
    struct params table = {0};
    struct vit vit;
    struct vit_config shape = model_vit(c);
    struct device_arena plan = {0};
    int status = vit_params(&vit, &shape, &table, e);
    if (!status) {
        struct params_array values = params_array_take(&plan, &table, DTYPE_F32);
        status = plan_extraction(c, &vit, &values, n, device, &bytes->extraction, e);
        bytes->copy = table.count * (int64_t)sizeof(float);
    }
    params_release(&table);
    return status;
}

int knn_eval_plan(const struct config *c, int n_processes, const struct device *device, struct knn_eval_bytes *bytes,
                  struct fmt_error *e)
{
    struct counts n = {.n_classes = 0};
    struct vit_config shape = model_vit(c);
    int ks[CONFIG_INTS_MAX], n_ks = 0;
    *bytes = (struct knn_eval_bytes){0};
    if (!c->evaluation.knn_train.n || !c->evaluation.eval_period_iterations)
        return 0;
    int status = count_sets(c, &n, e);
    if (!status)
        status = plan_network(c, &n, device, bytes, e);
    if (status)
        return status;
    for (int i = 0; i < c->evaluation.knn_k.n; i++)
        if (c->evaluation.knn_k.item[i] <= n.n[TRAIN])
            ks[n_ks++] = (int)c->evaluation.knn_k.item[i];
    int64_t row = shape.C * (int64_t)sizeof(float), image = (int64_t)(sizeof(int64_t) + sizeof(int32_t) + 1),
            n_own = num_ceil_div(n.n[TRAIN], n_processes);
    struct rows own = {.n = n_own, .dim = shape.C};
    struct knn_vote vote = {.n_classes = n.n_classes, .ks = ks, .n_ks = knn_sort_ks(ks, n_ks)};
    vote.k = vote.n_ks > 0 ? ks[vote.n_ks - 1] : 0;
    bytes->features = (n_own + n.n[VAL]) * row + (n.n[TRAIN] + n.n[VAL]) * image + n.index;
    bytes->search = bank_search_bytes(&own, n.n[VAL], &vote, n_processes, device);
    return 0;
}
