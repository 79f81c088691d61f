/* import-hash.c - the hashes that features carry of the weights in a file. All tensors are read. */
#include <stdlib.h>
#include <string.h>

#include "nn/import.h"

static int make_table(const struct weights *w, struct params *table, struct fmt_error *e)
{
    struct vit vit;
    struct head head;
    struct vit_config shape = weights_shape(w);
    int status = vit_params(&vit, &shape, table, e);
    if (!status && w->has_head)
        status = head_params(&head, &w->head, PARAMS_DINO_HEAD, (int)shape.depth + 1, table, e);
    return status;
}

int weights_file_hashes(const char *path, uint8_t backbone[DIGEST_BYTES], uint8_t with_head[DIGEST_BYTES],
                        struct fmt_error *e)
{
    struct weights w;
    struct params table = {0};
    struct weights_hint hint = {.net = WEIGHTS_TEACHER, .tensors_only = true};
    int status = weights_open(&w, path, &hint, e);
    if (status)
        return status;
    status = make_table(&w, &table, e);
    unsigned modules = WEIGHTS_BACKBONE | (w.has_head ? WEIGHTS_DINO_HEAD : 0);
    float *values = status ? NULL : calloc((size_t)table.count + 1, sizeof *values);
    if (!status && !values)
        status = fmt_no_memory(e);
    if (!status)
        status = weights_load(&w, &table, modules, values, e);
    if (!status)
        status = weights_hash(&table, WEIGHTS_BACKBONE, values, backbone, e);
    memset(with_head, 0, DIGEST_BYTES);
    if (!status && w.has_head)
        status = weights_hash(&table, modules, values, with_head, e);
    free(values);
    params_release(&table);
    weights_close(&w);
    return status;
}
