/* origins.c - see origins.h. */
#include "eval/origins.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "jsonl.h"

void origins_add(struct origins *o, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES])
{
    if (o->n == ORIGINS_MAX || !digest_is_set(identity))
        return;
    o->item[o->n].role = role;
    o->item[o->n].path = path;
    memcpy(o->item[o->n++].identity, identity, DIGEST_BYTES);
}

void origins_text(FILE *out, const char *before, const struct origins *o)
{
    for (int i = 0; i < o->n; i++) {
        char hex[DIGEST_HEX];
        digest_hex(o->item[i].identity, hex);
        fprintf(out, "%s%-8s %s", before, o->item[i].role, hex);
        if (o->item[i].path)
            fputc(' ', out);
        for (const char *s = o->item[i].path; s && *s; s++)
            fputc((unsigned char)*s < 32 || *s == 127 ? '?' : *s, out);
        fputc('\n', out);
    }
}

void origins_json(struct cJSON *o, const struct origins *from)
{
    struct cJSON *all = jsonl_object(o, "origins");
    for (int i = 0; i < from->n; i++) {
        char hex[DIGEST_HEX];
        struct cJSON *one = jsonl_object(all, from->item[i].role);
        digest_hex(from->item[i].identity, hex);
        jsonl_text(one, "identity", hex);
        if (from->item[i].path)
            jsonl_text(one, "path", from->item[i].path);
    }
}
