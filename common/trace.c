/* trace.c - provenance is a tree of JSON: inputs with kind and identity. A file that is found tells its own; of one
 * that is gone the copy is used that its successor keeps. */
#include "trace.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "index.h"
#include "rootpath.h"
#include "tensorfile.h"
#include "verify.h"

struct trace {
    struct idfiles *files;
    void (*tell)(void *arg, const struct trace_link *link);
    void *arg;
    struct cJSON *told; /* identities whose inputs were told: an object of their hexadecimal names */
};

static const char *text_of(const struct cJSON *o, const char *key)
{
    const struct cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static bool parse_hex(const char *hex, uint8_t out[DIGEST_BYTES])
{
    if (!hex || strlen(hex) != DIGEST_HEX - 1 || strspn(hex, "0123456789abcdef") != DIGEST_HEX - 1)
        return false;
    for (int i = 0; i < DIGEST_BYTES; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return true;
}

/* ---------------------------------------------------------------- what a file says of itself */

/* Of weights that dino-train wrote: {"inputs": [...], "iteration": "499"}, from their metadata. */
static struct cJSON *weights_provenance(const char *path)
{
    struct tensorfile t;
    if (tensorfile_open(&t, path, NULL))
        return NULL;
    struct cJSON *p = cJSON_CreateObject();
    const char *inputs = named_meta_find(&t.set, TRACE_META_INPUTS), *tool = named_meta_find(&t.set, "tool"),
               *iteration = named_meta_find(&t.set, TRACE_META_ITERATION);
    struct cJSON *list = inputs ? cJSON_ParseWithOpts(inputs, NULL, 1) : NULL;
    if (cJSON_IsArray(list))
        cJSON_AddItemToObject(p, "inputs", list);
    else
        cJSON_Delete(list);
    if (tool)
        cJSON_AddStringToObject(p, "tool", tool);
    if (iteration)
        cJSON_AddStringToObject(p, "iteration", iteration);
    tensorfile_close(&t);
    return p;
}

/* The provenance of a file that was found, or NULL. */
static struct cJSON *provenance_of(const char *path, enum block_kind kind)
{
    struct file f;
    struct block_reader r;
    struct cJSON *p = NULL;
    if (kind == BLOCK_ANY)
        return weights_provenance(path);
    if (file_open_regular(&f, path, NULL))
        return NULL;
    struct fmt_reader io = file_reader(&f);
    if (block_open(&r, &io, BLOCK_ANY, NULL) == 0) {
        p = r.header.provenance[0] ? cJSON_ParseWithOpts(r.header.provenance, NULL, 1) : NULL;
        block_close(&r);
    }
    file_close(&f);
    return p;
}

/* "query    1a2b... test.feat" or, in predictions, "# query ..." */
static void add_line(struct cJSON *inputs, char *line)
{
    char kind[32], hex[DIGEST_HEX + 1];
    uint8_t identity[DIGEST_BYTES];
    line += strncmp(line, "# ", 2) == 0 ? 2 : 0;
    if (sscanf(line, "%31s %65s", kind, hex) != 2 || !parse_hex(hex, identity))
        return;
    struct cJSON *input = cJSON_CreateObject();
    cJSON_AddStringToObject(input, "kind", kind);
    cJSON_AddStringToObject(input, "identity", hex);
    cJSON_AddItemToArray(inputs, input);
}

static void add_origins(struct cJSON *inputs, const struct cJSON *origins)
{
    for (const struct cJSON *c = origins ? origins->child : NULL; c; c = c->next) {
        const char *hex = text_of(c, "identity");
        struct cJSON *input = hex ? cJSON_CreateObject() : NULL;
        if (!input)
            continue;
        cJSON_AddStringToObject(input, "kind", c->string);
        cJSON_AddStringToObject(input, "identity", hex);
        cJSON_AddItemToArray(inputs, input);
    }
}

/* Of a report or predictions: the first lines, as an object with "inputs"; without any if it is something else. */
static struct cJSON *report_provenance(const char *path)
{
    enum { HEAD_BYTES = 1 << 20 };
    struct file f;
    struct cJSON *p = cJSON_CreateObject(), *inputs = cJSON_AddArrayToObject(p, "inputs");
    if (file_open_regular(&f, path, NULL))
        return p;
    struct fmt_reader io = file_reader(&f);
    size_t n = f.size < HEAD_BYTES ? (size_t)f.size : HEAD_BYTES;
    char *text = malloc(n + 1);
    if (text && fmt_read_at_exact(&io, 0, text, n, NULL) == 0) {
        char *rest = text, *line;
        text[n] = 0;
        for (int i = 0; i < 16 && (line = strsep(&rest, "\n")) != NULL; i++) {
            struct cJSON *o = line[0] == '{' ? cJSON_ParseWithOpts(line, NULL, 1) : NULL;
            if (!o)
                add_line(inputs, line);
            add_origins(inputs, cJSON_GetObjectItemCaseSensitive(o, "origins"));
            cJSON_Delete(o);
            if (o && inputs->child)
                break; /* each line says the same */
        }
    }
    free(text);
    file_close(&f);
    return p;
}

/* ---------------------------------------------------------------- telling */

/* A catalogue ends the chain: where its photographs lie. */
static void tell_photographs(struct trace *t, const char *path, int depth)
{
    struct file f;
    struct index x;
    char *root = NULL;
    if (file_open_regular(&f, path, NULL))
        return;
    struct fmt_reader io = file_reader(&f);
    if (index_read(&x, &io, NULL) == 0) {
        struct trace_link link = {.depth = depth, .kind = "photographs", .is_file = true};
        if (rootpath_find(x.root, path, &root, NULL) == 0) {
            const char *folder = root[0] ? root : ".";
            link.path = file_is_dir(folder) ? folder : NULL;
        }
        snprintf(link.note, sizeof link.note, "%s%s%.80s", FMT_COUNT(x.n_entries, "image", "images"),
                 link.path ? "" : ", once in ", link.path ? "" : x.root);
        t->tell(t->arg, &link);
        free(root);
        index_release(&x);
    }
    file_close(&f);
}

static void note(struct trace_link *link, const struct cJSON *provenance)
{
    const char *tool = text_of(provenance, "tool"), *iteration = text_of(provenance, "iteration");
    const struct cJSON *setting =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(provenance, "settings"), "iteration");
    size_t at = 0;
    if (tool)
        at = (size_t)snprintf(link->note, sizeof link->note, "by %.60s", tool);
    if (iteration)
        snprintf(link->note + at, sizeof link->note - at, "%siteration %.20s", at ? ", " : "", iteration);
    else if (cJSON_IsNumber(setting))
        snprintf(link->note + at, sizeof link->note - at, "%siteration %.0f", at ? ", " : "", setting->valuedouble);
}

/* Inputs that are digests of contents or names, and no file carries. */
static bool is_no_file(const char *kind)
{
    return strcmp(kind, "dataset") == 0 || strcmp(kind, "pictures") == 0 || strcmp(kind, "left out") == 0 ||
           strcmp(kind, "replaced") == 0;
}

static const char *folder_of(const char *path, char *folder, size_t room)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, room, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
    return folder;
}

static void follow(struct trace *t, const struct cJSON *provenance, int depth);

static void follow_input(struct trace *t, const struct cJSON *input, int depth)
{
    struct trace_link link = {.depth = depth, .kind = text_of(input, "kind")};
    char folder[4096];
    uint8_t identity[DIGEST_BYTES];
    const char *hex = text_of(input, "identity");
    if (!link.kind || !parse_hex(hex, identity))
        return;
    memcpy(link.identity, hex, sizeof link.identity);
    bool again = cJSON_GetObjectItemCaseSensitive(t->told, hex) != NULL;
    link.is_file = !is_no_file(link.kind);
    const struct idfile *found = link.is_file ? idfiles_find(t->files, identity) : NULL;
    if (!found && strcmp(link.kind, "weights") == 0)
        found = idfiles_find_weights(t->files, identity);
    struct cJSON *own = found ? provenance_of(found->path, found->kind) : NULL;
    const struct cJSON *said = own ? own : cJSON_GetObjectItemCaseSensitive(input, "provenance");
    link.path = found && found->kind == BLOCK_SHARD ? folder_of(found->path, folder, sizeof folder)
                : found                             ? found->path
                                                    : NULL;
    if (again)
        snprintf(link.note, sizeof link.note, "as above");
    else
        note(&link, said);
    t->tell(t->arg, &link);
    cJSON_AddTrueToObject(t->told, hex);
    if (!again && depth < TRACE_DEPTH_MAX) {
        follow(t, said, depth + 1);
        if (found && found->kind == BLOCK_INDEX)
            tell_photographs(t, found->path, depth + 1);
    }
    cJSON_Delete(own);
}

static void follow(struct trace *t, const struct cJSON *provenance, int depth)
{
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(provenance, "inputs");
    for (const struct cJSON *c = cJSON_IsArray(inputs) ? inputs->child : NULL; c; c = c->next)
        follow_input(t, c, depth);
}

/* ---------------------------------------------------------------- the first file */

/* A folder of shards is as good as one of them. */
static char *file_to_read(const char *path)
{
    char **name, *found = NULL;
    int64_t n;
    if (!file_is_dir(path))
        return strdup(path);
    if (file_list(path, &name, &n, NULL))
        return NULL;
    for (int64_t i = 0; i < n && !found; i++) {
        size_t length = strlen(name[i]);
        if (length > 6 && strcmp(name[i] + length - 6, ".shard") == 0)
            found = file_join(path, name[i]);
    }
    file_list_free(name, n);
    return found;
}

static enum block_kind kind_of(const char *path, bool *weights, struct fmt_error *e)
{
    struct file f;
    struct verify_peek p;
    enum block_kind kind = BLOCK_ANY;
    if (file_open_regular(&f, path, e))
        return BLOCK_ANY;
    struct fmt_reader io = file_reader(&f);
    kind = verify_peek(&p, &io);
    *weights = kind == BLOCK_ANY && p.n > 8 && p.first[0] != '{' &&
               (p.first[8] == '{' || memcmp(p.first, "PK\3\4", 4) == 0 || p.first[0] == 0x80);
    file_close(&f);
    return kind;
}

int trace_file(struct idfiles *files, const char *path, void (*tell)(void *arg, const struct trace_link *link),
               void *arg, struct fmt_error *e)
{
    struct trace t = {files, tell, arg, cJSON_CreateObject()};
    struct fmt_error why = {0};
    bool weights = false;
    char *file = file_to_read(path);
    enum block_kind kind = file ? kind_of(file, &weights, &why) : BLOCK_ANY;
    struct cJSON *p = why.status || !file ? NULL
                      : kind != BLOCK_ANY || weights ? provenance_of(file, kind) : report_provenance(file);
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(p, "inputs");
    int status = 0;
    if (why.status)
        status = fmt_fail(e, why.status, "%s", why.text);
    else if (kind != BLOCK_INDEX && (!inputs || (!inputs->child && kind == BLOCK_ANY)))
        status = fmt_fail(e, FMT_MAGIC, "%.250s: does not say what it was made from", path);
    if (!status)
        follow(&t, p, 1);
    if (!status && kind == BLOCK_INDEX)
        tell_photographs(&t, file, 1);
    cJSON_Delete(p);
    cJSON_Delete(t.told);
    free(file);
    return status;
}
