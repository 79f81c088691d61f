/* weights-export.c - see weights-export.h. */
#include "weights-export.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "trace-record.h"

static const char backbone_prefix[] = "backbone.";

static void add_tensor(struct weights_export *x, const char *name, int n_dims, const int64_t *dims,
                       const struct weights_tensor *source, int64_t depth,
                       const struct weights_export_options *options)
{
    const char *published = options->bare ? name + strlen(backbone_prefix) : name;
    struct named_tensor_out *out = &x->out[x->n];
    *out = (struct named_tensor_out){.dtype = options->dtype, .n_dims = n_dims};
    memcpy(out->dims, dims, (size_t)n_dims * sizeof *dims);
    const char *chunked = block_chunks_name(published, depth, options->chunks, x->name[x->n]);
    if (chunked != x->name[x->n])
        strcpy(x->name[x->n], chunked); /* PARAMS_NAME_MAX is less than BLOCK_CHUNKS_NAME_MAX */
    out->name = x->name[x->n];
    x->source[x->n++] = source;
}

int weights_export_list(struct weights_export *x, const struct weights *w, const struct params *table,
                        const struct weights_export_options *options, struct fmt_error *e)
{
    size_t capacity = (size_t)(table->n_rows + w->n_tensors) + 1;
    *x = (struct weights_export){.out = calloc(capacity, sizeof *x->out), .source = calloc(capacity, sizeof(void *)),
                                 .name = calloc(capacity, sizeof *x->name)};
    if (!x->out || !x->source || !x->name) {
        weights_export_release(x);
        return fmt_no_memory(e);
    }
    for (int i = 0; i < table->n_rows; i++) {
        const struct param *row = &table->rows[i];
        add_tensor(x, row->name, row->n_dims, row->dims, weights_find(w, row->name), w->vit.depth, options);
    }
    for (int64_t i = 0; i < w->n_tensors && !options->bare; i++) {
        const struct weights_tensor *t = &w->tensor[i];
        if (!text_after(t->name, backbone_prefix) && t->n_dims >= 0)
            add_tensor(x, t->name, t->n_dims, t->dims, t, w->vit.depth, options);
    }
    return 0;
}

static int read_values(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    const struct weights_export *x = arg;
    if (x->source[i])
        return weights_read(x->source[i], first, n, out, e);
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
    free(x->source);
    free(x->name);
    *x = (struct weights_export){0};
}

/* ------------------------------------------------------------------ metadata */
void weights_meta_add(struct weights_meta *m, const char *key, const char *value)
{
    if (value && m->n < (int)(sizeof m->item / sizeof *m->item))
        m->item[m->n++] = (struct named_tensor_meta){(char *)(uintptr_t)key, (char *)(uintptr_t)value};
}

int weights_meta_make(struct weights_meta *m, const struct weights *w, const struct weights_origin *origin,
                      struct fmt_error *e)
{
    *m = (struct weights_meta){.n = 0};
    int status = w->has_settings ? config_json(&w->settings, CONFIG_RESULT, &m->settings, e) : 0;
    if (!status && fmt_buffer_append(&m->settings, "", 1))
        status = fmt_no_memory(e);
    if (status) {
        weights_meta_release(m);
        return status;
    }
    weights_meta_add(m, "format", "pt");
    weights_meta_add(m, CONFIG_META_KEY, w->has_settings ? (const char *)m->settings.data : NULL);
    weights_meta_add(m, TRACE_META_TOOL, origin->tool);
    weights_meta_add(m, TRACE_META_ITERATION, origin->iteration);
    weights_meta_add(m, TRACE_META_INPUTS, origin->inputs);
    weights_meta_add(m, TRACE_META_WEIGHTS, origin->hash);
    return 0;
}

void weights_meta_release(struct weights_meta *m)
{
    fmt_buffer_release(&m->settings);
}
