/* bank-classes.c - see bank-classes.h. Classes are compared by name: numbers are those of one file. */
#include "bank-classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static int find(char *const *name, int n, const char *wanted)
{
    int i = 0;
    while (i < n && !is(name[i], wanted))
        i++;
    return i < n ? i : -1;
}

/* ------------------------------------------------------------------ the role */
struct bank_census bank_census(const struct bank *b, const char *positive)
{
    struct bank_census n = {0};
    for (int64_t i = 0; i < b->n_photographs; i++) {
        int32_t label = b->photograph[i].label;
        if (label < 0 || !*positive)
            n.n_unknown++;
        else if (is(b->features.class_name[label], positive))
            n.n_faulty++;
        else
            n.n_good++;
    }
    return n;
}

/* All of them: the bank is of the other kind. */
static int fail_kind(enum bank_role role, int64_t n, const char *positive, struct fmt_error *e)
{
    if (role == BANK_OF_GOOD)
        return fmt_fail(e, FMT_MISMATCH, "a bank of faults, not of good parts: all of its %s of %.100s, the positive "
                        "class", FMT_COUNT(n, "photograph is", "photographs are"), positive);
    return fmt_fail(e, FMT_MISMATCH, "a bank of good parts, not of faults: none of its %s of %.100s, the positive "
                    "class", FMT_COUNT(n, "photograph is", "photographs is"), positive);
}

int bank_check_role(const struct bank *b, enum bank_role role, const char *positive, struct fmt_error *e)
{
    struct bank_census n = bank_census(b, positive);
    int64_t n_wrong = role == BANK_OF_GOOD ? n.n_faulty : n.n_good;
    bool one = n_wrong == 1;
    if (n_wrong == 0)
        return 0;
    if (n_wrong == b->n_photographs)
        return fail_kind(role, n_wrong, positive, e);
    if (role == BANK_OF_GOOD)
        return fmt_fail(e, FMT_MISMATCH, "%" PRId64 " of %" PRId64 " photographs %s of %.100s, the positive class, and "
                        "no good %s: feat-bank --list names %s, --subtract takes %s out", n_wrong, b->n_photographs,
                        one ? "is" : "are", positive, one ? "part" : "parts", one ? "it" : "them", one ? "it" : "them");
    return fmt_fail(e, FMT_MISMATCH, "%" PRId64 " of %" PRId64 " photographs %s not of %.100s, the positive class, and "
                    "no %s: feat-bank --class %.100s makes a bank without, --subtract takes %s out", n_wrong,
                    b->n_photographs, one ? "is" : "are", positive, one ? "fault" : "faults", positive,
                    one ? "it" : "them");
}

/* By contents; of photographs whose contents are not known, by keys. */
static int compare_photographs(const void *a, const void *b)
{
    const struct bank_photograph *p = *(const struct bank_photograph *const *)a,
                                 *q = *(const struct bank_photograph *const *)b;
    int order = memcmp(p->content, q->content, DIGEST_BYTES);
    return order != 0 || digest_is_set(p->content) ? order : strcmp(p->key, q->key);
}

int bank_check_apart(const struct bank *good, const struct bank *faults, struct fmt_error *e)
{
    size_t n = (size_t)faults->n_photographs;
    const struct bank_photograph **sorted = malloc((n + 1) * sizeof *sorted), *first = NULL;
    int64_t n_both = 0;
    if (!sorted)
        return fmt_no_memory(e);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &faults->photograph[i];
    qsort(sorted, n, sizeof *sorted, compare_photographs);
    for (int64_t i = 0; i < good->n_photographs; i++) {
        const struct bank_photograph *p = &good->photograph[i];
        if (n == 0 || !bsearch(&p, sorted, n, sizeof *sorted, compare_photographs))
            continue;
        first = n_both++ == 0 ? p : first;
    }
    free(sorted);
    return n_both == 0 ? 0
                       : fmt_fail(e, FMT_MISMATCH, "%s in the bank of good parts, too, the first: %.200s",
                                  FMT_COUNT(n_both, "photograph is", "photographs are"), first->key);
}

bool bank_role_note(const struct bank *b, enum bank_role role, const char *positive, char *text, size_t bytes)
{
    struct bank_census n = bank_census(b, positive);
    int64_t n_labelled = 0;
    for (int64_t i = 0; i < b->n_photographs; i++)
        n_labelled += b->photograph[i].label >= 0;
    if (n_labelled > 0 && n.n_unknown == b->n_photographs) /* of one class, which may be the good or the bad one */
        snprintf(text, bytes, "nothing says whether class %.100s is the defect (--positive): its photographs are taken "
                 "as %s", b->features.class_name[0], role == BANK_OF_GOOD ? "good" : "faulty");
    else
        snprintf(text, bytes, "%" PRId64 " of %s no label and %s taken as %s", n.n_unknown,
                 FMT_COUNT(b->n_photographs, "photograph has", "photographs have"), n.n_unknown == 1 ? "is" : "are",
                 role == BANK_OF_GOOD ? "good" : "faulty");
    return n.n_unknown > 0;
}

/* ------------------------------------------------------------------ other classes */
static int fail_order(char *const a[2], char *const b[2], struct fmt_error *e)
{
    return fmt_fail(e, FMT_MISMATCH, "classes %.100s, %.100s, the bank has %.100s, %.100s: of two the second is the "
                    "defect", a[0], a[1], b[0], b[1]);
}

static int fail_positive(const char *positive, const struct bank *b, struct fmt_error *e)
{
    return fmt_fail(e, FMT_MISMATCH, "positive class %.100s, the bank was made with %.100s", positive, b->positive);
}

static bool same_order(char *const a[2], char *const b[2])
{
    return is(a[0], b[0]) && is(a[1], b[1]);
}

int bank_check_features(const struct bank *b, const struct feat_header *h, bool allow_precision, struct fmt_error *e)
{
    struct feat_header own = *h;
    own.class_name = b->features.class_name;
    own.n_classes = b->features.n_classes;
    return feat_compatible(&b->features, &own, allow_precision, e);
}

int bank_check_classes(const struct bank *b, char *const *class_name, int n_classes, const char *positive,
                       struct fmt_error *e)
{
    const struct feat_header *h = &b->features;
    if (positive && *positive && *b->positive && !is(positive, b->positive))
        return fail_positive(positive, b, e);
    if (class_name && n_classes == 2 && h->n_classes == 2 && !same_order(class_name, h->class_name))
        return fail_order(class_name, h->class_name, e);
    return 0;
}

/* ------------------------------------------------------------------ classes of a bank and of features */
/* What the bank says must be what the features say, unless it is stated. */
static int check_agree(const struct bank *b, const struct feat_header *h, const char *stated, struct fmt_error *e)
{
    if (stated && *b->positive && !is(stated, b->positive))
        return fail_positive(stated, b, e);
    if (b->features.n_classes == 1 && h->n_classes == 2 && find(h->class_name, 2, b->features.class_name[0]) < 0)
        return fmt_fail(e, FMT_MISMATCH, "classes %.100s, %.100s, the bank has %.100s", h->class_name[0],
                        h->class_name[1], b->features.class_name[0]);
    if (stated || !*b->positive || h->n_classes < 2)
        return 0;
    if (b->features.n_classes == 2)
        return same_order(h->class_name, b->features.class_name)
                   ? 0
                   : fail_order(h->class_name, b->features.class_name, e);
    return is(h->class_name[1], b->positive) ? 0 : fail_positive(h->class_name[1], b, e);
}

static int settle_positive(struct bank_classes *c, const char *stated, struct fmt_error *e)
{
    static char good[] = "good", faulty[] = "faulty";
    if (c->n_named == 2) {
        c->i_positive = *c->positive ? find(c->name, 2, c->positive) : 1;
        if (c->i_positive < 0)
            return fmt_fail(e, FMT_INVALID, "%s %.100s: the classes are %.100s and %.100s",
                            stated ? "--positive" : "the bank's positive class", c->positive, c->name[0], c->name[1]);
        c->positive = c->name[c->i_positive];
        return 0;
    }
    if (c->n_named == 0)
        c->name[0] = good;
    c->i_positive = *c->positive == 0 || !is(c->name[0], c->positive);
    c->name[1] = c->i_positive == 0 ? good : *c->positive ? (char *)c->positive : faulty;
    return 0;
}

int bank_settle_classes(struct bank_classes *c, const struct bank *b, const struct feat_header *h, const char *stated,
                        struct fmt_error *e)
{
    bool of_bank = b && (!h || b->features.n_classes >= h->n_classes);
    const struct feat_header *of = of_bank ? &b->features : h;
    *c = (struct bank_classes){.n_named = of->n_classes, .positive = stated ? stated : b ? b->positive : ""};
    if (of->n_classes > 2)
        return fmt_fail(e, FMT_MISMATCH, "%d classes; banks tell two from each other, good and faulty", of->n_classes);
    for (int i = 0; i < of->n_classes; i++)
        c->name[i] = of->class_name[i];
    int status = b && h ? check_agree(b, h, stated, e) : b ? bank_check_classes(b, NULL, 0, stated, e) : 0;
    return status ? status : settle_positive(c, stated, e);
}

static int name_classes(struct bank *b, const struct bank_classes *c, struct fmt_error *e)
{
    struct fmt_buffer names = {0};
    char **name;
    int n;
    int32_t number[2] = {-1, -1};
    int status = index_classes_put(c->name, c->n_named, &names, e);
    struct bytes from = bytes_over(names.data, names.bytes);
    for (int i = 0; i < b->features.n_classes; i++)
        number[i] = find(c->name, c->n_named, b->features.class_name[i]);
    if (!status)
        status = index_classes_take(&from, &name, &n, e);
    fmt_buffer_release(&names);
    if (status)
        return status;
    for (int64_t i = 0; i < b->n_photographs; i++)
        if (b->photograph[i].label >= 0)
            b->photograph[i].label = number[b->photograph[i].label];
    free(b->features.class_name);
    b->features.class_name = name;
    b->features.n_classes = n;
    return 0;
}

int bank_take_classes(struct bank *b, const struct bank_classes *c, struct fmt_error *e)
{
    const char *positive = text_copy(&b->text, c->positive, strlen(c->positive));
    int status = positive ? 0 : fmt_no_memory(e);
    if (!status && b->features.n_classes < c->n_named)
        status = name_classes(b, c, e);
    if (!status)
        b->positive = positive;
    return status;
}
