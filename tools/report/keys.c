/* keys.c - the values of one key are gathered for all photographs, sorted, and numbered. */
#include "keys.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dates.h"
#include "num.h"

enum { VALUE_BYTES = DATE_BYTES };

/* ------------------------------------------------------------------ values */
/* "" where the key is missing, or no text, number, true or false. */
static const char *value_of(const struct cJSON *object, const char *name, char out[VALUE_BYTES])
{
    const struct cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
    out[0] = 0;
    if (cJSON_IsString(v))
        snprintf(out, VALUE_BYTES, "%s", v->valuestring);
    else if (cJSON_IsNumber(v))
        snprintf(out, VALUE_BYTES, "%.15g", v->valuedouble);
    else if (cJSON_IsBool(v))
        snprintf(out, VALUE_BYTES, cJSON_IsTrue(v) ? "yes" : "no");
    return out;
}

static int compare_texts(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    double u, v;
    if (num_f64(x, &u) && num_f64(y, &v) && u != v)
        return (u > v) - (u < v);
    return strcmp(x, y);
}

/* Sorts n texts and moves the different ones to the front; returns how many. */
static int64_t distinct(const char **text, int64_t n)
{
    int64_t n_out = 0;
    qsort(text, (size_t)n, sizeof *text, compare_texts);
    for (int64_t i = 0; i < n; i++)
        if (n_out == 0 || strcmp(text[n_out - 1], text[i]) != 0)
            text[n_out++] = text[i];
    return n_out;
}

/* ------------------------------------------------------------------ one key */
/* Copies the texts that are there to `list` and returns how many differ. */
static int64_t list_values(const char *const *value, int64_t n, const char **list)
{
    int64_t n_list = 0;
    for (int64_t i = 0; i < n; i++)
        if (value[i][0])
            list[n_list++] = value[i];
    return distinct(list, n_list);
}

/* Dates become YYYY-MM-DD, so that they ascend; days, months, years where there are too many. */
static int64_t read_dates(struct key *key, char (*value)[VALUE_BYTES], const char **at, int64_t n, const char **list)
{
    static const int length[] = {10, 7, 4};
    int64_t n_distinct = list_values(at, n, list);
    enum date_order order = date_order_of(list, n_distinct);
    bool dates = order != DATE_NONE && order != DATE_UNCLEAR;
    key->unclear_dates = order == DATE_UNCLEAR;
    for (int64_t i = 0; dates && i < n; i++) {
        char iso[VALUE_BYTES];
        if (!value[i][0])
            continue;
        date_iso(value[i], order, iso);
        memcpy(value[i], iso, sizeof iso);
    }
    if (dates)
        n_distinct = list_values(at, n, list);
    for (int s = 0; dates && n_distinct > KEY_VALUES && s < 3; s++) {
        for (int64_t i = 0; i < n; i++)
            if (value[i][0])
                value[i][length[s]] = 0;
        n_distinct = list_values(at, n, list);
    }
    return n_distinct;
}

static int number_values(struct keys *k, struct key *key, char (*value)[VALUE_BYTES], int64_t n, struct fmt_error *e)
{
    const char **at = calloc((size_t)n + 1, sizeof *at), **list = calloc((size_t)n + 1, sizeof *list);
    key->of_photo = calloc((size_t)n + 1, 1);
    int status = at && list && key->of_photo ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < n && !status; i++)
        at[i] = value[i];
    if (!status) {
        key->n_distinct = read_dates(key, value, at, n, list);
        key->n_values = key->n_distinct > 1 && key->n_distinct <= KEY_VALUES ? (int)key->n_distinct : 0;
    }
    for (int v = 0; v < key->n_values && !status; v++) {
        key->value[v] = text_copy(&k->text, list[v], strlen(list[v]));
        status = key->value[v] ? 0 : fmt_no_memory(e);
    }
    for (int64_t i = 0; i < n && !status; i++) {
        key->of_photo[i] = -1;
        for (int v = 0; v < key->n_values; v++)
            if (value[i][0] && strcmp(value[i], key->value[v]) == 0)
                key->of_photo[i] = (int8_t)v;
    }
    free(at);
    free(list);
    return status;
}

/* ------------------------------------------------------------------ all keys */
static struct key *add_key(struct keys *k, const char *name)
{
    for (int i = 0; i < k->n; i++)
        if (strcmp(k->key[i].name, name) == 0)
            return NULL;
    if (k->n == KEYS_MAX)
        return NULL;
    const char *copy = text_copy(&k->text, name, strlen(name));
    if (!copy)
        return NULL;
    k->key[k->n] = (struct key){.name = copy};
    return &k->key[k->n++];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->name, ((const struct key *)b)->name);
}

int keys_collect(struct keys *k, const struct cases *c, struct fmt_error *e)
{
    const int64_t n = c->n_photos;
    struct cJSON **object = calloc((size_t)n + 1, sizeof *object);
    char(*value)[VALUE_BYTES] = calloc((size_t)n + 1, sizeof *value);
    *k = (struct keys){.n = 0};
    int status = object && value ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < n && !status; i++) {
        object[i] = c->photo[i].extra[0] ? cJSON_Parse(c->photo[i].extra) : NULL;
        for (const struct cJSON *v = object[i] ? object[i]->child : NULL; v; v = v->next)
            if (v->string && (cJSON_IsString(v) || cJSON_IsNumber(v) || cJSON_IsBool(v)))
                add_key(k, v->string);
    }
    qsort(k->key, (size_t)k->n, sizeof *k->key, by_name);
    for (int i = 0; i < k->n && !status; i++) {
        for (int64_t s = 0; s < n; s++)
            value_of(object[s], k->key[i].name, value[s]);
        status = number_values(k, &k->key[i], value, n, e);
    }
    struct key *view = status ? NULL : add_key(k, "view");
    for (int64_t s = 0; s < n && view; s++) {
        value[s][0] = 0;
        if (c->photo[s].view >= 0)
            snprintf(value[s], VALUE_BYTES, "%d", c->photo[s].view);
    }
    if (view)
        status = number_values(k, view, value, n, e);
    for (int64_t i = 0; object && i < n; i++)
        cJSON_Delete(object[i]);
    free(object);
    free(value);
    if (status)
        keys_release(k);
    return status;
}

void keys_release(struct keys *k)
{
    for (int i = 0; i < k->n; i++)
        free(k->key[i].of_photo);
    text_release(&k->text);
    *k = (struct keys){.n = 0};
}
