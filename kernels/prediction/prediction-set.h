/* prediction-set.h - reads predictions in JSON lines (predictions.h) again, to compare those of several classifiers.
 *
 *   struct prediction_set s;
 *   prediction_set_read(&s, "a.json", 0, e);
 *   s.rows                         columns label, group_view, key, group_name, extra, content, group, proba
 *   prediction_set_release(&s);
 */
#ifndef PREDICTION_SET_H
#define PREDICTION_SET_H

#include <stddef.h>
#include <stdint.h>

#include "rows.h"
#include "score-inputs.h"
#include "text.h"

struct prediction_set {
    const char *path, *tool; /* tool: that made them; NULL: the head does not say */
    struct score_inputs origins; /* what the predictions were made from, as their head says */
    struct rows rows;            /* texts live as long as the set */
    char **class_name;
    bool distances; /* scores are raw distances, not probabilities */
    int n_classes, positive; /* of two classes; else 0 */
    int k;                   /* neighbours that voted; 0: the rows do not say */
    int64_t capacity, *line; /* [rows.n] of the file, from 1 on */
    struct text_pool text;
};

/* k: of rows of feat-knn with several numbers of neighbours only these; 0: there is one number. Errors name the path
 * and the line: FMT_INVALID for what is no predictions in JSON lines, and for a key that two rows have. */
int prediction_set_read(struct prediction_set *s, const char *path, int k, struct fmt_error *e);
/* The same, but a head without rows is no error: a day without photographs. */
int prediction_set_read_query(struct prediction_set *s, const char *path, int k, struct fmt_error *e);
/* The same of a file that is in memory already, of at most PREDICTION_SET_BYTES_MAX. */
#define PREDICTION_SET_BYTES_MAX ((size_t)4 << 30)
int prediction_set_parse_query(struct prediction_set *s, const char *path, const char *text, size_t bytes, int k,
                               struct fmt_error *e);
void prediction_set_release(struct prediction_set *s);

/* Adds what the predictions were made from to the inputs of a report on several sets: "a.query", "a.train" of side a.
 * role: memory for these, as long as the inputs live. */
enum { PREDICTION_ROLE_BYTES = 32 };
void prediction_set_origins(const struct prediction_set *s, const char *side, struct score_inputs *to,
                            char role[SCORE_INPUTS_MAX][PREDICTION_ROLE_BYTES]);

/* Of the file in this role, as "model"; NULL: the predictions do not name one. */
const uint8_t *prediction_set_identity(const struct prediction_set *s, const char *role);
/* 0, or FMT_MISMATCH: the scores are not by one classifier, memory bank or vote, so that a threshold from one says
 * nothing of the other. Predictions of feat-logreg have to name their classifier: rows out of fold may have been
 * predicted with another C than the classifier that judges has. */
int prediction_set_same_scores(const struct prediction_set *a, const struct prediction_set *b, struct fmt_error *e);
/* 0, or FMT_MISMATCH: the predictions name another file in this role than that of the identity, or none. */
int prediction_set_by(const struct prediction_set *s, const char *role, const uint8_t identity[DIGEST_BYTES],
                      struct fmt_error *e);

/* 0, or FMT_MISMATCH: the two are not of the same images in the same order, with the same classes, labels, groups. */
int prediction_set_check(const struct prediction_set *a, const struct prediction_set *b, struct fmt_error *e);

#endif
