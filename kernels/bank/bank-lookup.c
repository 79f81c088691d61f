/* bank-lookup.c - a sorted list. */
#include "bank-lookup.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    const struct bank_photograph *x = *(const struct bank_photograph *const *)a;
    const struct bank_photograph *y = *(const struct bank_photograph *const *)b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x > y) - (x < y);
}

int bank_lookup_open(struct bank_lookup *l, const struct bank *b, struct fmt_error *e)
{
    *l = (struct bank_lookup){NULL, b};
    const struct bank_photograph **sorted = malloc((size_t)(b->n_photographs + 1) * sizeof *sorted);
    if (!sorted)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < b->n_photographs; i++)
        sorted[i] = &b->photograph[i];
    qsort(sorted, (size_t)b->n_photographs, sizeof *sorted, by_key);
    l->sorted = sorted;
    return 0;
}

static bool may_be_same(const uint8_t *a, const uint8_t *b)
{
    return !digest_is_set(a) || !digest_is_set(b) || memcmp(a, b, DIGEST_BYTES) == 0;
}

int64_t bank_lookup_find(const struct bank_lookup *l, const char *key, const uint8_t content[DIGEST_BYTES])
{
    int64_t low = 0, high = l->bank->n_photographs;
    while (low < high) { /* the first that is not before the key */
        int64_t middle = low + (high - low) / 2;
        if (strcmp(l->sorted[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < l->bank->n_photographs && strcmp(l->sorted[low]->key, key) == 0; low++)
        if (may_be_same(l->sorted[low]->content, content))
            return l->sorted[low] - l->bank->photograph;
    return -1;
}

void bank_lookup_close(struct bank_lookup *l)
{
    free(l->sorted);
    *l = (struct bank_lookup){NULL, NULL};
}
