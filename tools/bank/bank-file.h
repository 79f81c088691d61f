/* bank-file.h - banks in files.
 *
 *   bank_file_read(&b, "good.bank", e);  bank_release(&b);
 */
#ifndef BANK_FILE_H
#define BANK_FILE_H

#include "bank.h"

bool bank_file_is(const char *path); /* a file that is a bank; not "-" */
int bank_file_read(struct bank *b, const char *path, struct fmt_error *e); /* errors name the path */

/* "40 good, 2 without a label": the photographs by class, for provenance. */
enum { BANK_LABELS_TEXT = 512 };
const char *bank_labels_text(const struct bank *b, char text[BANK_LABELS_TEXT]);

#endif
