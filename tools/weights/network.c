/* network.c - see network.h. */
#include "network.h"

#include <string.h>

#include "version.h"

int network_open(struct network *n, const char *path, const struct weights_hint *hint, struct fmt_error *e)
{
    memset(n, 0, sizeof *n);
    n->argument = path;
    int status = weights_open(&n->w, path, hint, e);
    if (status)
        return status;
    struct vit_config config = weights_vit_config(&n->w);
    status = vit_params(&n->vit, &config, &n->table, e);
    if (status)
        network_close(n);
    return status;
}

void network_close(struct network *n)
{
    params_release(&n->table);
    weights_close(&n->w);
}

int network_hash(struct network *n, char hex[DIGEST_HEX], struct fmt_error *e)
{
    uint8_t digest[DIGEST_BYTES];
    int status = weights_check_stored(&n->w, &n->table, WEIGHTS_BACKBONE, e);
    if (!status)
        status = weights_hash_tensors(&n->w, &n->table, WEIGHTS_BACKBONE, digest, e);
    if (!status)
        digest_hex(digest, hex);
    return status;
}

int network_origin(struct network *n, bool rounded, const char *further, struct weights_origin *origin, bool *changed,
                   struct fmt_error *e)
{
    char hex[DIGEST_HEX];
    *changed = false;
    int status = weights_origin_read(origin, &n->w.file, e);
    if (status || (!origin->inputs && !further))
        return status;
    status = network_hash(n, hex, e);
    if (status) {
        fmt_prefix(e, n->w.path);
        return status;
    }
    *changed = origin->hash && strcmp(origin->hash, hex) != 0;
    if (*changed)
        weights_origin_release(origin);
    if (*changed && !further)
        return 0;
    if (rounded)
        return weights_origin_derive(origin, hex, "dino-weights " DINOTOOLS_VERSION, further, e);
    if (!origin->hash && !(origin->hash = strdup(hex)))
        return fmt_no_memory(e);
    return 0;
}
