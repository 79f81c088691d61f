/* bank-score.c - some photographs at a time: their tokens against all vectors. */
#include "bank-score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "num.h"
#include "tokens.h"

enum { TOKENS_AT_ONCE = 4096 };

/* ------------------------------------------------------------------ groups */
static void copy_photographs(struct rows *to, const struct bank *b)
{
    for (int64_t i = 0; b && i < b->n_photographs; i++, to->n++) {
        to->group_name[to->n] = b->photograph[i].group;
        memcpy(to->content[to->n], b->photograph[i].content, DIGEST_BYTES);
    }
}

int bank_groups(const struct bank *bank, const struct bank *faults, const struct rows *rows, int64_t *of_bank,
                int64_t *of_faults, int64_t *of_rows, struct fmt_error *e)
{
    struct rows all = {0}, *one[] = {&all};
    int64_t n_bank = bank->n_photographs, n_faults = faults ? faults->n_photographs : 0;
    int status = rows_reserve(&all, ROWS_GROUP_NAME | ROWS_CONTENT, n_bank + n_faults + rows->n, e);
    if (!status) {
        copy_photographs(&all, bank);
        copy_photographs(&all, faults);
        for (int64_t i = 0; i < rows->n; i++, all.n++) {
            all.group_name[all.n] = rows->group_name[i];
            memcpy(all.content[all.n], rows->content[i], DIGEST_BYTES);
        }
        status = groups_number(one, 1, e);
    }
    if (!status)
        status = groups_join(&all, e);
    if (!status) {
        memcpy(of_bank, all.group, (size_t)n_bank * sizeof *of_bank);
        if (faults)
            memcpy(of_faults, all.group + n_bank, (size_t)n_faults * sizeof *of_faults);
        memcpy(of_rows, all.group + n_bank + n_faults, (size_t)rows->n * sizeof *of_rows);
    }
    rows_release(&all);
    return status;
}

/* ------------------------------------------------------------------ opening */
static int open_search(struct token_search *t, const struct bank *b, const int64_t *group, int64_t n_tokens,
                       const struct device *device, struct fmt_error *e)
{
    int64_t *own = NULL;
    int status = token_search_open(t, device, b->features.dim, b->n_vectors, n_tokens, group != NULL, e);
    if (!status && group && !(own = malloc((size_t)b->n_vectors * sizeof *own)))
        status = fmt_no_memory(e);
    for (int64_t i = 0; own && i < b->n_vectors; i++)
        own[i] = group[b->origin[i].photograph];
    if (!status)
        status = token_search_set(t, b->x, own, b->n_vectors, e);
    free(own);
    return status;
}

int bank_scorer_open(struct bank_scorer *s, const struct bank *bank, const int64_t *of_bank,
                     const struct bank *faults, const int64_t *of_faults, int64_t n_photographs_max,
                     const struct device *device, struct fmt_error *e)
{
    int64_t n_tokens = bank->features.n_tokens;
    *s = (struct bank_scorer){.with_faults = faults, .n_tokens = n_tokens, .dim = bank->features.dim,
                              .largest = bank->largest};
    s->n_photographs_max = num_min(n_photographs_max, num_max(1, TOKENS_AT_ONCE / n_tokens));
    int64_t n = s->n_photographs_max * n_tokens;
    s->distance = malloc((size_t)(2 * n) * sizeof *s->distance);
    s->index = malloc((size_t)n * sizeof *s->index);
    s->token_group = malloc((size_t)n * sizeof *s->token_group);
    int status = s->distance && s->index && s->token_group ? 0 : fmt_no_memory(e);
    if (!status)
        status = open_search(&s->good, bank, of_bank, n, device, e);
    if (!status && faults)
        status = open_search(&s->faults, faults, of_faults, n, device, e);
    if (status)
        bank_scorer_close(s);
    return status;
}

void bank_scorer_close(struct bank_scorer *s)
{
    token_search_close(&s->good);
    token_search_close(&s->faults);
    free(s->distance);
    free(s->index);
    free(s->token_group);
    *s = (struct bank_scorer){.n_tokens = 0};
}

/* ------------------------------------------------------------------ scores */
static int farther_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

int64_t bank_score_tokens(int64_t n, double share)
{
    return num_max(1, num_min(n, (int64_t)ceil(share * (double)n - 1e-9)));
}

double bank_score_of(float *distance, int64_t n, double share)
{
    int64_t n_largest = bank_score_tokens(n, share);
    double sum = 0;
    qsort(distance, (size_t)n, sizeof *distance, farther_first);
    for (int64_t i = 0; i < n_largest; i++)
        sum += (double)distance[i];
    return sum / (double)n_largest;
}

/* distance [n] of tokens from the nearest vector of t; s->index: which */
static int search(struct bank_scorer *s, struct token_search *t, const struct tokens *tokens, int64_t first, int64_t n,
                  float *distance, struct fmt_error *e)
{
    int status = tokens_load(tokens, first, n, &t->c, token_search_tokens(t, n), e);
    return status ? status : token_search_run(t, t->grouped ? s->token_group : NULL, n, distance, s->index, e);
}

/* At most n_photographs_max of them. */
static int score_some(struct bank_scorer *s, const struct tokens *tokens, int64_t first, int64_t n,
                      const int64_t *of_rows, float *distance, double *score, struct fmt_error *e)
{
    int64_t P = s->n_tokens;
    float *good = s->distance, *faulty = good + n * P;
    for (int64_t i = 0; of_rows && i < n * P; i++)
        s->token_group[i] = of_rows[first + i / P];
    int status = search(s, &s->good, tokens, first * P, n * P, good, e);
    for (int64_t i = 0; !status && i < n * P; i++)
        if (s->index[i] < 0)
            status = fmt_fail(e, FMT_INVALID, "%s: all vectors of the bank are of its own group",
                              tokens->rows->key[first + i / P]);
    if (!status && s->with_faults)
        status = search(s, &s->faults, tokens, first * P, n * P, faulty, e);
    if (status)
        return status;
    for (int64_t i = 0; s->with_faults && i < n * P; i++)
        good[i] -= faulty[i];
    if (distance)
        memcpy(distance, good, (size_t)(n * P) * sizeof *distance);
    for (int64_t i = 0; i < n; i++)
        score[i] = bank_score_of(good + i * P, P, s->largest);
    return 0;
}

int bank_scorer_run(struct bank_scorer *s, const struct rows *rows, int64_t first, int64_t n, const int64_t *of_rows,
                    float *distance, double *score, struct fmt_error *e)
{
    struct tokens tokens = {.rows = rows, .n_tokens = s->n_tokens};
    int status = 0;
    for (int64_t i = 0, m; !status && i < n; i += m) {
        m = num_min(s->n_photographs_max, n - i);
        status = score_some(s, &tokens, first + i, m, of_rows, distance ? distance + i * s->n_tokens : NULL, score + i,
                            e);
    }
    return status;
}

int bank_score_rows(const struct bank_scoring *t, const struct rows *rows, float *distance, double *score,
                    struct fmt_error *e)
{
    enum { AT_ONCE = 64 };
    struct bank_scorer s = {.n_tokens = 0};
    int64_t n_bank = t->bank->n_photographs, n_faults = t->faults ? t->faults->n_photographs : 0;
    int64_t *group = malloc((size_t)(n_bank + n_faults + rows->n) * sizeof *group);
    int64_t *of_faults = group ? group + n_bank : NULL, *of_rows = group ? of_faults + n_faults : NULL;
    int status = group ? bank_groups(t->bank, t->faults, rows, group, of_faults, of_rows, e) : fmt_no_memory(e);
    if (!status)
        status = bank_scorer_open(&s, t->bank, group, t->faults, of_faults, AT_ONCE, t->device, e);
    for (int64_t first = 0, n; !status && first < rows->n; first += n) {
        n = num_min(AT_ONCE, rows->n - first);
        status = bank_scorer_run(&s, rows, first, n, of_rows, distance ? distance + first * s.n_tokens : NULL,
                                 score + first, e);
        if (t->step)
            t->step(t->arg, first + n);
    }
    bank_scorer_close(&s);
    free(group);
    return status;
}
