/* weights-export.c - see weights-export.h. */
#include "weights-export.h"

#include <stdlib.h>
#include <string.h>

static const char backbone_prefix[] = "backbone.";

static void add(struct weights_export *x, const char *name, int n_dims, const int64_t *dims,
                const struct weights_tensor *from, int64_t depth, const struct weights_export_options *form)
{
    const char *published = form->bare ? name + strlen(backbone_prefix) : name;
    struct named_tensor_out *out = &x->out[x->n];
    *out = (struct named_tensor_out){.dtype = form->dtype, .n_dims = n_dims};
    memcpy(out->dims, dims, (size_t)n_dims * sizeof *dims);
    const char *made = block_chunks_name(published, depth, form->chunks, x->name[x->n]);
    if (made != x->name[x->n])
        strcpy(x->name[x->n], made); /* PARAMS_NAME_MAX is less than BLOCK_CHUNKS_NAME_MAX */
    out->name = x->name[x->n];
    x->from[x->n++] = from;
}

int weights_export_list(struct weights_export *x, const struct weights *w, const struct params *table,
                        const struct weights_export_options *form, struct fmt_error *e)
{
    size_t room = (size_t)(table->n_rows + w->n_tensors) + 1;
    *x = (struct weights_export){.out = calloc(room, sizeof *x->out), .from = calloc(room, sizeof(void *)),
                         .name = calloc(room, sizeof *x->name)};
    if (!x->out || !x->from || !x->name) {
        weights_export_release(x);
        return fmt_no_memory(e);
    }
    for (int i = 0; i < table->n_rows; i++) {
        const struct param *row = &table->rows[i];
        add(x, row->name, row->n_dims, row->dims, weights_find(w, row->name), w->vit.depth, form);
    }
    for (int64_t i = 0; i < w->n_tensors && !form->bare; i++) {
        const struct weights_tensor *t = &w->tensor[i];
        if (strncmp(t->name, backbone_prefix, strlen(backbone_prefix)) != 0 && t->n_dims >= 0)
            add(x, t->name, t->n_dims, t->dims, t, w->vit.depth, form);
    }
    return 0;
}

static int read_values(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct weights_export *x = arg;
    if (x->from[i])
        return weights_read(x->from[i], first, n, out, e);
    memset(out, 0, (size_t)n * sizeof *out);
    return 0;
}

struct named_tensor_values weights_export_values(struct weights_export *x)
{
    return (struct named_tensor_values){x, read_values};
}

void weights_export_release(struct weights_export *x)
{
    free(x->out);
    free(x->from);
    free(x->name);
    *x = (struct weights_export){0};
}
