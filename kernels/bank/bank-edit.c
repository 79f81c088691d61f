/* bank-edit.c - photographs are copied first, then vectors, whose photographs have new numbers then. */
#include "bank-edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank-classes.h"
#include "bank-lookup.h"

/* The same photograph of two banks, whose classes are the same. */
static int join_photograph(const struct bank *out, struct bank_photograph *to, const struct bank_photograph *p,
                           struct fmt_error *e)
{
    if (to->label >= 0 && p->label >= 0 && to->label != p->label)
        return fmt_fail(e, FMT_MISMATCH, "%.200s: labelled %.100s in one bank and %.100s in another", p->key,
                        out->features.class_name[to->label], out->features.class_name[p->label]);
    to->label = to->label < 0 ? p->label : to->label;
    to->offered |= p->offered;
    return 0;
}

/* Adds the photographs of b to out. number [b->n_photographs]: their numbers in it. */
static int add_photographs(struct bank *out, const struct bank *b, int64_t *number, struct fmt_error *e)
{
    struct bank_lookup l;
    int status = bank_lookup_open(&l, out, e);
    for (int64_t i = 0; !status && i < b->n_photographs; i++)
        number[i] = bank_lookup_find(&l, b->photograph[i].key, b->photograph[i].content);
    bank_lookup_close(&l);
    for (int64_t i = 0; !status && i < b->n_photographs; i++) {
        struct bank_photograph p = b->photograph[i];
        p.score = NAN;
        if (number[i] >= 0)
            status = join_photograph(out, &out->photograph[number[i]], &p, e);
        else if ((status = bank_add_photograph(out, &p, e)) == 0)
            number[i] = out->n_photographs - 1;
    }
    return status;
}

static int by_origin(const void *a, const void *b)
{
    const struct bank_vector *x = a, *y = b;
    int order = (x->photograph > y->photograph) - (x->photograph < y->photograph);
    return order ? order : (x->token > y->token) - (x->token < y->token);
}

/* Adds those vectors of b whose tokens out does not have yet. */
static int add_vectors(struct bank *out, const struct bank *b, const int64_t *number, struct fmt_error *e)
{
    size_t n_before = (size_t)out->n_vectors;
    struct bank_vector *before = malloc((n_before + 1) * sizeof *before);
    int status = before ? 0 : fmt_no_memory(e);
    if (before && n_before) {
        memcpy(before, out->origin, n_before * sizeof *before);
        qsort(before, n_before, sizeof *before, by_origin);
    }
    for (int64_t i = 0; !status && i < b->n_vectors; i++) {
        struct bank_vector v = {(int32_t)number[b->origin[i].photograph], b->origin[i].token};
        if (!bsearch(&v, before, n_before, sizeof v, by_origin))
            status = bank_add_vector(out, b->x + i * b->features.dim, v, e);
    }
    free(before);
    return status;
}

static int add_bank(struct bank *out, const struct bank *b, struct fmt_error *e)
{
    int64_t *number = malloc((size_t)(b->n_photographs + 1) * sizeof *number);
    int status = number ? feat_compatible(&out->features, &b->features, false, e) : fmt_no_memory(e);
    if (!status)
        status = bank_check_classes(out, NULL, 0, b->positive, e);
    if (!status)
        status = add_photographs(out, b, number, e);
    if (!status)
        status = add_vectors(out, b, number, e);
    free(number);
    return status;
}

/* That of the first which knows one. */
static const char *positive_of(const struct bank *in, int n)
{
    int k = 0;
    while (k < n - 1 && !*in[k].positive)
        k++;
    return in[k].positive;
}

int bank_join(struct bank *out, const struct bank *in, int n, struct fmt_error *e)
{
    int status = bank_init(out, &in->features, positive_of(in, n), e);
    out->largest = in->largest;
    for (int k = 0; k < n && !status; k++)
        status = add_bank(out, &in[k], e);
    if (status)
        bank_release(out);
    return status;
}

int bank_subtract(struct bank *b, bool (*drop)(void *arg, const struct bank_photograph *p), void *arg,
                  int64_t *n_dropped, struct fmt_error *e)
{
    int32_t *number = malloc((size_t)b->n_photographs * sizeof *number);
    int64_t n = 0, n_vectors = 0, dim = b->features.dim;
    if (!number)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < b->n_photographs; i++)
        number[i] = drop(arg, &b->photograph[i]) ? -1 : (int32_t)n++;
    for (int64_t i = 0; i < b->n_vectors; i++)
        n_vectors += number[b->origin[i].photograph] >= 0;
    *n_dropped = b->n_photographs - n;
    if (n_vectors > 0 && *n_dropped > 0) {
        int64_t to = 0;
        for (int64_t i = 0; i < b->n_vectors; i++) {
            if (number[b->origin[i].photograph] < 0)
                continue;
            b->origin[to] = (struct bank_vector){number[b->origin[i].photograph], b->origin[i].token};
            memmove(b->x + to++ * dim, b->x + i * dim, (size_t)dim * sizeof *b->x);
        }
        for (int64_t i = 0; i < b->n_photographs; i++)
            if (number[i] >= 0) {
                b->photograph[number[i]] = b->photograph[i];
                b->photograph[number[i]].score = NAN;
            }
        b->n_photographs = n;
        b->n_vectors = n_vectors;
    }
    free(number);
    return n_vectors > 0 ? 0 : fmt_fail(e, FMT_INVALID, "no vector would be left");
}
