/* trace.c - provenance is a tree of JSON: inputs with kind and identity. If the file of an input is found, its own
 * provenance is used, else the copy nested in the file that was made from it. */
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
    void (*found)(void *arg, const struct trace_link *link);
    void *arg;
    void *visited; /* tree (tsearch) of struct visited: hostile identities cannot make it slow, as they could a hash
                    * table */
    bool no_memory;
};

struct visited { /* an identity that was met before */
    uint8_t identity[DIGEST_BYTES];
    const struct identity_file *file;
};

static int compare_visited(const void *a, const void *b)
{
    return memcmp(((const struct visited *)a)->identity, ((const struct visited *)b)->identity, DIGEST_BYTES);
}

/* The entry of an identity; *first: it is new. NULL: out of memory. */
static struct visited *visit(struct trace *t, const uint8_t identity[DIGEST_BYTES], bool *first)
{
    struct visited *fresh = calloc(1, sizeof *fresh), **node = NULL;
    if (fresh) {
        memcpy(fresh->identity, identity, DIGEST_BYTES);
        node = tsearch(fresh, &t->visited, compare_visited);
    }
    *first = node && *node == fresh;
    if (!*first)
        free(fresh);
    t->no_memory |= !node;
    return node ? *node : NULL;
}

/* ---------------------------------------------------------------- which file */

enum { RANK_HAS_INPUTS = 1, RANK_NOT_ITS_OWN_INPUT = 2, RANK_BEST = 3 };

/* A run that continues from weights begins with a teacher of the same hash, whose inputs include these weights. */
static bool is_its_own_input(const struct trace_record *s, const struct identity_file *file)
{
    uint8_t identity[DIGEST_BYTES];
    const struct cJSON *inputs = cJSON_GetObjectItemCaseSensitive(s->provenance, "inputs");
    for (const struct cJSON *c = inputs ? inputs->child : NULL; c; c = c->next)
        for (int i = 0; i < IDENTITY_SEARCH_HASHES && digest_parse(trace_record_text(c, "identity"), identity); i++)
            if (memcmp(identity, file->weights[i], DIGEST_BYTES) == 0)
                return true;
    return false;
}

static int rank_of(const struct identity_file *file)
{
    struct trace_record s = trace_record_of_path(file->path, file->kind);
    int rank = (trace_record_has_inputs(&s) ? RANK_HAS_INPUTS : 0) +
               (is_its_own_input(&s, file) ? 0 : RANK_NOT_ITS_OWN_INPUT);
    trace_record_release(&s);
    return rank;
}

/* Of several files with this hash the one that records most of its origin; files of weights before checkpoints. */
static const struct identity_file *choose_weights(struct trace *t, const uint8_t hash[DIGEST_BYTES], int *rank)
{
    const struct identity_file *best = NULL, *file;
    *rank = -1;
    for (int checkpoints = 0; checkpoints < 2; checkpoints++)
        for (int64_t nth = 0; *rank < RANK_BEST; nth++) {
            file = identity_search_find_weights(t->files, hash, checkpoints, nth);
            int file_rank = file ? rank_of(file) : -1;
            if (!file)
                break;
            best = file_rank > *rank ? file : best;
            *rank = file_rank > *rank ? file_rank : *rank;
        }
    return best;
}

static bool is_student(const struct identity_file *file, const uint8_t hash[DIGEST_BYTES])
{
    for (int i = 0; i < IDENTITY_SEARCH_HASHES; i++) /* the teacher's hashes first */
        if (memcmp(file->weights[i], hash, DIGEST_BYTES) == 0)
            return i >= IDENTITY_SEARCH_HASHES / 2;
    return false;
}

static const struct identity_file *find(struct trace *t, const char *kind, const uint8_t identity[DIGEST_BYTES])
{
    int rank;
    const struct identity_file *file =
        provenance_is_digest(kind) ? NULL : identity_search_find(t->files, identity);
    return !file && strcmp(kind, "weights") == 0 ? choose_weights(t, identity, &rank) : file;
}

/* ---------------------------------------------------------------- links */

static void add_note(struct trace_link *link, const char *form, ...) __attribute__((format(printf, 2, 3)));
static void add_note(struct trace_link *link, const char *form, ...)
{
    size_t at = strlen(link->note), bytes = sizeof link->note;
    va_list ap;
    if (at && at < bytes - 2)
        at += (size_t)snprintf(link->note + at, bytes - at, ", ");
    va_start(ap, form);
    vsnprintf(link->note + at, bytes - at, form, ap);
    va_end(ap);
}

/* A kind from a file has any length and content: it is cut between characters of UTF-8, without control characters. */
static void set_kind(struct trace_link *link, const char *kind)
{
    size_t n = strnlen(kind, TRACE_KIND_MAX + 1);
    if (n > TRACE_KIND_MAX)
        for (n = TRACE_KIND_MAX; n > 0 && ((unsigned char)kind[n] & 0xc0) == 0x80;)
            n--;
    for (size_t i = 0; i < n; i++)
        link->kind[i] = (unsigned char)kind[i] < 32 || kind[i] == 127 ? '?' : kind[i];
    link->kind[n] = 0;
}

/* A catalogue ends the chain: the link of its photographs. */
static int report_photographs(struct trace *t, struct file *f, const char *path, int depth, struct fmt_error *e)
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
    t->found(t->arg, &link);
    free(root);
    index_release(&x);
    return 0;
}

static void report_catalogue(struct trace *t, const char *path, int depth)
{
    struct file f;
    if (file_open_regular(&f, path, NULL))
        return;
    report_photographs(t, &f, path, depth, NULL);
    file_close(&f);
}

static void add_provenance_notes(struct trace_link *link, const struct cJSON *provenance)
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

static const char *folder_of(const char *path, char *folder, size_t bytes)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, bytes, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
    return folder;
}

/* remark: for the notes of all these inputs; or NULL. */
#define FROM_HEADER "named by the header, the rest is not said"
static void follow(struct trace *t, const struct cJSON *provenance, int depth, const char *remark);

static void report(struct trace *t, struct trace_link *link, const struct identity_file *file)
{
    char folder[4096];
    link->path = file && file->kind == BLOCK_SHARD ? folder_of(file->path, folder, sizeof folder)
                 : file                            ? file->path
                                                   : NULL;
    t->found(t->arg, link);
}

static void follow_input(struct trace *t, const struct cJSON *input, int depth, const char *remark)
{
    struct trace_link link = {.depth = depth};
    uint8_t identity[DIGEST_BYTES];
    bool first;
    const char *kind = trace_record_text(input, "kind"), *hex = trace_record_text(input, "identity");
    struct visited *visited = kind && digest_parse(hex, identity) ? visit(t, identity, &first) : NULL;
    if (!visited)
        return;
    set_kind(&link, kind);
    memcpy(link.identity, hex, sizeof link.identity);
    link.is_file = !provenance_is_digest(kind);
    if (first || !visited->file)
        visited->file = find(t, kind, identity);
    if (!first) {
        add_note(&link, "as above");
        report(t, &link, visited->file);
        return;
    }
    const struct identity_file *file = visited->file;
    struct trace_record own = file ? trace_record_of_path(file->path, file->kind) : (struct trace_record){0};
    const struct cJSON *nested = cJSON_GetObjectItemCaseSensitive(input, "provenance");
    const struct cJSON *provenance = own.provenance ? own.provenance : nested;
    if (file && is_student(file, identity))
        add_note(&link, "its student");
    add_provenance_notes(&link, provenance);
    if (remark)
        add_note(&link, "%s", remark);
    report(t, &link, file);
    if (depth < TRACE_DEPTH_MAX) {
        follow(t, provenance, depth + 1, own.from_header ? FROM_HEADER : NULL);
        if (file && file->kind == BLOCK_INDEX)
            report_catalogue(t, file->path, depth + 1);
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

/* Any shard of a folder represents their set. */
static char *find_shard(const char *folder, struct fmt_error *e)
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

/* For weights that record nothing, such as a .pth: the record of another file of the same network. */
static struct trace_record record_of_equal(struct trace *t, const struct file *f)
{
    uint8_t hash[IDENTITY_SEARCH_HASHES][DIGEST_BYTES];
    char by_number[32], hex[DIGEST_HEX];
    struct trace_record s = {0};
    int rank;
    snprintf(by_number, sizeof by_number, "/dev/fd/%d", f->fd); /* a copy of a pipe has no name */
    if (!t->files->weights_hash || t->files->weights_hash(by_number, hash, NULL) != 0)
        return s;
    if (!choose_weights(t, hash[0], &rank) || !(rank & RANK_HAS_INPUTS))
        return s;
    digest_hex(hash[0], hex);
    s.provenance = cJSON_CreateObject();
    trace_record_add_input(cJSON_AddArrayToObject(s.provenance, "inputs"), "weights", hex);
    return s;
}

/* Why the file cannot be traced: the error that bbu-info without --trace gives, if there is one. */
static int fail_trace(struct file *f, struct fmt_error *e)
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
    struct trace_record own = kind != BLOCK_ANY || weights ? trace_record_of_file(f, kind) : trace_record_of_report(f);
    if (weights && !trace_record_has_inputs(&own)) {
        trace_record_release(&own);
        own = record_of_equal(t, f);
        remark = "the same network";
    }
    int status = 0;
    if (trace_record_has_inputs(&own))
        follow(t, own.provenance, 1, own.from_header ? FROM_HEADER : remark);
    else if (kind != BLOCK_INDEX)
        status = fail_trace(f, e);
    if (!status && kind == BLOCK_INDEX && report_photographs(t, f, path, 1, &unreadable))
        status = fail_trace(f, e);
    trace_record_release(&own);
    return status ? status : t->no_memory ? fmt_no_memory(e) : 0;
}

int trace_file(struct identity_search *files, const char *path, struct file *f,
               void (*found)(void *arg, const struct trace_link *link), void *arg, struct fmt_error *e)
{
    struct trace t = {.files = files, .found = found, .arg = arg};
    struct file shard;
    char *inside = f ? NULL : find_shard(path, e);
    if (!f && (!inside || file_open_regular(&shard, inside, e))) {
        free(inside);
        return (int)e->status;
    }
    int status = trace_open(&t, path, f ? f : &shard, e);
    if (!f)
        file_close(&shard);
    free(inside);
    tdestroy(t.visited, free);
    return status;
}

bool trace_is_report(struct file *f)
{
    struct trace_record s = trace_record_of_report(f);
    bool is_report = trace_record_has_inputs(&s);
    trace_record_release(&s);
    return is_report;
}
