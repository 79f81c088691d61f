/* bank-make.c - a bank is made at once, then its photographs are scored some at a time. */
#include "bank-make.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank-lookup.h"
#include "bank-score.h"
#include "num.h"

/* ------------------------------------------------------------------ from features */
static int add_photograph(struct bank *b, const struct rows *r, int64_t i, bool offered, double score,
                          struct fmt_error *e)
{
    struct bank_photograph p = {.key = r->key[i], .group = r->group_name[i], .offered = offered, .score = score};
    memcpy(p.content, r->content[i], DIGEST_BYTES);
    return bank_add_photograph(b, &p, e);
}

int bank_make(struct bank *b, const struct feat_header *h, const struct tokens *tokens, int64_t size,
              const struct device *device, const struct coreset_progress *progress, struct bank_made *made,
              struct fmt_error *e)
{
    const struct rows *r = tokens->photographs;
    int64_t P = tokens->n_tokens, n = tokens_count(tokens);
    struct coreset c = {.n = 0};
    int status = bank_init(b, h, e);
    for (int64_t i = 0; i < r->n && !status; i++)
        status = add_photograph(b, r, i, false, NAN, e);
    for (int64_t i = 0; i < n && !status; i++)
        b->photograph[tokens_number(tokens, i) / P].offered = true;
    if (!status)
        status = coreset_choose(tokens, size, device, progress, &c, e);
    for (int64_t i = 0; i < c.n && !status; i++) {
        int64_t number = tokens_number(tokens, c.chosen[i]);
        struct bank_vector origin = {(int32_t)(number / P), (int32_t)(number % P)};
        status = bank_add_vector(b, c.x + i * h->dim, origin, e);
    }
    *made = (struct bank_made){n, c.radius};
    coreset_release(&c);
    if (status)
        bank_release(b);
    return status;
}

/* ------------------------------------------------------------------ calibration */
/* score [rows->n] */
static int score_all(const struct bank *b, const struct rows *rows, const struct bank *faults,
                     const struct device *device, void (*step)(void *arg, int64_t n_done), void *arg, double *score,
                     struct fmt_error *e)
{
    enum { AT_ONCE = 64 };
    struct bank_scorer s = {.n_tokens = 0};
    int64_t n_faults = faults ? faults->n_photographs : 0;
    int64_t *group = malloc((size_t)(b->n_photographs + n_faults + rows->n) * sizeof *group);
    int64_t *of_faults = group ? group + b->n_photographs : NULL, *of_rows = group ? of_faults + n_faults : NULL;
    int status = group ? bank_groups(b, faults, rows, group, of_faults, of_rows, e) : fmt_no_memory(e);
    if (!status)
        status = bank_scorer_open(&s, b, group, faults, of_faults, AT_ONCE, device, e);
    for (int64_t first = 0, n; !status && first < rows->n; first += n) {
        n = num_min(AT_ONCE, rows->n - first);
        status = bank_scorer_run(&s, rows, first, n, of_rows, NULL, score + first, e);
        if (step)
            step(arg, first + n);
    }
    bank_scorer_close(&s);
    free(group);
    return status;
}

/* Scores with other faults are not comparable with these. */
static void set_faults(struct bank *b, const struct bank *faults)
{
    static const uint8_t none[DIGEST_BYTES];
    const uint8_t *identity = faults ? faults->identity : none;
    for (int64_t i = 0; memcmp(identity, b->faults, DIGEST_BYTES) != 0 && i < b->n_photographs; i++)
        b->photograph[i].score = NAN;
    memcpy(b->faults, identity, DIGEST_BYTES);
}

/* at [rows->n]: index in the bank, or -1 */
static int find_all(const struct bank *b, const struct rows *rows, int64_t *at, struct fmt_error *e)
{
    struct bank_lookup l;
    int status = bank_lookup_open(&l, b, e);
    for (int64_t i = 0; !status && i < rows->n; i++)
        at[i] = bank_lookup_find(&l, rows->key[i], rows->content[i]);
    bank_lookup_close(&l);
    return status;
}

int bank_calibrate(struct bank *b, const struct rows *rows, const struct bank *faults, const struct device *device,
                   void (*step)(void *arg, int64_t n_done), void *arg, struct fmt_error *e)
{
    double *score = malloc((size_t)rows->n * sizeof *score);
    int64_t *at = malloc((size_t)rows->n * sizeof *at);
    int status = score && at ? score_all(b, rows, faults, device, step, arg, score, e) : fmt_no_memory(e);
    if (!status)
        status = find_all(b, rows, at, e);
    if (!status)
        set_faults(b, faults);
    for (int64_t i = 0; i < rows->n && !status; i++) {
        if (at[i] >= 0)
            b->photograph[at[i]].score = score[i];
        else
            status = add_photograph(b, rows, i, false, score[i], e);
    }
    free(score);
    free(at);
    return status;
}
