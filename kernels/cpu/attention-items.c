/* attention-items.c - items are numbered by group of equal segments, segment, head, part. */
#include "attention.h"

static struct tiling parts_of(const struct attention_cut *cut, int64_t N)
{
    return cut->queries ? tiling_within(N, cut->queries, cut->step) : (struct tiling){1, N, N};
}

static int64_t items_of_group(const struct attention_cut *cut, int i)
{
    return cut->seg[i][1] > 0 ? cut->seg[i][0] * cut->NH * parts_of(cut, cut->seg[i][1]).n : 0;
}

int64_t attention_items(const struct attention_cut *cut)
{
    int64_t n = 0;
    for (int i = 0; i < cut->n_seg; i++)
        n += items_of_group(cut, i);
    return n;
}

struct attention_item attention_item(const struct attention_cut *cut, int64_t item)
{
    int64_t first = 0;
    int i = 0;
    for (; item >= items_of_group(cut, i); i++) {
        item -= items_of_group(cut, i);
        first += cut->seg[i][0] * cut->seg[i][1];
    }
    int64_t N = cut->seg[i][1];
    struct tiling parts = parts_of(cut, N);
    int64_t part = item % parts.n, head = item / parts.n % cut->NH, segment = item / parts.n / cut->NH;
    return (struct attention_item){head, first + segment * N, N, tile_first(parts, part), tile_rows(parts, part)};
}

int64_t attention_longest(const struct attention_cut *cut)
{
    int64_t N = 0;
    for (int i = 0; i < cut->n_seg; i++)
        N = num_max(N, cut->seg[i][0] > 0 ? cut->seg[i][1] : 0);
    return N;
}
