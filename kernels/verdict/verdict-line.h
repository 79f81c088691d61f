/* verdict-line.h - what feat-verdict(1) and bbu-inspect(1) say of one installation or photograph in the same words: the
 * columns of a table, or the members of a JSON object. */
#ifndef VERDICT_LINE_H
#define VERDICT_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "verdict.h"

struct cJSON;

struct verdict_line {
    int views;            /* how many there are, or the number of a photograph's; -1: unknown */
    double score;         /* NAN: none */
    enum verdict verdict;
    const char *reason;
    bool calibrated;      /* there are probabilities */
    double probability;   /* NAN: none, as of a photograph */
};

/* "views\tscore\tverdict\treason\tprobability": the names of the columns, without what stands before and after. */
void verdict_line_columns(FILE *out, bool calibrated);
void verdict_line_text(FILE *out, const struct verdict_line *x);
/* A tab and a number, or a dash for one that is not finite. */
void verdict_line_number(FILE *out, double v);

/* Adds installation, views, score, verdict, reason and probability; a number that is not finite is null. */
void verdict_line_json(struct cJSON *o, const char *installation, const struct verdict_line *x);

#endif
