/* weights-origin.c - see weights-origin.h. */
#include "weights-origin.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-report.h"
#include "trace-record.h"

void weights_origin_release(struct weights_origin *o)
{
    free(o->tool);
    free(o->iteration);
    free(o->inputs);
    free(o->hash);
    *o = (struct weights_origin){0};
}

/* A list of at least one input. */
static bool has_inputs(const struct cJSON *inputs)
{
    return cJSON_IsArray(inputs) && inputs->child;
}

static const char *text_of(const struct cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

/* A copy of the text; *good is cleared if there is no memory. */
static char *copy(const char *text, bool *good)
{
    char *made = text ? strdup(text) : NULL;
    *good = *good && (made || !text);
    return made;
}

static bool read_checkpoint(struct weights_origin *o, const struct ckpt *c)
{
    bool good = true;
    struct cJSON *p = cJSON_ParseWithOpts(c->block.header.provenance, NULL, 1);
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(p, "inputs");
    if (has_inputs(inputs)) {
        o->inputs = cJSON_PrintUnformatted(inputs);
        good = o->inputs && asprintf(&o->iteration, "%" PRId64, c->header.iteration) >= 0 &&
               asprintf(&o->tool, "%s %s", text_of(p, "tool"), text_of(p, "version")) >= 0;
    }
    cJSON_Delete(p);
    return good;
}

static bool read_metadata(struct weights_origin *o, const struct named_tensor_set *set)
{
    bool good = true;
    struct cJSON *inputs = cJSON_ParseWithOpts(named_tensor_meta_find(set, TRACE_META_INPUTS), NULL, 1);
    if (has_inputs(inputs)) {
        o->inputs = cJSON_PrintUnformatted(inputs);
        good = o->inputs != NULL;
        o->tool = copy(named_tensor_meta_find(set, TRACE_META_TOOL), &good);
        o->iteration = copy(named_tensor_meta_find(set, TRACE_META_ITERATION), &good);
        o->hash = copy(named_tensor_meta_find(set, TRACE_META_WEIGHTS), &good);
    }
    cJSON_Delete(inputs);
    return good;
}

int weights_origin_read(struct weights_origin *o, const struct tensorfile *f, struct fmt_error *e)
{
    *o = (struct weights_origin){0};
    bool good = f->kind == TENSORFILE_CKPT ? read_checkpoint(o, checkpoint_reader_first(&f->checkpoint))
                                           : read_metadata(o, &f->set);
    if (good)
        return 0;
    weights_origin_release(o);
    return fmt_no_memory(e);
}

/* The network as the input of another: to be freed with cJSON_Delete. */
static struct cJSON *as_input(const struct weights_origin *o, const char *hash)
{
    struct cJSON *input = cJSON_CreateObject(), *inputs = o->inputs ? cJSON_Parse(o->inputs) : NULL;
    json_report_text(input, "kind", "weights");
    json_report_text(input, "identity", hash);
    if (!inputs)
        return input;
    struct cJSON *own = json_report_object(input, "provenance");
    if (o->tool)
        json_report_text(own, "tool", o->tool);
    if (o->iteration)
        json_report_text(own, "iteration", o->iteration);
    if (cJSON_AddItemToObject(own, "inputs", inputs))
        return input;
    cJSON_Delete(inputs);
    cJSON_Delete(input);
    return NULL;
}

/* Moves the items of a JSON array to the end of a list. */
static bool add_further(struct cJSON *list, const char *further)
{
    struct cJSON *items = further ? cJSON_Parse(further) : NULL;
    bool good = !further || cJSON_IsArray(items);
    while (good && items && items->child)
        good = cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(items, 0));
    cJSON_Delete(items);
    return good;
}

int weights_origin_derive(struct weights_origin *o, const char *hash, const char *tool, const char *further,
                          struct fmt_error *e)
{
    struct cJSON *list = cJSON_CreateArray(), *input = as_input(o, hash);
    bool good = cJSON_AddItemToArray(list, input);
    if (!good)
        cJSON_Delete(input);
    good = good && add_further(list, further);
    weights_origin_release(o);
    o->inputs = good ? cJSON_PrintUnformatted(list) : NULL;
    o->tool = strdup(tool);
    cJSON_Delete(list);
    if (o->inputs && o->tool)
        return 0;
    weights_origin_release(o);
    return fmt_no_memory(e);
}

bool weights_origin_names(const struct weights_origin *o, const char *hash)
{
    struct cJSON *inputs = o->inputs ? cJSON_Parse(o->inputs) : NULL;
    const struct cJSON *input;
    bool found = false;
    cJSON_ArrayForEach(input, inputs)
        if (strcmp(text_of(input, "kind"), "weights") == 0 && strcmp(text_of(input, "identity"), hash) == 0)
            found = true;
    cJSON_Delete(inputs);
    return found;
}
