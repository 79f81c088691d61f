/* zipdir.c - the end record is searched from the back, the directory is read whole, and each local header gives the
 * offset of the member's data (its name and extra field may differ from the directory's). Sorting by offset shows
 * overlaps; sorting by name shows duplicates and serves zipdir_find. */
#include "zipdir.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum {
    END_SIG = 0x06054b50,
    END_BYTES = 22,
    END64_SIG = 0x06064b50,
    END64_BYTES = 56,
    LOCATOR_SIG = 0x07064b50,
    LOCATOR_BYTES = 20,
    ENTRY_SIG = 0x02014b50,
    ENTRY_BYTES = 46,
    LOCAL_SIG = 0x04034b50,
    LOCAL_BYTES = 30,
    DESCRIPTOR_SIG = 0x08074b50,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1,
    FLAG_DESCRIPTOR = 8,
    FLAG_UTF8 = 0x800,
    COMMENT_MAX = 65535,
    DATA_ALIGN = 64
};

struct directory {
    uint64_t at, bytes, n;
};

/* ------------------------------------------------------------------ the end of the file */
static int find_end64(const struct fmt_reader *r, uint64_t end_at, struct directory *d, struct fmt_error *e)
{
    uint8_t raw[END64_BYTES];
    if (end_at < LOCATOR_BYTES)
        return 0;
    if (fmt_read_at_exact(r, end_at - LOCATOR_BYTES, raw, LOCATOR_BYTES, e))
        return (int)e->status;
    struct bytes c = bytes_over(raw, LOCATOR_BYTES);
    if (bytes_u32(&c) != LOCATOR_SIG)
        return 0;
    uint32_t disk = bytes_u32(&c);
    uint64_t at = bytes_u64(&c);
    if (disk != 0 || bytes_u32(&c) > 1)
        return fmt_fail(e, FMT_UNSUPPORTED, "a zip file in several parts");
    if (at > r->size || r->size - at < END64_BYTES)
        return fmt_fail(e, FMT_INVALID, "its zip64 record lies outside the file");
    if (fmt_read_at_exact(r, at, raw, END64_BYTES, e))
        return (int)e->status;
    c = bytes_over(raw, END64_BYTES);
    if (bytes_u32(&c) != END64_SIG)
        return fmt_fail(e, FMT_INVALID, "its zip64 record is not where it should be");
    bytes_take(&c, 8 + 2 + 2); /* size of the record; versions */
    if (bytes_u32(&c) != 0 || bytes_u32(&c) != 0)
        return fmt_fail(e, FMT_UNSUPPORTED, "a zip file in several parts");
    uint64_t here = bytes_u64(&c);
    d->n = bytes_u64(&c);
    d->bytes = bytes_u64(&c);
    d->at = bytes_u64(&c);
    return here == d->n ? 0 : fmt_fail(e, FMT_UNSUPPORTED, "a zip file in several parts");
}

static int find_directory(const struct fmt_reader *r, struct directory *d, struct fmt_error *e)
{
    size_t tail = END_BYTES + COMMENT_MAX;
    if (r->size < END_BYTES)
        return fmt_fail(e, FMT_TRUNCATED, "too short for a zip file");
    if (r->size < tail)
        tail = (size_t)r->size;
    uint8_t *raw = malloc(tail);
    if (!raw)
        return fmt_no_memory(e);
    if (fmt_read_at_exact(r, r->size - tail, raw, tail, e)) {
        free(raw);
        return (int)e->status;
    }
    int status = FMT_TRUNCATED;
    for (size_t i = tail - END_BYTES + 1; i-- > 0;) {
        struct bytes c = bytes_over(raw + i, tail - i);
        if (bytes_u32(&c) != END_SIG)
            continue;
        uint32_t disks = bytes_u32(&c);
        uint16_t here = bytes_u16(&c);
        d->n = bytes_u16(&c);
        d->bytes = bytes_u32(&c);
        d->at = bytes_u32(&c);
        if (bytes_u16(&c) != bytes_left(&c))
            continue; /* the signature by chance, or bytes follow the end */
        status = disks == 0 && here == d->n ? find_end64(r, r->size - tail + i, d, e)
                                            : fmt_fail(e, FMT_UNSUPPORTED, "a zip file in several parts");
        break;
    }
    free(raw);
    if (status == FMT_TRUNCATED)
        return fmt_fail(e, FMT_TRUNCATED, "the end of the zip file is missing: it was cut, or is no zip file");
    if (!status && (d->at > r->size || d->bytes > r->size - d->at))
        return fmt_fail(e, FMT_INVALID, "its zip directory lies outside the file");
    if (!status && (d->bytes > ZIPDIR_DIRECTORY_MAX || d->n > ZIPDIR_MEMBERS_MAX || d->n > d->bytes / ENTRY_BYTES))
        return fmt_fail(e, FMT_LIMIT, "its zip directory is too large, or too small for its %" PRIu64 " members", d->n);
    return status;
}

/* ------------------------------------------------------------------ the directory */
/* 64-bit values of the extra field replace those that are all ones, in this order. */
static bool take_zip64(struct bytes extra, uint64_t *size, uint64_t *stored, uint64_t *at)
{
    bool needed = *size == UINT32_MAX || *stored == UINT32_MAX || *at == UINT32_MAX;
    while (needed && bytes_left(&extra) >= 4) {
        uint16_t id = bytes_u16(&extra), n = bytes_u16(&extra);
        const uint8_t *body = bytes_take(&extra, n);
        if (!body || id != EXTRA_ZIP64)
            continue;
        struct bytes c = bytes_over(body, n);
        if (*size == UINT32_MAX)
            *size = bytes_u64(&c);
        if (*stored == UINT32_MAX)
            *stored = bytes_u64(&c);
        if (*at == UINT32_MAX)
            *at = bytes_u64(&c);
        return bytes_ok(&c);
    }
    return true; /* without the field the values are valid as they are */
}

static int take_entry(struct bytes *c, struct zipdir_member *m, struct fmt_error *e)
{
    if (bytes_u32(c) != ENTRY_SIG)
        return fmt_fail(e, FMT_INVALID, "its zip directory is damaged");
    bytes_take(c, 4); /* versions */
    uint16_t flags = bytes_u16(c), method = bytes_u16(c);
    bytes_take(c, 4); /* time and date */
    m->crc = bytes_u32(c);
    uint64_t stored = bytes_u32(c), size = bytes_u32(c);
    uint16_t n_name = bytes_u16(c), n_extra = bytes_u16(c), n_comment = bytes_u16(c);
    bytes_take(c, 2 + 2 + 4); /* disk, attributes */
    uint64_t at = bytes_u32(c);
    const uint8_t *name = bytes_take(c, n_name), *extra = bytes_take(c, n_extra);
    bytes_take(c, n_comment);
    if (!bytes_ok(c) || memchr(name, 0, n_name))
        return fmt_fail(e, FMT_INVALID, "its zip directory is damaged");
    if (!take_zip64(bytes_over(extra, n_extra), &size, &stored, &at))
        return fmt_fail(e, FMT_INVALID, "its zip directory is damaged");
    m->name = malloc((size_t)n_name + 1);
    if (!m->name)
        return fmt_no_memory(e);
    memcpy(m->name, name, n_name);
    m->name[n_name] = 0;
    m->packed = flags & FLAG_ENCRYPTED || method != 0;
    if (size != stored && !m->packed)
        return fmt_fail(e, FMT_INVALID, "%.200s: stored, but its two sizes differ", m->name);
    m->bytes = stored;
    m->header_at = at;
    return 0;
}

static int find_data(const struct fmt_reader *r, struct zipdir_member *m, uint64_t end, struct fmt_error *e)
{
    uint8_t raw[LOCAL_BYTES];
    if (m->header_at > end || end - m->header_at < LOCAL_BYTES)
        return fmt_fail(e, FMT_INVALID, "%.200s: lies outside the file", m->name);
    if (fmt_read_at_exact(r, m->header_at, raw, sizeof raw, e))
        return (int)e->status;
    struct bytes c = bytes_over(raw, sizeof raw);
    if (bytes_u32(&c) != LOCAL_SIG)
        return fmt_fail(e, FMT_INVALID, "%.200s: is not where the zip directory says", m->name);
    bytes_take(&c, LOCAL_BYTES - 4 - 4);
    uint64_t skip = bytes_u16(&c);
    skip += bytes_u16(&c);
    m->at = m->header_at + LOCAL_BYTES + skip;
    if (m->at > end || m->bytes > end - m->at)
        return fmt_fail(e, FMT_INVALID, "%.200s: reaches beyond the file", m->name);
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct zipdir_member *x = a, *y = b;
    return x->header_at < y->header_at ? -1 : x->header_at > y->header_at;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct zipdir_member *)a)->name, ((const struct zipdir_member *)b)->name);
}

static int check_members(struct zipdir *z, struct fmt_error *e)
{
    if (z->n < 2)
        return 0;
    qsort(z->member, (size_t)z->n, sizeof *z->member, by_offset);
    for (int64_t i = 1; i < z->n; i++) {
        const struct zipdir_member *m = &z->member[i - 1];
        if (m->at + m->bytes > z->member[i].header_at)
            return fmt_fail(e, FMT_INVALID, "%.200s: overlaps another member", m->name);
    }
    qsort(z->member, (size_t)z->n, sizeof *z->member, by_name);
    for (int64_t i = 1; i < z->n; i++)
        if (strcmp(z->member[i - 1].name, z->member[i].name) == 0)
            return fmt_fail(e, FMT_INVALID, "%.200s: two members of this name", z->member[i].name);
    return 0;
}

static int read_members(const struct fmt_reader *r, const struct directory *d, struct zipdir *z, struct fmt_error *e)
{
    uint8_t *raw = malloc((size_t)d->bytes + 1);
    z->member = calloc((size_t)d->n + 1, sizeof *z->member);
    int status = 0;
    if (!raw || !z->member)
        status = fmt_no_memory(e);
    if (!status)
        status = fmt_read_at_exact(r, d->at, raw, (size_t)d->bytes, e);
    struct bytes c = bytes_over(raw, (size_t)d->bytes);
    for (uint64_t i = 0; i < d->n && !status; i++) {
        struct zipdir_member *m = &z->member[z->n++];
        status = take_entry(&c, m, e);
        if (!status)
            status = find_data(r, m, d->at, e);
    }
    if (!status && bytes_left(&c) > 0)
        status = fmt_fail(e, FMT_INVALID, "its zip directory is damaged");
    free(raw);
    return status ? status : check_members(z, e);
}

int zipdir_read(const struct fmt_reader *r, struct zipdir *z, struct fmt_error *e)
{
    struct fmt_error why = {0};
    if (!e)
        e = &why;
    struct directory d = {0};
    *z = (struct zipdir){0};
    if (!r->read_at || r->size == UINT64_MAX)
        return fmt_fail(e, FMT_UNSUPPORTED, "a zip file cannot be read from a pipe");
    int status = find_directory(r, &d, e);
    if (!status)
        status = read_members(r, &d, z, e);
    if (status)
        zipdir_release(z);
    return status;
}

const struct zipdir_member *zipdir_find(const struct zipdir *z, const char *name)
{
    const struct zipdir_member key = {.name = (char *)(uintptr_t)name};
    return z->n ? bsearch(&key, z->member, (size_t)z->n, sizeof key, by_name) : NULL;
}

void zipdir_release(struct zipdir *z)
{
    for (int64_t i = 0; i < z->n; i++)
        free(z->member[i].name);
    free(z->member);
    *z = (struct zipdir){0};
}

/* ------------------------------------------------------------------ writing
 * As PyTorch does: sizes and checksum follow the data in a descriptor; the directory repeats them. */

/* CRC-32 (reflected 0x04c11db7), four bytes at a time: table[k] is the remainder of a byte k bytes further on. */
static void crc_tables(uint32_t table[4][256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
        table[0][i] = c;
    }
    for (int k = 1; k < 4; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

static uint32_t crc_add(const uint32_t table[4][256], uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    for (; n >= 4; n -= 4, p += 4)
        crc = table[3][(crc ^ p[0]) & 255] ^ table[2][(crc >> 8 ^ p[1]) & 255] ^ table[1][(crc >> 16 ^ p[2]) & 255] ^
              table[0][(crc >> 24 ^ p[3]) & 255];
    for (; n > 0; n--, p++)
        crc = table[0][(crc ^ *p) & 255] ^ crc >> 8;
    return ~crc;
}

void zipdir_start(struct zipdir_writer *w, const struct fmt_writer *sink)
{
    *w = (struct zipdir_writer){.sink = sink};
    crc_tables(w->crc_table);
}

void zipdir_writer_release(struct zipdir_writer *w)
{
    for (int64_t i = 0; i < w->n; i++)
        free(w->member[i].name);
    free(w->member);
    *w = (struct zipdir_writer){0};
}

static int put_raw(struct zipdir_writer *w, struct fmt_buffer *b, bool built, struct fmt_error *e)
{
    int status = built ? fmt_write_all(w->sink, b->data, b->bytes, e) : fmt_no_memory(e);
    if (!status)
        w->at += b->bytes;
    fmt_buffer_release(b);
    return status;
}

static bool is_large(const struct zipdir_member *m)
{
    return m->bytes >= UINT32_MAX || m->header_at >= UINT32_MAX;
}

static int put_descriptor(struct zipdir_writer *w, struct fmt_error *e)
{
    const struct zipdir_member *m = &w->member[w->n - 1];
    size_t width = m->bytes >= UINT32_MAX ? 8 : 4;
    struct fmt_buffer b = {0};
    bool good = !bytes_put_u32(&b, DESCRIPTOR_SIG) && !bytes_put_u32(&b, m->crc) &&
                !bytes_put_uint(&b, m->bytes, width) && !bytes_put_uint(&b, m->bytes, width);
    return put_raw(w, &b, good, e);
}

static int close_member(struct zipdir_writer *w, struct fmt_error *e)
{
    if (w->left > 0)
        return fmt_fail(e, FMT_INVALID, "%.200s: fewer bytes than announced", w->member[w->n - 1].name);
    return w->n > 0 ? put_descriptor(w, e) : 0;
}

static bool put_versions(struct fmt_buffer *b, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good = good && !bytes_put_u16(b, 45); /* 4.5: knows zip64 */
    return good;
}

/* The local header; its extra field "FB" is filled so that the data begin at a multiple of DATA_ALIGN. */
static int put_local(struct zipdir_writer *w, struct fmt_error *e)
{
    struct zipdir_member *m = &w->member[w->n - 1];
    size_t n_name = strlen(m->name), n_zip64 = m->bytes >= UINT32_MAX ? 20 : 0;
    size_t n_fixed = LOCAL_BYTES + n_name + n_zip64 + 4;
    size_t n_fill = (DATA_ALIGN - (size_t)((m->header_at + n_fixed) % DATA_ALIGN)) % DATA_ALIGN;
    uint32_t size = n_zip64 ? UINT32_MAX : 0;
    struct fmt_buffer b = {0};
    bool good = !bytes_put_u32(&b, LOCAL_SIG) && put_versions(&b, 1) &&
                !bytes_put_u16(&b, FLAG_DESCRIPTOR | FLAG_UTF8) && !bytes_put_u16(&b, 0) && !bytes_put_u32(&b, 0) &&
                !bytes_put_u32(&b, 0) && !bytes_put_u32(&b, size) && !bytes_put_u32(&b, size) &&
                !bytes_put_u16(&b, (uint16_t)n_name) && !bytes_put_u16(&b, (uint16_t)(n_zip64 + 4 + n_fill)) &&
                !bytes_put(&b, m->name, n_name);
    if (n_zip64)
        good = good && !bytes_put_u16(&b, EXTRA_ZIP64) && !bytes_put_u16(&b, 16) && !bytes_put_u64(&b, 0) &&
               !bytes_put_u64(&b, 0);
    good = good && !bytes_put(&b, "FB", 2) && !bytes_put_u16(&b, (uint16_t)n_fill);
    for (size_t i = 0; i < n_fill; i++)
        good = good && !bytes_put_u8(&b, 'Z');
    m->at = m->header_at + b.bytes;
    return put_raw(w, &b, good, e);
}

int zipdir_begin(struct zipdir_writer *w, const char *name, uint64_t bytes, struct fmt_error *e)
{
    int status = close_member(w, e);
    if (!status)
        status = fmt_grow(&w->member, w->n, &w->capacity, sizeof *w->member, e);
    if (status)
        return status;
    if (strlen(name) > UINT16_MAX || w->n == ZIPDIR_MEMBERS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%.60s...: name too long, or too many members", name);
    struct zipdir_member m = {.name = strdup(name), .bytes = bytes, .header_at = w->at};
    if (!m.name)
        return fmt_no_memory(e);
    w->member[w->n++] = m;
    w->left = bytes;
    return put_local(w, e);
}

int zipdir_put(struct zipdir_writer *w, const void *data, size_t n, struct fmt_error *e)
{
    struct zipdir_member *m = &w->member[w->n - 1];
    if (n > w->left)
        return fmt_fail(e, FMT_INVALID, "%.200s: more bytes than announced", m->name);
    m->crc = crc_add((const uint32_t(*)[256])w->crc_table, m->crc, data, n);
    w->left -= n;
    w->at += n;
    return fmt_write_all(w->sink, data, n, e);
}

static bool put_entry(struct fmt_buffer *b, const struct zipdir_member *m)
{
    size_t n_name = strlen(m->name);
    bool large = is_large(m);
    uint32_t size = large ? UINT32_MAX : (uint32_t)m->bytes, at = large ? UINT32_MAX : (uint32_t)m->header_at;
    bool good = !bytes_put_u32(b, ENTRY_SIG) && put_versions(b, 2) && !bytes_put_u16(b, FLAG_DESCRIPTOR | FLAG_UTF8) &&
                !bytes_put_u16(b, 0) && !bytes_put_u32(b, 0) && !bytes_put_u32(b, m->crc) && !bytes_put_u32(b, size) &&
                !bytes_put_u32(b, size) && !bytes_put_u16(b, (uint16_t)n_name) &&
                !bytes_put_u16(b, large ? 28 : 0) && !bytes_put_u16(b, 0) && !bytes_put_u32(b, 0) &&
                !bytes_put_u32(b, 0) && !bytes_put_u32(b, at) && !bytes_put(b, m->name, n_name);
    if (large)
        good = good && !bytes_put_u16(b, EXTRA_ZIP64) && !bytes_put_u16(b, 24) && !bytes_put_u64(b, m->bytes) &&
               !bytes_put_u64(b, m->bytes) && !bytes_put_u64(b, m->header_at);
    return good;
}

/* The zip64 record, its locator and the classic record, which has the true values if they fit. */
static bool put_end(struct fmt_buffer *b, const struct directory *d)
{
    uint16_t n16 = d->n > UINT16_MAX ? UINT16_MAX : (uint16_t)d->n;
    uint32_t bytes32 = d->bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)d->bytes;
    uint32_t at32 = d->at > UINT32_MAX ? UINT32_MAX : (uint32_t)d->at;
    return !bytes_put_u32(b, END64_SIG) && !bytes_put_u64(b, END64_BYTES - 12) && put_versions(b, 2) &&
           !bytes_put_u64(b, 0) && !bytes_put_u64(b, d->n) && !bytes_put_u64(b, d->n) &&
           !bytes_put_u64(b, d->bytes) && !bytes_put_u64(b, d->at) && !bytes_put_u32(b, LOCATOR_SIG) &&
           !bytes_put_u32(b, 0) && !bytes_put_u64(b, d->at + d->bytes) && !bytes_put_u32(b, 1) &&
           !bytes_put_u32(b, END_SIG) && !bytes_put_u32(b, 0) && !bytes_put_u16(b, n16) && !bytes_put_u16(b, n16) &&
           !bytes_put_u32(b, bytes32) && !bytes_put_u32(b, at32) && !bytes_put_u16(b, 0);
}

int zipdir_finish(struct zipdir_writer *w, struct fmt_error *e)
{
    int status = close_member(w, e);
    struct fmt_buffer b = {0};
    bool good = true;
    for (int64_t i = 0; i < w->n && good; i++)
        good = put_entry(&b, &w->member[i]);
    struct directory d = {w->at, b.bytes, (uint64_t)w->n};
    good = good && put_end(&b, &d);
    if (!status)
        status = put_raw(w, &b, good, e);
    fmt_buffer_release(&b);
    zipdir_writer_release(w);
    return status;
}
