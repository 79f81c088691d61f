/* unicode-form.h - names that look the same but differ: a letter with a mark can be one character (NFC), as cameras,
 * Windows and most programs write it, or a letter and a combining mark (NFD), as Macs do. File systems compare bytes.
 *
 * Latin, Greek (monotonic) and Cyrillic letters, kana and Hangul are covered. Marks are not sorted: names that are in
 * neither form are different.
 */
#ifndef UNICODE_FORM_H
#define UNICODE_FORM_H

#include <stdbool.h>

/* A total order, as strcmp, in which names that differ only in their form are equal. */
int unicode_form_compare(const char *a, const char *b);

/* The same, in which also capital and small letters are equal (A to Z, Greek, Cyrillic, with marks or without), and
 * backslash and slash. */
int unicode_form_compare_loosely(const char *a, const char *b);

bool unicode_form_is_ascii(const char *name); /* then it has no other form */

#define UNICODE_FORM_HINT "; a name is there that differs only in its Unicode form (composed or with combining marks)"

/* For messages about a path that does not exist: UNICODE_FORM_HINT, or "". Searches folders; does not change errno. */
const char *unicode_form_hint(const char *path);

#endif
