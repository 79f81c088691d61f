/* suggest.h - how far one name is from another, so that a name which is not known can be told with the one meant. */
#ifndef SUGGEST_H
#define SUGGEST_H

enum { SUGGEST_NAME_MAX = 96 }; /* what is behind so many bytes of a name is not looked at */

/* Letters to change, add or leave out to make one name of the other (Levenshtein). */
int suggest_distance(const char *a, const char *b);

#endif
