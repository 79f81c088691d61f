/* network.h - a network in a file of weights, with the table of its backbone and its origin: what the commands of
 * dino-weights begin with.
 *
 *   network_open(&n, path, &hint, e);
 *   network_hash(&n, hex, e)          of a complete one
 *   network_close(&n);
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>

#include "digest.h"
#include "weights-origin.h"
#include "weights.h"

struct network {
    const char *argument; /* of the command line: the file, or the folder that it is in */
    struct weights w;
    struct vit vit;
    struct params table;  /* the backbone's rows */
};

/* On failure there is nothing to close. */
int network_open(struct network *n, const char *path, const struct weights_hint *hint, struct fmt_error *e);
void network_close(struct network *n);

/* The hash of a complete network: weights_hash of its backbone. */
int network_hash(struct network *n, char hex[DIGEST_HEX], struct fmt_error *e);

/* The origin of the network as it is written, from further inputs (weights_origin_derive) if values were rounded.
 * *changed: another program changed the values after the hash was recorded, and what the file says of its origin is
 * left out. For weights_origin_release. */
int network_origin(struct network *n, bool rounded, const char *further, struct weights_origin *origin, bool *changed,
                   struct fmt_error *e);

#endif
