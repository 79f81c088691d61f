/* edit-distance.c - dynamic programming over one row of the table of distances between prefixes of the two names. */
#include "edit-distance.h"

#include <string.h>

int edit_distance(const char *a, const char *b)
{
    int row[EDIT_DISTANCE_NAME_MAX + 1], n = (int)strnlen(b, EDIT_DISTANCE_NAME_MAX);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; a[i] && i < EDIT_DISTANCE_NAME_MAX; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (int j = 0; j < n; j++) {
            int above = row[j + 1], best = corner + (a[i] != b[j]);
            best = best < above + 1 ? best : above + 1;
            row[j + 1] = best < row[j] + 1 ? best : row[j] + 1;
            corner = above;
        }
    }
    return row[n];
}
