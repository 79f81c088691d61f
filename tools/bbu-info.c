/* bbu-info - the kind of a file, its contents, its origin; with --verify, whether any byte has changed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "checkpoint-reader.h"
#include "describe.h"
#include "identity-search.h"
#include "json-report.h"
#include "msg.h"
#include "opt.h"
#include "printable.h"
#include "progress.h"
#include "shard-set.h"
#include "trace.h"
#include "verify.h"
#include "weights.h"

static bool verify, json, list, trace;
static struct opt_list search_folders;

static const struct opt options[] = {
    OPT_FLAG('c', "verify", &verify, "read everything and check every byte"),
    OPT_FLAG('l', "list", &list, "one line for each record"),
    OPT_FLAG('t', "trace", &trace, "name the files before it, back to the photographs"),
    OPT_LIST(0, "in", &search_folders, "DIR", "look for them below DIR, too [the current folder, FILE's folder]"),
    OPT_JSON(&json),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "bbu-info", "FILE...", "Tell what files of dinotools are, what is in them and where they came from.", options,
    "FILE may be a folder of shards; safetensors and .pth files are described by their headers."};

/* ---------------------------------------------------------------- as text */

static void print_text(const char *s)
{
    printable_put(stdout, s);
}

static void print_scalar(const struct cJSON *v)
{
    char *text = cJSON_IsString(v) ? NULL : cJSON_PrintUnformatted(v);
    print_text(text ? text : v->valuestring ? v->valuestring : "");
    cJSON_free(text);
}

static void print_value(const struct cJSON *v, int depth);

/* "kind identity"; with -v the input's own provenance below. False: not an input. */
static bool print_input(const struct cJSON *v, int depth)
{
    const struct cJSON *kind = cJSON_GetObjectItemCaseSensitive(v, "kind");
    const struct cJSON *identity = cJSON_GetObjectItemCaseSensitive(v, "identity");
    if (!cJSON_IsString(kind) || !cJSON_IsString(identity))
        return false;
    printf("%*s", 2 * depth, "");
    print_text(kind->valuestring);
    putchar(' ');
    print_text(identity->valuestring);
    putchar('\n');
    const struct cJSON *own = cJSON_GetObjectItemCaseSensitive(v, "provenance");
    for (const struct cJSON *c = own && msg_level > 0 ? own->child : NULL; c; c = c->next)
        print_value(c, depth + 1);
    return true;
}

/* Arrays of scalars in one line; objects, and arrays of objects, indented. */
static void print_value(const struct cJSON *v, int depth)
{
    char name[256];
    if (print_input(v, depth))
        return;
    snprintf(name, sizeof name, "%s", v->string ? v->string : "-");
    for (char *s = name; *s; s++)
        *s = *s == '_' && depth == 1 ? ' ' : *s;
    printf("%*s", 2 * depth, "");
    print_text(name);
    bool nested = cJSON_IsObject(v) || (cJSON_IsArray(v) && cJSON_IsObject(v->child));
    if (nested && v->child) {
        putchar('\n');
        for (const struct cJSON *c = v->child; c; c = c->next)
            print_value(c, depth + 1);
        return;
    }
    int pad = 18 - 2 * depth - (int)strlen(name);
    printf("%*s", pad > 1 ? pad : 1, "");
    if (cJSON_IsArray(v))
        for (const struct cJSON *c = v->child; c; c = c->next) {
            print_scalar(c);
            fputs(c->next ? ", " : "", stdout);
        }
    else
        print_scalar(v);
    putchar('\n');
}

static void print_facts(const struct cJSON *o)
{
    for (const struct cJSON *v = o->child; v; v = v->next) {
        if (strcmp(v->string, "report") == 0)
            continue;
        if (strcmp(v->string, "path") == 0) {
            print_text(v->valuestring);
            puts(":");
        } else if (strcmp(v->string, "state") != 0 || msg_level > 0) { /* long: with -v */
            print_value(v, 1);
        }
    }
}

static void print_line(const char *text)
{
    for (const char *s = text; *s; s++)
        putchar(((unsigned char)*s < 32 && *s != '\t') || *s == 127 ? '?' : *s);
    putchar('\n');
    if (ferror(stdout)) /* do not compute the rest, which may be long, for nobody */
        exit(msg_finish(EXIT_FAILED));
}

/* ---------------------------------------------------------------- one file */

/* Of a pipe that cannot be described, the beginning is enough, which has the lines that a report begins with. */
static bool is_enough(const uint8_t first[24], int64_t n)
{
    return n >= 1 << 16 && !describe_recognises(first, 24);
}

/* Copies a pipe to a file without a name, so that it can be read again and from its end. */
static int copy_pipe(struct file *f, struct fmt_error *e)
{
    FILE *copy = tmpfile();
    struct fmt_reader io = file_reader(f);
    static uint8_t piece[1 << 16];
    uint8_t first[24] = {0};
    int64_t n = 0, all = 0;
    while (copy && !is_enough(first, all) && (n = io.read(io.arg, piece, sizeof piece)) > 0) {
        for (int64_t i = 0; i < n && all + i < (int64_t)sizeof first; i++)
            first[all + i] = piece[i];
        if (fwrite(piece, 1, (size_t)n, copy) != (size_t)n)
            break;
        all += n;
    }
    bool good = copy && (n == 0 || is_enough(first, all)) && fflush(copy) == 0;
    int fd = good ? dup(fileno(copy)) : -1;
    if (copy)
        fclose(copy);
    if (fd < 0)
        return fmt_fail(e, FMT_IO, "%.190s: cannot copy what the pipe gives", f->path);
    if (f->fd > STDERR_FILENO)
        close(f->fd);
    f->fd = fd;
    f->size = (uint64_t)all;
    f->regular = true;
    return 0;
}

/* *copied: it is a pipe, whose path is of no more use. */
static int open_seekable(struct file *f, const char *path, bool *copied, struct fmt_error *e)
{
    int status = file_open(f, path, e);
    *copied = !status && !f->regular;
    if (!*copied)
        return status;
    status = copy_pipe(f, e);
    if (status)
        file_close(f);
    return status;
}

static struct progress progress;

static void show_progress(void *arg, int64_t n)
{
    (void)arg;
    progress_step(&progress, n);
}

static int verify_file(struct file *f, struct cJSON *o, struct fmt_error *e)
{
    struct fmt_reader io = file_reader(f);
    struct verify_counts n;
    bool slow = f->size > (uint64_t)64 << 20;
    if (slow)
        progress_begin(&progress, "verify", "record", "records", 0);
    int status = verify_whole(&io, &n, slow ? show_progress : NULL, NULL, e);
    if (slow)
        progress_end(&progress);
    if (status == 0)
        cJSON_AddTrueToObject(o, "verified");
    return status;
}

/* Checks all files of a checkpoint's set, whichever was named; a whole checkpoint is its only file. */
static int verify_set(const char *path, const struct cJSON *o, struct fmt_error *e)
{
    struct checkpoint_reader r;
    if (!cJSON_HasObjectItem(o, "set"))
        return 0;
    int status = checkpoint_reader_open(&r, path, e);
    if (status)
        return status;
    progress_begin(&progress, "verify", "file", "files", r.set.n_ranks);
    for (int rank = 0; rank < r.set.n_ranks && !status; rank++) {
        status = checkpoint_reader_check(&r, rank, e);
        progress_step(&progress, rank + 1);
    }
    progress_end(&progress);
    checkpoint_reader_close(&r);
    return status;
}

/* The hash of weights that features record; null if they are no network that is known here. */
static void add_hash(const char *path, const struct file *f, bool copied, struct cJSON *o)
{
    char by_number[32];
    uint8_t hash[WEIGHTS_HASHES][DIGEST_BYTES];
    char hex[DIGEST_HEX];
    snprintf(by_number, sizeof by_number, "/dev/fd/%d", f->fd);
    if (weights_file_hashes(copied ? by_number : path, hash, NULL)) {
        cJSON_AddNullToObject(o, "weights");
        return;
    }
    digest_hex(hash[0], hex);
    json_report_text(o, "weights", hex);
}

static int info_file(const char *path, struct cJSON *o, struct fmt_error *e)
{
    struct file f;
    bool ours = false, copied;
    int status = open_seekable(&f, path, &copied, e);
    if (status)
        return status;
    struct fmt_error why = {0};
    if (list)
        status = describe_records(&f, print_line, &why);
    else if ((status = describe_file(o, &f, &ours, &why)) == 0 && !ours)
        add_hash(path, &f, copied, o);
    if (status == 0 && verify && ours)
        status = verify_set(path, o, &why) || verify_file(&f, o, &why) ? (int)why.status : 0;
    else if (status == 0 && verify && !list)
        msg_warn("%s: not verified: files of this kind have no dinotools checksums", path);
    if (status && !ours && trace_is_report(&f))
        fmt_fail(e, why.status, "%.190s: a report or predictions; --trace follows it to what it was made from", f.path);
    else if (status && strncmp(why.text, f.path, strlen(f.path)) == 0)
        fmt_fail(e, why.status, "%s", why.text); /* named already */
    else if (status)
        fmt_fail(e, why.status, "%.190s: %.200s", f.path, why.text);
    file_close(&f);
    return status;
}

static int verify_folder(const char *path, struct fmt_error *e)
{
    char **name;
    int64_t n_names, n_shards = 0;
    int status = file_list(path, &name, &n_names, e);
    for (int64_t i = 0; status == 0 && i < n_names; i++) {
        if (!shard_set_is_name(name[i]))
            continue;
        char *inside = file_join(path, name[i]);
        struct cJSON *unused = cJSON_CreateObject();
        n_shards++;
        status = inside ? file_check_fifo(inside, e) : fmt_no_memory(e);
        if (status == 0)
            status = info_file(inside, unused, e);
        cJSON_Delete(unused);
        free(inside);
    }
    if (status == 0)
        file_list_free(name, n_names);
    return status || n_shards ? status : fmt_fail(e, FMT_INVALID, "%.250s: a folder without shards (*.shard)", path);
}

static int info_folder(const char *path, struct cJSON *o, struct fmt_error *e)
{
    int status = list ? 0 : describe_shards(o, path, e);
    if (status == 0 && (verify || list))
        status = verify_folder(path, e);
    if (status == 0 && verify)
        cJSON_AddTrueToObject(o, "verified");
    return status;
}

static bool info(const char *path)
{
    struct cJSON *o = json_report_begin("file");
    struct fmt_error e = {0};
    json_report_text(o, "path", path);
    bool good = (file_is_dir(path) ? info_folder(path, o, &e) : info_file(path, o, &e)) == 0;
    if (!good)
        msg_error("%s", e.text);
    if (!good && json)
        json_report_text(o, "error", e.text);
    if (json && !list) {
        if (json_report_end(o))
            msg_die("out of memory");
        return good;
    }
    if (good && !list)
        print_facts(o);
    cJSON_Delete(o);
    return good;
}

/* ---------------------------------------------------------------- --trace */

static void print_link(void *arg, const struct trace_link *link)
{
    (void)arg;
    if (json) {
        struct cJSON *o = json_report_begin("trace");
        json_report_int(o, "depth", link->depth);
        json_report_text(o, "kind", link->kind);
        if (link->identity[0])
            json_report_text(o, "identity", link->identity);
        if (link->path)
            json_report_text(o, "path", link->path);
        if (link->note[0])
            json_report_text(o, "note", link->note);
        if (json_report_end(o))
            msg_die("out of memory");
        return;
    }
    printf("%*s", 2 * link->depth, "");
    print_text(link->kind);
    printf("%s%.12s: ", link->identity[0] ? " " : "", link->identity);
    print_text(link->path ? link->path : link->is_file ? "not found" : "of contents, no file");
    if (link->note[0]) {
        fputs(" (", stdout);
        print_text(link->note);
        putchar(')');
    }
    putchar('\n');
}

static void add_folder(struct identity_search *files, const char *folder, bool by_user)
{
    struct fmt_error e = {0};
    if (identity_search_add(files, folder, &e) && (by_user || e.status == FMT_MEMORY))
        msg_die("%s", e.text);
}

static void find_files(struct identity_search *files, const char *path)
{
    char *folder = file_directory(path);
    if (!folder)
        msg_die("out of memory");
    add_folder(files, folder, false); /* first: its files are preferred to others of the same identity */
    add_folder(files, ".", false);
    for (int i = 0; i < search_folders.n; i++)
        add_folder(files, search_folders.item[i], true);
    free(folder);
}

_Static_assert((int)WEIGHTS_HASHES == (int)IDENTITY_SEARCH_HASHES, "two lists of the same hashes");

static bool trace_back(const char *path)
{
    struct identity_search files = {.weights_hash = weights_file_hashes};
    struct fmt_error e = {0};
    struct file f;
    bool folder = file_is_dir(path), copied = false;
    if (!folder && open_seekable(&f, path, &copied, &e)) {
        msg_error("%s", e.text);
        return false;
    }
    find_files(&files, copied ? "-" : path);
    if (!json) {
        print_text(path);
        puts(":");
    }
    bool good = trace_file(&files, path, folder ? NULL : &f, print_link, NULL, &e) == 0;
    if (!good)
        msg_error("%s", e.text);
    identity_search_release(&files);
    if (!folder)
        file_close(&f);
    return good;
}

/* ---------------------------------------------------------------- */

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    if (first == argc)
        msg_usage("a file is missing");
    if (list && json)
        msg_usage("--list and --json exclude each other; feat-cat and dino-weights give records as JSON");
    if (trace && (list || verify))
        msg_usage("--trace goes with neither --list nor --verify");
    if (search_folders.n && !trace)
        msg_usage("--in is for --trace");
    file_on_signal();
    bool good = true;
    for (int i = first; i < argc; i++)
        good = (trace ? trace_back(argv[i]) : info(argv[i])) && good;
    return msg_finish(good ? EXIT_DONE : EXIT_FAILED);
}
