/* bank-lookup.h - photographs of a bank by key and content.
 *
 *   bank_lookup_open(&l, &b, e);  i = bank_lookup_find(&l, key, content);  bank_lookup_close(&l);
 *
 * It points into the bank, to which nothing may be added meanwhile.
 */
#ifndef BANK_LOOKUP_H
#define BANK_LOOKUP_H

#include "bank.h"

struct bank_lookup {
    const struct bank_photograph **sorted; /* by key */
    const struct bank *bank;
};

int bank_lookup_open(struct bank_lookup *l, const struct bank *b, struct fmt_error *e);
/* The index of the photograph with this key and content, or -1. A content that is not known (zeros) is any. */
int64_t bank_lookup_find(const struct bank_lookup *l, const char *key, const uint8_t content[DIGEST_BYTES]);
void bank_lookup_close(struct bank_lookup *l); /* a zeroed struct is allowed */

#endif
