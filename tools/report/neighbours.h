/* neighbours.h - the nearest labelled photographs of a photograph, by the cosine of their features: what the network
 * takes for similar, and what people said of it.
 *
 *   neighbours_open(&n, paths, n_paths, memory_bytes, &device, e);      features, of these and of labelled photographs
 *   neighbours_find(&n, keys, n_keys, e);                               of all that will be shown, at once
 *   const struct neighbour *near = neighbours_of(&n, key, &n_near);     the nearest first
 *   neighbours_close(&n);
 *
 * Photographs of the same installation are no neighbours. Features are compared as feat-knn does (knn.h).
 */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "featset.h"
#include "names.h"

enum { NEIGHBOURS = 3 };

struct neighbour {
    const char *key, *class_name;
    double similarity;
};

struct neighbours {
    struct featset set;
    const struct device *device;
    struct names keys; /* of the rows */
    struct neighbours_found { /* [n_found] by key */
        const char *key;
        struct neighbour near[NEIGHBOURS];
        int n;
    } *found;
    int64_t n_found;
    bool open;
};

int neighbours_open(struct neighbours *n, const char *const *path, int n_paths, int64_t memory_bytes,
                    const struct device *device, struct fmt_error *e);
/* keys that have no row are passed over; they must outlive the search. */
int neighbours_find(struct neighbours *n, const char *const *key, int64_t n_keys, struct fmt_error *e);
const struct neighbour *neighbours_of(const struct neighbours *n, const char *key, int *n_near);
void neighbours_close(struct neighbours *n); /* a zeroed struct is allowed */

#endif
