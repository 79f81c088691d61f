/* judge-memory.h - what a judge computes scores in, one photograph at a time. */
#ifndef JUDGE_MEMORY_H
#define JUDGE_MEMORY_H

#include "bank-score.h"
#include "judge.h"
#include "logreg.h"

struct judge_memory {
    float *row; /* derived from all tokens of a photograph */
    int64_t capacity;
    double *part_score; /* [n_part_scores] of the tiles of a photograph */
    int64_t n_part_scores;
    double *sum; /* [C] */
    float *feature; /* [dim] of the extraction */
    /* the classifier's */
    struct logreg_model model; /* borrows the classifier's weights */
    struct op_ctx c;
    struct device_arena x_memory;
    struct tensor x; /* [1,dim] */
    double *proba;   /* [n_classes] */
    struct bank_scorer scorer; /* of the bank, where scores are its */
};

int judge_memory_open(struct judge *j, struct fmt_error *e);
void judge_memory_close(struct judge *j);

/* The score of a photograph from its tokens. FMT_NONFINITE: the network made something that is no number. */
int judge_score(struct judge *j, const struct extract_row *row, double *score, struct fmt_error *e);
/* The feature that gates compare: the class token of all layers, with tiles or regions the mean of theirs. Lives until
 * the next call. */
const float *judge_feature(struct judge *j, const struct extract_row *row);

#endif
