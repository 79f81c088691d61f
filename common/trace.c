/* trace.c - provenance is a tree of JSON: inputs with kind and identity. A file that is found tells its own; of one
 * that is gone the copy is used that its successor keeps. */
#include "trace.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "index.h"
#include "rootpath.h"
#include "shard-set.h"
#include "trace-record.h"
#include "verify.h"

struct trace {
    struct identity_search *files;
    void (*tell)(void *arg, const struct trace_link *link);
    void *arg;
    void *told; /* tree (tsearch) of struct told: no choice of identities makes it slow, as it might a hash table */
    bool no_memory;
};

struct told { /* an identity whose inputs were told */
    uint8_t identity[DIGEST_BYTES];
    const struct identity_file *found;
};

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

static int compare_told(const void *a, const void *b)
{
    return memcmp(((const struct told *)a)->identity, ((const struct told *)b)->identity, DIGEST_BYTES);
}

/* What is kept of an identity; *first: it was not met before. NULL: no memory. */
static struct told *told_of(struct trace *t, const uint8_t identity[DIGEST_BYTES], bool *first)
{
    struct told *fresh = calloc(1, sizeof *fresh), **node = NULL;
    if (fresh) {
        memcpy(fresh->identity, identity, DIGEST_BYTES);
        node = tsearch(fresh, &t->told, compare_told);
    }
    *first = node && *node == fresh;
    if (!*first)
        free(fresh);
    t->no_memory |= !node;
    return node ? *node : NULL;
}

/* ---------------------------------------------------------------- which file */

enum { RANK_LEADS_ON = 1, RANK_NOT_OF_ITSELF = 2, RANK_BEST = 3 };

/* A run that continues from weights begins with a teacher of the same hash, which names these as its input. */
static bool is_of_itself(const struct trace_record *s, const struct identity_file *file)
{
    uint8_t identity[DIGEST_BYTES];
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(s->provenance, "inputs");
    for (const struct cJSON *c = inputs ? inputs->child : NULL; c; c = c->next)
        for (int i = 0; i < IDENTITY_SEARCH_HASHES && parse_hex(trace_record_text(c, "identity"), identity); i++)
            if (memcmp(identity, file->weights[i], DIGEST_BYTES) == 0)
                return true;
    return false;
}

static int rank_of(const struct identity_file *file)
{
    struct trace_record s = trace_record_of_path(file->path, file->kind);
    int rank = (trace_record_has_inputs(&s) ? RANK_LEADS_ON : 0) + (is_of_itself(&s, file) ? 0 : RANK_NOT_OF_ITSELF);
    trace_record_release(&s);
    return rank;
}

/* Of several files with this hash the one that tells most of where it came from; of equal ones files of weights come
 * before checkpoints. */
static const struct identity_file *choose_weights(struct trace *t, const uint8_t hash[DIGEST_BYTES], int *rank)
{
    const struct identity_file *best = NULL, *file;
    *rank = -1;
    for (int checkpoints = 0; checkpoints < 2; checkpoints++)
        for (int64_t nth = 0; *rank < RANK_BEST; nth++) {
            file = identity_search_find_weights(t->files, hash, checkpoints, nth);
            int its = file ? rank_of(file) : -1;
            if (!file)
                break;
            best = its > *rank ? file : best;
            *rank = its > *rank ? its : *rank;
        }
    return best;
}

static bool is_student(const struct identity_file *file, const uint8_t hash[DIGEST_BYTES])
{
    for (int i = 0; i < IDENTITY_SEARCH_HASHES; i++) /* those of the teacher come first */
        if (memcmp(file->weights[i], hash, DIGEST_BYTES) == 0)
            return i >= IDENTITY_SEARCH_HASHES / 2;
    return false;
}

/* Inputs that are digests of contents or names, and no file carries. */
static bool is_no_file(const char *kind)
{
    return strcmp(kind, "dataset") == 0 || strcmp(kind, "pictures") == 0 || strcmp(kind, "left out") == 0 ||
           strcmp(kind, "replaced") == 0;
}

static const struct identity_file *find(struct trace *t, const char *kind, const uint8_t identity[DIGEST_BYTES])
{
    int rank;
    const struct identity_file *found = is_no_file(kind) ? NULL : identity_search_find(t->files, identity);
    return !found && strcmp(kind, "weights") == 0 ? choose_weights(t, identity, &rank) : found;
}

/* ---------------------------------------------------------------- telling */

static void add_note(struct trace_link *link, const char *form, ...) __attribute__((format(printf, 2, 3)));
static void add_note(struct trace_link *link, const char *form, ...)
{
    size_t at = strlen(link->note), capacity = sizeof link->note;
    va_list ap;
    if (at && at < capacity - 2)
        at += (size_t)snprintf(link->note + at, capacity - at, ", ");
    va_start(ap, form);
    vsnprintf(link->note + at, capacity - at, form, ap);
    va_end(ap);
}

/* A name from a file, of any length and content, as a line takes it; not cut inside a character of UTF-8. */
static void set_kind(struct trace_link *link, const char *kind)
{
    size_t n = strnlen(kind, TRACE_KIND + 1);
    if (n > TRACE_KIND)
        for (n = TRACE_KIND; n > 0 && ((unsigned char)kind[n] & 0xc0) == 0x80;)
            n--;
    for (size_t i = 0; i < n; i++)
        link->kind[i] = (unsigned char)kind[i] < 32 || kind[i] == 127 ? '?' : kind[i];
    link->kind[n] = 0;
}

/* A catalogue ends the chain: where its photographs lie. */
static int tell_photographs(struct trace *t, struct file *f, const char *path, int depth, struct fmt_error *e)
{
    struct index x;
    char *root = NULL;
    struct fmt_reader io = file_reader(f);
    int status = index_read(&x, &io, e);
    if (status)
        return status;
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
    return 0;
}

static void tell_catalogue(struct trace *t, const char *path, int depth)
{
    struct file f;
    if (file_open_regular(&f, path, NULL))
        return;
    tell_photographs(t, &f, path, depth, NULL);
    file_close(&f);
}

static void note(struct trace_link *link, const struct cJSON *provenance)
{
    const char *tool = trace_record_text(provenance, "tool"),
               *iteration = trace_record_text(provenance, "iteration");
    const struct cJSON *setting =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(provenance, "settings"), "iteration");
    if (tool)
        add_note(link, "by %.60s", tool);
    if (iteration)
        add_note(link, "iteration %.20s", iteration);
    else if (cJSON_IsNumber(setting))
        add_note(link, "iteration %.0f", setting->valuedouble);
}

static const char *folder_of(const char *path, char *folder, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, capacity, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
    return folder;
}

/* remark: of all these inputs, to stand in their notes; or NULL. */
#define BY_HEADER "named by the header, the rest is not said"
static void follow(struct trace *t, const struct cJSON *provenance, int depth, const char *remark);

static void tell_file(struct trace *t, struct trace_link *link, const struct identity_file *found)
{
    char folder[4096];
    link->path = found && found->kind == BLOCK_SHARD ? folder_of(found->path, folder, sizeof folder)
                 : found                             ? found->path
                                                     : NULL;
    t->tell(t->arg, link);
}

static void follow_input(struct trace *t, const struct cJSON *input, int depth, const char *remark)
{
    struct trace_link link = {.depth = depth};
    uint8_t identity[DIGEST_BYTES];
    bool first;
    const char *kind = trace_record_text(input, "kind"), *hex = trace_record_text(input, "identity");
    struct told *told = kind && parse_hex(hex, identity) ? told_of(t, identity, &first) : NULL;
    if (!told)
        return;
    set_kind(&link, kind);
    memcpy(link.identity, hex, sizeof link.identity);
    link.is_file = !is_no_file(kind);
    if (first || !told->found)
        told->found = find(t, kind, identity);
    if (!first) {
        add_note(&link, "as above");
        tell_file(t, &link, told->found);
        return;
    }
    const struct identity_file *found = told->found;
    struct trace_record own =
        found ? trace_record_of_path(found->path, found->kind) : (struct trace_record){0};
    const struct cJSON *said = own.provenance ? own.provenance : cJSON_GetObjectItemCaseSensitive(input, "provenance");
    if (found && is_student(found, identity))
        add_note(&link, "its student");
    note(&link, said);
    if (remark)
        add_note(&link, "%s", remark);
    tell_file(t, &link, found);
    if (depth < TRACE_DEPTH_MAX) {
        follow(t, said, depth + 1, own.by_header ? BY_HEADER : NULL);
        if (found && found->kind == BLOCK_INDEX)
            tell_catalogue(t, found->path, depth + 1);
    }
    trace_record_release(&own);
}

static void follow(struct trace *t, const struct cJSON *provenance, int depth, const char *remark)
{
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(provenance, "inputs");
    for (const struct cJSON *c = cJSON_IsArray(inputs) ? inputs->child : NULL; c; c = c->next)
        follow_input(t, c, depth, remark);
}

/* ---------------------------------------------------------------- the first file */

/* A folder of shards is as good as one of them. */
static char *shard_in(const char *folder, struct fmt_error *e)
{
    char **name, *found = NULL;
    int64_t n;
    if (file_list(folder, &name, &n, e))
        return NULL;
    for (int64_t i = 0; i < n && !found; i++)
        if (shard_set_is_name(name[i]))
            found = file_join(folder, name[i]);
    file_list_free(name, n);
    if (!found)
        fmt_fail(e, FMT_MAGIC, "%.250s: no shards are in this folder", folder);
    return found;
}

/* Weights that say nothing, as a .pth: another file of the same network may. */
static struct trace_record said_by_equal(struct trace *t, const struct file *f)
{
    uint8_t hash[IDENTITY_SEARCH_HASHES][DIGEST_BYTES];
    char by_number[32], hex[DIGEST_HEX];
    struct trace_record s = {0};
    int rank;
    snprintf(by_number, sizeof by_number, "/dev/fd/%d", f->fd); /* a copy of a pipe has no name */
    if (!t->files->weights_hash || t->files->weights_hash(by_number, hash, NULL) != 0)
        return s;
    if (!choose_weights(t, hash[0], &rank) || !(rank & RANK_LEADS_ON))
        return s;
    digest_hex(hash[0], hex);
    s.provenance = cJSON_CreateObject();
    trace_record_add_input(cJSON_AddArrayToObject(s.provenance, "inputs"), "weights", hex);
    return s;
}

/* Why there is no way back: what plain bbu-info says of it, if that is an error. */
static int tell_why(struct file *f, struct fmt_error *e)
{
    struct cJSON *o = cJSON_CreateObject();
    struct fmt_error why = {0};
    bool ours;
    int status = describe_file(o, f, &ours, &why);
    cJSON_Delete(o);
    if (!status || why.status == FMT_MAGIC)
        return fmt_fail(e, FMT_MAGIC, "%.190s: does not say what it was made from%s%.190s", f->path,
                        status ? ": " : "", status ? why.text : "");
    if (strncmp(why.text, f->path, strlen(f->path)) == 0)
        return fmt_fail(e, why.status, "%s", why.text); /* named already */
    return fmt_fail(e, why.status, "%.190s: %.200s", f->path, why.text);
}

static int trace_open(struct trace *t, const char *path, struct file *f, struct fmt_error *e)
{
    struct verify_peek p;
    struct fmt_reader io = file_reader(f);
    struct fmt_error unreadable = {0};
    const char *remark = NULL;
    enum block_kind kind = verify_peek(&p, &io);
    bool weights = kind == BLOCK_ANY && p.n > 8 && p.first[0] != '{' && describe_recognises(p.first, p.n);
    struct trace_record said =
        kind != BLOCK_ANY || weights ? trace_record_of_file(f, kind) : trace_record_of_report(f);
    if (weights && !trace_record_has_inputs(&said)) {
        trace_record_release(&said);
        said = said_by_equal(t, f);
        remark = "the same network";
    }
    int status = 0;
    if (trace_record_has_inputs(&said))
        follow(t, said.provenance, 1, said.by_header ? BY_HEADER : remark);
    else if (kind != BLOCK_INDEX)
        status = tell_why(f, e);
    if (!status && kind == BLOCK_INDEX && tell_photographs(t, f, path, 1, &unreadable))
        status = tell_why(f, e);
    trace_record_release(&said);
    return status ? status : t->no_memory ? fmt_no_memory(e) : 0;
}

int trace_file(struct identity_search *files, const char *path, struct file *f,
               void (*tell)(void *arg, const struct trace_link *link), void *arg, struct fmt_error *e)
{
    struct trace t = {.files = files, .tell = tell, .arg = arg};
    struct file shard;
    char *inside = f ? NULL : shard_in(path, e);
    if (!f && (!inside || file_open_regular(&shard, inside, e))) {
        free(inside);
        return (int)e->status;
    }
    int status = trace_open(&t, path, f ? f : &shard, e);
    if (!f)
        file_close(&shard);
    free(inside);
    tdestroy(t.told, free);
    return status;
}

bool trace_is_report(struct file *f)
{
    struct trace_record s = trace_record_of_report(f);
    bool leads_on = trace_record_has_inputs(&s);
    trace_record_release(&s);
    return leads_on;
}
