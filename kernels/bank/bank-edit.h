/* bank-edit.h - banks from other banks. */
#ifndef BANK_EDIT_H
#define BANK_EDIT_H

#include "bank.h"

/* Photographs and vectors of all, each once: the same photograph has the same key and content, the same vector is of
 * the same token. Labels are kept; no photograph has a score. FMT_MISMATCH: features or positive classes that do
 * not go together, a photograph of two labels. */
int bank_join(struct bank *out, const struct bank *in, int n, struct fmt_error *e);

/* Removes photographs for which drop is true, with their vectors; *n_dropped of them. All scores are removed with them,
 * if any is dropped. FMT_INVALID: nothing would be left. */
int bank_subtract(struct bank *b, bool (*drop)(void *arg, const struct bank_photograph *p), void *arg,
                  int64_t *n_dropped, struct fmt_error *e);

#endif
