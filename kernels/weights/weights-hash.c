/* weights-hash.c - the hashes that features carry of the weights in a file. All tensors are read. */
#include <stdlib.h>
#include <string.h>

#include "weights.h"

static int make_table(const struct weights *w, struct params *table, struct fmt_error *e)
{
    struct vit vit;
    struct head head;
    struct vit_config shape = weights_vit_config(w);
    int status = vit_params(&vit, &shape, table, e);
    if (!status && w->has_head)
        status = head_params(&head, &w->head, HEAD_DINO, (int)shape.depth + 1, table, e);
    return status;
}

/* hash: of the backbone, of backbone and head. *several: the file holds other networks, too. */
static int hash_network(const char *path, enum weights_net net, uint8_t hash[2][DIGEST_BYTES], bool *several,
                        struct fmt_error *e)
{
    struct weights w;
    struct params table = {0};
    struct weights_hint hint = {.net = net, .tensors_only = true};
    int status = weights_open(&w, path, &hint, e);
    if (status)
        return status;
    *several = w.choice[0] != 0;
    status = make_table(&w, &table, e);
    unsigned modules = WEIGHTS_BACKBONE | (w.has_head ? WEIGHTS_DINO_HEAD : 0);
    float *values = status ? NULL : calloc((size_t)table.count + 1, sizeof *values);
    if (!status && !values)
        status = fmt_no_memory(e);
    if (!status)
        status = weights_load(&w, &table, modules, values, e);
    if (!status)
        status = weights_hash(&table, WEIGHTS_BACKBONE, values, hash[0], e);
    if (!status && w.has_head)
        status = weights_hash(&table, modules, values, hash[1], e);
    free(values);
    params_release(&table);
    weights_close(&w);
    return status;
}

int weights_file_hashes(const char *path, uint8_t hash[WEIGHTS_HASHES][DIGEST_BYTES], struct fmt_error *e)
{
    bool several;
    memset(hash, 0, WEIGHTS_HASHES * sizeof hash[0]);
    int status = hash_network(path, WEIGHTS_TEACHER, hash, &several, e);
    if (!status && several && hash_network(path, WEIGHTS_STUDENT, hash + 2, &several, NULL) != 0)
        memset(hash + 2, 0, 2 * sizeof hash[0]); /* no student is among them */
    return status;
}
