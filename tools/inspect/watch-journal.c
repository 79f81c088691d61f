/* watch-journal.c - see watch-journal.h. */
#include "watch-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "num.h"
#include "text.h"
#include "xxh64.h"

#define HEAD "bbu-inspect journal 2\n"
#define BYTES_MAX ((size_t)1 << 32)

bool watch_stamp_of(const char *path, struct watch_stamp *s)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    *s = (struct watch_stamp){st.st_size, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    return true;
}

/* ------------------------------------------------------------------ what is known */
static uint64_t hash_name(const char *name)
{
    uint64_t h = xxh64(name, strlen(name));
    return h ? h : 1;
}

static uint64_t hash_stamp(struct watch_stamp s)
{
    return xxh64(&s, sizeof s);
}

/* The place of a name, or the free one where it belongs. */
static struct watch_seen *place_of(const struct watch_journal *j, uint64_t name)
{
    int64_t i = (int64_t)(name & (uint64_t)(j->capacity - 1));
    while (j->seen[i].name && j->seen[i].name != name)
        i = (i + 1) & (j->capacity - 1);
    return &j->seen[i];
}

static int grow(struct watch_journal *j, struct fmt_error *e)
{
    struct watch_journal larger = {.capacity = j->capacity ? 2 * j->capacity : 1024};
    larger.seen = calloc((size_t)larger.capacity, sizeof *larger.seen);
    if (!larger.seen)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < j->capacity; i++)
        if (j->seen[i].name)
            *place_of(&larger, j->seen[i].name) = j->seen[i];
    free(j->seen);
    j->seen = larger.seen;
    j->capacity = larger.capacity;
    return 0;
}

static int put(struct watch_journal *j, struct watch_seen seen, struct fmt_error *e)
{
    if (2 * j->n_seen >= j->capacity && grow(j, e))
        return FMT_MEMORY;
    struct watch_seen *s = place_of(j, seen.name);
    j->n_seen += s->name == 0;
    *s = seen;
    return 0;
}

static int remember(struct watch_journal *j, const char *name, struct watch_stamp stamp, struct fmt_error *e)
{
    return put(j, (struct watch_seen){hash_name(name), hash_stamp(stamp)}, e);
}

bool watch_journal_knows(const struct watch_journal *j, const char *name, struct watch_stamp stamp)
{
    const struct watch_seen *s = j->capacity ? place_of(j, hash_name(name)) : NULL;
    return s && s->name && s->stamp == hash_stamp(stamp);
}

/* Apart from the names of photographs, which have other hashes. */
static uint64_t hash_group(const char *group)
{
    uint64_t h = ~xxh64(group, strlen(group));
    return h ? h : 1;
}

int watch_journal_note_group(struct watch_journal *j, const char *group, struct fmt_error *e)
{
    return put(j, (struct watch_seen){hash_group(group), 0}, e);
}

bool watch_journal_knows_group(const struct watch_journal *j, const char *group)
{
    return j->capacity && place_of(j, hash_group(group))->name;
}

/* ------------------------------------------------------------------ names and lines in the file */
static const char escaped[] = "\\\t\n\r", letter[] = "\\tnr";

static int put_text(struct fmt_buffer *to, const char *text, size_t n)
{
    int bad = 0;
    for (const char *end = text + n; text < end; text++) {
        const char *k = *text ? strchr(escaped, *text) : NULL;
        const char pair[2] = {'\\', k ? letter[k - escaped] : 0};
        bad |= k ? fmt_buffer_append(to, pair, 2) : fmt_buffer_append(to, text, 1);
    }
    return bad;
}

static int put_name(struct fmt_buffer *to, const char *name)
{
    return put_text(to, name, strlen(name));
}

static void unescape(char *text) /* in place */
{
    char *to = text;
    for (; *text; text++) {
        const char *k = *text == '\\' && text[1] ? strchr(letter, text[1]) : NULL;
        *to++ = k ? escaped[k - letter] : *text;
        text += k != NULL;
    }
    *to = 0;
}

/* ------------------------------------------------------------------ reading */
struct name_list {
    struct named {
        char *name, *group; /* in the text of the journal */
        struct watch_stamp stamp;
        int32_t view;
    } *item;
    int64_t n, capacity;
};

struct reading {
    struct watch_journal *j;
    struct name_list judged, named; /* photographs; names from standard input */
    int64_t n_whole;                /* of judged: those of whole records */
    char inspector[DIGEST_HEX];     /* of the record that is being read */
    struct watch_journal last;      /* of names: whether it was judged since it arrived, in .stamp */
    struct fmt_error *e;
};

static int add_item(struct name_list *l, struct named item, struct fmt_error *e)
{
    if (fmt_grow(&l->item, l->n, &l->capacity, sizeof *l->item, e))
        return FMT_MEMORY;
    l->item[l->n++] = item;
    return 0;
}

/* The record before it is whole, with all that it holds. */
static int take_judged(struct reading *r, char *lines)
{
    struct watch_journal *j = r->j;
    int status = 0;
    unescape(lines);
    j->pending.bytes = 0;
    if (fmt_buffer_append(&j->pending, lines, strlen(lines)))
        status = fmt_no_memory(r->e);
    for (; r->n_whole < r->judged.n && !status; r->n_whole++)
        status = put(&r->last, (struct watch_seen){hash_name(r->judged.item[r->n_whole].name), true}, r->e);
    snprintf(j->inspector, sizeof j->inspector, "%s", r->inspector);
    return status;
}

static int take_line(struct reading *r, char *line)
{
    char *word = strsep(&line, "\t"), *a = strsep(&line, "\t"), *b = strsep(&line, "\t"), *c = line;
    struct named item = {.name = c, .group = b};
    uint8_t identity[DIGEST_BYTES];
    int64_t view;
    if (strcmp(word, "photograph") == 0 && c && num_i64(a, &item.stamp.size) && num_i64(b, &item.stamp.time_ns)) {
        unescape(item.name);
        return add_item(&r->judged, item, r->e);
    }
    if (strcmp(word, "named") == 0 && c && num_i64(a, &view)) {
        unescape(item.name);
        unescape(item.group);
        item.view = (int32_t)view;
        int status = put(&r->last, (struct watch_seen){hash_name(item.name), false}, r->e);
        return status ? status : add_item(&r->named, item, r->e);
    }
    if (strcmp(word, "judged") == 0 && b && !c && num_i64(a, &r->j->pending_start))
        return take_judged(r, b);
    if (strcmp(word, "written") == 0 && !a) {
        r->j->pending.bytes = 0;
        return 0;
    }
    if (strcmp(word, "inspector") == 0 && a && !b && digest_parse(a, identity)) {
        snprintf(r->inspector, sizeof r->inspector, "%s", a);
        return 0;
    }
    return fmt_fail(r->e, FMT_INVALID, "%.250s: is no journal of bbu-inspect", r->j->path);
}

/* text: whole lines and perhaps the beginning of one, which does not count. */
static int take_text(struct reading *r, char *text)
{
    size_t head = sizeof HEAD - 1;
    if (strlen(text) < head && strncmp(text, HEAD, strlen(text)) == 0)
        return 0; /* stopped while it was created */
    if (strncmp(text, HEAD, head) != 0)
        return fmt_fail(r->e, FMT_INVALID, "%.250s: is no journal of bbu-inspect", r->j->path);
    int status = 0;
    for (char *line = text + head, *end; !status && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        status = take_line(r, line);
    }
    return status;
}

/* ------------------------------------------------------------------ writing anew */
static int put_photograph(struct fmt_buffer *to, const char *name, struct watch_stamp s)
{
    char text[80];
    int n = snprintf(text, sizeof text, "photograph\t%" PRId64 "\t%" PRId64 "\t", s.size, s.time_ns);
    return fmt_buffer_append(to, text, (size_t)n) || put_name(to, name) || fmt_buffer_append(to, "\n", 1);
}

static int put_inspector(struct fmt_buffer *to, const char *inspector)
{
    return fmt_buffer_append(to, "inspector\t", 10) || fmt_buffer_append(to, inspector, strlen(inspector)) ||
           fmt_buffer_append(to, "\n", 1);
}

static int put_judged(struct fmt_buffer *to, int64_t start, const void *lines, size_t n)
{
    char text[40];
    int bytes = snprintf(text, sizeof text, "judged\t%" PRId64 "\t", start);
    return fmt_buffer_append(to, text, (size_t)bytes) || put_text(to, lines, n) || fmt_buffer_append(to, "\n", 1);
}

static int put_written(struct fmt_buffer *to)
{
    return fmt_buffer_append(to, "written\n", 8);
}

static int put_named(struct fmt_buffer *to, const struct named *n)
{
    char text[24];
    int bytes = snprintf(text, sizeof text, "named\t%" PRId32 "\t", n->view);
    return fmt_buffer_append(to, text, (size_t)bytes) || put_name(to, n->group) || fmt_buffer_append(to, "\t", 1) ||
           put_name(to, n->name) || fmt_buffer_append(to, "\n", 1);
}

/* What was judged and is still there is remembered; a name that was not judged since has still to be. One that was is
 * done, also where its photograph has been moved away. */
static int rewrite(struct reading *r, int (*named)(void *, const char *, const char *, int32_t), void *arg)
{
    struct watch_journal *j = r->j;
    struct fmt_buffer text = {0};
    int status = 0, bad = fmt_buffer_append(&text, HEAD, sizeof HEAD - 1);
    for (int64_t i = 0; i < r->n_whole && !status; i++) {
        struct watch_stamp now;
        const struct named *p = &r->judged.item[i];
        if (!watch_stamp_of(p->name, &now))
            continue;
        bad |= put_photograph(&text, p->name, p->stamp);
        status = remember(j, p->name, p->stamp, r->e);
    }
    bad |= *j->inspector ? put_inspector(&text, j->inspector) : 0;
    bad |= put_judged(&text, j->pending_start, j->pending.data, j->pending.bytes);
    bad |= j->pending.bytes > 0 ? 0 : put_written(&text);
    for (int64_t i = 0; i < r->named.n && !status; i++) {
        const struct named *n = &r->named.item[i];
        if (place_of(&r->last, hash_name(n->name))->stamp)
            continue;
        bad |= put_named(&text, n);
        status = named(arg, n->name, n->group, n->view);
    }
    if (!status && bad)
        status = fmt_no_memory(r->e);
    if (!status)
        status = file_save(j->path, text.data, text.bytes, r->e);
    fmt_buffer_release(&text);
    return status;
}

/* ------------------------------------------------------------------ opening */
static int load(struct reading *r, int (*named)(void *, const char *, const char *, int32_t), void *arg)
{
    uint8_t *data = NULL;
    size_t n = 0;
    int status = file_exists(r->j->path) ? file_load_regular(r->j->path, BYTES_MAX, &data, &n, r->e) : 0;
    if (status)
        return status;
    char *text = malloc(n + 1);
    status = text ? 0 : fmt_no_memory(r->e);
    if (!status) {
        if (n > 0)
            memcpy(text, data, n);
        while (n > 0 && text[n - 1] == 0) /* as a power cut can leave them */
            n--;
        text[n] = 0;
        status = memchr(text, 0, n) ? fmt_fail(r->e, FMT_INVALID, "%.250s: a zero byte: is no journal of bbu-inspect",
                                               r->j->path)
                                    : take_text(r, text);
    }
    if (!status)
        status = rewrite(r, named, arg);
    free(r->judged.item);
    free(r->named.item);
    free(r->last.seen);
    free(text);
    free(data);
    return status;
}

/* The journal itself is replaced by a rename, so that it cannot be what is locked. */
static int lock(struct watch_journal *j, struct fmt_error *e)
{
    char *beside;
    if (asprintf(&beside, "%s.lock", j->path) < 0)
        return fmt_no_memory(e);
    j->lock_fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int status = j->lock_fd < 0 ? file_fail(beside, e) : 0;
    if (!status && flock(j->lock_fd, LOCK_EX | LOCK_NB))
        status = fmt_fail(e, FMT_UNSUPPORTED, "%.250s: another watch uses it", j->path);
    free(beside);
    return status;
}

int watch_journal_open(struct watch_journal *j, const char *path,
                       int (*named)(void *arg, const char *name, const char *group, int32_t view), void *arg,
                       struct fmt_error *e)
{
    *j = (struct watch_journal){.path = path, .fd = -1, .lock_fd = -1};
    struct reading r = {.j = j, .e = e};
    int status = path ? lock(j, e) : 0;
    if (!status && path)
        status = load(&r, named, arg);
    if (!status && path && (j->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)) < 0)
        status = file_fail(path, e);
    if (status)
        watch_journal_close(j);
    return status;
}

void watch_journal_close(struct watch_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    free(j->seen);
    fmt_buffer_release(&j->pending);
    fmt_buffer_release(&j->record);
    *j = (struct watch_journal){.fd = -1, .lock_fd = -1};
}

/* ------------------------------------------------------------------ records */
/* In one call, so that a record that is cut is the last one. */
static int append(struct watch_journal *j, struct fmt_error *e)
{
    for (size_t at = 0; j->fd >= 0 && at < j->record.bytes;) {
        ssize_t n = write(j->fd, j->record.data + at, j->record.bytes - at);
        if (n < 0 && errno != EINTR)
            return file_fail(j->path, e);
        at += n > 0 ? (size_t)n : 0;
    }
    j->record.bytes = 0;
    return 0;
}

int watch_journal_add(struct watch_journal *j, const char *name, struct watch_stamp stamp, struct fmt_error *e)
{
    if (j->path && put_photograph(&j->record, name, stamp))
        return fmt_no_memory(e);
    return remember(j, name, stamp, e);
}

int watch_journal_inspector(struct watch_journal *j, const char inspector[DIGEST_HEX], struct fmt_error *e)
{
    snprintf(j->inspector, sizeof j->inspector, "%s", inspector);
    return j->path && put_inspector(&j->record, inspector) ? fmt_no_memory(e) : 0;
}

int watch_journal_judged(struct watch_journal *j, int64_t start, const char *lines, size_t n, struct fmt_error *e)
{
    if (j->path && put_judged(&j->record, start, lines, n))
        return fmt_no_memory(e);
    int status = append(j, e);
    return status ? status : watch_journal_sync(j, e);
}

int watch_journal_written(struct watch_journal *j, struct fmt_error *e)
{
    if (j->path && put_written(&j->record))
        return fmt_no_memory(e);
    return append(j, e);
}

int watch_journal_named(struct watch_journal *j, const char *name, const char *group, int32_t view,
                        struct fmt_error *e)
{
    struct named n = {.name = (char *)name, .group = (char *)group, .view = view};
    if (j->path && put_named(&j->record, &n))
        return fmt_no_memory(e);
    return append(j, e);
}

int watch_journal_sync(struct watch_journal *j, struct fmt_error *e)
{
    return j->fd >= 0 && fdatasync(j->fd) ? file_fail(j->path, e) : 0;
}
