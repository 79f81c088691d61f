/* knn-eval.c - class tokens of both sets by the teacher, then one search. The features are made by extract.h alone,
 * with the settings that dino-extract would be given, from a copy of the backbone: extraction transposes its weights.
 */
#include "knn-eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "knn.h"
#include "overlap.h"
#include "extract.h"
#include "json-line.h"
#include "weights.h"
#include "model.h"
#include "step.h"
#include "num.h"
#include "shard-set.h"
#include "text.h"

enum { TRAIN, VAL, SETS };

struct set {
    struct shard_set shards;
    uint8_t identity[DIGEST_BYTES];
    bool open;
    struct rows rows;      /* the labelled images; names and contents until the two sets have been compared */
    struct text_pool text; /* of the names */
    int64_t *image;        /* [n] their numbers in the shards */
    float *x;              /* [n, C] */
    uint8_t *failed;       /* [n] */
};

static const unsigned name_columns = ROWS_KEY | ROWS_GROUP_NAME | ROWS_CONTENT;

struct knn_eval {
    const struct config *config;
    struct set set[SETS];
    int k[CONFIG_INTS_MAX], n_k, n_left_out;
    int64_t C;
};

/* ---------------------------------------------------------------- opening */
static void release_names(struct set *s)
{
    rows_drop(&s->rows, name_columns);
    text_release(&s->text);
}

static int take_image(struct set *s, int64_t number, const struct shard_image *image, struct fmt_error *e)
{
    const struct index_labels *l = &image->labels;
    int64_t i = s->rows.n++;
    s->image[i] = number;
    s->rows.label[i] = l->label;
    memcpy(s->rows.content[i], image->sha256, DIGEST_BYTES);
    s->rows.key[i] = text_copy(&s->text, l->key, strlen(l->key));
    s->rows.group_name[i] = text_copy(&s->text, l->group, strlen(l->group));
    return s->rows.key[i] && s->rows.group_name[i] ? 0 : fmt_no_memory(e);
}

static int find_labels(struct set *s, const char *path, struct fmt_error *e)
{
    struct block_buffer buffer = {0};
    int64_t n = s->shards.n_images;
    int status = rows_reserve(&s->rows, ROWS_LABEL | name_columns, n, e);
    if (!status && !(s->image = malloc(((size_t)n + 1) * sizeof *s->image)))
        status = fmt_no_memory(e);
    for (int64_t i = 0; i < n && !status; i++) {
        struct shard_image image;
        status = shard_set_read(&s->shards, i, &buffer, &image, e);
        if (!status && image.labels.label >= 0)
            status = take_image(s, i, &image, e);
    }
    block_buffer_release(&buffer);
    if (!status && !s->rows.n)
        status = fmt_fail(e, FMT_INVALID, "%.300s: no image of it has a label", path);
    return status;
}

static int open_set(struct set *s, const char *path, int64_t C, struct fmt_error *e)
{
    int status = shard_set_open(&s->shards, &path, 1, e);
    if (status)
        return status;
    s->open = true;
    struct digest d;
    digest_init(&d);
    for (int i = 0; i < s->shards.n_sets; i++)
        digest_add(&d, s->shards.identity[i], DIGEST_BYTES);
    digest_end(&d, s->identity);
    status = find_labels(s, path, e);
    size_t bytes;
    if (!status && (!num_mul((size_t)s->rows.n, (size_t)C * sizeof(float), &bytes) || !(s->x = malloc(bytes)) ||
                    !(s->failed = malloc((size_t)s->rows.n))))
        status = fmt_fail(e, FMT_MEMORY, "%.300s: out of memory", path);
    s->rows.x = s->x;
    s->rows.dim = C;
    return status;
}

/* Labels of the two sets mean the same classes. */
static int check_classes(const struct knn_eval *ev, struct fmt_error *e)
{
    const struct shard_set *a = &ev->set[TRAIN].shards, *b = &ev->set[VAL].shards;
    bool same = a->n_classes == b->n_classes;
    for (int i = 0; same && i < a->n_classes; i++)
        same = strcmp(a->class_name[i], b->class_name[i]) == 0;
    return same ? 0 : fmt_fail(e, FMT_MISMATCH, "evaluation.knn_train, evaluation.knn_val: their classes differ");
}

/* Photographs of the two sets were prepared alike. A set of version 1.0 does not say how, and is taken. */
static int check_recipes(const struct knn_eval *ev, struct fmt_error *e)
{
    struct recipe r[SETS] = {{.n = 0}};
    struct fmt_error why = {0};
    int status = 0;
    for (int i = 0; i < SETS && !status; i++)
        status = shard_set_recipe(&ev->set[i].shards, &r[i], e);
    if (!status && recipe_compare(&r[TRAIN], &r[VAL], &why))
        status = fmt_fail(e, FMT_MISMATCH, "evaluation.knn_train, evaluation.knn_val: packed in different ways: %s",
                          why.text);
    for (int i = 0; i < SETS; i++)
        recipe_release(&r[i]);
    return status;
}

/* An image, or another view of its group, that votes for itself makes the scores of all teachers too good. text: what
 * the sets share, or "". */
static int check_overlap(struct knn_eval *ev, char text[OVERLAP_TEXT], struct fmt_error *e)
{
    struct overlap o;
    int status = overlap_sets(&ev->set[TRAIN].rows, &ev->set[VAL].rows, false, &o, e);
    if (!status)
        overlap_text(&o, ev->config->evaluation.knn_val, ev->config->evaluation.knn_train, text);
    if (!status && overlap_any(&o) && !ev->config->evaluation.allow_overlap)
        status = fmt_fail(e, FMT_MISMATCH, "evaluation.knn_val: the scores would be too good "
                          "(evaluation.allow_overlap=true scores them): %s", text);
    for (int i = 0; i < SETS; i++)
        release_names(&ev->set[i]);
    return status;
}

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
    return fmt_fail(e, FMT_INVALID, "evaluation.knn_k: none is at most the %s of %.200s",
                    FMT_COUNT(ev->set[TRAIN].rows.n, "labelled image", "labelled images"), ev->config->evaluation.knn_train);
}

static void warn(const struct knn_eval *ev, const char *overlap, struct run_log *log)
{
    const char *train = shard_set_without_recipe(&ev->set[TRAIN].shards);
    const char *val = shard_set_without_recipe(&ev->set[VAL].shards);
    if (*overlap)
        run_log(log, RUN_WARNING, "evaluation.knn_val: the scores are too good: %s", overlap);
    if (ev->n_left_out)
        run_log(log, RUN_WARNING, "evaluation.knn_k: %s more than the labelled images; left out",
                FMT_COUNT(ev->n_left_out, "of its values is", "of its values are"));
    if (train || val)
        run_log(log, RUN_WARNING,
                "%s: does not say what bbu-pack did to its photographs: whether evaluation.knn_train and "
                "evaluation.knn_val are alike is not known", train ? train : val);
}

int knn_eval_open(struct knn_eval **ev, const struct config *config, struct run_log *log, struct fmt_error *e)
{
    char overlap[OVERLAP_TEXT];
    *ev = NULL;
    if (!*config->evaluation.knn_train || !config->evaluation.eval_period_iterations)
        return 0;
    if (!(*ev = calloc(1, sizeof **ev)))
        return fmt_no_memory(e);
    (*ev)->config = config;
    (*ev)->C = config_dims(config).embed_dim;
    int status = open_set(&(*ev)->set[TRAIN], config->evaluation.knn_train, (*ev)->C, e);
    if (!status)
        status = open_set(&(*ev)->set[VAL], config->evaluation.knn_val, (*ev)->C, e);
    if (!status)
        status = check_classes(*ev, e);
    if (!status)
        status = check_recipes(*ev, e);
    if (!status)
        status = check_overlap(*ev, overlap, e);
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
    for (int i = 0; ev && i < SETS; i++) {
        if (ev->set[i].open)
            shard_set_close(&ev->set[i].shards);
        release_names(&ev->set[i]);
        free(ev->set[i].image);
        rows_release(&ev->set[i].rows);
        free(ev->set[i].x);
        free(ev->set[i].failed);
    }
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

static struct extract_model model_of(const struct config *c, const struct vit *vit, const float *values,
                                     bool transposed)
{
    return (struct extract_model){.vit = vit, .values = values, .turned = transposed,
                                  .pixel_norm = config_pixel_norm(c)};
}

/* The teacher's backbone, for free(): the first module of the table. */
static float *copy_teacher(struct step *step, struct fmt_error *e)
{
    int64_t at, n = params_module_span(step_params(step), params_find_module(step_params(step), VIT_MODULE), &at);
    float *copy = malloc((size_t)(at + n) * sizeof *copy);
    if (copy)
        memcpy(copy, step_teacher(step), (size_t)(at + n) * sizeof *copy);
    else
        fmt_fail(e, FMT_MEMORY, "out of memory for a copy of the teacher");
    return copy;
}

/* Images that failed are no part of the set any more. */
static void leave_out_failed(struct set *s, int64_t C)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->rows.n; i++) {
        if (s->failed[i])
            continue;
        s->image[n] = s->image[i];
        s->rows.label[n] = s->rows.label[i];
        memmove(s->x + n++ * C, s->x + i * C, (size_t)C * sizeof *s->x);
    }
    s->rows.n = n;
}

static int set_features(struct knn_eval *ev, struct set *s, struct extract *x, struct thread_pool *pool,
                        struct knn_eval_scores *scores, struct fmt_error *e)
{
    struct extract_shards_job job = {.image = s->image, .n = s->rows.n, .out = s->x, .failed = s->failed};
    int status = extract_shards(x, &s->shards, pool, &job, e);
    if (status || !job.n_failed)
        return status;
    if (job.n_failed == s->rows.n || job.first.status == FMT_MEMORY)
        return fmt_fail(e, job.first.status, "%s", job.first.text);
    leave_out_failed(s, ev->C);
    if (!scores->n_failed)
        scores->failed = job.first;
    scores->n_failed += job.n_failed;
    return 0;
}

static int all_features(struct knn_eval *ev, struct step *step, struct thread_pool *pool,
                        struct knn_eval_scores *scores, struct fmt_error *e)
{
    struct extract x = {.n_workers = 0};
    struct extract_settings settings = settings_of(ev->config);
    bool transposed = false;
    float *values = copy_teacher(step, e);
    int status = values ? extract_transpose_weights(step_vit(step), values, pool, &transposed, e) : FMT_MEMORY;
    if (!status) {
        struct extract_model model = model_of(ev->config, step_vit(step), values, transposed);
        status = extract_open(&x, &model, &settings, thread_workers(pool), e);
    }
    for (int i = 0; i < SETS && !status; i++)
        status = set_features(ev, &ev->set[i], &x, pool, scores, e);
    extract_close(&x);
    free(values);
    return status || !scores->n_failed ? status : choose_ks(ev, e);
}

/* ---------------------------------------------------------------- scores */
static int by_size(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* For the search: ascending, each once. Returns how many. */
static int ascending(const int *k, int n, int ks[CONFIG_INTS_MAX])
{
    int n_ks = 0;
    memcpy(ks, k, (size_t)n * sizeof *k);
    qsort(ks, (size_t)n, sizeof *ks, by_size);
    for (int i = 0; i < n; i++)
        if (!n_ks || ks[i] != ks[n_ks - 1])
            ks[n_ks++] = ks[i];
    return n_ks;
}

int knn_eval_run(struct knn_eval *ev, struct step *step, struct thread_pool *pool, struct knn_eval_scores *scores,
                 struct fmt_error *e)
{
    int ks[CONFIG_INTS_MAX];
    double top1[CONFIG_INTS_MAX];
    const struct set *train = &ev->set[TRAIN], *val = &ev->set[VAL];
    *scores = (struct knn_eval_scores){.n = 0};
    int status = all_features(ev, step, pool, scores, e);
    int n_ks = ascending(ev->k, ev->n_k, ks);
    struct knn_problem problem = {.train = &train->rows, .val = &val->rows, .n_classes = train->shards.n_classes,
                                  .ks = ks, .n_ks = n_ks};
    if (!status)
        status = knn_evaluate(&problem, pool, top1, e);
    if (!status)
        status = weights_hash(step_params(step), WEIGHTS_BACKBONE, step_teacher(step), scores->weights, e);
    memcpy(scores->train, train->identity, DIGEST_BYTES);
    memcpy(scores->val, val->identity, DIGEST_BYTES);
    scores->n = status ? 0 : ev->n_k;
    scores->n_train = train->rows.n;
    scores->n_val = val->rows.n;
    for (int i = 0; i < scores->n; i++) {
        scores->k[i] = ev->k[i];
        for (int j = 0; j < n_ks; j++)
            if (ks[j] == ev->k[i])
                scores->top1[i] = top1[j];
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
    json_line_open(&l, "origins"); /* as in the reports of feat-knn: bbu-info --trace finds the way back from a score */
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
    const char *path[SETS] = {c->evaluation.knn_train, c->evaluation.knn_val};
    for (int i = 0; i < SETS; i++) {
        struct shard_set s;
        int status = shard_set_open(&s, &path[i], 1, e);
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
static int plan_extraction(const struct config *c, const struct vit *vit, const struct counts *n, int n_workers,
                           int64_t *bytes, struct fmt_error *e)
{
    struct extract x;
    struct extract_settings settings = settings_of(c);
    size_t worker = 0;
    struct extract_model model = model_of(c, vit, NULL, backend_cpu.prefers_transposed_weights());
    int status = extract_open(&x, &model, &settings, 1, e);
    if (!status)
        status = extract_worker_bytes(&x, n->side[0], n->side[1], &worker, e);
    extract_close(&x);
    *bytes = n_workers * ((int64_t)worker + n->record + 3 * n->pixels);
    return status;
}

int knn_eval_plan(const struct config *c, int n_workers, struct knn_eval_bytes *bytes, struct fmt_error *e)
{
    struct counts n = {.n_classes = 0};
    struct params table = {0};
    struct vit vit;
    struct vit_config shape = model_vit(c);
    int ks[CONFIG_INTS_MAX], k[CONFIG_INTS_MAX], n_k = 0;
    int64_t at = 0;
    *bytes = (struct knn_eval_bytes){0};
    if (!*c->evaluation.knn_train || !c->evaluation.eval_period_iterations)
        return 0;
    int status = count_sets(c, &n, e);
    if (!status)
        status = vit_params(&vit, &shape, &table, e);
    if (!status)
        status = plan_extraction(c, &vit, &n, n_workers, &bytes->extraction, e);
    if (!status)
        bytes->copy = params_module_span(&table, params_find_module(&table, VIT_MODULE), &at) * (int64_t)sizeof(float);
    params_release(&table);
    if (status)
        return status;
    for (int i = 0; i < c->evaluation.knn_k.n; i++)
        if (c->evaluation.knn_k.item[i] <= n.n[TRAIN])
            k[n_k++] = (int)c->evaluation.knn_k.item[i];
    int64_t row = shape.C * (int64_t)sizeof(float) + (int64_t)(sizeof(int64_t) + sizeof(int32_t) + 1);
    struct rows train = {.n = n.n[TRAIN], .dim = shape.C}, val = {.n = n.n[VAL], .dim = shape.C};
    struct knn_problem problem = {&train, &val, n.n_classes, ks, ascending(k, n_k, ks)};
    bytes->features = (n.n[TRAIN] + n.n[VAL]) * row + n.index;
    bytes->search = knn_evaluate_bytes(&problem, n_workers);
    return 0;
}
