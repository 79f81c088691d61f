/* score-inputs.h - what scores and predictions were computed from: the files and their identities, so that a number can
 * be traced back to the photographs (bbu-info --trace).
 *
 *   struct score_inputs in = {0};
 *   score_inputs_add(&in, "query", "test.feat", query.identity);
 *   score_inputs_add(&in, "weights", NULL, query.header.weights) ...
 *   score_inputs_notes(&report, &in);        for people, a note each: role, identity, path
 *   score_inputs_report(&report, &in);       "origins": {"query": {"identity": "...", "path": "test.feat"}, ...}
 */
#ifndef SCORE_INPUTS_H
#define SCORE_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "report.h"

enum { SCORE_INPUTS_MAX = 16 };

struct score_inputs {
    struct {
        const char *role, *path; /* path NULL: unknown, as for weights */
        uint8_t identity[DIGEST_BYTES];
    } item[SCORE_INPUTS_MAX];
    int n;
    struct {
        const char *of, *in; /* roles: rows of one are also in the other, or in its groups */
        int64_t images, groups;
    } overlap[SCORE_INPUTS_MAX];
    int n_overlaps;
    struct {
        const char *role, *precision; /* of a set of features or of those that a classifier was fitted to */
    } computed[SCORE_INPUTS_MAX];
    int n_computed;
    bool not_f32; /* one of them: reported */
};

/* Texts are not copied. An identity of zeros means unknown: nothing is added. */
void score_inputs_add(struct score_inputs *s, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES]);
/* Rows that were scored although they were learned from (overlap.h). Nothing is added if there are none. */
void score_inputs_overlap(struct score_inputs *s, const char *of, const char *in, int64_t images, int64_t groups);
/* Precisions are reported where one is not f32. */
void score_inputs_precision(struct score_inputs *s, const char *role, const char *precision);
void score_inputs_notes(struct report_node *report, const struct score_inputs *s);
void score_inputs_report(struct report_node *report, const struct score_inputs *s);

#endif
