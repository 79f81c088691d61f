/* featset-check.c - checks whether the rows of two sets can be used together. */
#include <stdlib.h>
#include <string.h>

#include "featset.h"

static int32_t class_of_name(const struct feat_header *h, const char *name)
{
    for (int32_t c = 0; c < h->n_classes; c++)
        if (strcmp(h->class_name[c], name) == 0)
            return c;
    return -1;
}

/* Changes labels to the class numbers of h. */
static int renumber(struct featset *s, const struct feat_header *h, struct fmt_error *e)
{
    int32_t *number = malloc(((size_t)s->header.n_classes + 1) * sizeof *number);
    if (!number)
        return fmt_no_memory(e);
    for (int c = 0; c < s->header.n_classes; c++)
        number[c] = class_of_name(h, s->header.class_name[c]);
    int status = 0;
    for (int64_t i = 0; i < s->rows.n && !status; i++) {
        if (s->rows.label[i] < 0)
            continue;
        const char *own = s->header.class_name[s->rows.label[i]];
        s->rows.label[i] = number[s->rows.label[i]];
        if (s->rows.label[i] < 0)
            status = fmt_fail(e, FMT_MISMATCH, "class %.60s is not among its %s%s%.60s", own,
                              FMT_COUNT(h->n_classes, "class", "classes"), h->n_classes ? ", the first is " : "",
                              h->n_classes ? h->class_name[0] : "");
    }
    free(number);
    return status;
}

int featset_check(struct featset *s, const struct feat_header *h, const char *name, bool allow_precision,
                  struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct feat_header own = s->header;
    own.class_name = h->class_name;
    own.n_classes = h->n_classes;
    int status = feat_compatible(h, &own, allow_precision, &why);
    if (!status)
        status = renumber(s, h, &why);
    return status
               ? fmt_fail(e, (enum fmt_status)status, "%s: is incompatible with %s: %s", s->path, name, why.text)
               : 0;
}
