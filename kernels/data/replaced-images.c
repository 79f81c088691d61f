/* replaced-images.c - a growing list, and its JSON. */
#include "replaced-images.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json-report.h"
#include "num.h"

void replaced_images_cut(struct replaced_images *r, int64_t n)
{
    for (; r->n_keys > n; r->n_keys--)
        free(r->key[r->n_keys - 1]);
    r->n_images = n;
}

void replaced_images_release(struct replaced_images *r)
{
    replaced_images_cut(r, 0);
    free(r->image);
    *r = (struct replaced_images){0};
}

int replaced_images_add(struct replaced_images *r, int64_t image, const char *key, struct fmt_error *e)
{
    int status = fmt_grow(&r->image, r->n_images, &r->capacity, sizeof *r->image, e);
    if (status)
        return status;
    if (r->n_keys == r->n_images && r->n_keys < REPLACED_IMAGES_KEYS_MAX) {
        if (!(r->key[r->n_keys] = strdup(key)))
            return fmt_no_memory(e);
        r->n_keys++;
    }
    r->image[r->n_images++] = image;
    return 0;
}

static void add_u64(struct digest *d, int64_t v)
{
    uint8_t le[8];
    for (int i = 0; i < 8; i++)
        le[i] = (uint8_t)((uint64_t)v >> (8 * i));
    digest_add(d, le, sizeof le);
}

void replaced_images_digest(const struct replaced_images *r, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    digest_init(&d);
    add_u64(&d, r->samples);
    for (int64_t i = 0; i < r->n_images; i++)
        add_u64(&d, r->image[i]);
    digest_end(&d, out);
}

/* ---------------------------------------------------------------- JSON */
static struct cJSON *to_json(const struct replaced_images *r)
{
    struct cJSON *o = cJSON_CreateObject();
    json_report_int(o, "samples", r->samples);
    struct cJSON *images = cJSON_AddArrayToObject(o, "images");
    for (int64_t i = 0; i < r->n_images; i++)
        cJSON_AddItemToArray(images, cJSON_CreateNumber((double)r->image[i]));
    json_report_names(o, "keys", r->key, (int)r->n_keys);
    return o;
}

int replaced_images_write(const struct replaced_images *r, struct fmt_buffer *out, struct fmt_error *e)
{
    struct cJSON *o = to_json(r);
    char *text = o ? cJSON_PrintUnformatted(o) : NULL;
    int bad = !text || fmt_buffer_append(out, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(o);
    return bad ? fmt_no_memory(e) : 0;
}

static bool read_count(const struct cJSON *item, int64_t *v)
{
    bool good = cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= NUM_WHOLE_MAX;
    *v = good ? (int64_t)item->valuedouble : 0;
    return good;
}

int replaced_images_read(struct replaced_images *r, const struct cJSON *object, struct fmt_error *e)
{
    const struct cJSON *images = cJSON_GetObjectItemCaseSensitive(object, "images");
    const struct cJSON *keys = cJSON_GetObjectItemCaseSensitive(object, "keys"), *key = keys ? keys->child : NULL;
    *r = (struct replaced_images){0};
    bool good = read_count(cJSON_GetObjectItemCaseSensitive(object, "samples"), &r->samples) &&
                cJSON_IsArray(images) && cJSON_IsArray(keys);
    for (const struct cJSON *item = good ? images->child : NULL; item && good; item = item->next) {
        int64_t image;
        good = read_count(item, &image) && (!key || cJSON_IsString(key));
        int status = good ? replaced_images_add(r, image, key ? key->valuestring : "", e) : 0;
        if (status)
            return status;
        key = key ? key->next : NULL;
    }
    return good && r->n_images <= r->samples ? 0 : fmt_fail(e, FMT_INVALID, "state: replaced is not what it should be");
}
