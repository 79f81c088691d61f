/* score-inputs.h - what scores and predictions were made from: the files and their identities, so that from a number
 * the way back to the photographs is open (bbu-info --trace).
 *
 *   struct score_inputs o = {0};
 *   score_inputs_add(&o, "query", "test.feat", query.identity);  score_inputs_add(&o, "weights", NULL,
 * query.header.weights) ...
 *   score_inputs_text(out, "# ", &o);     a line each: role, identity, path
 *   score_inputs_json(head, &o);          "origins": {"query": {"identity": "...", "path": "test.feat"}, ...}
 */
#ifndef SCORE_INPUTS_H
#define SCORE_INPUTS_H

#include <stdint.h>
#include <stdio.h>

#include "digest.h"

struct cJSON;

enum { SCORE_INPUTS_MAX = 8 };

struct score_inputs {
    struct {
        const char *role, *path; /* path NULL: none is known, as of weights */
        uint8_t identity[DIGEST_BYTES];
    } item[SCORE_INPUTS_MAX];
    int n;
    struct {
        const char *of, *in; /* roles: rows of the one are rows of the other, or of its groups */
        int64_t images, groups;
    } overlap[SCORE_INPUTS_MAX];
    int n_overlaps;
};

/* Keeps the texts. An identity of zeros is none: nothing is added. */
void score_inputs_add(struct score_inputs *o, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES]);
/* Rows that were scored although they were learned from (overlap.h). Nothing is added if there are none. */
void score_inputs_overlap(struct score_inputs *o, const char *of, const char *in, int64_t images, int64_t groups);
/* before: what each line begins with. Control characters in paths come out as '?'. */
void score_inputs_text(FILE *out, const char *before, const struct score_inputs *o);
void score_inputs_json(struct cJSON *o, const struct score_inputs *from);

#endif
