/* bank-farthest.h - the tokens of each photograph that are farthest from a bank: where a fault is, if it has one. */
#ifndef BANK_FARTHEST_H
#define BANK_FARTHEST_H

#include "backend.h"
#include "bank.h"
#include "tokens.h"

/* Sets t->pick (for free()) and n_picked: of the tokens of each photograph, which may have several parts
 * (tokens_parts), those of the share that is farthest from the bank, as many as a score would be of (bank-score.h). Of
 * t->rows no group is left out. */
int bank_farthest(struct tokens *t, const struct bank *bank, double share, const struct device *device,
                  struct fmt_error *e);

#endif
