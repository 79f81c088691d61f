/* pth-write.c - named tensors as a .pth zip container. The pickle numbers the storages and does without the memo; the
 * values of the tensors follow as members of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "pth.h"
#include "zipdir.h"

static const char archive[] = "archive";

/* ------------------------------------------------------------------ the pickle */
static bool put_bytes(struct fmt_buffer *b, const char *opcodes)
{
    return !bytes_put(b, opcodes, strlen(opcodes));
}

static bool put_text(struct fmt_buffer *b, const char *text)
{
    size_t n = strlen(text);
    return !bytes_put_u8(b, 'X') && !bytes_put_u32(b, (uint32_t)n) && !bytes_put(b, text, n);
}

static bool put_integer(struct fmt_buffer *b, int64_t v)
{
    if (v >= 0 && v < 256)
        return !bytes_put_u8(b, 'K') && !bytes_put_u8(b, (uint8_t)v);
    if (v >= 0 && v <= INT32_MAX)
        return !bytes_put_u8(b, 'J') && !bytes_put_u32(b, (uint32_t)v);
    return !bytes_put_u8(b, 0x8a) && !bytes_put_u8(b, 8) && !bytes_put_i64(b, v); /* LONG1 */
}

static bool put_integers(struct fmt_buffer *b, const int64_t *v, int n)
{
    bool good = put_bytes(b, "(");
    for (int i = 0; i < n; i++)
        good = good && put_integer(b, v[i]);
    return good && put_bytes(b, "t");
}

static const char *storage_type(enum dtype dtype)
{
    return dtype == DTYPE_F16    ? "ctorch\nHalfStorage\n"
           : dtype == DTYPE_BF16 ? "ctorch\nBFloat16Storage\n"
                                 : "ctorch\nFloatStorage\n";
}

/* name: _rebuild_tensor_v2(storage i, 0, size, stride, False, OrderedDict()) */
static bool put_tensor(struct fmt_buffer *b, const struct named_tensor_out *t, int64_t i)
{
    int64_t strides[NAMED_TENSOR_DIMS_MAX], n = 1;
    char key[24];
    for (int d = t->n_dims - 1; d >= 0; d--) {
        strides[d] = n;
        n *= t->dims[d];
    }
    snprintf(key, sizeof key, "%" PRId64, i);
    return put_text(b, t->name) && put_bytes(b, "ctorch._utils\n_rebuild_tensor_v2\n((") && put_text(b, "storage") &&
           put_bytes(b, storage_type(t->dtype)) && put_text(b, key) && put_text(b, "cpu") && put_integer(b, n) &&
           put_bytes(b, "tQ") && put_integer(b, 0) && put_integers(b, t->dims, t->n_dims) &&
           put_integers(b, strides, t->n_dims) && put_bytes(b, "\x89" "ccollections\nOrderedDict\n)RtR");
}

static int make_pickle(struct fmt_buffer *b, const char *top, const struct named_tensor_out *list, int64_t n,
                       struct fmt_error *e)
{
    bool good = put_bytes(b, "\x80\x02");
    if (top)
        good = good && put_bytes(b, "}") && put_text(b, top);
    good = good && put_bytes(b, "ccollections\nOrderedDict\n)R(");
    for (int64_t i = 0; i < n && good; i++) {
        uint64_t bytes;
        if (!named_tensor_out_bytes(&list[i], &bytes))
            return fmt_fail(e, FMT_INVALID, "%.200s: its size does not fit", list[i].name);
        good = put_tensor(b, &list[i], i);
    }
    good = good && put_bytes(b, "u") && (!top || put_bytes(b, "s")) && put_bytes(b, ".");
    return good ? 0 : fmt_no_memory(e);
}

/* ------------------------------------------------------------------ the members */
struct member_sink {
    struct zipdir_writer *zip;
    struct fmt_error *e;
};

static int put_into_member(void *arg, const void *data, size_t n)
{
    struct member_sink *s = arg;
    return zipdir_put(s->zip, data, n, s->e) ? -1 : 0;
}

static int put_member(struct zipdir_writer *zip, const char *name, const void *data, size_t n, struct fmt_error *e)
{
    char path[NAMED_TENSOR_NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", archive, name);
    int status = zipdir_begin(zip, path, n, e);
    return status ? status : zipdir_put(zip, data, n, e);
}

static int put_storage(struct zipdir_writer *zip, const struct named_tensor_out *list, int64_t i,
                       const struct named_tensor_values *values, struct fmt_error *e)
{
    char path[NAMED_TENSOR_NAME_MAX];
    uint64_t bytes = 0;
    struct member_sink sink = {zip, e};
    const struct fmt_writer w = {&sink, put_into_member};
    (void)named_tensor_out_bytes(&list[i], &bytes); /* was checked when the pickle was made */
    snprintf(path, sizeof path, "%s/data/%" PRId64, archive, i);
    int status = zipdir_begin(zip, path, bytes, e);
    return status ? status : named_tensor_write_values(&w, list, i, values, e);
}

int pth_write(const struct fmt_writer *w, const char *top, const struct named_tensor_out *list, int64_t n,
              const struct named_tensor_values *values, struct fmt_error *e)
{
    struct fmt_buffer pickle = {0};
    struct zipdir_writer zip;
    zipdir_start(&zip, w);
    int status = make_pickle(&pickle, top, list, n, e);
    if (!status)
        status = put_member(&zip, "data.pkl", pickle.data, pickle.bytes, e);
    if (!status)
        status = put_member(&zip, "byteorder", "little", 6, e);
    for (int64_t i = 0; i < n && !status; i++)
        status = put_storage(&zip, list, i, values, e);
    if (!status)
        status = put_member(&zip, "version", "3\n", 2, e);
    if (!status)
        status = zipdir_finish(&zip, e);
    zipdir_writer_release(&zip);
    fmt_buffer_release(&pickle);
    return status;
}
