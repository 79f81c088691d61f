/* scored-set.h - photographs with labels and scores, on which thresholds are chosen or promises checked: from a file of
 * features, which the classifier of a judge predicts; from predictions in JSON lines (feat-logreg, feat-knn); or from
 * photographs (a catalogue, shards), which go through the whole judge.
 *
 *   struct scored_set s;
 *   scored_set_open(&s, "val.feat", &judge, e);
 *   s.rows    two classes, 1 the defect: columns label, proba, group, group_view, group_name, key, content. proba of
 *             class 1 is the score, of a bank a distance
 *   scored_set_close(&s);
 *
 * Features and photographs that the classifier was fitted to are refused: their scores would promise too much. Of
 * predictions, which may be out of fold, that is not known here.
 */
#ifndef SCORED_SET_H
#define SCORED_SET_H

#include "featset.h"
#include "judge.h"
#include "prediction-set.h"

/* An installation with a photograph that could not be read, or that a gate stops. */
struct scored_stopped {
    const char *name; /* as verdict_groups has it */
    int n_views;
    int8_t faulty; /* 1, 0; -1: no label */
};

struct scored_set {
    const char *path;
    struct rows rows;
    struct featset features;
    struct prediction_set predictions;
    struct photo_list photographs;
    bool has_features, has_predictions;
    int64_t n_left_out; /* photographs that could not be read, and those that a gate stops */
    struct scored_stopped *stopped; /* [n_stopped] of photographs, by name */
    int64_t n_stopped, stopped_capacity;
};

int scored_set_open(struct scored_set *s, const char *path, struct judge *j, struct fmt_error *e);
void scored_set_close(struct scored_set *s);
/* Whether the set is of photographs, so that what gates stop is known. */
bool scored_set_is_judged(const struct scored_set *s);
bool scored_set_is_stopped(const struct scored_set *s, const char *name);
/* Adds what the set is of to the provenance. */
int scored_set_input(struct scored_set *s, const char *role, struct judge *j, struct provenance *p,
                     struct fmt_error *e);

#endif
