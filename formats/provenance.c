/* provenance.c - settings and inputs are held twice: as JSON for people, and as plain lines to be hashed, whose form
 * does not depend on a JSON library. A line: its type, length of the key, key, length of the value, value. */
#include "provenance.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

void provenance_init(struct provenance *p, const char *tool, const char *version, bool explain)
{
    *p = (struct provenance){.tool = tool, .version = version, .explain = explain};
    p->settings = cJSON_CreateObject();
    p->inputs = cJSON_CreateArray();
    p->failed = !p->settings || !p->inputs;
}

void provenance_copy(struct provenance *p, const uint8_t identity[DIGEST_BYTES], const char *json, bool explain)
{
    *p = (struct provenance){.copied = json, .explain = explain};
    memcpy(p->copied_identity, identity, DIGEST_BYTES);
}

void provenance_release(struct provenance *p)
{
    cJSON_Delete(p->settings);
    cJSON_Delete(p->inputs);
    fmt_buffer_release(&p->canon);
    *p = (struct provenance){0};
}

bool provenance_is_digest(const char *kind)
{
    static const char *const kinds[] = {PROVENANCE_DATASET, PROVENANCE_IMAGES, PROVENANCE_LEFT_OUT,
                                        PROVENANCE_LIST, PROVENANCE_REPLACED};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

static void line(struct provenance *p, char type, const char *key, const void *value, size_t bytes)
{
    int bad = bytes_put_u8(&p->canon, (uint8_t)type);
    bad |= bytes_put_u64(&p->canon, strlen(key));
    bad |= bytes_put(&p->canon, key, strlen(key));
    bad |= bytes_put_u64(&p->canon, bytes);
    bad |= bytes_put(&p->canon, value, bytes);
    p->failed |= bad != 0;
}

/* A number, true, false or null: the same text in the JSON and in the line. */
static void literal(struct provenance *p, const char *key, const char *text)
{
    line(p, 'v', key, text, strlen(text));
    p->failed |= !cJSON_AddRawToObject(p->settings, key, text);
}

void provenance_text(struct provenance *p, const char *key, const char *value)
{
    if (!value) {
        literal(p, key, "null");
        return;
    }
    line(p, 't', key, value, strlen(value));
    p->failed |= !cJSON_AddStringToObject(p->settings, key, value);
}

void provenance_int(struct provenance *p, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    literal(p, key, text);
}

void provenance_real(struct provenance *p, const char *key, double value)
{
    char text[40] = "null"; /* JSON has no infinity and no NaN */
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    literal(p, key, text);
}

void provenance_flag(struct provenance *p, const char *key, bool value)
{
    literal(p, key, value ? "true" : "false");
}

static void nest(struct provenance *p, struct cJSON *input, const char *provenance)
{
    size_t n = strlen(provenance);
    if (n == 0 || n > PROVENANCE_NESTED_MAX - p->nested)
        return;
    struct cJSON *own = cJSON_ParseWithOpts(provenance, NULL, 1);
    if (!cJSON_IsObject(own) || !cJSON_AddItemToObject(input, "provenance", own))
        cJSON_Delete(own);
    else
        p->nested += n;
}

void provenance_input(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES])
{
    provenance_input_nested(p, kind, identity, "");
}

void provenance_input_nested(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES],
                             const char *provenance)
{
    char hex[DIGEST_HEX];
    digest_hex(identity, hex);
    line(p, 'i', kind, identity, DIGEST_BYTES);
    struct cJSON *input = cJSON_CreateObject();
    p->failed |= !cJSON_AddStringToObject(input, "kind", kind) || !cJSON_AddStringToObject(input, "identity", hex);
    nest(p, input, provenance);
    if (!cJSON_AddItemToArray(p->inputs, input)) {
        cJSON_Delete(input);
        p->failed = true;
    }
}

int provenance_identity(const struct provenance *p, enum block_kind kind, uint8_t major, uint8_t out[DIGEST_BYTES],
                        struct fmt_error *e)
{
    if (p->copied) {
        memcpy(out, p->copied_identity, DIGEST_BYTES);
        return 0;
    }
    if (p->failed)
        return fmt_no_memory(e);
    const uint8_t head[] = {'d', 'i', 'n', 'o', 1, (uint8_t)kind, major};
    struct digest d;
    digest_init(&d);
    digest_add(&d, head, sizeof head);
    digest_add(&d, p->canon.data, p->canon.bytes);
    digest_end(&d, out);
    return 0;
}

/* A copy: cJSON's memory may not be for free(), which the caller uses. */
static int printed(const struct cJSON *value, char **json, struct fmt_error *e)
{
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    *json = text ? strdup(text) : NULL;
    cJSON_free(text);
    return *json ? 0 : fmt_no_memory(e);
}

int provenance_inputs_json(const struct provenance *p, char **json, struct fmt_error *e)
{
    return printed(p->failed ? NULL : p->inputs, json, e);
}

/* The JSON text, "" if it is to be left out; for free(). */
static int print_json(const struct provenance *p, char **json, struct fmt_error *e)
{
    *json = NULL;
    if (!p->explain || p->copied)
        return (*json = strdup(p->explain ? p->copied : "")) ? 0 : fmt_no_memory(e);
    struct cJSON *all = cJSON_CreateObject();
    bool good = !p->failed && cJSON_AddStringToObject(all, "tool", p->tool) &&
                cJSON_AddStringToObject(all, "version", p->version) &&
                cJSON_AddItemReferenceToObject(all, "settings", p->settings) &&
                cJSON_AddItemReferenceToObject(all, "inputs", p->inputs);
    int status = printed(good ? all : NULL, json, e);
    cJSON_Delete(all);
    return status;
}

int provenance_begin(const struct provenance *p, const struct fmt_writer *io, struct block_header *h,
                     const struct fmt_buffer *fields, struct block_writer *w, struct fmt_error *e)
{
    char *json;
    /* A state is the same in one file and in the files of a set. */
    bool state = h->kind == BLOCK_CKPT || h->kind == BLOCK_CKPT_SET;
    int status = provenance_identity(p, state ? BLOCK_CKPT : h->kind, state ? 1 : h->major, h->identity, e);
    if (status || (status = print_json(p, &json, e)))
        return status;
    h->provenance = json;
    h->fields = fields->data;
    h->fields_bytes = fields->bytes;
    status = block_create(w, io, h, e);
    free(json);
    h->provenance = "";
    return status;
}
