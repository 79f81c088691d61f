/* part-set.c - sorting by identity finds the sets, sorting by set and part puts their files in order. */
#include "part-set.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Files that are no parts first. */
static int by_identity(const void *a, const void *b)
{
    const struct part_file *x = a, *y = b;
    int order = order_of(x->part.n > 0, y->part.n > 0);
    if (!order && x->part.n > 0)
        order = memcmp(x->header->identity, y->header->identity, DIGEST_BYTES);
    return order ? order : order_of(x->i, y->i);
}

static int by_set(const void *a, const void *b)
{
    const struct part_file *x = a, *y = b;
    int order = order_of(x->set, y->set);
    if (!order)
        order = order_of(x->part.i, y->part.i);
    return order ? order : order_of(x->i, y->i);
}

/* ---------------------------------------------------------------- lists of parts */

/* Appends "3" or "3-5" to a list. */
static void add_range(int32_t first, int32_t last, char *text, size_t bytes)
{
    size_t at = strlen(text);
    if (bytes - at < 32) {
        if (bytes - at > 5 && !strstr(text, "..."))
            strcpy(text + at, " ...");
        return;
    }
    at += (size_t)snprintf(text + at, bytes - at, "%s%" PRId32, at ? ", " : "", first);
    if (last > first)
        snprintf(text + at, bytes - at, "-%" PRId32, last);
}

void part_set_list(const struct part_file *f, int n, char *text, size_t bytes)
{
    text[0] = 0;
    for (int k = 0, end; k < n; k = end) {
        for (end = k + 1; end < n && f[end].part.i == f[end - 1].part.i + 1; end++) {
        }
        add_range(f[k].part.i, f[end - 1].part.i, text, bytes);
    }
}

/* The parts that the n files of a set lack; returns their number. */
static int32_t list_missing(const struct part_file *f, int n, char *text, size_t bytes)
{
    int32_t next = 1, all = f->part.n;
    text[0] = 0;
    for (int k = 0; k <= n; k++) {
        int32_t here = k < n ? f[k].part.i : all + 1;
        if (here > next)
            add_range(next, here - 1, text, bytes);
        next = here + 1;
    }
    return all - n;
}

/* ---------------------------------------------------------------- parts of other jobs */

/* The first setting whose value differs, "keep_going true, other file has false"; false: none. */
static bool other_setting(const struct cJSON *a, const struct cJSON *b, char *text, size_t bytes)
{
    const struct cJSON *of_a = cJSON_GetObjectItemCaseSensitive(a, "settings"),
                       *of_b = cJSON_GetObjectItemCaseSensitive(b, "settings");
    for (const struct cJSON *x = of_a ? of_a->child : NULL; x; x = x->next) {
        const struct cJSON *y = x->string ? cJSON_GetObjectItemCaseSensitive(of_b, x->string) : NULL;
        if (!y || cJSON_Compare(x, y, true))
            continue;
        char *value_a = cJSON_PrintUnformatted(x), *value_b = cJSON_PrintUnformatted(y);
        snprintf(text, bytes, "%.40s %.30s, other file has %.30s", x->string, value_b ? value_b : "?",
                 value_a ? value_a : "?");
        cJSON_free(value_a);
        cJSON_free(value_b);
        return true;
    }
    return false;
}

/* Why b is of another job than a. Identities differ because weights, settings or images do. */
static void explain(const struct part_file *a, const struct part_file *b, char *text, size_t bytes)
{
    struct fmt_error why = {0};
    if (a->features && b->features && feat_compatible(a->features, b->features, false, &why)) {
        snprintf(text, bytes, "%.120s", why.text);
        return;
    }
    struct cJSON *of_a = cJSON_Parse(a->header->provenance),
                 *of_b = cJSON_Parse(b->header->provenance);
    if (!other_setting(of_a, of_b, text, bytes))
        snprintf(text, bytes, "%s", of_a && of_b ? "made from other images" : "made from other images or settings");
    cJSON_Delete(of_a);
    cJSON_Delete(of_b);
}

/* A part of another job that may be meant for one that the set f .. f + n - 1 lacks: the same number of as many; NULL:
 * there is none. */
static const struct part_file *find_stray(const struct part_file *all, int n_all, const struct part_file *f,
                                             int n)
{
    for (const struct part_file *s = all; s < all + n_all; s++) {
        bool there = s->set == f->set || s->part.n != f->part.n;
        for (int k = 0; k < n && !there; k++)
            there = f[k].part.i == s->part.i;
        if (!there)
            return s;
    }
    return NULL;
}

static int fail_missing(const struct part_file *all, int n_all, const struct part_file *f, int n,
                        struct fmt_error *e)
{
    char missing[80], other[240] = "", why[140];
    int32_t n_missing = list_missing(f, n, missing, sizeof missing);
    const struct part_file *stray = find_stray(all, n_all, f, n);
    if (stray) {
        explain(f, stray, why, sizeof why);
        snprintf(other, sizeof other, "; %.60s is part %" PRId32 " of another job: %s", stray->path, stray->part.i,
                 why);
    }
    return fmt_fail(e, FMT_TRUNCATED, "%.60s: part%s %s of %" PRId32 " %s missing%s", f->path, n_missing > 1 ? "s" : "",
                    missing, f->part.n, n_missing > 1 ? "are" : "is", other);
}

/* ---------------------------------------------------------------- sets */

/* The files of one set are there once, and of one number of parts. */
static int check_set(const struct part_file *f, int n, struct fmt_error *e)
{
    for (int k = 1; k < n; k++) {
        struct part p = f[k].part, before = f[k - 1].part;
        if (p.n != before.n)
            return fmt_fail(e, FMT_MISMATCH,
                            "%.150s: is part %" PRId32 " of %" PRId32 ", but %.150s is one of %" PRId32, f[k].path,
                            p.i, p.n, f[k - 1].path, before.n);
        if (p.i == before.i)
            return fmt_fail(e, FMT_MISMATCH, "%.150s: part %" PRId32 " of %" PRId32 " is there twice, also as %.150s",
                            f[k].path, p.i, p.n, f[k - 1].path);
    }
    return 0;
}

int part_set_size(const struct part_file *f, int n)
{
    int size = 1;
    while (size < n && f[size].set == f->set)
        size++;
    return size;
}

int part_set_arrange(struct part_file *f, int n, bool allow_missing, struct fmt_error *e)
{
    for (int k = 0; k < n; k++)
        f[k].set = f[k].i;
    qsort(f, (size_t)n, sizeof *f, by_identity);
    for (int k = 1; k < n; k++)
        if (f[k - 1].part.n > 0 && memcmp(f[k - 1].header->identity, f[k].header->identity, DIGEST_BYTES) == 0)
            f[k].set = f[k - 1].set;
    qsort(f, (size_t)n, sizeof *f, by_set);
    int status = 0;
    for (int k = 0, end; k < n && !status; k = end) {
        end = k + part_set_size(&f[k], n - k);
        if (f[k].part.n == 0)
            continue;
        status = check_set(&f[k], end - k, e);
        if (!status && !allow_missing && end - k < f[k].part.n)
            status = fail_missing(f, n, &f[k], end - k, e);
    }
    return status;
}
