/* score-inputs.c - see score-inputs.h. */
#include "score-inputs.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "printable.h"
#include "fmt.h"
#include "json-report.h"

void score_inputs_add(struct score_inputs *o, const char *role, const char *path, const uint8_t identity[DIGEST_BYTES])
{
    if (o->n == SCORE_INPUTS_MAX || !digest_is_set(identity))
        return;
    o->item[o->n].role = role;
    o->item[o->n].path = path;
    memcpy(o->item[o->n++].identity, identity, DIGEST_BYTES);
}

void score_inputs_overlap(struct score_inputs *o, const char *of, const char *in, int64_t images, int64_t groups)
{
    if (o->n_overlaps == SCORE_INPUTS_MAX || images + groups == 0)
        return;
    o->overlap[o->n_overlaps].of = of;
    o->overlap[o->n_overlaps].in = in;
    o->overlap[o->n_overlaps].images = images;
    o->overlap[o->n_overlaps++].groups = groups;
}

void score_inputs_text(FILE *out, const char *before, const struct score_inputs *o)
{
    for (int i = 0; i < o->n; i++) {
        char hex[DIGEST_HEX];
        digest_hex(o->item[i].identity, hex);
        fprintf(out, "%s%-8s %s", before, o->item[i].role, hex);
        if (o->item[i].path) {
            fputc(' ', out);
            printable_put(out, o->item[i].path);
        }
        fputc('\n', out);
    }
    for (int i = 0; i < o->n_overlaps; i++)
        fprintf(out, "%soverlap  %s of %s are in %s, %s: the scores are too good\n", before,
                FMT_COUNT(o->overlap[i].images, "image", "images"), o->overlap[i].of, o->overlap[i].in,
                FMT_COUNT(o->overlap[i].groups, "group", "groups"));
}

void score_inputs_json(struct cJSON *o, const struct score_inputs *from)
{
    struct cJSON *all = json_report_object(o, "origins");
    for (int i = 0; i < from->n; i++) {
        char hex[DIGEST_HEX];
        struct cJSON *one = json_report_object(all, from->item[i].role);
        digest_hex(from->item[i].identity, hex);
        json_report_text(one, "identity", hex);
        if (from->item[i].path)
            json_report_text(one, "path", from->item[i].path);
    }
    if (!from->n_overlaps)
        return;
    struct cJSON *overlaps = cJSON_AddArrayToObject(o, "overlap");
    for (int i = 0; i < from->n_overlaps; i++) {
        struct cJSON *one = cJSON_CreateObject();
        json_report_text(one, "of", from->overlap[i].of);
        json_report_text(one, "in", from->overlap[i].in);
        json_report_int(one, "images", from->overlap[i].images);
        json_report_int(one, "groups", from->overlap[i].groups);
        cJSON_AddItemToArray(overlaps, one);
    }
}
