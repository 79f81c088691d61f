/* bank.h - a memory bank (feat-bank(5)): tokens of photographs, chosen so that every token of these photographs is near
 * one of them. A token that is far from all of a bank of good photographs is a sign of a fault.
 *
 *   struct bank b;  bank_read(&b, &io, e);  feat_compatible(&b.features, &f.header, false, e);  bank_release(&b);
 *   making one:     bank_init(&b, &header, e);  bank_add_photograph(&b, &photograph, e) ...
 *                   bank_add_vector(&b, x, i_photograph, token, e) ...;  bank_write(&b, &provenance, &io, e);
 *
 * Vectors are tokens as they are in the features; they are compared by Euclidean distance. (Those of version 1 could be
 * of unit length, of features that are not: such banks are refused.)
 */
#ifndef BANK_H
#define BANK_H

#include <stdbool.h>
#include <stdint.h>

#include "feat.h"

#define BANK_MAJOR 2 /* 2.0: labels of the photographs and the positive class */
#define BANK_MINOR 0
#define BANK_PHOTOGRAPHS_MAX ((int64_t)1 << 24)
#define BANK_VECTORS_MAX ((int64_t)1 << 28)
#define BANK_LARGEST 0.01 /* the default of struct bank.largest */

struct bank_photograph {
    const char *key, *group;       /* "" none */
    uint8_t content[DIGEST_BYTES]; /* SHA-256 of its file; zeros: not known */
    int32_t label; /* index into the classes of the features; -1: not labelled */
    bool offered;  /* vectors were chosen among its tokens; false: it was only scored */
    double score;  /* against the vectors of other groups; NAN: not scored. See kernels/bank/bank-score.h */
};

struct bank_vector {
    int32_t photograph; /* index of the one that it is from */
    int32_t token;      /* of that photograph, row by row; of its tiles or regions numbered through */
};

struct bank {
    struct feat_header features; /* of the tokens, with the classes */
    const char *positive; /* the class that is the defect: of two or more one of them; of fewer it may be one that no
                             photograph has; "" not known */
    double largest; /* a photograph's score is the mean distance of its farthest tokens, this share: 0 < x <= 1 */
    uint8_t faults[DIGEST_BYTES]; /* identity of the bank of faults that scores were computed with; zeros: none */
    struct bank_photograph *photograph; /* [n_photographs] */
    int64_t n_photographs;
    struct bank_vector *origin; /* [n_vectors] in the order in which they were chosen */
    float *x;                   /* [n_vectors, features.dim] */
    int64_t n_vectors;
    uint8_t identity[DIGEST_BYTES]; /* set by reading and writing */
    char *provenance;               /* JSON or ""; set by reading */
    int64_t photograph_capacity, vector_capacity;
    struct text_pool text;
};

/* An empty bank of features as in h, and with this positive class ("" not known), which are copied. */
int bank_init(struct bank *b, const struct feat_header *h, const char *positive, struct fmt_error *e);
int bank_add_photograph(struct bank *b, const struct bank_photograph *p, struct fmt_error *e); /* copies its texts */
int bank_add_vector(struct bank *b, const float *x, struct bank_vector origin, struct fmt_error *e);
/* FMT_INVALID: no vectors, the vector of a photograph that was not offered, or a positive class that is none of
 * several. Sets b->identity. */
int bank_write(struct bank *b, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e);
int bank_read(struct bank *b, const struct fmt_reader *io, struct fmt_error *e); /* b need not be initialised */
void bank_release(struct bank *b);

#endif
