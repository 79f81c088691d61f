/* gate-recent.c - a ring of slots. */
#include "gate-recent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "num.h"
#include "xxh64.h"

static const char head[] = "bbu-inspect prints 1\n";

struct slot { /* as it is in the file: no padding */
    uint64_t check, number;
    char key[GATE_NAME_MAX], group[GATE_NAME_MAX];
    uint64_t name_hash, group_hash;
    struct gate_print print;
    struct gate_sketch sketch;
};
_Static_assert(sizeof(struct slot) == GATE_RECENT_SLOT, "the layout of the file");

uint64_t gate_recent_hash(const char *text)
{
    uint64_t h = *text ? xxh64(text, strlen(text)) : 0;
    return *text && h == 0 ? 1 : h;
}

static uint64_t check_of(const struct slot *s)
{
    return xxh64((const char *)s + sizeof s->check, sizeof *s - sizeof s->check);
}

/* ------------------------------------------------------------------ the file */
static off_t place_of(int64_t i)
{
    return GATE_RECENT_HEAD + (off_t)i * GATE_RECENT_SLOT;
}

static int fail(const struct gate_recent *r, struct fmt_error *e)
{
    return file_fail(r->path, e);
}

/* Whole, or FMT_END where the file ends. */
static int read_slot(const struct gate_recent *r, int64_t i, struct slot *s, struct fmt_error *e)
{
    for (size_t at = 0; at < sizeof *s;) {
        ssize_t n = pread(r->fd, (char *)s + at, sizeof *s - at, place_of(i) + (off_t)at);
        if (n == 0)
            return FMT_END;
        if (n < 0 && errno != EINTR)
            return fail(r, e);
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_at(struct gate_recent *r, const void *data, size_t bytes, off_t offset, struct fmt_error *e)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t n = pwrite(r->fd, (const char *)data + at, bytes - at, offset + (off_t)at);
        if (n < 0 && errno != EINTR)
            return fail(r, e);
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A file without a whole head was stopped while it was created. */
static int check_head(struct gate_recent *r, struct fmt_error *e)
{
    char first[GATE_RECENT_HEAD] = "", want[GATE_RECENT_HEAD] = "";
    memcpy(want, head, sizeof head);
    ssize_t n = pread(r->fd, first, sizeof first, 0);
    if (n < 0)
        return fail(r, e);
    if (memcmp(first, want, (size_t)n) != 0)
        return fmt_fail(e, FMT_INVALID, "%.250s: is no file of prints of bbu-inspect", r->path);
    return n == sizeof want ? 0 : write_at(r, want, sizeof want, 0, e);
}

/* ------------------------------------------------------------------ items */
static void set_item(struct gate_recent *r, int64_t i, const struct slot *s)
{
    r->item[i] = (struct gate_recent_item){s->number, s->name_hash, s->group_hash, s->sketch};
    r->n = num_max(r->n, i + 1);
    if (s->number >= r->next)
        r->next = s->number + 1;
}

static int load(struct gate_recent *r, struct fmt_error *e)
{
    struct slot s;
    int status = check_head(r, e);
    for (int64_t i = 0; i < r->most && !status; i++) {
        status = read_slot(r, i, &s, e);
        bool whole = !status && s.number > 0 && (int64_t)((s.number - 1) % (uint64_t)r->most) == i;
        if (whole && s.name_hash && s.check == check_of(&s))
            set_item(r, i, &s);
    }
    return status == FMT_END ? 0 : status;
}

int gate_recent_open(struct gate_recent *r, const char *path, int64_t most, struct fmt_error *e)
{
    *r = (struct gate_recent){.fd = -1, .most = most, .next = 1};
    if (most < 0 || most > GATE_RECENT_MOST)
        return fmt_fail(e, FMT_LIMIT, "0 to %d photographs are remembered", GATE_RECENT_MOST);
    r->path = strdup(path ? path : "remembered photographs");
    r->item = calloc((size_t)num_max(1, most), sizeof *r->item);
    int status = r->path && r->item ? 0 : fmt_no_memory(e);
    if (!status && most > 0) {
        r->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : memfd_create("prints", MFD_CLOEXEC);
        status = r->fd < 0 ? fail(r, e) : load(r, e);
    }
    if (status)
        gate_recent_close(r);
    return status;
}

void gate_recent_close(struct gate_recent *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->path);
    free(r->item);
    *r = (struct gate_recent){.fd = -1};
}

/* The slot of the same photograph; -1: there is none. */
static int64_t find(const struct gate_recent *r, uint64_t name, uint64_t group)
{
    for (int64_t i = 0; i < r->n; i++)
        if (r->item[i].name == name && r->item[i].group == group)
            return i;
    return -1;
}

int gate_recent_add(struct gate_recent *r, const char *key, const char *group, const struct gate_print *print,
                    struct fmt_error *e)
{
    struct slot s = {.number = r->next, .name_hash = gate_recent_hash(key), .group_hash = gate_recent_hash(group),
                     .print = *print};
    if (r->most == 0)
        return 0;
    int64_t same = find(r, s.name_hash, s.group_hash), i = (int64_t)((r->next - 1) % (uint64_t)r->most);
    if (same >= 0)
        s.number = r->item[i = same].number;
    snprintf(s.key, sizeof s.key, "%s", key);
    snprintf(s.group, sizeof s.group, "%s", group);
    gate_sketch_make(print, &s.sketch);
    s.check = check_of(&s);
    int status = write_at(r, &s, sizeof s, place_of(i), e);
    if (!status)
        set_item(r, i, &s);
    return status;
}

int gate_recent_sync(struct gate_recent *r, struct fmt_error *e)
{
    return r->fd >= 0 && fdatasync(r->fd) ? fail(r, e) : 0;
}

int gate_recent_read(const struct gate_recent *r, int64_t i, struct gate_seen *seen, struct fmt_error *e)
{
    struct slot s;
    int status = read_slot(r, i, &s, e);
    if (status)
        return status == FMT_END ? fmt_fail(e, FMT_TRUNCATED, "%.250s: truncated", r->path) : status;
    memcpy(seen->key, s.key, sizeof seen->key);
    memcpy(seen->group, s.group, sizeof seen->group);
    seen->print = s.print;
    return 0;
}
