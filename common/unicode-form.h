/* unicode-form.h - names that look alike and are not: one letter with its mark as one character, as cameras, Windows
 * and most programs write it (NFC), or as a letter and a combining mark, as Macs do (NFD). File systems compare bytes.
 *
 * Known are Latin, Greek (monotonic) and Cyrillic letters, kana and Hangul. Marks are not sorted: names that are in
 * neither form stay apart.
 */
#ifndef UNICODE_FORM_H
#define UNICODE_FORM_H

#include <stdbool.h>

/* As strcmp, but 0 for names that differ in their form only. An order: what is equal stands together. */
int unicode_form_compare(const char *a, const char *b);

bool unicode_form_is_ascii(const char *name); /* ASCII: there is no other form of it */

#define UNICODE_FORM_HINT "; a name is there that differs only in its Unicode form (composed or with combining marks)"

/* For messages about a path that is not there: UNICODE_FORM_HINT, or "". Looks through folders; keeps errno. */
const char *unicode_form_hint(const char *path);

#endif
