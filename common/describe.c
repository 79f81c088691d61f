/* describe.c - one function for each kind of file; keys are added in the order in which a person likes to read them. */
#include "describe-internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "bank.h"
#include "checkpoint-reader.h"
#include "feat.h"
#include "inspector.h"
#include "linear.h"
#include "readings.h"
#include "json-report.h"
#include "shard-set.h"
#include "text.h"
#include "verify.h"
#include "views.h"

static void add_form(struct cJSON *o, const char *key, const char *form, ...) __attribute__((format(printf, 3, 4)));
static void add_form(struct cJSON *o, const char *key, const char *form, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, form);
    vsnprintf(text, sizeof text, form, ap);
    va_end(ap);
    json_report_text(o, key, text);
}

static void add_hex(struct cJSON *o, const char *key, const uint8_t digest[DIGEST_BYTES])
{
    char hex[DIGEST_HEX];
    digest_hex(digest, hex);
    json_report_text(o, key, hex);
}

static void add_reals(struct cJSON *o, const char *key, const float *x, int n)
{
    struct cJSON *list = cJSON_AddArrayToObject(o, key);
    for (int i = 0; i < n; i++) {
        char text[24];
        snprintf(text, sizeof text, "%.7g", (double)x[i]);
        cJSON_AddItemToArray(list, cJSON_CreateRaw(text));
    }
}

/* The value of a JSON text in a file; other text becomes a string. */
static void add_json(struct cJSON *o, const char *key, const char *text)
{
    struct cJSON *value = text[0] ? cJSON_ParseWithOpts(text, NULL, 1) : cJSON_CreateNull();
    if (value)
        cJSON_AddItemToObject(o, key, value);
    else
        json_report_text(o, key, text);
}

static void add_recipe(struct cJSON *o, const struct recipe *r)
{
    struct cJSON *all = json_report_object(o, "recipe");
    for (int i = 0; i < r->n; i++)
        json_report_text(all, r->item[i].name, r->item[i].value);
}

static void add_container(struct cJSON *o, const struct block_reader *r)
{
    add_form(o, "version", "%u.%u", r->header.major, r->header.minor);
    json_report_int(o, "bytes", (int64_t)r->io.size);
    json_report_int(o, "blocks", r->n_blocks);
    add_hex(o, "identity", r->header.identity);
}

/* ---------------------------------------------------------------- catalogue */

static void count_name(struct cJSON *counts, const char *name)
{
    struct cJSON *n = cJSON_GetObjectItemCaseSensitive(counts, name);
    if (n)
        cJSON_SetNumberValue(n, n->valuedouble + 1);
    else
        cJSON_AddNumberToObject(counts, name, 1);
}

static int64_t count_groups(const struct index *x)
{
    const char **group = malloc((size_t)(x->n_entries + 1) * sizeof *group);
    int64_t n = 0, distinct = 0;
    for (int64_t i = 0; group && i < x->n_entries; i++)
        if (x->entry[i].labels.group[0])
            group[n++] = x->entry[i].labels.group;
    if (group)
        qsort(group, (size_t)n, sizeof *group, text_order);
    for (int64_t i = 0; i < n; i++)
        distinct += i == 0 || strcmp(group[i], group[i - 1]) != 0;
    free(group);
    return distinct;
}

/* How many are of each kind of file, and how they are decoded, where that is not said by "JPEG". */
static void index_files(struct cJSON *o, const struct index *x)
{
    static const char *const kind[] = {[INDEX_JPEG] = "jpeg", [INDEX_PNG] = "png", [INDEX_TIFF] = "tiff"};
    int64_t n_filled = 0, n_other = 0;
    int bits = 0, least_percent = 100;
    struct cJSON *files = cJSON_CreateObject();
    for (int64_t i = 0; i < x->n_entries; i++) {
        const struct index_entry *t = &x->entry[i];
        count_name(files, kind[t->kind]);
        n_other += t->kind != INDEX_JPEG;
        n_filled += t->decoding.filled;
        if (t->decoding.filled && t->decoding.decoded_percent < least_percent)
            least_percent = t->decoding.decoded_percent;
        bits = t->decoding.bits > bits ? t->decoding.bits : bits;
    }
    if (n_other)
        cJSON_AddItemToObject(o, "files", files);
    else
        cJSON_Delete(files);
    if (n_filled) {
        json_report_int(o, "filled", n_filled);
        json_report_int(o, "filled_least_percent", least_percent);
    }
    if (bits)
        json_report_int(o, "bits", bits);
}

/* Of two classes the second is the positive one. */
static void add_classes(struct cJSON *o, char *const *name, int n)
{
    json_report_names(o, "classes", name, n);
    if (n == 2)
        json_report_text(o, "positive", name[1]);
}

static void index_facts(struct cJSON *o, const struct index *x)
{
    int64_t image_bytes = 0, pixels = 0;
    struct cJSON *splits = cJSON_CreateObject(), *classes = cJSON_CreateObject();
    for (int c = 0; c < x->n_classes; c++)
        cJSON_AddNumberToObject(classes, x->class_name[c], 0);
    for (int64_t i = 0; i < x->n_entries; i++) {
        const struct index_entry *t = &x->entry[i];
        image_bytes += t->bytes;
        pixels = (int64_t)t->width * t->height > pixels ? (int64_t)t->width * t->height : pixels;
        count_name(splits, t->labels.split[0] ? t->labels.split : "(none)");
        count_name(classes, t->labels.label >= 0 ? x->class_name[t->labels.label] : "(none)");
    }
    json_report_int(o, "images", x->n_entries);
    index_files(o, x);
    json_report_int(o, "groups", count_groups(x));
    cJSON_AddItemToObject(o, "splits", splits);
    cJSON_AddItemToObject(o, "classes", classes);
    if (x->n_classes == 2)
        json_report_text(o, "positive", x->class_name[1]);
    json_report_int(o, "image_bytes", image_bytes);
    json_report_int(o, "pixels_max", pixels);
    json_report_text(o, "root", x->root);
}

static int describe_index(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    struct index x;
    int status = block_open(&r, io, BLOCK_INDEX, e);
    if (status)
        return status;
    add_container(o, &r);
    block_close(&r);
    if ((status = index_read(&x, io, e)))
        return status;
    index_facts(o, &x);
    add_json(o, "provenance", x.provenance);
    index_release(&x);
    return 0;
}

/* ---------------------------------------------------------------- the other kinds */

static int describe_shard(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct shard s;
    int status = shard_open(&s, io, e);
    if (status)
        return status;
    add_container(o, &s.block);
    json_report_int(o, "images", s.block.n_records);
    json_report_int(o, "shard", s.header.i_shard);
    json_report_int(o, "shards", s.header.n_shards);
    json_report_int(o, "width_max", s.header.width_max);
    json_report_int(o, "height_max", s.header.height_max);
    json_report_int(o, "pixels_max", (int64_t)s.header.pixels_max);
    add_classes(o, s.header.class_name, s.header.n_classes);
    add_recipe(o, &s.header.recipe);
    add_json(o, "provenance", s.block.header.provenance);
    shard_close(&s);
    return 0;
}

static int describe_views(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct views v;
    int status = views_open(&v, io, e);
    if (status)
        return status;
    const struct views_header *h = &v.header;
    add_container(o, &v.block);
    json_report_int(o, "batches", v.block.n_records);
    json_report_int(o, "batch", h->batch);
    json_report_int(o, "first_step", h->first_step);
    json_report_int(o, "global_size", h->global_size);
    json_report_int(o, "local_size", h->local_size);
    json_report_int(o, "local_crops", h->n_local);
    add_form(o, "mask_grid", "%" PRId32 " x %" PRId32, h->grid_h, h->grid_w);
    add_reals(o, "mean", h->pixel_norm.mean, 3);
    add_reals(o, "std", h->pixel_norm.std, 3);
    json_report_int(o, "seed", (int64_t)h->seed);
    json_report_int(o, "images", h->n_images);
    add_json(o, "provenance", v.block.header.provenance);
    views_close(&v);
    return 0;
}

/* The indices of the blocks whose outputs the values are. */
static void add_layers(struct cJSON *o, const struct feat_header *h)
{
    struct cJSON *list = cJSON_AddArrayToObject(o, "layers");
    for (int i = 0; i < 64; i++)
        if (h->layers >> i & 1)
            cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
}

static int describe_feat(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct feat f;
    int status = feat_open(&f, io, e);
    if (status)
        return status;
    const struct feat_header *h = &f.header;
    add_container(o, &f.block);
    json_report_int(o, "rows", f.block.n_records);
    if (h->part.n > 0)
        add_form(o, "part", "%" PRId32 " of %" PRId32, h->part.i, h->part.n);
    json_report_text(o, "tokens", feat_kind_name(h->kind));
    json_report_int(o, "dim", h->dim);
    json_report_int(o, "tokens_per_row", h->n_tokens);
    add_layers(o, h);
    cJSON_AddBoolToObject(o, "normalised", h->normalised);
    cJSON_AddBoolToObject(o, "unit_length", h->unit);
    add_form(o, "image", "%" PRId32 " x %" PRId32, h->image_h, h->image_w);
    add_form(o, "grid", "%" PRId32 " x %" PRId32, h->grid_h, h->grid_w);
    if (digest_is_set(h->weights))
        add_hex(o, "weights", h->weights);
    else
        cJSON_AddNullToObject(o, "weights");
    json_report_text(o, "precision", feat_precision(h));
    add_classes(o, h->class_name, h->n_classes);
    add_recipe(o, &h->recipe);
    add_json(o, "provenance", f.block.header.provenance);
    feat_close(&f);
    return 0;
}

static void add_seen(struct cJSON *o, const struct linear *m)
{
    struct cJSON *seen = json_report_object(o, "seen");
    json_report_int(seen, "fitted_images", m->fitted.n_images);
    json_report_int(seen, "fitted_groups", m->fitted.n_groups);
    json_report_int(seen, "chosen_images", m->chosen.n_images);
    json_report_int(seen, "chosen_groups", m->chosen.n_groups);
}

static int describe_linear(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct linear m;
    int status = linear_read(&m, io, e);
    if (status)
        return status;
    add_hex(o, "identity", m.identity);
    json_report_int(o, "rows", m.n_rows);
    json_report_int(o, "dim", m.dim);
    cJSON_AddNumberToObject(o, "C", m.C);
    cJSON_AddNumberToObject(o, "gradient", m.gradient);
    json_report_int(o, "thresholds", m.n_points);
    json_report_text(o, "tokens", feat_kind_name(m.features.kind));
    add_hex(o, "weights", m.features.weights);
    json_report_text(o, "precision", feat_precision(&m.features));
    json_report_names(o, "classes", m.features.class_name, m.features.n_classes);
    if (m.features.n_classes == 2)
        json_report_text(o, "positive", m.features.class_name[m.positive]);
    if (m.tile_mean_of > 1)
        json_report_int(o, "tile_mean_of", m.tile_mean_of);
    add_recipe(o, &m.features.recipe);
    if (m.has_seen)
        add_seen(o, &m);
    add_json(o, "provenance", m.provenance);
    linear_release(&m);
    return 0;
}

static void add_bank_scores(struct cJSON *o, const struct bank *b)
{
    int64_t offered = 0, scored = 0;
    double largest = -INFINITY;
    for (int64_t i = 0; i < b->n_photographs; i++) {
        const struct bank_photograph *p = &b->photograph[i];
        offered += p->offered;
        scored += !isnan(p->score);
        largest = p->score > largest ? p->score : largest;
    }
    json_report_int(o, "offered", offered);
    json_report_int(o, "scored", scored);
    if (scored)
        cJSON_AddNumberToObject(o, "largest_score", largest);
}

/* Photographs by class, and which of the classes is the defect. */
static void add_bank_labels(struct cJSON *o, const struct bank *b)
{
    struct cJSON *labels = cJSON_CreateObject();
    for (int c = 0; c < b->features.n_classes; c++)
        cJSON_AddNumberToObject(labels, b->features.class_name[c], 0);
    for (int64_t i = 0; i < b->n_photographs; i++) {
        int32_t label = b->photograph[i].label;
        count_name(labels, label >= 0 ? b->features.class_name[label] : "(none)");
    }
    cJSON_AddItemToObject(o, "labels", labels);
    json_report_names(o, "classes", b->features.class_name, b->features.n_classes);
    if (*b->positive)
        json_report_text(o, "positive", b->positive);
}

static int describe_bank(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct bank b;
    int status = bank_read(&b, io, e);
    if (status)
        return status;
    add_hex(o, "identity", b.identity);
    json_report_int(o, "vectors", b.n_vectors);
    json_report_int(o, "dim", b.features.dim);
    json_report_int(o, "photographs", b.n_photographs);
    add_bank_scores(o, &b);
    cJSON_AddNumberToObject(o, "share_of_largest", b.largest);
    if (digest_is_set(b.faults))
        add_hex(o, "faults", b.faults);
    json_report_text(o, "tokens", feat_kind_name(b.features.kind));
    add_layers(o, &b.features);
    add_form(o, "grid", "%" PRId32 " x %" PRId32, b.features.grid_h, b.features.grid_w);
    add_hex(o, "weights", b.features.weights);
    json_report_text(o, "precision", feat_precision(&b.features));
    add_bank_labels(o, &b);
    add_recipe(o, &b.features.recipe);
    add_json(o, "provenance", b.provenance);
    bank_release(&b);
    return 0;
}

/* Classifier and bank are described as the files that they were; weights are not read. */
static int describe_member(struct cJSON *o, const struct inspector *x, int i, struct fmt_error *e)
{
    const struct inspector_member *m = &x->member[i];
    struct inspector_source s;
    uint8_t *text = NULL;
    int status = 0;
    json_report_text(o, "name", m->name);
    json_report_int(o, "bytes", (int64_t)m->bytes);
    add_hex(o, "sha256", m->sha256);
    inspector_source_init(&s, x, i);
    if (m->role == INSPECTOR_SETTINGS && (status = inspector_load(x, i, &text, e)) == 0)
        add_json(o, "settings", (const char *)text);
    if (m->role == INSPECTOR_CLASSIFIER)
        status = describe_linear(o, &s.reader, e);
    if (m->role == INSPECTOR_BANK || m->role == INSPECTOR_FAULTS)
        status = describe_bank(o, &s.reader, e);
    inspector_source_release(&s);
    free(text);
    return status;
}

static int describe_inspector(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct inspector x;
    int status = inspector_open(&x, io, e);
    if (status)
        return status;
    add_container(o, &x.block);
    for (int i = 0; i < x.n_members && !status; i++)
        status = describe_member(json_report_object(o, inspector_role_name(x.member[i].role)), &x, i, e);
    add_json(o, "provenance", x.block.header.provenance);
    inspector_close(&x);
    return status;
}

static int describe_readings(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct readings r;
    int status = readings_open(&r, io, e);
    if (status)
        return status;
    add_container(o, &r.block);
    json_report_int(o, "images", r.block.n_records);
    add_form(o, "part", "%" PRId32 " of %" PRId32, r.header.part.i, r.header.part.n);
    json_report_int(o, "images_of_all_parts", r.header.n_images);
    add_json(o, "provenance", r.block.header.provenance);
    readings_close(&r);
    return 0;
}

/* Counts of the images that could not be used; the state itself has the list. */
static void add_replaced(struct cJSON *o, const char *state)
{
    struct cJSON *root = cJSON_Parse(state);
    const struct cJSON *replaced = cJSON_GetObjectItemCaseSensitive(root, "replaced");
    const struct cJSON *samples = cJSON_GetObjectItemCaseSensitive(replaced, "samples");
    if (cJSON_IsNumber(samples)) {
        cJSON_AddNumberToObject(o, "replaced_samples", samples->valuedouble);
        json_report_int(o, "replaced_images", cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(replaced, "images")));
    }
    cJSON_Delete(root);
}

static int describe_ckpt(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct ckpt c;
    int status = ckpt_open(&c, io, e);
    if (status)
        return status;
    int64_t bytes = 0;
    for (int64_t i = 0; i < c.n_tensors; i++)
        bytes += c.tensor[i].bytes; /* those in this file */
    add_container(o, &c.block);
    json_report_int(o, "iteration", c.header.iteration);
    json_report_int(o, "rank", c.header.rank);
    json_report_int(o, "ranks", c.header.n_ranks);
    json_report_int(o, "tensors", c.n_tensors);
    json_report_int(o, "tensor_bytes", bytes);
    add_replaced(o, c.header.state);
    add_json(o, "state", c.header.state);
    add_json(o, "provenance", c.block.header.provenance);
    ckpt_close(&c);
    return 0;
}

/* Whether the set to which a file belongs is complete. */
static void add_set(struct cJSON *o, const char *path)
{
    struct checkpoint_reader r;
    struct fmt_error e = {0};
    if (checkpoint_reader_open(&r, path, &e)) {
        const char *incomplete = strstr(e.text, "not complete: ");
        json_report_text(o, "set", incomplete ? incomplete : e.text);
        return;
    }
    json_report_text(o, "set", "complete");
    checkpoint_reader_close(&r);
}

static int describe_ckpt_set(struct cJSON *o, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    struct ckpt_set s;
    int status = block_open(&r, io, BLOCK_CKPT_SET, e);
    if (status)
        return status;
    if ((status = ckpt_set_read(&s, io, e)) == 0) {
        int64_t bytes = 0;
        for (int32_t rank = 0; rank < s.n_ranks; rank++)
            bytes += s.seal[rank].bytes;
        add_container(o, &r);
        json_report_int(o, "iteration", s.iteration);
        json_report_int(o, "ranks", s.n_ranks);
        json_report_int(o, "bytes_of_all", bytes);
        add_json(o, "provenance", r.header.provenance);
        ckpt_set_release(&s);
    }
    block_close(&r);
    return status;
}

int describe_open_weights(struct tensorfile *t, const struct file *f, struct fmt_error *e)
{
    char by_number[32];
    snprintf(by_number, sizeof by_number, "/dev/fd/%d", f->fd);
    return tensorfile_open(t, file_exists(f->path) ? f->path : by_number, e);
}

static int describe_weights(struct cJSON *o, struct file *f, struct fmt_error *e)
{
    struct tensorfile t;
    int status = describe_open_weights(&t, f, e);
    if (status)
        return status;
    int64_t values = 0, unusable = 0;
    for (int64_t i = 0; i < t.set.n; i++) {
        values += t.set.item[i].unusable ? 0 : t.set.item[i].n;
        unusable += t.set.item[i].unusable != NULL;
    }
    json_report_text(o, "kind", tensorfile_kind_name[t.kind]);
    json_report_int(o, "bytes", (int64_t)f->size);
    json_report_int(o, "tensors", t.set.n);
    json_report_int(o, "values", values);
    json_report_int(o, "unusable", unusable);
    struct cJSON *meta = json_report_object(o, "metadata");
    for (int64_t i = 0; i < t.set.n_meta; i++)
        add_json(meta, t.set.meta[i].key, t.set.meta[i].value);
    tensorfile_close(&t);
    return 0;
}

/* ---------------------------------------------------------------- any file */

/* Foreign weights by their first bytes (safetensors: the brace after the length). */
static bool looks_like_weights(const uint8_t *first, size_t n)
{
    return (n > 8 && first[8] == '{') || (n > 4 && memcmp(first, "PK\3\4", 4) == 0) ||
           (n > 2 && first[0] == 0x80 && first[1] <= 5) || (n > 0 && first[0] == '{');
}

bool describe_recognises(const uint8_t *first, size_t n)
{
    bool zstd = n >= 4 && (first[0] & 0xf0) == 0x50 && memcmp(first + 1, "\x2a\x4d\x18", 3) == 0;
    return zstd || looks_like_weights(first, n);
}

static int not_known(const struct verify_peek *p, const struct fmt_reader *io, struct fmt_error *e)
{
    struct block_reader r;
    struct fmt_error why = {0};
    if (p->n == 0)
        return fmt_fail(e, FMT_MAGIC, "is empty");
    if (p->n > 2 && p->first[0] == 0xff && p->first[1] == 0xd8)
        return fmt_fail(e, FMT_MAGIC, "not a file of dinotools: a JPEG image");
    if (block_open(&r, io, BLOCK_ANY, &why) == 0)
        block_close(&r);
    if (why.status && why.status != FMT_MAGIC) /* ours, but cut, newer or of a kind that this version does not know */
        return fmt_fail(e, why.status, "%s", why.text);
    return fmt_fail(e, FMT_MAGIC, "not a file of dinotools, and not of weights (safetensors, .pth)");
}

int describe_file(struct cJSON *o, struct file *f, bool *ours, struct fmt_error *e)
{
    static int (*const describe[])(struct cJSON *, const struct fmt_reader *, struct fmt_error *) = {
        [BLOCK_INDEX] = describe_index, [BLOCK_SHARD] = describe_shard, [BLOCK_VIEWS] = describe_views,
        [BLOCK_FEAT] = describe_feat,   [BLOCK_CKPT] = describe_ckpt,   [BLOCK_LINEAR] = describe_linear,
        [BLOCK_READINGS] = describe_readings, [BLOCK_CKPT_SET] = describe_ckpt_set, [BLOCK_BANK] = describe_bank,
        [BLOCK_INSPECTOR] = describe_inspector,
    };
    struct fmt_reader io = file_reader(f);
    struct verify_peek p;
    enum block_kind kind = verify_peek(&p, &io);
    *ours = kind != BLOCK_ANY;
    if (!o)
        return fmt_no_memory(e);
    if (*ours) {
        json_report_text(o, "kind", block_kind_name(kind));
        int status = describe[kind](o, &io, e);
        bool part = kind == BLOCK_CKPT && p.first[19] == CKPT_PART_MAJOR;
        if (!status && (part || kind == BLOCK_CKPT_SET))
            add_set(o, f->path);
        return status;
    }
    return looks_like_weights(p.first, p.n) ? describe_weights(o, f, e) : not_known(&p, &io, e);
}

int describe_shards(struct cJSON *o, const char *path, struct fmt_error *e)
{
    struct shard_set s;
    int status = shard_set_open(&s, &path, 1, e);
    if (status)
        return status;
    json_report_text(o, "kind", "shard set");
    json_report_int(o, "shards", s.n_shards);
    json_report_int(o, "sets", s.n_sets);
    json_report_int(o, "images", s.n_images);
    json_report_int(o, "width_max", s.width_max);
    json_report_int(o, "height_max", s.height_max);
    json_report_int(o, "pixels_max", (int64_t)s.pixels_max);
    add_classes(o, s.class_name, s.n_classes);
    add_hex(o, "identity", s.identity[0]);
    struct recipe recipe = {.n = 0};
    if (shard_set_recipe(&s, &recipe, NULL) == 0)
        add_recipe(o, &recipe);
    add_json(o, "provenance", shard_set_provenance(&s, 0));
    recipe_release(&recipe);
    shard_set_close(&s);
    return 0;
}
