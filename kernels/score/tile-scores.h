/* tile-scores.h - photographs from their tiles: rows of one key (dino-extract --tiles, --regions) become one row. */
#ifndef TILE_SCORES_H
#define TILE_SCORES_H

#include "feat.h"
#include "rows.h"

/* Whether rows with this header are of tiles or regions. */
bool tile_scores_needed(const struct feat_header *h);

/* Replaces rows by one for each key, in the order of first appearance. Two classes: the probability of the positive
 * class is the mean of the `most` largest among its rows (of all, where it has fewer). More classes: the mean of all.
 * The other columns, `extra` with the place of the tile among them, are those of the row that is most certainly
 * positive; of more classes those of the first. rows: columns key and proba, and `group` if it has numbers. */
int tile_scores(struct rows *rows, int positive, int64_t most, struct fmt_error *e);

/* The same of one photograph: p [n], the probabilities of the class among its tiles, in their order. Sorts p. */
double tile_score(double *p, int64_t n, int n_classes, int64_t most);

#endif
