/* unpack.c - see unpack.h. */
#include "unpack.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "inspector.h"

/* The SHA-256 is checked as the pieces pass. */
static int copy_member(const struct inspector *x, int i, struct file_out *out, struct fmt_error *e)
{
    const struct inspector_member *m = &x->member[i];
    struct inspector_source s;
    struct digest d;
    uint8_t sha256[DIGEST_BYTES], *piece = malloc(INSPECTOR_PIECE);
    int status = piece ? 0 : fmt_no_memory(e);
    inspector_source_init(&s, x, i);
    digest_init(&d);
    for (uint64_t at = 0; at < m->bytes && !status; at += INSPECTOR_PIECE) {
        size_t n = m->bytes - at < INSPECTOR_PIECE ? (size_t)(m->bytes - at) : INSPECTOR_PIECE;
        status = fmt_read_at_exact(&s.reader, at, piece, n, e);
        if (!status && file_put(out, piece, n))
            status = fmt_fail(e, fmt_errno(out->error_number), "%.250s: %s", m->name, strerror(out->error_number));
        digest_add(&d, piece, status ? 0 : n);
    }
    digest_end(&d, sha256);
    if (!status && memcmp(sha256, m->sha256, DIGEST_BYTES) != 0)
        status = fmt_fail(e, FMT_CHECKSUM, "%.200s: the SHA-256 is another", m->name);
    inspector_source_release(&s);
    free(piece);
    return status;
}

static int unpack_member(const struct inspector *x, int i, const char *folder, struct fmt_error *e)
{
    struct file_out out;
    char *path = file_join(folder, x->member[i].name);
    int status = path ? file_create(&out, path, e) : fmt_no_memory(e);
    free(path);
    return status ? status : file_finish(&out, copy_member(x, i, &out, e), e);
}

static int unpack_all(const struct inspector *x, const char *folder, struct fmt_error *e)
{
    char *temporary;
    int status = file_create_dir(folder, &temporary, e);
    if (status)
        return status;
    for (int i = 0; i < x->n_members && !status; i++)
        status = unpack_member(x, i, temporary, e);
    if (!status)
        return file_commit_dir(temporary, folder, false, e);
    file_remove_tree(temporary, NULL);
    free(temporary);
    return status;
}

int unpack_inspector(const char *path, const char *folder, int *n, struct fmt_error *e)
{
    struct file f;
    struct inspector x;
    int status = file_open_regular(&f, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    status = inspector_open(&x, &io, e);
    if (status)
        fmt_prefix(e, path);
    if (!status) {
        *n = x.n_members;
        status = unpack_all(&x, folder, e);
        inspector_close(&x);
    }
    file_close(&f);
    return status;
}
