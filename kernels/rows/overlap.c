/* overlap.c - the query's rows are sorted by hash; each row that was learned from is looked up there, and its matches
 * are marked. The query is usually the smaller set, and its first match can be named. */
#include "overlap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "xxh64.h"

static uint64_t hash_of_name(const char *name)
{
    return xxh64(name, strlen(name));
}

static uint64_t hash_of_content(const uint8_t content[DIGEST_BYTES])
{
    struct bytes c = bytes_over(content, 8);
    return bytes_u64(&c);
}

/* ------------------------------------------------------------------ rows by hash */
struct entry {
    uint64_t hash;
    int64_t row;
};

struct table {
    struct entry *entry; /* by hash, then by row */
    int64_t n;
    bool *matched; /* [n of the query] by row */
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int table_open(struct table *t, int64_t n, struct fmt_error *e)
{
    *t = (struct table){malloc(((size_t)n + 1) * sizeof *t->entry), 0, calloc((size_t)n + 1, sizeof *t->matched)};
    return t->entry && t->matched ? 0 : fmt_no_memory(e);
}

static void table_add(struct table *t, uint64_t hash, int64_t row)
{
    t->entry[t->n++] = (struct entry){hash, row};
}

/* The first entry of this hash, or of the next one. */
static int64_t table_find(const struct table *t, uint64_t hash)
{
    int64_t low = 0, high = t->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->entry[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Marks the query's rows with this hash, except row `self` (-1: none) and, if `group` is a name, rows of that group.
 * Without exceptions the first call marks all rows of a hash, and later calls return at once: otherwise each row of a
 * large group would visit all rows of that group in the other set. */
static void mark(struct table *t, uint64_t hash, const struct rows *query, const char *group, int64_t self)
{
    int64_t first = table_find(t, hash);
    if (!group && self < 0 && first < t->n && t->entry[first].hash == hash && t->matched[t->entry[first].row])
        return;
    for (int64_t i = first; i < t->n && t->entry[i].hash == hash; i++) {
        int64_t row = t->entry[i].row;
        if (row != self && (!group || !*group || strcmp(query->group_name[row], group) != 0))
            t->matched[row] = true;
    }
}

/* ------------------------------------------------------------------ images, groups, keys */
enum { IMAGE, GROUP, KEY, TABLES };

struct tables {
    struct table of[TABLES];
    bool all_known; /* the content of every row of the query is known */
};

static int tables_open(struct tables *t, const struct rows *query, struct fmt_error *e)
{
    int status = 0;
    *t = (struct tables){.all_known = true};
    for (int k = 0; k < TABLES && !status; k++)
        status = table_open(&t->of[k], query->n, e);
    for (int64_t i = 0; i < query->n && !status; i++) {
        if (query->label[i] < 0)
            continue;
        bool known = digest_is_set(query->content[i]);
        t->all_known = t->all_known && known;
        if (known)
            table_add(&t->of[IMAGE], hash_of_content(query->content[i]), i);
        if (query->group_name[i][0])
            table_add(&t->of[GROUP], hash_of_name(query->group_name[i]), i);
        table_add(&t->of[KEY], hash_of_name(query->key[i]), i);
    }
    for (int k = 0; k < TABLES && !status; k++)
        qsort(t->of[k].entry, (size_t)t->of[k].n, sizeof *t->of[k].entry, compare_entries);
    return status;
}

static const char *count_rows(const struct table *t, const struct rows *query, int64_t *n)
{
    const char *first = NULL;
    for (int64_t i = 0; i < query->n; i++)
        if (t->matched[i]) {
            first = first ? first : query->key[i];
            ++*n;
        }
    return first;
}

/* All rows of a group are marked together: each group counts once, by the first entry with its hash. */
static const char *count_groups(const struct table *t, const struct rows *query, int64_t *n)
{
    int64_t first = INT64_MAX;
    for (int64_t i = 0; i < t->n; i++) {
        int64_t row = t->entry[i].row;
        if (!t->matched[row] || (i && t->entry[i].hash == t->entry[i - 1].hash))
            continue;
        first = row < first ? row : first;
        ++*n;
    }
    return *n ? query->group_name[first] : NULL;
}

/* Counts, unless the search failed, and closes the tables. */
static int finish(struct tables *t, const struct rows *query, int status, struct overlap *o)
{
    if (!status) {
        o->image = count_rows(&t->of[IMAGE], query, &o->n_images);
        o->group = count_groups(&t->of[GROUP], query, &o->n_groups);
        o->key = count_rows(&t->of[KEY], query, &o->n_keys);
    }
    for (int k = 0; k < TABLES; k++) {
        free(t->of[k].entry);
        free(t->of[k].matched);
    }
    return status;
}

int overlap_sets(const struct rows *learned, const struct rows *query, bool exclude_own_group, struct overlap *o,
                 struct fmt_error *e)
{
    struct tables t;
    *o = (struct overlap){0};
    int status = tables_open(&t, query, e);
    for (int64_t i = 0; i < learned->n && !status; i++) {
        if (learned->label[i] < 0)
            continue;
        const char *own = exclude_own_group ? learned->group_name[i] : NULL;
        int64_t self = learned->key == query->key ? i : -1;
        bool known = digest_is_set(learned->content[i]);
        if (known)
            mark(&t.of[IMAGE], hash_of_content(learned->content[i]), query, own, self);
        if (!exclude_own_group && learned->group_name[i][0])
            mark(&t.of[GROUP], hash_of_name(learned->group_name[i]), query, NULL, self);
        if (!known || !t.all_known)
            mark(&t.of[KEY], hash_of_name(learned->key[i]), query, own, self);
    }
    return finish(&t, query, status, o);
}

int overlap_seen(const struct linear_seen *seen, const struct rows *query, struct overlap *o, struct fmt_error *e)
{
    struct tables t;
    *o = (struct overlap){0};
    int status = tables_open(&t, query, e);
    for (uint32_t i = 0; i < seen->n_images && !status; i++)
        mark(&t.of[IMAGE], seen->image[i], query, NULL, -1);
    for (uint32_t i = 0; i < seen->n_groups && !status; i++)
        mark(&t.of[GROUP], seen->group[i], query, NULL, -1);
    return finish(&t, query, status, o);
}

/* ------------------------------------------------------------------ rows of a classifier */
static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts and removes duplicates; leaves at most the LINEAR_SEEN_MAX smallest values; returns how many. */
static uint32_t sort_unique(uint64_t *hash, int64_t n)
{
    uint32_t n_unique = 0;
    qsort(hash, (size_t)n, sizeof *hash, compare_hashes);
    for (int64_t i = 0; i < n && n_unique < LINEAR_SEEN_MAX; i++)
        if (n_unique == 0 || hash[i] != hash[n_unique - 1])
            hash[n_unique++] = hash[i];
    return n_unique;
}

int overlap_remember(const struct rows *r, struct linear_seen *seen, struct fmt_error *e)
{
    int64_t n_images = 0, n_groups = 0;
    *seen = (struct linear_seen){.image = malloc(((size_t)r->n + 1) * sizeof *seen->image),
                                 .group = malloc(((size_t)r->n + 1) * sizeof *seen->group)};
    if (!seen->image || !seen->group) {
        linear_seen_release(seen);
        return fmt_no_memory(e);
    }
    for (int64_t i = 0; i < r->n; i++) {
        if (r->label[i] < 0)
            continue;
        if (digest_is_set(r->content[i]))
            seen->image[n_images++] = hash_of_content(r->content[i]);
        if (r->group_name[i][0])
            seen->group[n_groups++] = hash_of_name(r->group_name[i]);
    }
    seen->n_images = sort_unique(seen->image, n_images);
    seen->n_groups = sort_unique(seen->group, n_groups);
    return 0;
}

/* ------------------------------------------------------------------ texts */
/* "12 of its images are in train.feat, the first is a/1.jpg" */
static int count_text(char *out, size_t size, int64_t n, const char *what, const char *learned, const char *first)
{
    return snprintf(out, size, "%" PRId64 " of its %s %s in %.80s, %s %.60s", n, what, n > 1 ? "are" : "is", learned,
                    n > 1 ? "the first is" : "namely", first);
}

const char *overlap_text(const struct overlap *o, const char *query, const char *learned, char out[OVERLAP_TEXT])
{
    out[0] = 0;
    if (!overlap_any(o) && !o->n_keys)
        return out;
    int at = snprintf(out, OVERLAP_TEXT, "%.80s: ", query);
    if (o->n_images)
        at += count_text(out + at, OVERLAP_TEXT - (size_t)at, o->n_images, "images", learned, o->image);
    if (o->n_groups && o->n_images)
        snprintf(out + at, OVERLAP_TEXT - (size_t)at, "; so %s %" PRId64 " of its groups, %s %.60s",
                 o->n_groups > 1 ? "are" : "is", o->n_groups, o->n_groups > 1 ? "the first is" : "namely", o->group);
    else if (o->n_groups)
        count_text(out + at, OVERLAP_TEXT - (size_t)at, o->n_groups, "groups", learned, o->group);
    else if (!o->n_images)
        snprintf(out + at, OVERLAP_TEXT - (size_t)at,
                 "%s in %.80s, too, the first is %.60s; if they are the same images",
                 FMT_COUNT(o->n_keys, "of its rows has a key that stands", "of its rows have keys that stand"), learned,
                 o->key);
    return out;
}

int overlap_judge(const struct overlap *o, const char *query, const char *learned, bool allowed,
                  char warning[OVERLAP_TEXT], struct fmt_error *e)
{
    char text[OVERLAP_TEXT];
    overlap_text(o, query, learned, text);
    if (overlap_any(o) && !allowed)
        return fmt_fail(e, FMT_MISMATCH, "%.280s: the scores would be optimistic (data leakage; --allow-overlap scores "
                        "anyway)", text);
    snprintf(warning, OVERLAP_TEXT, "%.350s%s", text, text[0] ? ": the scores are optimistic (data leakage)" : "");
    return 0;
}

int overlap_refuse(const struct overlap *o, const char *query, const char *learned, struct fmt_error *e)
{
    char text[OVERLAP_TEXT];
    if (!overlap_any(o))
        return 0;
    return fmt_fail(e, FMT_MISMATCH, "%.280s: the scores would be optimistic (data leakage)",
                    overlap_text(o, query, learned, text));
}
