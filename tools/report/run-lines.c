/* run-lines.c - each line is checked (json-scan.h) and read as a tree. */
#include "run-lines.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json-scan.h"

enum { DEPTH_MAX = 16 };
#define BYTES_MAX ((size_t)1 << 30)

static struct cJSON *parse(const char *line, size_t bytes)
{
    struct json_span root;
    return json_check(line, bytes, DEPTH_MAX, &root, NULL) ? NULL : json_parse(root);
}

static double number_of(const struct cJSON *o, const char *name)
{
    char object[64];
    const char *slash = strchr(name, '/');
    if (slash) {
        snprintf(object, sizeof object, "%.*s", (int)(slash - name), name);
        o = json_member(o, object);
        name = slash + 1;
    }
    const struct cJSON *v = json_member(o, name);
    return cJSON_IsNumber(v) || cJSON_IsRaw(v) ? v->valuedouble : NAN;
}

static int reserve(struct run_lines *l, int n_names, struct fmt_error *e)
{
    if (l->n < l->capacity)
        return 0;
    size_t n = (size_t)(2 * l->capacity + 256);
    double *iteration = realloc(l->iteration, n * sizeof *iteration);
    l->iteration = iteration ? iteration : l->iteration;
    char(*word)[RUN_LINES_WORD] = realloc(l->word, n * sizeof *word);
    l->word = word ? word : l->word;
    bool good = iteration && word;
    for (int k = 0; k < n_names && good; k++) {
        double *value = realloc(l->value[k], n * sizeof *value);
        l->value[k] = value ? value : l->value[k];
        good = value != NULL;
    }
    if (good)
        l->capacity = (int64_t)n;
    return good ? 0 : fmt_no_memory(e);
}

static int take(struct run_lines *l, const struct cJSON *o, const char *const *name, int n_names, struct fmt_error *e)
{
    double iteration = number_of(o, "iteration");
    const struct cJSON *word = json_member(o, "collapse");
    if (!isfinite(iteration)) {
        l->n_bad++;
        return 0;
    }
    for (; l->n > 0 && l->iteration[l->n - 1] >= iteration; l->n--)
        l->n_replaced++;
    if (reserve(l, n_names, e))
        return FMT_MEMORY;
    l->iteration[l->n] = iteration;
    for (int k = 0; k < n_names; k++)
        l->value[k][l->n] = number_of(o, name[k]);
    snprintf(l->word[l->n], RUN_LINES_WORD, "%s", cJSON_IsString(word) ? word->valuestring : "");
    l->n++;
    return 0;
}

int run_lines_read(struct run_lines *l, const char *path, const char *const *name, int n_names, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    *l = (struct run_lines){.exists = file_exists(path)};
    int status = l->exists ? file_load_regular(path, BYTES_MAX, &data, &bytes, e) : 0;
    for (size_t at = 0, length; !status && at < bytes; at += length + 1) {
        const char *line = (const char *)data + at, *end = memchr(line, '\n', bytes - at);
        length = end ? (size_t)(end - line) : bytes - at;
        struct cJSON *o = parse(line, length);
        if (cJSON_IsObject(o))
            status = take(l, o, name, n_names, e);
        else
            l->n_bad++;
        cJSON_Delete(o);
    }
    free(data);
    if (status)
        run_lines_release(l);
    return status;
}

void run_lines_release(struct run_lines *l)
{
    free(l->iteration);
    free(l->word);
    for (int k = 0; k < RUN_LINES_NAMES; k++)
        free(l->value[k]);
    *l = (struct run_lines){.n = 0};
}

int run_lines_members(const char *path, const char *object, char **member, int most)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    int n = 0;
    if (!file_exists(path) || file_load_regular(path, BYTES_MAX, &data, &bytes, NULL))
        return 0;
    for (size_t at = 0, length; n == 0 && at < bytes; at += length + 1) {
        const char *line = (const char *)data + at, *end = memchr(line, '\n', bytes - at);
        length = end ? (size_t)(end - line) : bytes - at;
        struct cJSON *o = parse(line, length);
        const struct cJSON *of = json_member(o, object);
        for (const struct cJSON *v = cJSON_IsObject(of) ? of->child : NULL; v && n < most; v = v->next)
            if ((member[n] = strdup(v->string)))
                n++;
        cJSON_Delete(o);
    }
    free(data);
    return n;
}
