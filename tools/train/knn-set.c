/* knn-set.c - one pass over the shards finds the labelled images; no image is decoded. */
#include "knn-set.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"

static const unsigned name_columns = ROWS_KEY | ROWS_GROUP_NAME | ROWS_CONTENT;

static void release_names(struct knn_set *s)
{
    rows_drop(&s->rows, name_columns);
    text_release(&s->text);
}

static int take_image(struct knn_set *s, int64_t number, const struct shard_image *image, struct fmt_error *e)
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

static int find_labels(struct knn_set *s, const char *path, struct fmt_error *e)
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

int knn_set_open(struct knn_set *s, const struct config_paths *paths, int64_t dim, int n_parts, struct fmt_error *e)
{
    *s = (struct knn_set){.whole = n_parts == 1};
    int status = shard_set_open(&s->shards, paths->item, paths->n, e);
    if (status)
        return status;
    s->open = true;
    struct digest d;
    digest_init(&d);
    for (int i = 0; i < s->shards.n_sets; i++)
        digest_add(&d, s->shards.identity[i], DIGEST_BYTES);
    digest_end(&d, s->identity);
    status = find_labels(s, paths->item[0], e);
    size_t bytes, held = (size_t)num_ceil_div(s->rows.n, n_parts);
    if (!status && (!num_mul(held, (size_t)dim * sizeof(float), &bytes) || !(s->x = malloc(bytes)) ||
                    !(s->failed = malloc((size_t)s->rows.n))))
        status = fmt_fail(e, FMT_MEMORY, "%.300s: out of memory", paths->item[0]);
    s->rows.host_x = s->whole ? s->x : NULL;
    s->rows.dim = dim;
    return status;
}

void knn_set_close(struct knn_set *s)
{
    if (s->open)
        shard_set_close(&s->shards);
    release_names(s);
    rows_release(&s->rows);
    free(s->image);
    free(s->x);
    free(s->failed);
}

/* ---------------------------------------------------------------- comparing */
/* Labels of the two sets mean the same classes. */
static int check_classes(const struct shard_set *a, const struct shard_set *b, struct fmt_error *e)
{
    bool same = a->n_classes == b->n_classes;
    for (int i = 0; same && i < a->n_classes; i++)
        same = strcmp(a->class_name[i], b->class_name[i]) == 0;
    return same ? 0 : fmt_fail(e, FMT_MISMATCH, "evaluation.knn_train, evaluation.knn_val: their classes differ");
}

/* Photographs of the two sets were prepared alike. A set of version 1.0 does not say how, and is taken. */
static int check_recipes(const struct shard_set *a, const struct shard_set *b, struct fmt_error *e)
{
    struct recipe ra = {.n = 0}, rb = {.n = 0};
    struct fmt_error why = {0};
    int status = shard_set_recipe(a, &ra, e);
    if (!status)
        status = shard_set_recipe(b, &rb, e);
    if (!status && recipe_compare(&ra, &rb, &why))
        status = fmt_fail(e, FMT_MISMATCH, "evaluation.knn_train, evaluation.knn_val: packed differently: %s",
                          why.text);
    recipe_release(&ra);
    recipe_release(&rb);
    return status;
}

/* An image, or another view of its group, that votes for itself makes the scores of all teachers optimistic. text: what
 * the sets share, or "". */
static int check_overlap(const struct rows *train, const struct rows *val, const struct config *c,
                         char text[OVERLAP_TEXT], struct fmt_error *e)
{
    struct overlap o;
    int status = overlap_sets(train, val, false, &o, e);
    if (!status)
        overlap_text(&o, c->evaluation.knn_val.item[0], c->evaluation.knn_train.item[0], text);
    if (!status && overlap_any(&o) && !c->evaluation.allow_overlap)
        status = fmt_fail(e, FMT_MISMATCH, "evaluation.knn_val: the scores would be optimistic "
                          "(data leakage; evaluation.allow_overlap=true scores anyway): %s", text);
    return status;
}

int knn_set_compare(struct knn_set *train, struct knn_set *val, const struct config *config,
                    char overlap[OVERLAP_TEXT], struct fmt_error *e)
{
    int status = check_classes(&train->shards, &val->shards, e);
    if (!status)
        status = check_recipes(&train->shards, &val->shards, e);
    if (!status)
        status = check_overlap(&train->rows, &val->rows, config, overlap, e);
    release_names(train);
    release_names(val);
    return status;
}

/* ---------------------------------------------------------------- parts */
void knn_set_divide(struct knn_set *s, struct part own)
{
    s->own = part_first(own, s->rows.n);
    s->n_own = part_end(own, s->rows.n) - s->own;
}

static float *held_row(const struct knn_set *s, int64_t row)
{
    return s->x + (size_t)(s->whole ? row : row - s->own) * (size_t)s->rows.dim;
}

float *knn_set_own_x(const struct knn_set *s)
{
    return held_row(s, s->own);
}

struct rows knn_set_own_rows(const struct knn_set *s)
{
    return (struct rows){.n = s->n_own, .dim = s->rows.dim, .label = s->rows.label + s->own,
                         .host_x = knn_set_own_x(s)};
}

int64_t knn_set_n_failed(const struct knn_set *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->rows.n; i++)
        n += s->failed[i] != 0;
    return n;
}

void knn_set_remove_failed(struct knn_set *s)
{
    struct knn_set before = *s;
    int64_t n = 0, end = before.own + before.n_own;
    for (int64_t i = 0; i <= before.rows.n; i++) {
        if (i == before.own)
            s->own = n;
        if (i == end)
            s->n_own = n - s->own;
        if (i == before.rows.n || s->failed[i])
            continue;
        s->image[n] = s->image[i];
        s->rows.label[n] = s->rows.label[i];
        if (s->whole || (i >= before.own && i < end))
            memmove(held_row(s, n), held_row(&before, i), (size_t)s->rows.dim * sizeof *s->x);
        n++;
    }
    s->rows.n = n;
}
