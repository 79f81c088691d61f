/* bank-make.c - photographs of the rows, then vectors of the coreset; scores when the bank is whole. */
#include "bank-make.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank-lookup.h"
#include "bank-score.h"

/* ------------------------------------------------------------------ from features */
static int add_photograph(struct bank *b, const struct rows *r, int64_t i, bool offered, double score,
                          struct fmt_error *e)
{
    struct bank_photograph p = {.key = r->key[i], .group = r->group_name[i], .label = r->label[i], .offered = offered,
                                .score = score};
    memcpy(p.content, r->content[i], DIGEST_BYTES);
    return bank_add_photograph(b, &p, e);
}

/* Photographs of the rows, whose parts (tokens_parts) are one photograph each. of_row [r->n]: the photograph, and the
 * number in it of the row's first token. */
static int add_photographs(struct bank *b, const struct rows *r, int64_t n_tokens, struct bank_vector *of_row,
                           struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0, n; i < r->n && !status; i += n) {
        n = tokens_parts(r, i);
        if (n > INT32_MAX / n_tokens)
            return fmt_fail(e, FMT_LIMIT, "%s: more than %d tokens", r->key[i], INT32_MAX);
        for (int64_t k = 0; k < n; k++)
            of_row[i + k] = (struct bank_vector){(int32_t)b->n_photographs, (int32_t)(k * n_tokens)};
        status = add_photograph(b, r, i, false, NAN, e);
    }
    return status;
}

static int add_chosen(struct bank *b, const struct tokens *tokens, const struct coreset *c,
                      const struct bank_vector *of_row, struct fmt_error *e)
{
    int64_t P = tokens->n_tokens, n = tokens_count(tokens);
    int status = 0;
    for (int64_t i = 0; i < n; i++)
        b->photograph[of_row[tokens_number(tokens, i) / P].photograph].offered = true;
    for (int64_t i = 0; i < c->n && !status; i++) {
        int64_t number = tokens_number(tokens, c->chosen[i]);
        struct bank_vector origin = of_row[number / P];
        origin.token += (int32_t)(number % P);
        status = bank_add_vector(b, c->x + i * b->features.dim, origin, e);
    }
    return status;
}

int bank_make(struct bank *b, const struct feat_header *h, const char *positive, const struct tokens *tokens,
              int64_t size, const struct device *device, const struct coreset_progress *progress,
              struct bank_made *made, struct fmt_error *e)
{
    const struct rows *r = tokens->rows;
    struct coreset c = {.n = 0};
    struct bank_vector *of_row = malloc((size_t)(r->n + 1) * sizeof *of_row);
    int status = bank_init(b, h, positive, e);
    if (!status && !of_row)
        status = fmt_no_memory(e);
    if (!status)
        status = add_photographs(b, r, tokens->n_tokens, of_row, e);
    if (!status)
        status = coreset_choose(tokens, size, device, progress, &c, e);
    if (!status)
        status = add_chosen(b, tokens, &c, of_row, e);
    *made = (struct bank_made){tokens_count(tokens), c.radius};
    coreset_release(&c);
    free(of_row);
    if (status)
        bank_release(b);
    return status;
}

/* ------------------------------------------------------------------ calibration */
/* Scores with other faults are not comparable with these. */
static void set_faults(struct bank *b, const struct bank *faults)
{
    static const uint8_t none[DIGEST_BYTES];
    const uint8_t *identity = faults ? faults->identity : none;
    for (int64_t i = 0; memcmp(identity, b->faults, DIGEST_BYTES) != 0 && i < b->n_photographs; i++)
        b->photograph[i].score = NAN;
    memcpy(b->faults, identity, DIGEST_BYTES);
}

/* Photographs of the bank get their score, and a label if they have none; those that are not in it are added.
 * score [rows->n]: that of a photograph is the largest of its parts. */
static int set_scores(struct bank *b, const struct rows *rows, const double *score, struct fmt_error *e)
{
    struct bank_lookup l;
    int64_t n_parts, *at = malloc((size_t)(rows->n + 1) * sizeof *at); /* index in the bank, or -1 */
    int status = at ? bank_lookup_open(&l, b, e) : fmt_no_memory(e);
    if (!status) {
        for (int64_t i = 0; i < rows->n; i++)
            at[i] = bank_lookup_find(&l, rows->key[i], rows->content[i]);
        bank_lookup_close(&l);
    }
    for (int64_t i = 0; i < rows->n && !status; i += n_parts) {
        double largest = score[i];
        n_parts = tokens_parts(rows, i);
        for (int64_t k = 1; k < n_parts; k++)
            largest = fmax(largest, score[i + k]);
        if (at[i] < 0) {
            status = add_photograph(b, rows, i, false, largest, e);
            continue;
        }
        b->photograph[at[i]].score = largest;
        if (b->photograph[at[i]].label < 0)
            b->photograph[at[i]].label = rows->label[i];
    }
    free(at);
    return status;
}

int bank_calibrate(struct bank *b, const struct rows *rows, const struct bank *faults, const struct device *device,
                   void (*step)(void *arg, int64_t n_done), void *arg, struct fmt_error *e)
{
    struct bank_scoring scoring = {b, faults, device, step, arg};
    double *score = malloc((size_t)rows->n * sizeof *score);
    int status = score ? bank_score_rows(&scoring, rows, NULL, score, e) : fmt_no_memory(e);
    if (!status) {
        set_faults(b, faults);
        status = set_scores(b, rows, score, e);
    }
    free(score);
    return status;
}
