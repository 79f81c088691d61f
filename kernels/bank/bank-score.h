/* bank-score.h - how far the tokens of photographs are from a bank, and the photographs' scores.
 *
 *   bank_score_rows(&(struct bank_scoring){.bank = &bank, .device = &device}, &rows, distance, score, e);
 *
 *   struct bank_scorer s;                                         photographs that come one by one
 *   bank_scorer_open(&s, &bank, faults or NULL, n_photographs_max, &device, e);
 *   bank_scorer_run(&s, &rows, first, n, group, distance, score, e);
 *   bank_scorer_close(&s);
 *
 * The distance of a token is the Euclidean distance from the nearest vector of the bank, of the features as they are:
 * raw, neither scaled nor clamped. Of features of unit length (dino-extract --unit) it is sqrt(2 - 2 s), s the largest
 * cosine. With a bank of faults it is the difference of the distances from both, negative where the token is nearer to
 * good parts than to known faults; where no fault of another group is known, 2 |x| stands for the distance from faults.
 * A larger value is worse in both cases. The score of a photograph is the mean of its largest distances,
 * bank_scorer.largest of them.
 *
 * Groups: vectors of a token's own group do not count (bank_groups): the scores of photographs that are in the bank are
 * what other photographs of such parts would get. They are slightly too large, because the choice of the vectors left
 * out what is near to those of the group; for a threshold from good parts that is the safe side.
 *
 * Results depend on neither threads nor how many photographs are scored at once.
 */
#ifndef BANK_SCORE_H
#define BANK_SCORE_H

#include "backend.h"
#include "bank.h"
#include "rows.h"
#include "token-search.h"

struct bank_scorer {
    struct token_search good, faults;
    bool with_faults;
    int64_t n_tokens, dim, n_photographs_max;
    double largest; /* share of a photograph's tokens; from the bank, may be set before a run */
    float *distance;
    int64_t *index, *token_group;
};

/* Numbers for the groups of a bank's photographs and of rows, in one numbering: rows of the group of a photograph of
 * the bank, by name or because they are the same image (content), have its number. of_bank [bank->n_photographs], of
 * faults likewise (NULL without), of_rows [rows->n]; rows: columns group_name, content. */
int bank_groups(const struct bank *bank, const struct bank *faults, const struct rows *rows, int64_t *of_bank,
                int64_t *of_faults, int64_t *of_rows, struct fmt_error *e);

/* of_bank, of_faults: from bank_groups, or NULL: all vectors count. The banks must outlive the scorer.
 * n_photographs_max: of a run; 1 for photographs that come one by one. */
int bank_scorer_open(struct bank_scorer *s, const struct bank *bank, const int64_t *of_bank,
                     const struct bank *faults, const int64_t *of_faults, int64_t n_photographs_max,
                     const struct device *device, struct fmt_error *e);
void bank_scorer_close(struct bank_scorer *s); /* a zeroed struct is allowed */

/* Photographs first .. first + n - 1, any number: distance [n,n_tokens] (NULL: not wanted), score [n]. of_rows: groups
 * of all rows; NULL if of_bank was. A photograph for which no vector counts: FMT_INVALID. */
int bank_scorer_run(struct bank_scorer *s, const struct rows *rows, int64_t first, int64_t n, const int64_t *of_rows,
                    float *distance, double *score, struct fmt_error *e);

/* All rows at once, with vectors of their own groups left out: distance [rows->n,n_tokens] (NULL: not wanted), score
 * [rows->n]. rows: columns key, group_name, content. */
struct bank_scoring {
    const struct bank *bank, *faults; /* faults: or NULL */
    const struct device *device;
    void (*step)(void *arg, int64_t n_done); /* with the number of rows that are done; NULL: none */
    void *arg;
};
int bank_score_rows(const struct bank_scoring *s, const struct rows *rows, float *distance, double *score,
                    struct fmt_error *e);

/* How many of n distances a score is of: the share, rounded up, at least one. */
int64_t bank_score_tokens(int64_t n, double share);
/* The mean of the largest bank_score_tokens of distance [n], which is sorted, the largest first. */
double bank_score_of(float *distance, int64_t n, double share);

#endif
