/* trace-record.c - from the provenance of our own files, the metadata of weights, the first lines of reports. */
#include "trace-record.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank.h"
#include "feat.h"
#include "linear.h"
#include "safetensors.h"

const char *trace_record_text(const struct cJSON *o, const char *key)
{
    const struct cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

void trace_record_add_input(struct cJSON *inputs, const char *kind, const char *hex)
{
    struct cJSON *input = cJSON_CreateObject();
    cJSON_AddStringToObject(input, "kind", kind);
    cJSON_AddStringToObject(input, "identity", hex);
    if (!cJSON_AddItemToArray(inputs, input))
        cJSON_Delete(input);
}

bool trace_record_has_inputs(const struct trace_record *s)
{
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(s->provenance, "inputs");
    return cJSON_IsArray(inputs) && inputs->child;
}

void trace_record_release(struct trace_record *s)
{
    cJSON_Delete(s->provenance);
    *s = (struct trace_record){0};
}

/* ---------------------------------------------------------------- files */

/* {"inputs": [...], "iteration": "499"} from the metadata of weights that dino-train wrote. A .pth has no metadata. */
static struct cJSON *weights_provenance(const struct fmt_reader *io)
{
    struct named_tensor_set set = {0};
    struct cJSON *p = NULL;
    if (safetensors_read(io, &set, NULL) == 0) {
        p = cJSON_CreateObject();
        const char *inputs = named_tensor_meta_find(&set, TRACE_META_INPUTS),
                   *tool = named_tensor_meta_find(&set, TRACE_META_TOOL),
                   *iteration = named_tensor_meta_find(&set, TRACE_META_ITERATION);
        struct cJSON *list = inputs ? cJSON_ParseWithOpts(inputs, NULL, 1) : NULL;
        if (!cJSON_IsArray(list) || !cJSON_AddItemToObject(p, "inputs", list))
            cJSON_Delete(list);
        if (tool)
            cJSON_AddStringToObject(p, "tool", tool);
        if (iteration)
            cJSON_AddStringToObject(p, "iteration", iteration);
    }
    named_tensor_release(&set);
    return p;
}

/* Features, classifiers and banks also have the hash of their weights in the header, even without provenance. */
static struct cJSON *header_provenance(const struct fmt_reader *io, enum block_kind kind)
{
    struct feat f;
    struct linear m;
    struct bank b;
    uint8_t weights[DIGEST_BYTES] = {0};
    char hex[DIGEST_HEX];
    if (kind == BLOCK_FEAT && feat_open(&f, io, NULL) == 0) {
        memcpy(weights, f.header.weights, DIGEST_BYTES);
        feat_close(&f);
    } else if (kind == BLOCK_LINEAR && linear_read(&m, io, NULL) == 0) {
        memcpy(weights, m.features.weights, DIGEST_BYTES);
        linear_release(&m);
    } else if (kind == BLOCK_BANK && bank_read(&b, io, NULL) == 0) {
        memcpy(weights, b.features.weights, DIGEST_BYTES);
        bank_release(&b);
    }
    if (!digest_is_set(weights))
        return NULL;
    digest_hex(weights, hex);
    struct cJSON *p = cJSON_CreateObject();
    trace_record_add_input(cJSON_AddArrayToObject(p, "inputs"), "weights", hex);
    return p;
}

struct trace_record trace_record_of_file(struct file *f, enum block_kind kind)
{
    struct block_reader r;
    struct trace_record s = {0};
    struct fmt_reader io = file_reader(f);
    if (kind == BLOCK_ANY)
        s.provenance = weights_provenance(&io);
    else if (block_open(&r, &io, BLOCK_ANY, NULL) == 0) {
        s.provenance = r.header.provenance[0] ? cJSON_ParseWithOpts(r.header.provenance, NULL, 1) : NULL;
        block_close(&r);
        if (!s.provenance) {
            s.provenance = header_provenance(&io, kind);
            s.from_header = s.provenance != NULL;
        }
    }
    return s;
}

struct trace_record trace_record_of_path(const char *path, enum block_kind kind)
{
    struct file f;
    struct trace_record s = {0};
    if (file_open_regular(&f, path, NULL) == 0) {
        s = trace_record_of_file(&f, kind);
        file_close(&f);
    }
    return s;
}

/* ---------------------------------------------------------------- reports */

/* "query    1a2b... test.feat" or, in predictions, "# query ..." */
static void add_line(struct cJSON *inputs, const char *line)
{
    char kind[32], hex[DIGEST_HEX + 1];
    line += strncmp(line, "# ", 2) == 0 ? 2 : 0;
    if (sscanf(line, "%31s %65s", kind, hex) == 2 && strlen(hex) == DIGEST_HEX - 1 &&
        strspn(hex, "0123456789abcdef") == DIGEST_HEX - 1)
        trace_record_add_input(inputs, kind, hex);
}

static void add_origins(struct cJSON *inputs, const struct cJSON *origins)
{
    for (const struct cJSON *c = origins ? origins->child : NULL; c; c = c->next) {
        const char *hex = trace_record_text(c, "identity");
        if (hex && c->string)
            trace_record_add_input(inputs, c->string, hex);
    }
}

static void add_head(struct cJSON *inputs, char *text)
{
    char *line;
    for (int i = 0; i < 16 && (line = strsep(&text, "\n")) != NULL; i++) {
        struct cJSON *o = line[0] == '{' ? cJSON_ParseWithOpts(line, NULL, 1) : NULL;
        if (!o)
            add_line(inputs, line);
        add_origins(inputs, cJSON_GetObjectItemCaseSensitive(o, "origins"));
        cJSON_Delete(o);
        if (o && inputs->child)
            return; /* all lines name the same inputs */
    }
}

struct trace_record trace_record_of_report(struct file *f)
{
    enum { HEAD_BYTES = 1 << 20 };
    struct trace_record s = {.provenance = cJSON_CreateObject()};
    struct cJSON *inputs = cJSON_AddArrayToObject(s.provenance, "inputs");
    struct fmt_reader io = file_reader(f);
    size_t n = f->size < HEAD_BYTES ? (size_t)f->size : HEAD_BYTES;
    char *text = malloc(n + 1);
    if (text && inputs && fmt_read_at_exact(&io, 0, text, n, NULL) == 0) {
        text[n] = 0;
        add_head(inputs, text);
    }
    free(text);
    return s;
}
