/* knn-part.c - see knn-part.h. A reader knows which rows must be there, and compares their keys and their number. */
#include "knn-part.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json-report.h"
#include "json-scan.h"
#include "report-print.h"

enum { DEPTH_MAX = 8 };
#define BYTES_MAX ((size_t)16 << 30)

bool knn_part_is(const char *path)
{
    struct file f;
    char first = 0;
    if (strcmp(path, "-") == 0 || file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    bool is = fmt_read_exact(&io, &first, 1, NULL) == 0 && first == '{';
    file_close(&f);
    return is;
}

/* ------------------------------------------------------------------ the head */
static int put_head(FILE *out, struct part part, const struct knn_part_job *job, struct fmt_error *e)
{
    struct report_node head = {.kind = REPORT_OBJECT};
    char name[PART_TEXT];
    report_text(&head, "report", "votes");
    report_text(&head, "tool", job->tool);
    report_text(&head, "part", part_text(part, name));
    struct report_node *classes = report_add(&head, REPORT_LIST, "classes"), *ks, *rows;
    for (int c = 0; c < job->plan->n_classes; c++)
        report_text(classes, NULL, job->plan->class_name[c]);
    ks = report_add(&head, REPORT_LIST, "k");
    for (int i = 0; i < job->n_ks; i++)
        report_count(ks, NULL, job->ks[i]);
    report_number(&head, "temperature", job->temperature);
    report_put(&head, (struct report_node){REPORT_BOOL, "leave_group_out", .count = job->leave_group_out});
    score_inputs_report(&head, job->inputs);
    rows = report_add(&head, REPORT_LIST, "rows");
    for (int s = 0; s < job->n_sets; s++)
        report_count(rows, NULL, job->n_rows[s]);
    int status = report_print_json(out, &head, e);
    report_release(&head);
    return status;
}

/* The head that a part of this job has, as a tree for cJSON_Delete. */
static struct cJSON *expected_head(const struct knn_part_job *job)
{
    char *text = NULL;
    size_t bytes;
    FILE *line = open_memstream(&text, &bytes);
    int status = line ? put_head(line, (struct part){1, 1}, job, NULL) : FMT_MEMORY;
    if (line && fclose(line) != 0)
        status = FMT_MEMORY;
    struct cJSON *head = status ? NULL : cJSON_Parse(text);
    free(text);
    return head;
}

/* The paths of the same files may differ. */
static bool same_origins(const struct cJSON *a, const struct cJSON *b)
{
    const struct cJSON *one;
    cJSON_ArrayForEach(one, a) {
        const struct cJSON *other = json_member(b, one->string);
        if (!cJSON_Compare(json_member(one, "identity"), json_member(other, "identity"), true))
            return false;
    }
    return cJSON_GetArraySize(a) == cJSON_GetArraySize(b);
}

/* The first member in which a head differs from what is expected; NULL: none. */
static const char *find_difference(const struct cJSON *expected, const struct cJSON *head)
{
    const struct cJSON *one;
    cJSON_ArrayForEach(one, expected) {
        const struct cJSON *other = json_member(head, one->string);
        bool same = strcmp(one->string, "part") == 0 ||
                    (strcmp(one->string, "origins") == 0 ? same_origins(one, other) : cJSON_Compare(one, other, true));
        if (!same)
            return one->string;
    }
    return cJSON_GetArraySize(expected) == cJSON_GetArraySize(head) ? NULL : "head";
}

static int take_part(const struct cJSON *head, struct part *part, struct fmt_error *e)
{
    const char *report = cJSON_GetStringValue(json_member(head, "report")),
               *name = cJSON_GetStringValue(json_member(head, "part"));
    if (!report || strcmp(report, "votes") != 0 || !name || part_parse(name, part, NULL))
        return fmt_fail(e, FMT_INVALID, "no votes of a part (feat-knn --part)");
    return 0;
}

static int compare_heads(const struct cJSON *head, const struct knn_part_job *job, struct part part,
                         struct fmt_error *e)
{
    char name[PART_TEXT];
    struct cJSON *expected = expected_head(job);
    const char *what = expected ? find_difference(expected, head) : NULL;
    int status = expected ? 0 : fmt_no_memory(e);
    if (what)
        status = fmt_fail(e, FMT_MISMATCH, "is part %s of another job: see \"%s\" in its first line",
                          part_text(part, name), what);
    cJSON_Delete(expected);
    return status;
}

/* ------------------------------------------------------------------ rows */
/* Votes of row i for each k are apart by all rows of the set. */
static double *votes_of(const struct knn_part_rows *set, const struct knn_part_job *job, int i_k, int64_t i)
{
    return set->votes + (i_k * set->rows->n + i) * job->plan->n_classes;
}

/* cJSON writes at most 15 digits of some numbers. */
static void add_number(struct cJSON *list, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", value);
    cJSON_AddItemToArray(list, cJSON_CreateRaw(text));
}

static int put_row(FILE *out, const struct knn_part_rows *set, const struct knn_part_job *job, int64_t i,
                   struct fmt_error *e)
{
    struct cJSON *o = cJSON_CreateObject(), *all;
    json_report_text(o, "key", set->rows->key[i]);
    all = cJSON_AddArrayToObject(o, "votes");
    for (int i_k = 0; i_k < job->n_ks; i_k++) {
        struct cJSON *votes = cJSON_CreateArray();
        for (int c = 0; c < job->plan->n_classes; c++)
            add_number(votes, votes_of(set, job, i_k, i)[c]);
        cJSON_AddItemToArray(all, votes);
    }
    return json_report_put(out, o) ? fmt_no_memory(e) : 0;
}

static int take_votes(const struct cJSON *votes, int n_classes, double *out)
{
    const struct cJSON *one;
    int c = 0;
    if (!cJSON_IsArray(votes) || cJSON_GetArraySize(votes) != n_classes)
        return FMT_INVALID;
    cJSON_ArrayForEach(one, votes) {
        if (!(cJSON_IsNumber(one) || cJSON_IsRaw(one)) || !(one->valuedouble >= 0 && one->valuedouble <= 1))
            return FMT_INVALID;
        out[c++] = one->valuedouble;
    }
    return 0;
}

/* A key of bytes that are not UTF-8 is written as JSON can have it. */
static bool is_key(const char *text, const char *key)
{
    struct cJSON *written = cJSON_CreateObject();
    json_report_text(written, "key", key);
    const char *expected = cJSON_GetStringValue(json_member(written, "key"));
    bool is = text && expected && strcmp(text, expected) == 0;
    cJSON_Delete(written);
    return is;
}

static int take_row(const struct cJSON *o, const struct knn_part_rows *set, const struct knn_part_job *job, int64_t i,
                    struct fmt_error *e)
{
    const char *key = cJSON_GetStringValue(json_member(o, "key"));
    const struct cJSON *all = json_member(o, "votes"), *votes;
    int i_k = 0, status = all && cJSON_GetArraySize(all) == job->n_ks ? 0 : FMT_INVALID;
    if (!is_key(key, set->rows->key[i]))
        return fmt_fail(e, FMT_INVALID, "a row of %.80s, expected is %.80s", key ? key : "?", set->rows->key[i]);
    cJSON_ArrayForEach(votes, all)
        if (!status)
            status = take_votes(votes, job->plan->n_classes, votes_of(set, job, i_k++, i));
    if (!status)
        return 0;
    return fmt_fail(e, FMT_INVALID, "expected %s from 0 to 1 for each of %d numbers of neighbours",
                    FMT_COUNT(job->plan->n_classes, "vote", "votes"), job->n_ks);
}

/* ------------------------------------------------------------------ the file */
enum { END_BYTES = sizeof "{\"sha256\":\"\"}\n" - 1 + DIGEST_HEX - 1 };

/* The last line, with the digest of those before it. */
static void end_line(const uint8_t digest[DIGEST_BYTES], char out[END_BYTES + 1])
{
    char hex[DIGEST_HEX];
    digest_hex(digest, hex);
    snprintf(out, END_BYTES + 1, "{\"sha256\":\"%s\"}\n", hex);
}

struct writer {
    struct file_out out;
    struct digest digest;
};

/* Row i of a set, or, without one, the head. A failure of file_put is reported by file_finish. */
static int write_line(struct writer *w, struct part part, const struct knn_part_job *job,
                      const struct knn_part_rows *set, int64_t i, struct fmt_error *e)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *line = open_memstream(&text, &bytes);
    if (!line)
        return fmt_no_memory(e);
    int status = set ? put_row(line, set, job, i, e) : put_head(line, part, job, e);
    if (fclose(line) && !status)
        status = fmt_no_memory(e);
    if (!status && file_put(&w->out, text, bytes))
        status = FMT_IO;
    if (!status)
        digest_add(&w->digest, text, bytes);
    free(text);
    return status;
}

static int write_end(struct writer *w)
{
    uint8_t digest[DIGEST_BYTES];
    char line[END_BYTES + 1];
    digest_end(&w->digest, digest);
    end_line(digest, line);
    return file_put(&w->out, line, END_BYTES) ? FMT_IO : 0;
}

int knn_part_write(const char *path, struct part part, const struct knn_part_job *job,
                   const struct knn_part_rows *own, struct fmt_error *e)
{
    struct writer w;
    int status = file_create(&w.out, path, e);
    if (status)
        return status;
    digest_init(&w.digest);
    status = write_line(&w, part, job, NULL, 0, e);
    for (int s = 0; s < job->n_sets && !status; s++)
        for (int64_t i = 0; i < own[s].rows->n && !status; i++)
            status = write_line(&w, part, job, &own[s], i, e);
    return file_finish(&w.out, status ? status : write_end(&w), e);
}

struct lines {
    const char *data, *at, *end; /* all that was read, from the next line on */
    int64_t n;                   /* lines taken so far */
};

/* The next line as a tree for cJSON_Delete. */
static int next_line(struct lines *l, struct cJSON **o, struct fmt_error *e)
{
    struct json_span root;
    struct fmt_error why = {0};
    const char *end = memchr(l->at, '\n', (size_t)(l->end - l->at));
    l->n++;
    if (!end)
        return fmt_fail(e, FMT_TRUNCATED, "it ends too early");
    if (json_check(l->at, (size_t)(end - l->at), DEPTH_MAX, &root, &why))
        return fmt_fail(e, FMT_INVALID, "no JSON: %s", why.text);
    *o = json_parse(root);
    l->at = end + 1;
    return *o ? 0 : fmt_no_memory(e);
}

/* Takes the last line off. */
static int check_digest(struct lines *l, struct fmt_error *e)
{
    uint8_t digest[DIGEST_BYTES];
    char expected[END_BYTES + 1];
    const char *last = l->end - END_BYTES;
    if (last < l->at || strncmp(last, "{\"sha256\":\"", 11) != 0)
        return fmt_fail(e, FMT_TRUNCATED, "it ends too early");
    digest_of(l->data, (size_t)(last - l->data), digest);
    end_line(digest, expected);
    if (memcmp(last, expected, END_BYTES) != 0)
        return fmt_fail(e, FMT_CHECKSUM, "it is damaged");
    l->end = last;
    return 0;
}

static int take_head(struct lines *l, const struct knn_part_job *job, struct part *part, struct fmt_error *e)
{
    struct cJSON *o = NULL;
    int status = next_line(l, &o, e);
    if (!status)
        status = take_part(o, part, e);
    if (!status)
        status = check_digest(l, e);
    if (!status)
        status = compare_heads(o, job, *part, e);
    cJSON_Delete(o);
    return status;
}

static int take_rows(struct lines *l, const struct knn_part_job *job, const struct knn_part_rows *all,
                     struct part part, struct fmt_error *e)
{
    int status = 0;
    for (int s = 0; s < job->n_sets && !status; s++)
        for (int64_t i = part_first(part, all[s].rows->n); i < part_end(part, all[s].rows->n) && !status; i++) {
            struct cJSON *o = NULL;
            status = next_line(l, &o, e);
            if (!status)
                status = take_row(o, &all[s], job, i, e);
            cJSON_Delete(o);
        }
    l->n += !status;
    return status || l->at == l->end ? status : fmt_fail(e, FMT_INVALID, "more rows than the part has");
}

int knn_part_read(const char *path, const struct knn_part_job *job, const struct knn_part_rows *all,
                  struct part *part, struct fmt_error *e)
{
    uint8_t *data = NULL;
    size_t bytes;
    struct fmt_error why = {0};
    int status = file_load(path, BYTES_MAX, &data, &bytes, e);
    if (status)
        return status;
    struct lines l = {(const char *)data, (const char *)data, (const char *)data + bytes, 0};
    status = take_head(&l, job, part, &why);
    if (!status)
        status = take_rows(&l, job, all, *part, &why);
    free(data);
    if (status && l.n > 1)
        return fmt_fail(e, why.status, "%.200s: line %" PRId64 ": %s", path, l.n, why.text);
    return status ? fmt_fail(e, why.status, "%.200s: %s", path, why.text) : 0;
}
