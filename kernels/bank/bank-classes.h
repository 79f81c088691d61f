/* bank-classes.h - which photographs of a bank have a fault, by their labels and the positive class, and whether the
 * bank is used as what it is: a bank of good parts that holds faulty ones lets every such fault pass.
 *
 *   bank_settle_classes(&two, &bank, &set.header, stated, e);      the classes of bank and features, as one
 *   bank_take_classes(&bank, &two, e);                             where the features have more
 *   bank_check_role(&bank, BANK_OF_GOOD, two.positive, e);
 */
#ifndef BANK_CLASSES_H
#define BANK_CLASSES_H

#include "bank.h"

enum bank_role { BANK_OF_GOOD, BANK_OF_FAULTS };

/* Photographs by what is known of them: nothing of those without a label, and of none where no class is the positive
 * one. */
struct bank_census {
    int64_t n_good, n_faulty, n_unknown;
};
struct bank_census bank_census(const struct bank *b, const char *positive); /* "" not known */

/* FMT_MISMATCH: of good parts it may hold none of the positive class ("" not known), of faults no others, with how many
 * it holds and what to do. Photographs of which nothing is known are allowed. */
int bank_check_role(const struct bank *b, enum bank_role role, const char *positive, struct fmt_error *e);
/* FMT_MISMATCH: photographs, by their contents or where these are not known by their keys, are in both banks. A fault
 * that the good bank knows, too, is at a distance of 0 from it. */
int bank_check_apart(const struct bank *good, const struct bank *faults, struct fmt_error *e);
/* "12 of 40 photographs without a label are taken as good", cut to `bytes`. False: nothing had to be taken. */
bool bank_role_note(const struct bank *b, enum bank_role role, const char *positive, char *text, size_t bytes);

/* Whether features go with the bank (feat_compatible), whatever their classes. */
int bank_check_features(const struct bank *b, const struct feat_header *h, bool allow_precision, struct fmt_error *e);
/* FMT_MISMATCH: the bank has another positive class than this one, or two classes in another order than these. positive
 * "" or NULL, class_name NULL: not known, nothing is compared. */
int bank_check_classes(const struct bank *b, char *const *class_name, int n_classes, const char *positive,
                       struct fmt_error *e);

/* The classes of a bank and of features that it is made from or used with: always two, whose names may be made up. */
struct bank_classes {
    char *name[2];        /* of the bank or the features, which must outlive this; or "good", "faulty" */
    int n_named;          /* how many of them are not made up */
    int i_positive;       /* which is the defect */
    const char *positive; /* its name; "" where nothing says which it is */
};

/* b, h: one of them may be NULL. stated: --positive, or NULL. A bank that has as many classes as the features gives the
 * order. FMT_MISMATCH: more than two classes, a class of the bank that the features do not have, another order of two
 * where nothing is stated, another positive class than the bank's. */
int bank_settle_classes(struct bank_classes *c, const struct bank *b, const struct feat_header *h, const char *stated,
                        struct fmt_error *e);
/* Gives the bank the named classes, where they are more than its own, and the positive one. Names of the bank in c are
 * those of before. */
int bank_take_classes(struct bank *b, const struct bank_classes *c, struct fmt_error *e);

#endif
