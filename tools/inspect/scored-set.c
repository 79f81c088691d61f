/* scored-set.c - see scored-set.h. */
#include "scored-set.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "logreg.h"
#include "overlap.h"
#include "tile-scores.h"
#include "verify.h"

enum { CLASSES = 2, COLUMNS = ROWS_LABEL | ROWS_GROUP_VIEW | ROWS_KEY | ROWS_GROUP_NAME | ROWS_CONTENT | ROWS_PROBA };

/* ------------------------------------------------------------------ rows of two classes */
static void put_row(struct rows *to, int64_t i, int32_t label, int32_t positive, double score)
{
    to->label[i] = label < 0 ? -1 : label == positive;
    to->proba[CLASSES * i] = 1 - score;
    to->proba[CLASSES * i + 1] = score;
}

/* Names, labels and the probability of one class from rows of several classes. */
static int take_rows(struct scored_set *s, const struct rows *from, int n_classes, const double *proba,
                     int32_t positive, struct fmt_error *e)
{
    struct rows *to = &s->rows;
    int status = rows_reserve(to, COLUMNS, from->n, e);
    for (int64_t i = 0; i < from->n && !status; i++) {
        put_row(to, i, from->label[i], positive, proba[i * n_classes + positive]);
        to->group_view[i] = from->group_view[i];
        to->key[i] = from->key[i];
        to->group_name[i] = from->group_name[i];
        memset(to->content[i], 0, DIGEST_BYTES);
        if (from->content)
            memcpy(to->content[i], from->content[i], DIGEST_BYTES);
    }
    to->n = status ? 0 : from->n;
    return status;
}

/* ------------------------------------------------------------------ features */
/* Rows of tiles become those of photographs, as the classifier says. */
static int predict(struct scored_set *s, struct judge *j, struct fmt_error *e)
{
    const struct linear *k = &j->classifier;
    struct rows *rows = &s->features.rows;
    struct logreg_model model = {.n_classes = k->features.n_classes, .n_rows = k->n_rows, .dim = k->dim,
                                 .theta = k->theta};
    rows->n_classes = model.n_classes;
    int status = rows_reserve(rows, ROWS_PROBA, rows->n, e);
    if (!status)
        status = logreg_predict(&model, rows, &j->device, rows->proba, e);
    if (!status && tile_scores_needed(&s->features.header))
        status = tile_scores(rows, j->positive, k->tile_mean_of, e);
    return status ? status : take_rows(s, rows, model.n_classes, rows->proba, j->positive, e);
}

static int open_features(struct scored_set *s, struct judge *j, struct fmt_error *e)
{
    if (!j->has_classifier || j->settings.by_bank)
        return fmt_fail(e, FMT_UNSUPPORTED, "%.200s: features; a bank scores photographs: name a catalogue or shards",
                        s->path);
    int status = featset_open(&s->features, s->path, INT64_MAX, &j->device, e);
    s->has_features = !status;
    if (!status)
        status = featset_check(&s->features, &j->classifier.features, "the classifier", false, e);
    return status ? status : predict(s, j, e);
}

/* ------------------------------------------------------------------ predictions */
/* Thresholds from scores of another classifier, or of another C out of fold, keep no promise. */
static int check_scorer(const struct prediction_set *p, const struct judge *j, struct fmt_error *e)
{
    bool by_bank = j->settings.by_bank;
    if (p->distances != by_bank)
        return fmt_fail(e, FMT_MISMATCH, "%.200s: %s, the inspector scores by a %s", p->path,
                        p->distances ? "distances" : "probabilities", by_bank ? "bank" : "classifier");
    if (!by_bank)
        return prediction_set_by(p, "model", j->classifier.identity, e);
    int status = prediction_set_by(p, "bank", j->bank.identity, e);
    return status ? status : prediction_set_by(p, "faults", j->has_faults ? j->faults.identity : NULL, e);
}

static int open_predictions(struct scored_set *s, struct judge *j, struct fmt_error *e)
{
    struct prediction_set *p = &s->predictions;
    int status = prediction_set_read(p, s->path, 0, e);
    const char *wanted = j->settings.positive;
    int32_t positive = 0;
    if (status)
        return status;
    s->has_predictions = true;
    while (positive < p->n_classes && wanted && strcmp(p->class_name[positive], wanted) != 0)
        positive++;
    if (!wanted || (positive == p->n_classes && p->distances)) /* not named: which is worse is known */
        positive = p->positive;
    if (positive < 0 || positive >= p->n_classes)
        return fmt_fail(e, FMT_MISMATCH, "%.200s: no class %.100s", s->path, wanted ? wanted : "that is the defect");
    status = check_scorer(p, j, e);
    return status ? status : take_rows(s, &p->rows, p->n_classes, p->rows.proba, positive, e);
}

/* ------------------------------------------------------------------ photographs */
struct collecting {
    struct scored_set *s;
    int32_t positive; /* of the list's classes; -1: there is none */
    struct fmt_error *e;
};

static int keep_stopped(const struct collecting *c, const struct judged_group *group,
                        const struct judged_photo *photo)
{
    struct scored_set *s = c->s;
    int8_t faulty = -1;
    bool any = false;
    for (int i = 0; i < group->n_photographs; i++) {
        int32_t label = photo[i].photo->label;
        any = any || photo[i].stopped;
        faulty = label < 0 ? faulty : label == c->positive ? 1 : faulty < 0 ? 0 : faulty;
    }
    if (!any)
        return 0;
    if (fmt_grow(&s->stopped, s->n_stopped, &s->stopped_capacity, sizeof *s->stopped, c->e))
        return FMT_MEMORY;
    s->stopped[s->n_stopped++] = (struct scored_stopped){group->name, group->n_views, faulty};
    return 0;
}

static int collect(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    const struct collecting *c = arg;
    const struct image_set *images = &c->s->photographs.images;
    struct rows *to = &c->s->rows;
    for (int i = 0; i < group->n_photographs; i++) {
        const struct photo *p = photo[i].photo;
        if (photo[i].stopped) {
            c->s->n_left_out++;
            continue;
        }
        put_row(to, to->n, p->label, c->positive, photo[i].score);
        to->group_view[to->n] = p->view;
        to->key[to->n] = p->name;
        to->group_name[to->n] = p->group;
        memset(to->content[to->n], 0, DIGEST_BYTES);
        if (images->sha256)
            memcpy(to->content[to->n], images->sha256[p->image], DIGEST_BYTES);
        to->n++;
    }
    return keep_stopped(c, group, photo);
}

static int by_name(const void *a, const void *b)
{
    const struct scored_stopped *x = a, *y = b;
    return strcmp(x->name, y->name);
}

bool scored_set_is_judged(const struct scored_set *s)
{
    return s->photographs.n > 0;
}

bool scored_set_is_stopped(const struct scored_set *s, const char *name)
{
    const struct scored_stopped key = {.name = name};
    return s->n_stopped > 0 && bsearch(&key, s->stopped, (size_t)s->n_stopped, sizeof key, by_name);
}

static int open_photographs(struct scored_set *s, struct judge *j, struct fmt_error *e)
{
    struct photo_list_how how = {.pattern = &j->settings.pattern, .separator = '\n'};
    struct collecting c = {s, -1, e};
    struct judge_job job = {.found = collect, .arg = &c};
    struct photo_list *l = &s->photographs;
    int status = photo_list_open(l, &s->path, 1, &how, e);
    if (status)
        return status;
    for (int k = 0; k < l->n_classes && j->settings.positive; k++)
        if (strcmp(l->class_name[k], j->settings.positive) == 0)
            c.positive = k;
    if (c.positive < 0 && l->n_classes != 1) /* of one class, good photographs only */
        return fmt_fail(e, FMT_MISMATCH, "%.200s: no class %.100s: thresholds are chosen on labelled photographs",
                        s->path, j->settings.positive ? j->settings.positive : "that is the defect (--positive)");
    status = rows_reserve(&s->rows, COLUMNS, l->n, e);
    if (!status)
        status = image_set_look(&l->images, j->device.pool, e);
    if (!status)
        status = judge_run(j, l, &job, e);
    if (s->n_stopped > 0)
        qsort(s->stopped, (size_t)s->n_stopped, sizeof *s->stopped, by_name);
    return status;
}

/* ------------------------------------------------------------------ opening */
/* Rows that the classifier was fitted to, by content or by the name of their group. */
static int check_seen(const struct scored_set *s, const struct judge *j, struct fmt_error *e)
{
    struct overlap o;
    if (!j->has_classifier || !j->classifier.has_seen || s->has_predictions)
        return 0;
    int status = overlap_seen(&j->classifier.fitted, &s->rows, &o, e);
    return status ? status : overlap_refuse(&o, s->path, "the rows that the classifier was fitted to", e);
}

/* Photographs that vectors of the bank were chosen from: it is near to all of their tokens. */
static int check_bank(const struct scored_set *s, const struct bank *b, const char *what, struct fmt_error *e)
{
    struct rows of = {.n_classes = CLASSES};
    struct overlap o;
    int status = rows_reserve(&of, ROWS_LABEL | ROWS_KEY | ROWS_GROUP_NAME | ROWS_CONTENT, b->n_photographs, e);
    for (int64_t i = 0; i < b->n_photographs && !status; i++) {
        const struct bank_photograph *p = &b->photograph[i];
        if (!p->offered)
            continue;
        of.label[of.n] = 0;
        of.key[of.n] = p->key;
        of.group_name[of.n] = p->group;
        memcpy(of.content[of.n++], p->content, DIGEST_BYTES);
    }
    if (!status)
        status = overlap_sets(&of, &s->rows, false, &o, e);
    if (!status)
        status = overlap_refuse(&o, s->path, what, e);
    rows_release(&of);
    return status;
}

static int check_banks(const struct scored_set *s, const struct judge *j, struct fmt_error *e)
{
    int status = 0;
    if (j->settings.by_bank && j->has_bank)
        status = check_bank(s, &j->bank, "the memory bank", e);
    if (!status && j->settings.by_bank && j->has_faults)
        status = check_bank(s, &j->faults, "the memory bank of faults", e);
    return status;
}

static int find_kind(const char *path, enum block_kind *kind, struct fmt_error *e)
{
    struct file f;
    struct verify_peek peek;
    *kind = BLOCK_SHARD;
    if (file_is_dir(path) || strpbrk(path, "*?["))
        return 0;
    int status = file_open_regular(&f, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    *kind = verify_peek(&peek, &io);
    file_close(&f);
    return 0;
}

int scored_set_open(struct scored_set *s, const char *path, struct judge *j, struct fmt_error *e)
{
    enum block_kind kind;
    *s = (struct scored_set){.path = path, .rows = {.n_classes = CLASSES}};
    int status = find_kind(path, &kind, e);
    if (!status)
        status = kind == BLOCK_FEAT  ? open_features(s, j, e)
                 : kind == BLOCK_ANY ? open_predictions(s, j, e)
                                     : open_photographs(s, j, e);
    if (!status)
        status = groups_number((struct rows *[]){&s->rows}, 1, e);
    if (!status)
        status = check_seen(s, j, e);
    if (!status)
        status = check_banks(s, j, e);
    if (status)
        scored_set_close(s);
    return status;
}

void scored_set_close(struct scored_set *s)
{
    rows_release(&s->rows);
    if (s->has_features)
        featset_close(&s->features);
    if (s->has_predictions)
        prediction_set_release(&s->predictions);
    photo_list_close(&s->photographs);
    free(s->stopped);
    *s = (struct scored_set){.path = NULL};
}

int scored_set_input(struct scored_set *s, const char *role, struct judge *j, struct provenance *p,
                     struct fmt_error *e)
{
    if (s->has_features)
        provenance_input(p, role, s->features.identity);
    for (int i = 0; s->has_predictions && i < s->predictions.origins.n; i++)
        provenance_input(p, s->predictions.origins.item[i].role, s->predictions.origins.item[i].identity);
    return s->photographs.n > 0 ? image_set_inputs(&s->photographs.images, j->device.pool, p, e) : 0;
}
