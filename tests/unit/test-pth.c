/* test-pth.c - .pth files that are written, cut and hostile; test-pth-golden.c has the golden files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "pickle.h"
#include "pthbed.h"
#include "tap.h"
#include "zipdir.h"

/* ------------------------------------------------------------------ files made here */
/* A zip container with this pickle and one storage "0" of `floats` zeros. */
static void make_zip(struct fmt_buffer *b, const char *pickle, size_t n, int floats)
{
    static const uint8_t zeros[1 << 12];
    struct fmt_writer io = fmt_buffer_writer(b);
    struct fmt_error e = {0};
    struct zipdir_writer w;
    zipdir_start(&w, &io);
    if (zipdir_begin(&w, "x/data.pkl", n, &e) || zipdir_put(&w, pickle, n, &e) ||
        zipdir_begin(&w, "x/data/0", (uint64_t)floats * 4, &e) || zipdir_put(&w, zeros, (size_t)floats * 4, &e) ||
        zipdir_finish(&w, &e))
        exit(1);
}

static int open_pickle(struct opened *o, struct fmt_buffer *b, const char *pickle, size_t n, int floats)
{
    *o = (struct opened){0};
    make_zip(b, pickle, n, floats);
    return open_bytes(o, b->data, b->bytes);
}

/* A tensor's record: storage 0 of `numel` floats, one dimension. */
#define TENSOR(numel, offset, size, stride)                                                                        \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpu" numel "tQ" \
    offset "(" size "t(" stride "t\x89)tR"
#define KEY(letter) "X\1\0\0\0" letter

static void inert_names(void)
{
    struct opened o;
    struct fmt_buffer b = {0};
    /* {"a": T, "x": posix.system("touch pwned"), "y": a tensor whose storage is that} */
    static const char pickle[] =
        "\x80\2}(" KEY("a") TENSOR("K\4", "K\0", "K\4", "K\1") KEY("x") "cposix\nsystem\n(X\x0b\0\0\0touch pwnedtR"
        KEY("y") "ctorch._utils\n_rebuild_tensor_v2\n(cposix\nsystem\n(X\x0b\0\0\0touch pwnedtR" "K\0)t" "\x81u.";
    ok(open_pickle(&o, &b, pickle, sizeof pickle - 1, 4) == 0, "posix.system in a file: %s", o.error.text);
    ok(!file_exists("pwned"), "nothing was executed");
    const struct named_tensor *a = named_tensor_find(&o.set, "a"), *x = named_tensor_find(&o.set, "x"),
                              *y = named_tensor_find(&o.set, "y");
    float v[4];
    struct fmt_error e = {0};
    ok(a && named_tensor_read_f32(a, 0, 4, v, &e) == 0, "a tensor beside it is read");
    ok(x && x->unusable && strstr(x->unusable, "posix.system"), "its place says why it is none");
    ok(y && y->unusable && named_tensor_read_f32(y, 0, 1, v, &e) == FMT_UNSUPPORTED && strstr(e.text, "posix.system"),
       "a tensor that depends on it is refused when it is read: %s", e.text);
    named_tensor_release(&o.set);
    fmt_buffer_release(&b);
}

static void views(void)
{
    struct opened o;
    struct fmt_buffer b = {0};
    static const char shared[] = "\x80\2}(" KEY("a") TENSOR("K\10", "K\2", "K\2", "K\3") KEY("b")
        TENSOR("K\10", "K\0", "", "") KEY("c") TENSOR("K\10", "K\0", "K\0", "K\1") "u.";
    ok(open_pickle(&o, &b, shared, sizeof shared - 1, 8) == 0 && o.set.n == 3, "views of one storage %s", o.error.text);
    const struct named_tensor *t = named_tensor_find(&o.set, "b");
    ok(t && t->n_dims == 0 && t->n == 1, "a tensor without dimensions");
    t = named_tensor_find(&o.set, "c");
    ok(t && t->n == 0, "an empty tensor");
    named_tensor_release(&o.set);
    fmt_buffer_release(&b);
}

static void hostile_sizes(void)
{
    static const struct {
        const char *pickle, *what;
        size_t n;
    } bad[] = {
#define BAD(text, what) {text, what, sizeof(text) - 1}
        BAD("\x80\2}" KEY("a") TENSOR("K\5", "K\0", "K\4", "K\1") "s.", "a storage larger than its member"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\1", "K\4", "K\1") "s.", "a view beyond its storage"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\5", "K\0", "K\1") "s.", "an offset beyond its storage"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\0", "K\2", "K\4") "s.", "a stride beyond its storage"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\0", "K\2", "J\xff\xff\xff\xff") "s.", "a negative stride"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\0", "J\xff\xff\xff\xff", "K\1") "s.", "a negative size"),
        BAD("\x80\2}" KEY("a") TENSOR("K\4", "K\0", "\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7fK\2", "K\1K\1") "s.",
            "sizes whose product overflows"),
        BAD("\x80\2}" KEY("a") TENSOR("\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7f", "K\0", "K\1", "K\1") "s.",
            "a storage whose bytes overflow"),
        BAD("\x80\2}(" KEY("a") TENSOR("K\4", "K\0", "K\4", "K\1") KEY("a") TENSOR("K\4", "K\0", "K\4", "K\1") "u.",
            "one name twice"),
        BAD("\x80\2}" KEY("a") "h\7s.", "a memo entry that was never made"),
        BAD("\x80\2R.", "a call on an empty stack"), BAD("\x80\2}u.", "a mark that is missing"),
        BAD("\x80\2]q\0h\0a.", "a list that holds itself"), BAD("\x80\2i.", "an opcode that is not known"),
        BAD("\x80\2X\xff\xff\xff\x7f", "a text longer than the file"), BAD("\x80\2", "no end")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct opened o;
        struct fmt_buffer b = {0};
        int status = open_pickle(&o, &b, bad[i].pickle, bad[i].n, 4);
        ok(status != 0 && o.error.text[0] && o.set.n == 0, "%s: %s", bad[i].what, o.error.text);
        named_tensor_release(&o.set);
        fmt_buffer_release(&b);
    }
}

/* ------------------------------------------------------------------ other files named .pth */
#define MODULE(name) "cnets\n" name "\n)\x81}(" "X\x08\0\0\0training\x89X\x0b\0\0\0_parameters}u" "b"

static void whole_modules(void)
{
    struct opened o;
    struct fmt_buffer b = {0};
    static const char root[] = "\x80\2" MODULE("Vit") ".";
    int status = open_pickle(&o, &b, root, sizeof root - 1, 1);
    ok(status == FMT_UNSUPPORTED && strstr(o.error.text, "a whole module (nets.Vit)") &&
           strstr(o.error.text, "state_dict()"), "torch.save(model): %s", o.error.text);
    fmt_buffer_release(&b);
    static const char inside[] = "\x80\2}" KEY("m") MODULE("Vit") "s.";
    status = open_pickle(&o, &b, inside, sizeof inside - 1, 1);
    const struct named_tensor *t = named_tensor_find(&o.set, "m");
    ok(!status && t && t->unusable && strstr(t->unusable, "a whole module (nets.Vit)"), "a module inside: %s",
       t && t->unusable ? t->unusable : o.error.text);
    named_tensor_release(&o.set);
    fmt_buffer_release(&b);
    static const char shard[] = "\x80\2}" KEY("d") "ctorch.distributed.tensor\nDTensor\n)R}bs.";
    status = open_pickle(&o, &b, shard, sizeof shard - 1, 1);
    t = named_tensor_find(&o.set, "d");
    ok(!status && t && t->unusable && strstr(t->unusable, "sharded training"), "a part of a tensor: %s",
       t && t->unusable ? t->unusable : o.error.text);
    named_tensor_release(&o.set);
    fmt_buffer_release(&b);
}

/* A zip file of small members of these names. */
static void make_members(struct fmt_buffer *b, const char *const *names, int n)
{
    struct fmt_writer io = fmt_buffer_writer(b);
    struct fmt_error e = {0};
    struct zipdir_writer w;
    zipdir_start(&w, &io);
    for (int i = 0; i < n; i++)
        if (zipdir_begin(&w, names[i], 3, &e) || zipdir_put(&w, "\x80\2N", 3, &e))
            exit(1);
    if (zipdir_finish(&w, &e))
        exit(1);
}

/* The compression method of every member in the directory becomes "deflated". */
static void pack_members(struct fmt_buffer *b)
{
    for (size_t i = 0; i + 12 < b->bytes; i++)
        if (memcmp(b->data + i, "PK\1\2", 4) == 0)
            b->data[i + 10] = 8;
}

static void other_zips(void)
{
    static const struct {
        const char *names[3], *told;
        bool packed;
    } zip[] = {{{"s/data.pkl", "s/code/__torch__.py", "s/constants.pkl"}, "TorchScript", false},
               {{"s/data.pkl", "s/code/__torch__.py", "s/version"}, "TorchScript", true},
               {{"[Content_Types].xml", "word/document.xml", "x"}, "it holds [Content_Types].xml", true},
               {{"arr_0.npy", "arr_1.npy", "arr_2.npy"}, "it holds arr_0.npy", false},
               {{"a/data.pkl", "a/version", "a/x"}, "a/data.pkl: a compressed or encrypted member", true},
               {{"a/data.pkl", "b/data.pkl", "x"}, "two members named data.pkl", false}};
    for (size_t i = 0; i < sizeof zip / sizeof *zip; i++) {
        struct opened o;
        struct fmt_buffer b = {0};
        make_members(&b, zip[i].names, 3);
        if (zip[i].packed)
            pack_members(&b);
        int status = open_bytes(&o, b.data, b.bytes);
        ok(status && strstr(o.error.text, zip[i].told) && o.set.n == 0, "%s: %s", zip[i].names[0], o.error.text);
        fmt_buffer_release(&b);
    }
}

/* A file that was cut anywhere is refused. */
static void cut_files(void)
{
    static const char *const names[] = {"vit_plain.pth", "vit_plain_legacy.pth", "vit_plain_half.pth"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fmt_error e = {0};
        uint8_t *data;
        size_t n;
        int64_t n_taken = 0, n_cuts = 0;
        if (file_load(tap_golden(names[i]), (size_t)1 << 30, &data, &n, &e)) {
            ok(false, "%s", e.text);
            continue;
        }
        for (size_t at = 0; at < n; at += at < 4096 || at + 4096 > n ? 1 : 4999) {
            struct opened o;
            n_taken += open_bytes(&o, data, at) == 0;
            named_tensor_release(&o.set);
            n_cuts++;
        }
        ok(n_taken == 0, "%s: refused at all of %lld places where it was cut", names[i], (long long)n_cuts);
        free(data);
    }
}

/* ------------------------------------------------------------------ writing */
static int counting(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)arg, (void)e;
    for (int64_t k = 0; k < n; k++)
        out[k] = (float)(i + 1) + 0.001f * (float)(first + k);
    return 0;
}

static void written_files(void)
{
    static const struct named_tensor_out list[] = {{"a.weight", DTYPE_F32, 2, {300, 100}},
                                                   {"b", DTYPE_F16, 1, {5}},
                                                   {"c", DTYPE_BF16, 3, {1, 2, 3}},
                                                   {"scalar", DTYPE_F32, 0, {0}},
                                                   {"empty", DTYPE_F32, 2, {0, 7}}};
    const int64_t n = sizeof list / sizeof *list;
    const struct named_tensor_values values = {NULL, counting};
    static const char *const tops[] = {NULL, "teacher"};
    for (int k = 0; k < 2; k++) {
        struct fmt_buffer b = {0};
        struct fmt_writer io = fmt_buffer_writer(&b);
        struct opened o = {0};
        struct fmt_error e = {0};
        int status = pth_write(&io, tops[k], list, n, &values, &e);
        ok(status == 0 && open_bytes(&o, b.data, b.bytes) == 0 && o.set.n == n, "what is written is read %s%s", e.text,
           o.error.text);
        bool same = true;
        for (int64_t i = 0; i < n; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s%s", k ? "teacher." : "", list[i].name);
            const struct named_tensor *t = named_tensor_find(&o.set, name);
            float *v = t ? values_of(t) : NULL;
            same = same && t && t->dtype == list[i].dtype && t->n_dims == list[i].n_dims && (t->at % 64 == 0 || !t->n);
            for (int64_t j = 0; same && j < t->n; j++) {
                float want;
                (void)counting(NULL, i, j, 1, &want, NULL);
                same = fabsf(v[j] - want) <= (t->dtype == DTYPE_F32 ? 0 : 0.01f * want);
            }
            free(v);
        }
        ok(same, "names, types, shapes and values come back, data at multiples of 64 bytes");
        named_tensor_release(&o.set);
        fmt_buffer_release(&b);
    }
}

int main(void)
{
    inert_names();
    views();
    hostile_sizes();
    whole_modules();
    other_zips();
    cut_files();
    written_files();
    return tap_done();
}
