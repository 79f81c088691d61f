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
#include "xxh64.h"

#define HEAD_ANY "bbu-inspect journal "
#define HEAD HEAD_ANY "3\n"
#define BYTES_MAX ((size_t)1 << 32)

/* ------------------------------------------------------------------ what is known */
static uint64_t hash_key(const char *key)
{
    uint64_t h = xxh64(key, strlen(key));
    return h ? h : 1;
}

static uint64_t hash_stamp(struct watch_stamp s)
{
    return xxh64(&s, sizeof s);
}

static uint64_t hash_content(const uint8_t content[DIGEST_BYTES])
{
    uint64_t h;
    memcpy(&h, content, sizeof h);
    return h;
}

/* The place of a key, or the free one where it belongs. */
static struct watch_seen *place_of(const struct watch_journal *j, uint64_t key)
{
    int64_t i = (int64_t)(key & (uint64_t)(j->capacity - 1));
    while (j->seen[i].key && j->seen[i].key != key)
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
        if (j->seen[i].key)
            *place_of(&larger, j->seen[i].key) = j->seen[i];
    free(j->seen);
    j->seen = larger.seen;
    j->capacity = larger.capacity;
    return 0;
}

static int put(struct watch_journal *j, struct watch_seen seen, struct fmt_error *e)
{
    if (2 * j->n_seen >= j->capacity && grow(j, e))
        return FMT_MEMORY;
    struct watch_seen *s = place_of(j, seen.key);
    j->n_seen += s->key == 0;
    *s = seen;
    return 0;
}

static int remember(struct watch_journal *j, const char *key, struct watch_stamp stamp,
                    const uint8_t content[DIGEST_BYTES], struct fmt_error *e)
{
    return put(j, (struct watch_seen){hash_key(key), hash_stamp(stamp), hash_content(content)}, e);
}

static const struct watch_seen *find(const struct watch_journal *j, uint64_t key)
{
    const struct watch_seen *s = j->capacity ? place_of(j, key) : NULL;
    return s && s->key ? s : NULL;
}

bool watch_journal_knows_key(const struct watch_journal *j, const char *key)
{
    return find(j, hash_key(key)) != NULL;
}

bool watch_journal_knows(const struct watch_journal *j, const char *key, struct watch_stamp stamp)
{
    const struct watch_seen *s = find(j, hash_key(key));
    return s && s->stamp == hash_stamp(stamp);
}

bool watch_journal_knows_content(const struct watch_journal *j, const char *key, const uint8_t content[DIGEST_BYTES])
{
    const struct watch_seen *s = find(j, hash_key(key));
    return s && s->content && s->content == hash_content(content);
}

/* Apart from the names of photographs, which have other hashes. */
static uint64_t hash_group(const char *group)
{
    uint64_t h = ~xxh64(group, strlen(group));
    return h ? h : 1;
}

int watch_journal_note_group(struct watch_journal *j, const char *group, struct fmt_error *e)
{
    return put(j, (struct watch_seen){.key = hash_group(group)}, e);
}

bool watch_journal_knows_group(const struct watch_journal *j, const char *group)
{
    return find(j, hash_group(group)) != NULL;
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
        char *key, *name, *group; /* in the text of the journal */
        struct watch_stamp stamp;
        uint8_t content[DIGEST_BYTES];
        int32_t view;
    } *item;
    int64_t n, capacity;
};

struct reading {
    struct watch_journal *j;
    struct name_list judged, named; /* photographs; names from standard input */
    int64_t n_whole;                /* of judged: those of whole records */
    char inspector[DIGEST_HEX];     /* of the record that is being read */
    struct watch_journal last;      /* of keys, in .stamp: judged[stamp - 1] is the last of it; 0: it waits again */
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
    while (r->n_whole < r->judged.n && !status) {
        uint64_t key = hash_key(r->judged.item[r->n_whole++].key);
        status = put(&r->last, (struct watch_seen){.key = key, .stamp = (uint64_t)r->n_whole}, r->e);
    }
    snprintf(j->inspector, sizeof j->inspector, "%s", r->inspector);
    return status;
}

/* Cuts a line into n fields; false: it has another number of them. */
static bool split(char *line, char **field, int n)
{
    for (int i = 0; i < n; i++)
        if ((field[i] = strsep(&line, "\t")) == NULL)
            return false;
    return line == NULL;
}

static bool parse_photograph(char *line, struct named *p)
{
    char *f[6];
    if (!line || !split(line, f, 6) || !num_i64(f[0], &p->stamp.size) || !num_i64(f[1], &p->stamp.time_ns) ||
        !num_i64(f[2], &p->stamp.changed_ns) || !num_i64(f[3], &p->stamp.inode) || !digest_parse(f[4], p->content))
        return false;
    unescape(p->key = f[5]);
    return true;
}

static bool parse_named(char *line, struct named *p)
{
    char *f[4];
    int64_t view;
    if (!line || !split(line, f, 4) || !num_i64(f[0], &view))
        return false;
    p->view = (int32_t)view;
    unescape(p->group = f[1]);
    unescape(p->key = f[2]);
    unescape(p->name = f[3]);
    return true;
}

static int take_line(struct reading *r, char *line)
{
    char *word = strsep(&line, "\t"), *f[2];
    struct named item = {0};
    uint8_t identity[DIGEST_BYTES];
    if (strcmp(word, "photograph") == 0 && parse_photograph(line, &item))
        return add_item(&r->judged, item, r->e);
    if (strcmp(word, "named") == 0 && parse_named(line, &item)) {
        int status = put(&r->last, (struct watch_seen){.key = hash_key(item.key)}, r->e);
        return status ? status : add_item(&r->named, item, r->e);
    }
    if (strcmp(word, "judged") == 0 && line && split(line, f, 2) && num_i64(f[0], &r->j->pending_start))
        return take_judged(r, f[1]);
    if (strcmp(word, "written") == 0 && !line) {
        r->j->pending.bytes = 0;
        return 0;
    }
    if (strcmp(word, "inspector") == 0 && line && digest_parse(line, identity)) {
        snprintf(r->inspector, sizeof r->inspector, "%s", line);
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
    if (strncmp(text, HEAD, head) != 0 && strncmp(text, HEAD_ANY, sizeof HEAD_ANY - 1) == 0)
        return fmt_fail(r->e, FMT_UNSUPPORTED, "%.250s: is a journal of another version of bbu-inspect: without it "
                        "all that is there is judged again", r->j->path);
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
static int put_photograph(struct fmt_buffer *to, const char *key, struct watch_stamp s,
                          const uint8_t content[DIGEST_BYTES])
{
    char text[120 + DIGEST_HEX], hex[DIGEST_HEX];
    digest_hex(content, hex);
    int n = snprintf(text, sizeof text, "photograph\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%s\t",
                     s.size, s.time_ns, s.changed_ns, s.inode, hex);
    return fmt_buffer_append(to, text, (size_t)n) || put_name(to, key) || fmt_buffer_append(to, "\n", 1);
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
           put_name(to, n->key) || fmt_buffer_append(to, "\t", 1) || put_name(to, n->name) ||
           fmt_buffer_append(to, "\n", 1);
}

static bool is_last(const struct reading *r, int64_t i)
{
    const struct watch_seen *s = find(&r->last, hash_key(r->judged.item[i].key));
    return !s || s->stamp == 0 || s->stamp == (uint64_t)(i + 1);
}

/* Photographs as they were judged last. Of too many the oldest of those that are gone are left out. */
static int rewrite_judged(struct reading *r, struct fmt_buffer *to)
{
    int64_t n_more = -WATCH_KEPT;
    int status = 0;
    for (int64_t i = 0; i < r->n_whole; i++)
        n_more += is_last(r, i);
    for (int64_t i = 0; i < r->n_whole && !status; i++) {
        struct watch_stamp now;
        const struct named *p = &r->judged.item[i];
        if (!is_last(r, i))
            continue;
        if (n_more > 0 && !watch_stamp_of(p->key, &now)) {
            n_more--;
            continue;
        }
        status = put_photograph(to, p->key, p->stamp, p->content) ? fmt_no_memory(r->e)
                                                                  : remember(r->j, p->key, p->stamp, p->content, r->e);
    }
    return status;
}

/* What was judged is remembered; a name that was not judged since has still to be. One that was is done, also where its
 * photograph has been moved away. */
static int rewrite(struct reading *r, watch_named *named, void *arg)
{
    struct watch_journal *j = r->j;
    struct fmt_buffer text = {0};
    int bad = fmt_buffer_append(&text, HEAD, sizeof HEAD - 1);
    int status = rewrite_judged(r, &text);
    bad |= *j->inspector ? put_inspector(&text, j->inspector) : 0;
    bad |= put_judged(&text, j->pending_start, j->pending.data, j->pending.bytes);
    bad |= j->pending.bytes > 0 ? 0 : put_written(&text);
    for (int64_t i = 0; i < r->named.n && !status; i++) {
        const struct named *n = &r->named.item[i];
        if (place_of(&r->last, hash_key(n->key))->stamp)
            continue;
        bad |= put_named(&text, n);
        status = named(arg, n->name, n->key, n->group, n->view);
    }
    if (!status && bad)
        status = fmt_no_memory(r->e);
    if (!status)
        status = file_save(j->path, text.data, text.bytes, r->e);
    fmt_buffer_release(&text);
    return status;
}

/* ------------------------------------------------------------------ opening */
static int load(struct reading *r, watch_named *named, void *arg)
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

static int open_file(struct watch_journal *j, struct fmt_error *e)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = open(j->path, O_RDWR | O_APPEND | O_CLOEXEC);
    return j->fd < 0 ? file_fail(j->path, e) : 0;
}

int watch_journal_open(struct watch_journal *j, const char *path, watch_named *named, void *arg,
                       void (*warn)(const char *format, ...), struct fmt_error *e)
{
    *j = (struct watch_journal){.path = path, .fd = -1, .lock_fd = -1, .warn = warn};
    struct reading r = {.j = j, .e = e};
    int status = path ? lock(j, e) : 0;
    if (!status && path)
        status = load(&r, named, arg);
    if (!status && path)
        status = open_file(j, e);
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
/* What is open is the journal, whatever others do with its name: it takes its place again. */
static int put_back(struct watch_journal *j, struct fmt_error *e)
{
    struct stat here, there;
    struct fmt_buffer text = {0};
    if (fstat(j->fd, &here))
        return file_fail(j->path, e);
    if (stat(j->path, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino)
        return 0;
    struct file whole = {.fd = j->fd, .path = (char *)j->path};
    int status = lseek(j->fd, 0, SEEK_SET) < 0 ? file_fail(j->path, e) : file_read_rest(&whole, BYTES_MAX, &text, e);
    if (!status)
        status = file_save(j->path, text.data, text.bytes, e);
    if (!status)
        status = open_file(j, e);
    if (!status)
        j->warn("%s: was moved away or removed, and is put back: it is needed to go on", j->path);
    fmt_buffer_release(&text);
    return status;
}

/* In one call, so that a record that is cut is the last one. */
static int append(struct watch_journal *j, struct fmt_error *e)
{
    int status = j->fd >= 0 ? put_back(j, e) : 0;
    for (size_t at = 0; j->fd >= 0 && !status && at < j->record.bytes;) {
        ssize_t n = write(j->fd, j->record.data + at, j->record.bytes - at);
        if (n < 0 && errno != EINTR)
            status = file_fail(j->path, e);
        at += n > 0 ? (size_t)n : 0;
    }
    j->record.bytes = 0;
    return status;
}

int watch_journal_add(struct watch_journal *j, const char *key, struct watch_stamp stamp,
                      const uint8_t content[DIGEST_BYTES], struct fmt_error *e)
{
    if (j->path && put_photograph(&j->record, key, stamp, content))
        return fmt_no_memory(e);
    return remember(j, key, stamp, content, e);
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

int watch_journal_named(struct watch_journal *j, const char *name, const char *key, const char *group, int32_t view,
                        struct fmt_error *e)
{
    struct named n = {.name = (char *)name, .key = (char *)key, .group = (char *)group, .view = view};
    if (j->path && put_named(&j->record, &n))
        return fmt_no_memory(e);
    return append(j, e);
}

int watch_journal_sync(struct watch_journal *j, struct fmt_error *e)
{
    return j->fd >= 0 && fdatasync(j->fd) ? file_fail(j->path, e) : 0;
}
