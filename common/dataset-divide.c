/* dataset-divide.c - images that belong together are one set; sets are dealt out label by label, so that each split
 * gets its share of every label. A set goes to the split that is furthest behind its share of what was dealt so far:
 * for sets of one size no split is ever a whole set away from it. Large sets come first, small ones even it out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "dataset-internal.h"
#include "disjoint-sets.h"
#include "num.h"
#include "unicode-form.h"

enum { N_SPLITS = 3 };

struct unit { /* images that belong together */
    int64_t n_images;
    int32_t label;          /* the highest of its images: the positive class, if one has it */
    const uint8_t *content; /* the least digest of its images */
    uint64_t lot;
    int split;
};

struct behind { /* images dealt out, and how many of them each split has */
    double n, of_split[N_SPLITS];
};

int dataset_parse_shares(const char *text, struct dataset_shares *shares, struct fmt_error *e)
{
    char *copy = strdup(text), *at = copy, *part;
    double sum = 0;
    int n = 0;
    bool good = true;
    if (!copy)
        return fmt_no_memory(e);
    for (; (part = strsep(&at, ",")) && good; n++) {
        double v = -1;
        good = n < N_SPLITS && num_f64(part, &v) && v >= 0 && v <= 1e9;
        if (good)
            sum += shares->of_split[n] = v;
    }
    free(copy);
    if (!good || n != N_SPLITS || sum <= 0)
        return fmt_fail(e, FMT_INVALID, "three shares are needed, of train, val and test: 70,15,15");
    for (int s = 0; s < N_SPLITS; s++)
        shares->of_split[s] /= sum;
    return 0;
}

/* ---------------------------------------------------------------- what belongs together */

static int by_installation(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    return unicode_form_compare(im[*(const int64_t *)a].installation, im[*(const int64_t *)b].installation);
}

static int by_content(const void *a, const void *b, void *images)
{
    const struct dataset_image *im = images;
    return memcmp(im[*(const int64_t *)a].sha256, im[*(const int64_t *)b].sha256, DIGEST_BYTES);
}

/* set[i]: the set of image i, named by one of its images. order: the n usable images. */
static void join_images(struct dataset *d, int64_t *order, int64_t n, int64_t *set)
{
    for (int64_t i = 0; i < d->n_images; i++)
        set[i] = i;
    qsort_r(order, (size_t)n, sizeof *order, by_installation, d->image);
    for (int64_t i = 1; i < n; i++)
        if (*d->image[order[i]].installation && by_installation(&order[i], &order[i - 1], d->image) == 0)
            disjoint_join(set, order[i], order[i - 1]);
    qsort_r(order, (size_t)n, sizeof *order, by_content, d->image);
    for (int64_t i = 1; i < n; i++)
        if (by_content(&order[i], &order[i - 1], d->image) == 0)
            disjoint_join(set, order[i], order[i - 1]);
}

/* The lot of a set: bytes of a digest of the seed and of its least content. */
static uint64_t draw_lot(const struct unit *u, uint64_t seed)
{
    uint8_t text[8 + DIGEST_BYTES], digest[DIGEST_BYTES];
    for (int i = 0; i < 8; i++)
        text[i] = (uint8_t)(seed >> (8 * i));
    memcpy(text + 8, u->content, DIGEST_BYTES);
    digest_of(text, sizeof text, digest);
    struct bytes b = bytes_over(digest, 8);
    return bytes_u64(&b);
}

static void add_to_unit(struct unit *u, const struct dataset_image *im)
{
    if (u->n_images++ == 0 || memcmp(im->sha256, u->content, DIGEST_BYTES) < 0)
        u->content = im->sha256;
    u->label = u->n_images == 1 || im->label > u->label ? im->label : u->label;
}

/* ---------------------------------------------------------------- dealing */

static int by_turn(const void *a, const void *b)
{
    const struct unit *x = *(struct unit *const *)a, *y = *(struct unit *const *)b;
    if (x->label != y->label)
        return x->label > y->label ? -1 : 1;
    if (x->n_images != y->n_images)
        return x->n_images > y->n_images ? -1 : 1;
    if (x->lot != y->lot)
        return x->lot < y->lot ? -1 : 1;
    return memcmp(x->content, y->content, DIGEST_BYTES);
}

/* How many images split s lacks of its share, once n more are dealt out. */
static double lacks(const struct behind *b, const struct dataset_shares *shares, int s, int64_t n)
{
    return shares->of_split[s] * (b->n + (double)n) - b->of_split[s];
}

static void deal(struct behind *b, int split, int64_t n)
{
    b->n += (double)n;
    b->of_split[split] += (double)n;
}

/* The split that lacks most of the label; where several do (rounding aside), most of all labels. */
static int choose(const struct behind *of_label, const struct behind *of_all, const struct dataset_shares *shares,
                  int64_t n)
{
    int best = -1;
    for (int s = 0; s < N_SPLITS; s++) {
        if (shares->of_split[s] <= 0)
            continue;
        double more = best < 0 ? 1 : lacks(of_label, shares, s, n) - lacks(of_label, shares, best, n);
        if (fabs(more) < 1e-6)
            more = lacks(of_all, shares, s, n) - lacks(of_all, shares, best, n);
        if (more > 1e-6)
            best = s;
    }
    return best;
}

static void deal_out(struct unit **turn, int64_t n, const struct dataset_shares *shares)
{
    struct behind of_all = {0}, of_label = {0};
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && turn[i]->label != turn[i - 1]->label)
            of_label = (struct behind){0};
        turn[i]->split = choose(&of_label, &of_all, shares, turn[i]->n_images);
        deal(&of_label, turn[i]->split, turn[i]->n_images);
        deal(&of_all, turn[i]->split, turn[i]->n_images);
    }
}

/* A split that lacks a class cannot tell anything of it. */
static int note_lacking(struct dataset *d, const struct dataset_shares *shares, struct fmt_error *e)
{
    int64_t (*n)[N_SPLITS] = calloc((size_t)d->n_classes + 1, sizeof *n);
    int status = n ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < d->n_images && n; i++)
        for (int s = 0; s < N_SPLITS; s++)
            if (d->image[i].label >= 0 && dataset_usable(&d->image[i]))
                n[d->image[i].label][s] += strcmp(d->image[i].split, dataset_splits[s]) == 0;
    for (int c = 0; c < d->n_classes; c++)
        for (int s = 0; s < N_SPLITS && !status; s++)
            if (shares->of_split[s] > 0 && n[c][s] == 0 && n[c][0] + n[c][1] + n[c][2] > 0)
                status = dataset_note(d, DATASET_UNDIVIDED, dataset_splits[s], e,
                                      "has no image of %.100s: too few groups", d->class_name[c]);
    free(n);
    return status;
}

int dataset_divide(struct dataset *d, const struct dataset_shares *shares, uint64_t seed, struct fmt_error *e)
{
    size_t room = (size_t)d->n_images + 1;
    int64_t *order = malloc(room * sizeof *order), *set = malloc(room * sizeof *set), n = 0, n_units = 0;
    struct unit *unit = calloc(room, sizeof *unit), **turn = malloc(room * sizeof *turn);
    int status = order && set && unit && turn ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < d->n_images && !status; i++)
        if (dataset_usable(&d->image[i]))
            order[n++] = i;
    if (!status) {
        join_images(d, order, n, set);
        for (int64_t k = 0; k < n; k++)
            add_to_unit(&unit[disjoint_of(set, order[k])], &d->image[order[k]]);
        for (int64_t i = 0; i < d->n_images; i++)
            if (unit[i].n_images) {
                unit[i].lot = draw_lot(&unit[i], seed);
                turn[n_units++] = &unit[i];
            }
        qsort(turn, (size_t)n_units, sizeof *turn, by_turn);
        deal_out(turn, n_units, shares);
        for (int64_t k = 0; k < n; k++)
            d->image[order[k]].split = dataset_splits[unit[disjoint_of(set, order[k])].split];
        status = note_lacking(d, shares, e);
    }
    free(order);
    free(set);
    free(unit);
    free(turn);
    return status;
}
