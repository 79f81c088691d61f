/* edit-distance.h - how far one name is from another, to suggest the known name that an unknown one may mean. */
#ifndef EDIT_DISTANCE_H
#define EDIT_DISTANCE_H

enum { EDIT_DISTANCE_NAME_MAX = 96 }; /* bytes of a name that are compared; the rest is ignored */

/* The number of bytes to change, add or remove to turn one name into the other (Levenshtein). */
int edit_distance(const char *a, const char *b);

#endif
