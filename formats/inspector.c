/* inspector.c - pieces have one size, so that the piece with any byte of a member is known without a table. */
#include "inspector.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

const char *inspector_role_name(enum inspector_role role)
{
    static const char *const name[] = {"", "settings", "weights", "classifier", "bank", "faults", "reference"};
    return name[role];
}

static bool is_file_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > INSPECTOR_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/')
            return false;
    return true;
}

static int64_t n_pieces(uint64_t bytes)
{
    return (int64_t)((bytes + INSPECTOR_PIECE - 1) / INSPECTOR_PIECE);
}

static size_t piece_bytes(uint64_t bytes, int64_t i)
{
    uint64_t left = bytes - (uint64_t)i * INSPECTOR_PIECE;
    return left < INSPECTOR_PIECE ? (size_t)left : INSPECTOR_PIECE;
}

/* ---------------------------------------------------------------- rules */
static int check_member(const struct inspector_member *m, struct fmt_error *e)
{
    if (m->role < INSPECTOR_SETTINGS || m->role > INSPECTOR_ROLE_LAST)
        return fmt_fail(e, FMT_LIMIT, "a member of role %d", (int)m->role);
    if (!is_file_name(m->name))
        return fmt_fail(e, FMT_INVALID, "a member has a name that no file may have");
    if (m->bytes == 0 || m->bytes > INSPECTOR_MEMBER_BYTES_MAX ||
        (m->role == INSPECTOR_SETTINGS && m->bytes > INSPECTOR_SETTINGS_BYTES_MAX))
        return fmt_fail(e, FMT_LIMIT, "%.100s: a member of %llu bytes", m->name, (unsigned long long)m->bytes);
    return 0;
}

/* Roles ascend, so there is one member of each at most. */
static int check_members(const struct inspector_member *m, int n, struct fmt_error *e)
{
    bool has[INSPECTOR_ROLE_LAST + 1] = {false};
    if (n < 1 || n > INSPECTOR_MEMBERS_MAX)
        return fmt_fail(e, FMT_LIMIT, "%d members", n);
    for (int i = 0; i < n; i++) {
        int status = check_member(&m[i], e);
        if (status)
            return status;
        if (i > 0 && m[i].role <= m[i - 1].role)
            return fmt_fail(e, FMT_INVALID, "%.100s: the order of members, or two of one role", m[i].name);
        for (int k = 0; k < i; k++)
            if (strcmp(m[k].name, m[i].name) == 0)
                return fmt_fail(e, FMT_INVALID, "%.100s: two members of this name", m[i].name);
        has[m[i].role] = true;
    }
    if (!has[INSPECTOR_SETTINGS] || !has[INSPECTOR_WEIGHTS])
        return fmt_fail(e, FMT_INVALID, "without settings or weights");
    if (!has[INSPECTOR_BANK] && (!has[INSPECTOR_CLASSIFIER] || has[INSPECTOR_FAULTS]))
        return fmt_fail(e, FMT_INVALID, has[INSPECTOR_FAULTS] ? "faults without a bank"
                                                              : "neither a classifier nor a bank");
    return 0;
}

/* JSON of one object, and nothing behind it. */
static int check_settings(const uint8_t *text, size_t n, struct fmt_error *e)
{
    const char *end = NULL;
    cJSON *o = memchr(text, 0, n) ? NULL : cJSON_ParseWithLengthOpts((const char *)text, n, &end, false);
    const char *all = (const char *)text + n;
    while (o && end < all && strchr(" \t\r\n", *end))
        end++;
    bool good = cJSON_IsObject(o) && end == all;
    cJSON_Delete(o);
    return good ? 0 : fmt_fail(e, FMT_INVALID, "the settings are not one JSON object");
}

/* ---------------------------------------------------------------- writing */
/* Calls use(arg, piece, bytes) for each piece. */
static int each_piece(const struct inspector_part *part, int (*use)(void *arg, const void *piece, size_t bytes),
                      void *arg, struct fmt_error *e)
{
    uint8_t *piece = malloc(INSPECTOR_PIECE);
    int status = piece ? 0 : fmt_no_memory(e);
    struct fmt_error why = {0};
    for (int64_t i = 0; i < n_pieces(part->reader.size) && !status; i++) {
        size_t n = piece_bytes(part->reader.size, i);
        status = fmt_read_at_exact(&part->reader, (uint64_t)i * INSPECTOR_PIECE, piece, n, &why);
        if (status)
            fmt_fail(e, why.status, "%.150s: %.200s", part->name, why.text);
        else
            status = use(arg, piece, n);
    }
    free(piece);
    return status;
}

static int hash_piece(void *arg, const void *piece, size_t bytes)
{
    digest_add(arg, piece, bytes);
    return 0;
}

static int hash_part(const struct inspector_part *part, struct inspector_member *m, struct fmt_error *e)
{
    struct digest d;
    *m = (struct inspector_member){.role = part->role, .name = part->name, .bytes = part->reader.size};
    int status = check_member(m, e);
    digest_init(&d);
    if (!status)
        status = each_piece(part, hash_piece, &d, e);
    digest_end(&d, m->sha256);
    return status;
}

struct copying {
    struct block_writer *to;
    struct digest digest;
    int level;
    bool first;
    struct fmt_error *e;
};

/* A record is a member: it is counted where it begins. */
static int copy_piece(void *arg, const void *piece, size_t bytes)
{
    struct copying *c = arg;
    uint32_t begins = c->first;
    c->first = false;
    digest_add(&c->digest, piece, bytes);
    return block_add(c->to, piece, bytes, begins, c->level, c->e);
}

static int copy_part(const struct inspector_part *part, const struct inspector_member *m, struct block_writer *w,
                     struct fmt_error *e)
{
    struct copying c = {.to = w, .level = part->level, .first = true, .e = e};
    uint8_t sha256[DIGEST_BYTES];
    digest_init(&c.digest);
    int status = each_piece(part, copy_piece, &c, e);
    digest_end(&c.digest, sha256);
    if (!status && memcmp(sha256, m->sha256, DIGEST_BYTES) != 0)
        status = fmt_fail(e, FMT_MISMATCH, "%.200s: changed while it was read", part->name);
    return status;
}

static int put_fields(const struct inspector_member *m, int n, struct fmt_buffer *to, struct fmt_error *e)
{
    int status = bytes_put_u32(to, (uint32_t)n) || bytes_put_u32(to, 0) ? fmt_no_memory(e) : 0;
    for (int i = 0; i < n && !status; i++) {
        int bad = bytes_put_u16(to, (uint16_t)m[i].role);
        bad |= bytes_put_u16(to, 0) | bytes_put_u32(to, 0);
        bad |= bytes_put_u64(to, m[i].bytes);
        bad |= bytes_put(to, m[i].sha256, DIGEST_BYTES);
        status = bad ? fmt_no_memory(e) : text_put("a member's name", m[i].name, INSPECTOR_NAME_MAX, to, e);
    }
    return status;
}

/* A small file that must be right before it is copied. */
static int check_settings_part(const struct inspector_part *part, struct fmt_error *e)
{
    uint8_t *text = malloc((size_t)part->reader.size + 1);
    int status = text ? fmt_read_at_exact(&part->reader, 0, text, (size_t)part->reader.size, e) : fmt_no_memory(e);
    if (!status)
        status = check_settings(text, (size_t)part->reader.size, e);
    free(text);
    return status;
}

int inspector_write(const struct inspector_part *part, int n, const struct provenance *p, const struct fmt_writer *io,
                    uint8_t identity[DIGEST_BYTES], struct fmt_error *e)
{
    struct inspector_member m[INSPECTOR_MEMBERS_MAX];
    struct block_header h = {.kind = BLOCK_INSPECTOR, .major = INSPECTOR_MAJOR, .minor = INSPECTOR_MINOR,
                             .block_bytes_max = INSPECTOR_PIECE};
    struct block_writer w;
    struct fmt_buffer fields = {0};
    int status = n < 1 || n > INSPECTOR_MEMBERS_MAX ? fmt_fail(e, FMT_LIMIT, "%d members", n) : 0;
    for (int i = 0; i < n && !status; i++)
        status = hash_part(&part[i], &m[i], e);
    if (!status)
        status = check_members(m, n, e);
    if (!status)
        status = check_settings_part(&part[0], e);
    if (!status)
        status = put_fields(m, n, &fields, e);
    if (!status)
        status = provenance_begin(p, io, &h, &fields, &w, e);
    fmt_buffer_release(&fields);
    if (status)
        return status;
    for (int i = 0; i < n && !status; i++)
        status = copy_part(&part[i], &m[i], &w, e);
    memcpy(identity, h.identity, DIGEST_BYTES);
    if (!status)
        return block_finish(&w, e);
    block_abandon(&w);
    return status;
}

/* ---------------------------------------------------------------- reading */
static int take_member(struct inspector *x, struct bytes *c, struct fmt_error *e)
{
    struct inspector_member *m = &x->member[x->n_members];
    const char *name = NULL;
    m->role = (enum inspector_role)bytes_u16(c);
    bool reserved = bytes_u16(c) != 0;
    reserved = bytes_u32(c) != 0 || reserved;
    m->bytes = bytes_u64(c);
    const uint8_t *sha256 = bytes_take(c, DIGEST_BYTES);
    int status = text_take("a member's name", c, INSPECTOR_NAME_MAX, &name, e);
    if (status)
        return status;
    if (!bytes_ok(c) || reserved)
        return fmt_fail(e, FMT_INVALID, "the list of members is damaged");
    memcpy(m->sha256, sha256, DIGEST_BYTES);
    m->name = text_copy(&x->text, name, strlen(name));
    x->n_members++;
    return m->name ? 0 : fmt_no_memory(e);
}

static int take_fields(struct inspector *x, struct fmt_error *e)
{
    const struct block_header *h = &x->block.header;
    struct bytes c = bytes_over(h->fields, h->fields_bytes);
    uint32_t n = bytes_u32(&c);
    int64_t first = 0;
    int status = bytes_u32(&c) ? fmt_fail(e, FMT_INVALID, "reserved bits of the header are set") : 0;
    if (!status && n > INSPECTOR_MEMBERS_MAX)
        status = fmt_fail(e, FMT_LIMIT, "%u members", n);
    for (uint32_t i = 0; i < n && !status; i++)
        status = take_member(x, &c, e);
    if (!status && (!bytes_ok(&c) || (h->minor <= INSPECTOR_MINOR && bytes_left(&c))))
        status = fmt_fail(e, FMT_INVALID, "the header is too short, or bytes follow it");
    if (!status)
        status = check_members(x->member, x->n_members, e);
    for (int i = 0; i < x->n_members && !status; i++) {
        x->member[i].first_block = first;
        first += n_pieces(x->member[i].bytes);
    }
    return status;
}

/* The member that a block is of, and which of its pieces. */
static int member_of(const struct inspector *x, int64_t i_block, int64_t *i_piece)
{
    int i = x->n_members - 1;
    while (i > 0 && x->member[i].first_block > i_block)
        i--;
    *i_piece = i_block - x->member[i].first_block;
    return i;
}

/* Where the index is known, it must have the pieces of the members and no other blocks. */
static int check_index(const struct inspector *x, struct fmt_error *e)
{
    const struct inspector_member *last = &x->member[x->n_members - 1];
    if (x->block.n_blocks != last->first_block + n_pieces(last->bytes))
        return fmt_fail(e, FMT_INVALID, "%lld blocks do not fit the members", (long long)x->block.n_blocks);
    for (int64_t b = 0; b < x->block.n_blocks; b++) {
        int64_t i_piece;
        const struct inspector_member *m = &x->member[member_of(x, b, &i_piece)];
        const struct block_entry *t = &x->block.entry[b];
        if (t->raw_bytes != piece_bytes(m->bytes, i_piece) || t->n_records != (i_piece == 0))
            return fmt_fail(e, FMT_INVALID, "block %lld is no piece of its member", (long long)b);
    }
    return 0;
}

int inspector_open(struct inspector *x, const struct fmt_reader *io, struct fmt_error *e)
{
    *x = (struct inspector){0};
    int status = block_open(&x->block, io, BLOCK_INSPECTOR, e);
    if (status)
        return status;
    status = take_fields(x, e);
    if (!status && x->block.seekable)
        status = check_index(x, e);
    if (status)
        inspector_close(x);
    return status;
}

void inspector_close(struct inspector *x)
{
    block_close(&x->block);
    text_release(&x->text);
    *x = (struct inspector){0};
}

int inspector_find(const struct inspector *x, enum inspector_role role)
{
    for (int k = 0; k < x->n_members; k++)
        if (x->member[k].role == role)
            return k;
    return -1;
}

/* Memory grows with the pieces that are there: a header cannot by itself cause a large allocation. */
int inspector_load(const struct inspector *x, int i, uint8_t **data, struct fmt_error *e)
{
    const struct inspector_member *m = &x->member[i];
    struct block_buffer b = {0};
    struct fmt_buffer whole = {0};
    uint8_t sha256[DIGEST_BYTES];
    int status = 0;
    for (int64_t k = 0; k < n_pieces(m->bytes) && !status; k++) {
        status = block_read(&x->block, m->first_block + k, &b, e);
        if (!status && fmt_buffer_append(&whole, b.raw, b.raw_bytes))
            status = fmt_no_memory(e);
    }
    if (!status && fmt_buffer_append(&whole, "", 1))
        status = fmt_no_memory(e);
    if (!status) {
        digest_of(whole.data, whole.bytes - 1, sha256);
        if (memcmp(sha256, m->sha256, DIGEST_BYTES) != 0)
            status = fmt_fail(e, FMT_CHECKSUM, "%.200s: the SHA-256 is another", m->name);
    }
    if (!status && m->role == INSPECTOR_SETTINGS)
        status = check_settings(whole.data, whole.bytes - 1, e);
    block_buffer_release(&b);
    if (status)
        fmt_buffer_release(&whole);
    *data = whole.data;
    return status;
}

/* -1, with a reason in errno as readers have it: EBADMSG for a piece that is damaged. */
static int fail_read(const struct fmt_error *e)
{
    if (e->status != FMT_IO)
        errno = e->status == FMT_MEMORY ? ENOMEM : EBADMSG;
    return -1;
}

static int64_t source_read_at(void *arg, uint64_t offset, void *buffer, size_t n)
{
    struct inspector_source *s = arg;
    const struct inspector_member *m = &s->of->member[s->member];
    struct fmt_error e = {0};
    if (offset >= m->bytes)
        return 0;
    int64_t i = (int64_t)(offset / INSPECTOR_PIECE);
    size_t at = (size_t)(offset % INSPECTOR_PIECE), whole = piece_bytes(m->bytes, i);
    n = n < whole - at ? n : whole - at;
    if (i != s->i_piece) {
        bool direct = n == whole;
        int64_t i_block = m->first_block + i;
        s->i_piece = -1; /* either way the buffer is used */
        if (direct ? block_read_into(&s->of->block, i_block, buffer, n, &s->piece, &e)
                   : block_read(&s->of->block, i_block, &s->piece, &e))
            return fail_read(&e);
        if (direct)
            return (int64_t)n;
        s->i_piece = i;
    }
    memcpy(buffer, s->piece.raw + at, n);
    return (int64_t)n;
}

static int64_t source_read(void *arg, void *buffer, size_t n)
{
    struct inspector_source *s = arg;
    int64_t got = source_read_at(s, s->at, buffer, n);
    s->at += got > 0 ? (uint64_t)got : 0;
    return got;
}

void inspector_source_init(struct inspector_source *s, const struct inspector *x, int i)
{
    *s = (struct inspector_source){.of = x, .member = i, .i_piece = -1};
    s->reader = (struct fmt_reader){s, source_read, source_read_at, x->member[i].bytes};
}

void inspector_source_release(struct inspector_source *s)
{
    block_buffer_release(&s->piece);
}

/* ---------------------------------------------------------------- checking */
struct checking {
    struct digest digest; /* of the member so far */
    struct fmt_buffer settings;
    int64_t n_blocks;
};

static int check_piece(struct inspector *x, struct checking *c, struct block_buffer *b, struct fmt_error *e)
{
    int64_t i_piece;
    const struct inspector_member *m = &x->member[member_of(x, b->i_block, &i_piece)];
    uint8_t sha256[DIGEST_BYTES];
    if (i_piece >= n_pieces(m->bytes) || b->raw_bytes != piece_bytes(m->bytes, i_piece))
        return fmt_fail(e, FMT_INVALID, "block %lld is no piece of its member", (long long)b->i_block);
    int status = block_set_count(&x->block, b, i_piece == 0, e);
    if (!status && m->role == INSPECTOR_SETTINGS && fmt_buffer_append(&c->settings, b->raw, b->raw_bytes))
        status = fmt_no_memory(e);
    if (status)
        return status;
    if (i_piece == 0)
        digest_init(&c->digest);
    digest_add(&c->digest, b->raw, b->raw_bytes);
    if (i_piece + 1 < n_pieces(m->bytes))
        return 0;
    digest_end(&c->digest, sha256);
    if (memcmp(sha256, m->sha256, DIGEST_BYTES) != 0)
        return fmt_fail(e, FMT_CHECKSUM, "%.200s: the SHA-256 is another", m->name);
    return m->role == INSPECTOR_SETTINGS ? check_settings(c->settings.data, c->settings.bytes, e) : 0;
}

int inspector_check(const struct fmt_reader *io, void (*step)(void *arg, int64_t n_members), void *arg,
                    int64_t *n_members, struct fmt_error *e)
{
    struct inspector x;
    struct checking c = {.n_blocks = 0};
    struct block_buffer b = {0};
    int status = inspector_open(&x, io, e);
    if (status)
        return status;
    while ((status = block_next(&x.block, &b, e)) == 0 && (status = check_piece(&x, &c, &b, e)) == 0) {
        c.n_blocks++;
        *n_members += b.n_records;
        if (step && b.n_records > 0)
            step(arg, *n_members);
    }
    const struct inspector_member *last = &x.member[x.n_members - 1];
    if (status == FMT_END)
        status = c.n_blocks == last->first_block + n_pieces(last->bytes)
                     ? 0
                     : fmt_fail(e, FMT_INVALID, "%.200s: ends early", last->name);
    block_buffer_release(&b);
    fmt_buffer_release(&c.settings);
    inspector_close(&x);
    return status;
}
