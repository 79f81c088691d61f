/* weights-assign.c - assigns published names to the tensors of a file.
 *
 * Names are unwrapped, the network is chosen (weights-network.c), and its tensors are renamed and sorted, so that the
 * parts of one tensor are adjacent and can be joined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"

/* ------------------------------------------------------------------ candidates */
static void release_candidates(struct weights_candidates *c)
{
    for (int64_t i = 0; i < c->n; i++)
        free(c->item[i].text);
    free(c->item);
}

static int collect_candidates(const struct named_tensor_set *set, struct weights_candidates *c, struct fmt_error *e)
{
    c->item = calloc((size_t)set->n + 1, sizeof *c->item);
    c->n = 0;
    if (!c->item)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < set->n; i++) {
        struct weights_candidate *k = &c->item[c->n++];
        size_t capacity = strlen(set->item[i].name) + 1;
        k->tensor = &set->item[i];
        k->text = malloc(capacity);
        if (!k->text)
            return fmt_no_memory(e);
        (void)weight_names_unwrap(set->item[i].name, k->text, capacity); /* never longer than the name */
        k->name = k->text;
    }
    return 0;
}

/* ------------------------------------------------------------------ names */
/* Unused ones last. */
static int by_target(const void *a, const void *b)
{
    const struct weights_candidate *x = a, *y = b;
    if (x->unused != y->unused)
        return x->unused ? 1 : -1;
    int order = strcmp(x->target.name, y->target.name);
    return order ? order : x->target.part - y->target.part;
}

static int add_unused(struct weights *w, const struct weights_candidate *k, struct fmt_error *e)
{
    const char **grown = realloc(w->unused, (size_t)(w->n_unused + 1) * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    w->unused = grown;
    grown[w->n_unused++] = k->tensor->name;
    return 0;
}

static int rename_all(struct weights *w, struct weights_candidates *c, struct fmt_error *e)
{
    for (int64_t i = 0; i < c->n; i++) {
        struct weights_candidate *k = &c->item[i];
        enum weight_names_kind kind = k->unused ? WEIGHT_NAMES_UNUSED : weight_names_publish(k->name, &k->target);
        if (kind == WEIGHT_NAMES_TOO_LONG && !k->tensor->unusable)
            return fmt_fail(e, FMT_MISMATCH, "%.200s belongs nowhere in such a network", k->tensor->name);
        k->unused = kind != WEIGHT_NAMES_PARAMETER;
        w->hugging_face = w->hugging_face || (!k->unused && k->target.hugging_face);
        if (k->unused && add_unused(w, k, e))
            return (int)e->status;
    }
    if (c->n > 1)
        qsort(c->item, (size_t)c->n, sizeof *c->item, by_target);
    return 0;
}

/* ------------------------------------------------------------------ parts of one tensor */
/* The shape of all parts together: n_dims is -1 if one is missing or they do not fit. */
static void stack_shape(struct weights_tensor *t, int n_parts)
{
    const struct named_tensor *first = t->part[0];
    t->n_dims = first->n_dims;
    memcpy(t->dims, first->dims, sizeof t->dims);
    for (int i = 1; i < t->n_parts; i++) {
        const struct named_tensor *part = t->part[i];
        bool fits = part->n_dims == first->n_dims && part->n_dims > 0;
        for (int d = 1; d < first->n_dims && fits; d++)
            fits = part->dims[d] == first->dims[d];
        if (!fits || t->n_dims < 0 || __builtin_add_overflow(t->dims[0], part->dims[0], &t->dims[0]))
            t->n_dims = -1;
    }
    if (t->n_parts != n_parts)
        t->n_dims = -1;
}

static int join_parts(struct weights *w, const struct weights_candidates *c, struct fmt_error *e)
{
    w->tensor = calloc((size_t)c->n + 1, sizeof *w->tensor);
    if (!w->tensor)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < c->n && !c->item[i].unused;) {
        struct weights_tensor *t = &w->tensor[w->n_tensors++];
        const struct weight_names_target *first = &c->item[i].target;
        memcpy(t->name, first->name, sizeof t->name);
        int last_part = -1;
        for (; i < c->n && !c->item[i].unused && strcmp(c->item[i].target.name, t->name) == 0; i++) {
            const struct weight_names_target *target = &c->item[i].target;
            if (target->part == last_part || target->n_parts != first->n_parts)
                return fmt_fail(e, FMT_INVALID, "%.150s: two tensors for %.100s", c->item[i].tensor->name, t->name);
            last_part = target->part;
            t->part[t->n_parts++] = c->item[i].tensor;
        }
        stack_shape(t, first->n_parts);
    }
    return 0;
}

/* ------------------------------------------------------------------ timm */
/* timm has no position for the class token, because it is added to the token itself: a row of zeros replaces it. */
static void complete_positions(struct weights *w)
{
    struct weights_tensor *pos = (struct weights_tensor *)(uintptr_t)weights_find(w, "backbone.pos_embed");
    if (pos && pos->n_dims == 3 && weights_square_side(pos->dims[1]) > 0 && weights_square_side(pos->dims[1] - 1) < 0) {
        pos->zero_first_row = true;
        pos->dims[1]++;
    }
}

/* timm uses the same layer names for SwiGLU and MLP; for SwiGLU the first has twice as many outputs as the second has
 * inputs. */
static bool is_swiglu_by_shape(const struct weights *w)
{
    const struct weights_tensor *fc1 = weights_find(w, "backbone.blocks.0.mlp.fc1.weight");
    const struct weights_tensor *fc2 = weights_find(w, "backbone.blocks.0.mlp.fc2.weight");
    return fc1 && fc2 && fc1->n_dims == 2 && fc2->n_dims == 2 && fc1->dims[0] == 2 * fc2->dims[1];
}

/* "backbone.blocks.3.mlp.fc1.weight" -> "backbone.blocks.3.mlp.w12.weight"; not where the name would be too long. */
static void rename_swiglu(char name[PARAMS_NAME_MAX])
{
    static const char *const words[][2] = {{".mlp.fc1.", ".mlp.w12."}, {".mlp.fc2.", ".mlp.w3."}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char renamed[PARAMS_NAME_MAX];
        const char *at = strstr(name, words[i][0]);
        int n = !at ? -1 : snprintf(renamed, sizeof renamed, "%.*s%s%s", (int)(at - name), name, words[i][1],
                                    at + strlen(words[i][0]));
        if (n >= 0 && n < (int)sizeof renamed)
            memcpy(name, renamed, (size_t)n + 1);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct weights_tensor *)a)->name, ((const struct weights_tensor *)b)->name);
}

/* Adapts what timm names or stores differently, which only shapes reveal. */
static void adapt_timm(struct weights *w)
{
    complete_positions(w);
    if (!is_swiglu_by_shape(w))
        return;
    for (int64_t i = 0; i < w->n_tensors; i++)
        rename_swiglu(w->tensor[i].name);
    qsort(w->tensor, (size_t)w->n_tensors, sizeof *w->tensor, by_name);
}

int weights_assign(struct weights *w, struct fmt_error *e)
{
    struct weights_candidates c = {0};
    int status = collect_candidates(&w->file.set, &c, e);
    if (!status)
        status = weights_choose_network(w, &c, e);
    if (!status)
        status = rename_all(w, &c, e);
    if (!status)
        status = join_parts(w, &c, e);
    release_candidates(&c);
    if (!status)
        adapt_timm(w);
    return status;
}
