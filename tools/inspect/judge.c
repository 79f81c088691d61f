/* judge.c - the run: the threads read photographs, measure their pixels and compute their tokens; one at a time, in the
 * order of the list, tokens become scores, and the photographs of an installation its verdict. */
#include "judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate-image.h"
#include "judge-memory.h"
#include "reason.h"
#include "view-count.h"

struct slot { /* a photograph from reading to its score */
    struct image_set_slot image;
    struct gate_values values;
    struct gate_print print;
    uint8_t content[DIGEST_BYTES];
};

struct run {
    struct judge *j;
    const struct photo_list *list;
    struct image_set images; /* of the list, decoded as the features were made; belongs to the list */
    const struct judge_job *job;
    struct slot *slot;     /* [extract_slots] */
    struct image *decoded; /* [n_workers] */
    /* the installation */
    struct judged_photo *photo; /* [n] */
    int64_t n, capacity;
    struct fmt_error *e;
};

/* ------------------------------------------------------------------ photographs */
/* Shards and catalogues know it. */
static void set_content(struct slot *s, bool read)
{
    const struct shard_image *record = &s->image.record;
    memset(s->content, 0, DIGEST_BYTES);
    if (read && digest_is_set(record->sha256))
        memcpy(s->content, record->sha256, DIGEST_BYTES);
    else if (read)
        digest_of(record->data, record->bytes, s->content);
}

static int read_photo(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    struct run *r = arg;
    struct slot *s = &r->slot[slot];
    s->values = gate_no_values();
    s->image.decoded = r->decoded[worker];
    struct image_set images = r->images;
    images.fill = r->list->photo[i].fill;
    int status = image_set_read(&images, r->list->photo[i].image, &s->image, r->j->as_stored, e);
    r->decoded[worker] = s->image.decoded;
    s->image.decoded = (struct image){0};
    set_content(s, status == 0);
    if (!status && (r->j->measures || r->job->look))
        status = gate_image_measure(&r->decoded[worker], &s->print, &s->values, e);
    *image = (struct extract_image){&r->decoded[worker], r->list->photo[i].name, r->list->photo[i].view};
    return status;
}

/* "NAME: reason" without the name, which the line has already. */
static const char *without_name(const char *text, const char *name)
{
    const char *after = text_after(text, name);
    return after && strncmp(after, ": ", 2) == 0 ? after + 2 : text;
}

/* The verdict that the score of an installation gives, with a text that names the thresholds. */
static enum verdict by_score(const struct verdict_rule *r, double score, char reason[JUDGE_REASON_MAX])
{
    rule_reason(r, score, r->n_views, reason);
    return rule_verdict(r, score, r->n_views);
}

/* What is known of other photographs. This one is known from now on. */
static int look_around(struct run *r, struct judged_photo *p, const struct slot *s, const float *feature,
                       struct fmt_error *e)
{
    struct gate_reference *known = &r->j->reference;
    int status = 0;
    if (r->j->has_reference) {
        status = gate_reference_look(known, r->j->device.pool, feature, &s->print, p->photo->group, &p->values, e);
        if (!status)
            status = gate_recent_add(&known->recent, p->photo->name, p->photo->group, &s->print, e);
    }
    return status;
}

/* What keeps a photograph from a verdict by its score; false: nothing. */
static bool is_stopped(const struct run *r, const struct slot *s, struct judged_photo *p)
{
    const struct index_decoding *d = &s->image.record.decoding;
    p->damaged = d->filled || s->image.notes.damaged;
    for (const struct judged_photo *other = r->photo; other < p; other++)
        if (!other->failure && memcmp(other->content, p->content, DIGEST_BYTES) == 0) {
            snprintf(p->reason, sizeof p->reason, "%s: the same file as %.600s", reason_names[REASON_REUSED],
                     other->photo->name);
            return true;
        }
    if (d->filled)
        snprintf(p->reason, sizeof p->reason, "%s: %d %% of its rows are missing", reason_names[REASON_FILLED],
                 100 - d->decoded_percent);
    else if (s->image.notes.damaged)
        snprintf(p->reason, sizeof p->reason, "%s: %s", reason_names[REASON_DAMAGED], s->image.notes.text);
    return p->damaged ||
           gate_check(&r->j->settings.gates, &p->values, p->reason) != GATE_NONE;
}

/* What else the decoder noted, of which nothing is lost. */
static void add_note(struct judged_photo *p, const struct image_notes *notes)
{
    size_t n = strlen(p->reason);
    if (notes->n > 0 && !notes->damaged && !notes->filled)
        snprintf(p->reason + n, sizeof p->reason - n, "; %s", notes->text);
}

static void judge_photo(struct run *r, struct judged_photo *p, const struct slot *s, const struct extract_row *row,
                        const struct fmt_error *failure)
{
    struct fmt_error why = *failure;
    p->score = NAN;
    p->values = s->values;
    memcpy(p->content, s->content, DIGEST_BYTES);
    bool read = !why.status && judge_score(r->j, row, &p->score, &why) == 0 &&
                look_around(r, p, s, judge_feature(r->j, row), &why) == 0;
    p->failure = why.status;
    p->stopped = !read;
    if (!read) {
        p->score = NAN;
        p->verdict = VERDICT_REVIEW;
        snprintf(p->reason, sizeof p->reason, "%s: %s", reason_names[REASON_UNREADABLE],
                 without_name(why.text, p->photo->name));
        return;
    }
    p->cropped = row->geometry.cropped;
    const struct verdict_rule *rule = &r->j->settings.rule;
    double alone = rule_score(rule, &p->score, &p->photo->view, 1); /* thresholds are of installations */
    p->stopped = is_stopped(r, s, p);
    p->verdict = p->stopped ? VERDICT_REVIEW : by_score(rule, alone, p->reason);
    add_note(p, &s->image.notes);
}

/* ------------------------------------------------------------------ installations */
/* The first photograph that is stopped; NULL: there is none. */
static const struct judged_photo *find_stopped(const struct run *r)
{
    for (int64_t i = 0; i < r->n; i++)
        if (r->photo[i].stopped)
            return &r->photo[i];
    return NULL;
}

static int score_group(struct run *r, struct judged_group *g)
{
    double *score = malloc((size_t)r->n * sizeof *score);
    int32_t *view = malloc((size_t)r->n * sizeof *view), *all = malloc((size_t)r->n * sizeof *all);
    uint8_t (*content)[DIGEST_BYTES] = malloc((size_t)r->n * sizeof *content);
    int n = 0;
    for (int64_t i = 0; i < r->n && score && view && all && content; i++) {
        all[i] = r->photo[i].photo->view;
        memcpy(content[i], r->photo[i].content, DIGEST_BYTES);
        if (r->photo[i].failure)
            continue;
        score[n] = r->photo[i].score;
        view[n++] = r->photo[i].photo->view;
    }
    int status = score && view && all && content ? 0 : fmt_no_memory(r->e);
    if (!status) {
        g->score = n > 0 ? rule_score(&r->j->settings.rule, score, view, n) : NAN;
        g->probability = r->j->settings.calibration.n > 0 ? calibration_at(&r->j->settings.calibration, g->score) : NAN;
        status = view_count(all, content, (int)r->n, &g->n_views, r->e);
    }
    free(content);
    free(score);
    free(view);
    free(all);
    return status;
}

/* What keeps an installation from a verdict by its score, in this order: views that are missing; a photograph that is
 * unreadable, a copy, filled, damaged or stopped by a gate; more views than there should be, which are then likely
 * those of several. */
static void judge_group(struct run *r, struct judged_group *g)
{
    const struct judged_photo *stopped = find_stopped(r);
    int expected = r->j->settings.rule.n_views;
    if (expected > 0 && g->n_views != expected) {
        g->verdict = g->n_views < expected ? VERDICT_INCOMPLETE : VERDICT_REVIEW;
        snprintf(g->reason, sizeof g->reason, "%s: %d of %d%s%.300s", reason_names[REASON_VIEWS], g->n_views,
                 expected, stopped ? "; " : "", stopped ? stopped->reason : "");
    } else if (stopped) {
        g->verdict = VERDICT_REVIEW;
        snprintf(g->reason, sizeof g->reason, "%.600s (%.200s)", stopped->reason, stopped->photo->name);
    } else {
        g->verdict = by_score(&r->j->settings.rule, g->score, g->reason);
    }
}

/* "...; its score: 0.99, fails from 0.91 on": what stands before it hides no fault from who reads on. */
static void add_score(const struct verdict_rule *r, double score, char reason[JUDGE_REASON_MAX])
{
    char text[VERDICT_REASON_BYTES];
    size_t n = strlen(reason);
    if (!isnan(score))
        snprintf(reason + n, JUDGE_REASON_MAX - n, "; its %s", rule_reason(r, score, r->n_views, text));
}

/* To the reasons of all that get no verdict by their score. */
static void add_scores(struct run *r, struct judged_group *g)
{
    const struct verdict_rule *rule = &r->j->settings.rule;
    int expected = rule->n_views;
    if (find_stopped(r) || (expected > 0 && g->n_views != expected))
        add_score(rule, g->score, g->reason);
    for (int64_t i = 0; i < r->n; i++) {
        struct judged_photo *p = &r->photo[i];
        if (p->stopped && !p->failure)
            add_score(rule, rule_score(rule, &p->score, &p->photo->view, 1), p->reason);
    }
}

static int finish_group(struct run *r)
{
    const struct photo *first = r->photo[0].photo;
    struct judged_group g = {.name = *first->group ? first->group : first->name, .n_photographs = (int)r->n};
    int status = score_group(r, &g);
    if (!status) {
        judge_group(r, &g);
        add_scores(r, &g);
        status = r->job->found(r->job->arg, &g, r->photo);
    }
    r->n = 0;
    return status;
}

static int write_photo(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    struct run *r = arg;
    const struct photo_list *l = r->list;
    if (failure->status == FMT_MEMORY)
        return fmt_fail(r->e, FMT_MEMORY, "%s", failure->text);
    if (fmt_grow(&r->photo, r->n, &r->capacity, sizeof *r->photo, r->e))
        return FMT_MEMORY;
    struct judged_photo *p = &r->photo[r->n++];
    p->photo = &l->photo[i];
    judge_photo(r, p, &r->slot[slot], row, failure);
    if (!p->failure && r->job->look) {
        int status = r->job->look(r->job->arg, p, judge_feature(r->j, row), &r->slot[slot].print);
        if (status)
            return status;
    }
    return i + 1 < l->n && l->photo[i + 1].i_group == l->photo[i].i_group ? 0 : finish_group(r);
}

/* ------------------------------------------------------------------ the run */
int judge_run(struct judge *j, const struct photo_list *list, const struct judge_job *job, struct fmt_error *e)
{
    int n_slots = extract_slots(&j->extract), n_workers = j->extract.n_workers;
    struct run r = {.j = j, .list = list, .images = list->images, .job = job, .e = e,
                    .slot = calloc((size_t)n_slots, sizeof *r.slot),
                    .decoded = calloc((size_t)n_workers, sizeof *r.decoded)};
    r.images.bits = j->bits;
    struct extract_job run = {.arg = &r, .n = list->n, .read = read_photo, .write = write_photo};
    int status = r.slot && r.decoded ? extract_run(&j->extract, &run, e) : fmt_no_memory(e);
    for (int i = 0; r.slot && i < n_slots; i++)
        image_set_slot_release(&r.slot[i].image);
    for (int i = 0; r.decoded && i < n_workers; i++)
        image_release(&r.decoded[i]);
    free(r.slot);
    free(r.decoded);
    free(r.photo);
    return status;
}
