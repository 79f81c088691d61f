/* edit-distance.h - how far one name is from another, to suggest the known name that an unknown one may mean. */
#ifndef EDIT_DISTANCE_H
#define EDIT_DISTANCE_H

enum { EDIT_DISTANCE_NAME_MAX = 96 }; /* what is behind so many bytes of a name is not looked at */

/* Letters to change, add or leave out to make one name of the other (Levenshtein). */
int edit_distance(const char *a, const char *b);

#endif
