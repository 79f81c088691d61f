/* describe-records.c - a line for each record: one function for each kind of file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bank.h"
#include "describe-internal.h"
#include "feat.h"
#include "index.h"
#include "inspector.h"
#include "linear.h"
#include "readings.h"
#include "shard.h"
#include "verify.h"
#include "views.h"

enum { LINE_BYTES = 16384, DECODING_BYTES = 48 };

static void labels_line(const struct index_labels *l, int n_classes, char *const *class_name,
                        char text[LINE_BYTES - 128])
{
    char view[16] = "";
    if (l->group_view >= 0)
        snprintf(view, sizeof view, "%" PRId32, l->group_view);
    const char *field[] = {l->key, l->split, l->group, view,
                           l->label >= 0 && l->label < n_classes ? class_name[l->label] : ""};
    size_t at = 0, end = LINE_BYTES - 128 - 1;
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        if (i && at < end)
            text[at++] = '\t';
        for (const char *s = field[i]; *s && at < end; s++)
            text[at++] = *s == '\t' ? '?' : *s; /* a tab in a name does not end the field */
    }
    text[at] = 0;
}

/* What is said of a file beside its kind: ", 12 of 16 bits", ", filled, 62 % of its rows came". */
static const char *decoding_text(const struct index_decoding *d, char text[DECODING_BYTES])
{
    text[0] = 0;
    if (d->bits)
        snprintf(text, DECODING_BYTES, ", %d of 16 bits", d->bits);
    else if (d->filled)
        snprintf(text, DECODING_BYTES, ", filled, %d %% of its rows came", d->decoded_percent);
    return text;
}

static int index_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    static const char *const kind[] = {[INDEX_JPEG] = "jpeg", [INDEX_PNG] = "png", [INDEX_TIFF] = "tiff"};
    struct index x;
    int status = index_read(&x, io, e);
    if (status)
        return status;
    for (int64_t i = 0; i < x.n_entries; i++) {
        const struct index_entry *t = &x.entry[i];
        char decoding[DECODING_BYTES], text[LINE_BYTES], labels[LINE_BYTES - 128];
        labels_line(&t->labels, x.n_classes, x.class_name, labels);
        bool other = t->kind != INDEX_JPEG || t->decoding.filled;
        snprintf(text, sizeof text, "%s\t%" PRId32 " x %" PRId32 " x %" PRId32 "\t%" PRId64 "%s%s%s", labels, t->width,
                 t->height, t->components, t->bytes, other ? "\t" : "", other ? kind[t->kind] : "",
                 decoding_text(&t->decoding, decoding));
        line(text);
    }
    index_release(&x);
    return FMT_END;
}

static int shard_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    static const char *const store[] = {"", "jpeg", "rgb", "grey", "png", "tiff"};
    struct shard s;
    struct block_buffer b = {0};
    struct shard_image t;
    int status = shard_open(&s, io, e);
    if (status)
        return status;
    while ((status = shard_next(&s, &b, &t, e)) == 0) {
        char decoding[DECODING_BYTES], text[LINE_BYTES], labels[LINE_BYTES - 128];
        labels_line(&t.labels, s.header.n_classes, s.header.class_name, labels);
        snprintf(text, sizeof text, "%s\t%" PRId32 " x %" PRId32 " x %" PRId32 "\t%s%s\t%zu", labels, t.width, t.height,
                 t.components, store[t.store], decoding_text(&t.decoding, decoding), t.bytes);
        line(text);
    }
    block_buffer_release(&b);
    shard_close(&s);
    return status;
}

static int views_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct views v;
    struct views_batch b = {0};
    int status = views_open(&v, io, e);
    if (status)
        return status;
    status = views_batch_init(&b, &v.header, e);
    while (status == 0 && (status = views_next(&v, &b, e)) == 0)
        for (int32_t i = 0; i < v.header.batch; i++) {
            char text[LINE_BYTES];
            snprintf(text, sizeof text, "%" PRId64 "\t%" PRId64 "\t%s", b.step, b.image[i], b.key[i]);
            line(text);
        }
    views_batch_release(&b);
    views_close(&v);
    return status;
}

static int feat_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct feat f;
    struct feat_block b = {0};
    int status = feat_open(&f, io, e);
    if (status)
        return status;
    while ((status = feat_next_block(&f, &b, e)) == 0)
        for (int32_t i = 0; i < b.n_rows; i++) {
            char text[LINE_BYTES - 128];
            labels_line(&b.labels[i], f.header.n_classes, f.header.class_name, text);
            line(text);
        }
    feat_block_release(&b);
    feat_close(&f);
    return status;
}

/* The thresholds; the weights are of no use to people. */
static int linear_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct linear m;
    int status = linear_read(&m, io, e);
    if (status)
        return status;
    for (int i = 0; i < m.n_points; i++) {
        const struct linear_point *p = &m.point[i];
        char text[LINE_BYTES];
        snprintf(text, sizeof text, "%s\t%s\t%s >= %g\t%.9g\t%.6g\t%.6g", m.features.class_name[p->class_index],
                 p->level == LINEAR_GROUPS ? "groups" : "images", p->at_recall ? "recall" : "precision", p->target,
                 p->threshold, p->precision, p->recall);
        line(text);
    }
    linear_release(&m);
    return FMT_END;
}

/* The findings stand where others have the label. */
static int readings_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct readings r;
    struct image_reading t;
    int status = readings_open(&r, io, e);
    if (status)
        return status;
    while ((status = readings_next(&r, &t, e)) == 0) {
        char text[LINE_BYTES];
        snprintf(text, sizeof text, "%s\t%" PRId32 " x %" PRId32 " x %" PRId32 "\t%" PRId64 "\t%s\t%s", t.path, t.width,
                 t.height, t.components, t.bytes, t.kind, t.reason);
        line(text);
    }
    readings_close(&r);
    return status;
}

/* A photograph with the number of its vectors, whether they were offered, its score, and its label last. */
static int bank_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct bank b;
    int status = bank_read(&b, io, e);
    if (status)
        return status;
    int64_t *n = calloc((size_t)b.n_photographs, sizeof *n);
    if (!n)
        status = fmt_no_memory(e);
    for (int64_t i = 0; !status && i < b.n_vectors; i++)
        n[b.origin[i].photograph]++;
    for (int64_t i = 0; !status && i < b.n_photographs; i++) {
        const struct bank_photograph *p = &b.photograph[i];
        char text[LINE_BYTES], score[32] = "";
        if (!isnan(p->score))
            snprintf(score, sizeof score, "%.9g", p->score);
        snprintf(text, sizeof text, "%s\t%s\t%" PRId64 "\t%s\t%s\t%s", p->key, p->group, n[i],
                 p->offered ? "offered" : "scored only", score, p->label >= 0 ? b.features.class_name[p->label] : "");
        line(text);
    }
    free(n);
    bank_release(&b);
    return status ? status : FMT_END;
}

static int inspector_lines(const struct fmt_reader *io, void (*line)(const char *text), struct fmt_error *e)
{
    struct inspector x;
    int status = inspector_open(&x, io, e);
    if (status)
        return status;
    for (int i = 0; i < x.n_members; i++) {
        const struct inspector_member *m = &x.member[i];
        char text[LINE_BYTES], hex[DIGEST_HEX];
        digest_hex(m->sha256, hex);
        snprintf(text, sizeof text, "%s\t%s\t%" PRIu64 "\t%s", inspector_role_name(m->role), m->name, m->bytes, hex);
        line(text);
    }
    inspector_close(&x);
    return FMT_END;
}

static int tensor_lines(struct file *f, void (*line)(const char *text), struct fmt_error *e)
{
    struct tensorfile t;
    int status = describe_open_weights(&t, f, e);
    if (status)
        return status;
    for (int64_t i = 0; i < t.set.n; i++) {
        const struct named_tensor *n = &t.set.item[i];
        char text[LINE_BYTES], dims[NAMED_TENSOR_DIMS_TEXT_MAX];
        snprintf(text, sizeof text, "%s\t%s\t%s", n->name,
                 n->unusable ? "unusable" : dtype_name(n->dtype),
                 n->unusable ? n->unusable : named_tensor_dims_text(n->dims, n->n_dims, dims));
        line(text);
    }
    tensorfile_close(&t);
    return FMT_END;
}

int describe_records(struct file *f, void (*line)(const char *text), struct fmt_error *e)
{
    static int (*const lines[])(const struct fmt_reader *, void (*)(const char *), struct fmt_error *) = {
        [BLOCK_INDEX] = index_lines, [BLOCK_SHARD] = shard_lines, [BLOCK_VIEWS] = views_lines,
        [BLOCK_FEAT] = feat_lines,   [BLOCK_LINEAR] = linear_lines,
        [BLOCK_READINGS] = readings_lines, [BLOCK_BANK] = bank_lines,
        [BLOCK_INSPECTOR] = inspector_lines};
    struct fmt_reader io = file_reader(f);
    struct verify_peek p;
    enum block_kind kind = verify_peek(&p, &io);
    bool tensors = kind == BLOCK_ANY || kind == BLOCK_CKPT || kind == BLOCK_CKPT_SET;
    int status = tensors ? tensor_lines(f, line, e) : lines[kind](&io, line, e);
    return status == FMT_END ? 0 : status;
}
