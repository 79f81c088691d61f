/* golden.h - golden safetensors files for tests: tensors by name, sizes from the file.
 *
 *   struct golden g;
 *   if (!golden_open(&g, "dino_head.safetensors")) return tap_done();     (has failed a check)
 *   const float *x = golden_f32(&g, "x", NULL);  const struct named_tensor *t = golden_find(&g, "x");  t->dims[0] ...
 *   double temp = golden_number(&g, "teacher_temp", 0.04);                   from the metadata
 *   golden_close(&g);                                                        frees all values
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "safetensors.h"
#include "tap.h"

struct golden {
    struct file file;
    struct fmt_reader reader;
    struct named_tensor_set set;
    void **given;
    int64_t n_given;
};

static inline bool golden_open_path(struct golden *g, const char *path)
{
    struct fmt_error e = {0};
    *g = (struct golden){0};
    if (file_open(&g->file, path, &e) == 0) {
        g->reader = file_reader(&g->file);
        if (safetensors_read(&g->reader, &g->set, &e) == 0)
            return true;
    }
    ok(false, "%s can be read: %s", path, e.text);
    return false;
}

static inline bool golden_open(struct golden *g, const char *name)
{
    return golden_open_path(g, tap_golden(name));
}

static inline void golden_close(struct golden *g)
{
    for (int64_t i = 0; i < g->n_given; i++)
        free(g->given[i]);
    free(g->given);
    named_tensor_release(&g->set);
    file_close(&g->file);
}

static inline const struct named_tensor *golden_find(const struct golden *g, const char *name)
{
    return named_tensor_find(&g->set, name);
}

static inline void *golden_give(struct golden *g, const char *name, int64_t *n, bool wide)
{
    struct fmt_error e = {0};
    const struct named_tensor *t = named_tensor_find(&g->set, name);
    void *values = t ? calloc((size_t)t->n + 1, wide ? sizeof(double) : sizeof(float)) : NULL;
    void **grown = realloc(g->given, (size_t)(g->n_given + 1) * sizeof *grown);
    if (!t || !values || !grown ||
        (wide ? named_tensor_read_f64(t, 0, t->n, values, &e) : named_tensor_read_f32(t, 0, t->n, values, &e))) {
        fprintf(stderr, "golden tensor %s cannot be read: %s\n", name, t ? e.text : "not there");
        exit(1);
    }
    g->given = grown;
    g->given[g->n_given++] = values;
    if (n)
        *n = t->n;
    return values;
}

/* All values of a tensor of any type, as float or double; a missing tensor ends the test. */
static inline float *golden_f32(struct golden *g, const char *name, int64_t *n)
{
    return golden_give(g, name, n, false);
}

static inline double *golden_f64(struct golden *g, const char *name, int64_t *n)
{
    return golden_give(g, name, n, true);
}

/* A number from the metadata; `otherwise` if it is missing. */
static inline double golden_number(const struct golden *g, const char *key, double otherwise)
{
    const char *text = named_tensor_meta_find(&g->set, key);
    return text ? strtod(text, NULL) : otherwise;
}

#endif
