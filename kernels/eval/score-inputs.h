/* score-inputs.h - what scores and predictions were made from: the files and their identities, so that from a number
 * the way back to the photographs is open (bbu-info --trace).
 *
 *   struct origins o = {0};
 *   origins_add(&o, "query", "test.feat", query.identity);  origins_add(&o, "weights", NULL, query.header.weights) ...
 *   origins_text(out, "# ", &o);     a line each: role, identity, path
 *   origins_json(head, &o);          "origins": {"query": {"identity": "...", "path": "test.feat"}, ...}
 */
#ifndef SCORE_INPUTS_H
#define SCORE_INPUTS_H

#include <stdint.h>
#include <stdio.h>

#include "digest.h"

struct cJSON;

enum { ORIGINS_MAX = 8 };

struct origins {
    struct {
        const char *role, *path; /* path NULL: none is known, as of weights */
        uint8_t identity[DIGEST_BYTES];
    } item[ORIGINS_MAX];
    int n;
    struct {
        const char *of, *in; /* roles: rows of the one are rows of the other, or of its groups */
        int64_t images, groups;
    } overlap[ORIGINS_MAX];
    int n_overlaps;
};

/* Keeps the texts. An identity of zeros is none: nothing is added. */
void origins_add(struct origins *o, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES]);
/* Rows that were scored although they were learned from (overlap.h). Nothing is added if there are none. */
void origins_overlap(struct origins *o, const char *of, const char *in, int64_t images, int64_t groups);
/* before: what each line begins with. Control characters in paths come out as '?'. */
void origins_text(FILE *out, const char *before, const struct origins *o);
void origins_json(struct cJSON *o, const struct origins *from);

#endif
