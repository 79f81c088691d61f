/* test-tensorfile.c - files of weights by their content, in several parts, in a folder; errors for other files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "pth.h"
#include "safetensors.h"
#include "sniff.h"
#include "tap.h"
#include "tensorfile.h"

static const char *at(const char *name)
{
    static char path[4][400];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof *path, "%s/%s", tap_scratch(), name);
    return p;
}

static void save(const char *name, const void *data, size_t n)
{
    struct fmt_error e = {0};
    if (file_save(at(name), data, n, &e))
        exit(1);
}

static int counting(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)i, (void)e;
    for (int64_t k = 0; k < n; k++)
        out[k] = *(const float *)arg + (float)(first + k);
    return 0;
}

/* A file of one tensor of three values: value, value + 1, value + 2. */
static void save_tensor(const char *file, bool pth, const char *name, float value)
{
    const struct named_tensor_out out = {name, DTYPE_F32, 1, {3}};
    const struct named_tensor_values values = {&value, counting};
    struct fmt_buffer b = {0};
    struct fmt_writer io = fmt_buffer_writer(&b);
    struct fmt_error e = {0};
    if (pth ? pth_write(&io, NULL, &out, 1, &values, &e)
            : safetensors_write(&io, &out, 1, NULL, 0, &values, &e))
        exit(1);
    save(file, b.data, b.bytes);
    fmt_buffer_release(&b);
}

/* ------------------------------------------------------------------ other files */
static void refused(const char *what, const void *data, size_t n, const char *told)
{
    struct tensorfile f;
    struct fmt_error e = {0};
    save("other.safetensors", data, n);
    ok(tensorfile_open(&f, at("other.safetensors"), &e) == FMT_MAGIC && strstr(e.text, told), "%s: %s", what, e.text);
}
#define REFUSED(what, text, told) refused(what, text, sizeof(text) - 1, told)

static void other_files(void)
{
    static char tar[600], *const ustar = tar + 257;
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 88251324\n";
    REFUSED("a pointer", lfs, "a pointer of git LFS");
    REFUSED("an HTML page", "\n<!DOCTYPE html>\n<html><head><title>Log in</title>", "an HTML page");
    REFUSED("an HTML page in small letters", "<html lang=\"en\">....", "an HTML page");
    REFUSED("a text with a brace where safetensors have one", "{\"error\":{\"code\":403}}", "a JSON text");
    REFUSED("a server's error", "\xef\xbb\xbf<?xml version=\"1.0\"?><Error/>", "an XML text");
    REFUSED("a line", "not weights\n", "a text");
    REFUSED("gzip", "\x1f\x8b\x08\0\0\0\0\0\0\3pickle", "compressed by gzip");
    REFUSED("zstd", "\x28\xb5\x2f\xfd\x24\0\1\0\0", "compressed by zstd");
    REFUSED("pickle.dump", "\x80\4\x95\x10\0\0\0\0\0\0\0}.", "a pickle that torch.save did not write");
    REFUSED("numpy.save", "\x93NUMPY\1\0v\0{'descr'", "a NumPy array");
    memcpy(ustar, "ustar", 5);
    refused("a tar archive", tar, sizeof tar, "a tar archive");
    REFUSED("what nobody knows", "\1\2\3\4\5\6\7\x0e\x0f\x10", "neither safetensors, .pth nor a checkpoint");
    ok(!sniff_text((const uint8_t *)"\1\2\3", 3) && !sniff_text((const uint8_t *)"", 0), "nothing is made up");
    struct tensorfile f;
    struct fmt_error e = {0};
    save("empty", "", 0);
    ok(tensorfile_open(&f, at("empty"), &e) == FMT_TRUNCATED && strstr(e.text, "is empty"), "%s", e.text);
}

/* ------------------------------------------------------------------ in folders and in parts */
static bool opens(const char *path, const char *tensor, const char *file)
{
    struct tensorfile f;
    struct fmt_error e = {0};
    float v[3] = {0};
    if (tensorfile_open(&f, path, &e))
        return ok(false, "%s", e.text);
    const struct named_tensor *t = named_tensor_find(&f.set, tensor);
    bool good = t && named_tensor_read_f32(t, 0, 3, v, &e) == 0 && v[2] == v[0] + 2 &&
                strcmp(strrchr(f.path, '/') + 1, file) == 0;
    ok(good, "%s in %s", tensor, f.path);
    tensorfile_close(&f);
    return good;
}

static void fails(const char *path, const char *told)
{
    struct tensorfile f;
    struct fmt_error e = {0};
    ok(tensorfile_open(&f, path, &e) != 0 && strstr(e.text, told), "%s", e.text);
}

static void folders(void)
{
    char model[400];
    snprintf(model, sizeof model, "%s", at("model"));
    if (mkdir(model, 0777))
        exit(1);
    fails(model, "a folder without model.safetensors, pytorch_model.bin or an index of their parts");
    static const char index[] = "{\"weight_map\":{\"a\":\"p-1.bin\",\"b\":\"p-2.bin\"}}";
    save("model/pytorch_model.bin.index.json", index, sizeof index - 1);
    fails(model, "model/p-1.bin: No such file");
    save_tensor("model/p-1.bin", true, "a", 1);
    save("model/p-2.bin", "version https://git-lfs.github.com/spec/v1\n", 43);
    fails(model, "p-2.bin: neither safetensors, .pth nor a checkpoint: a pointer of git LFS");
    save_tensor("model/p-2.bin", true, "b", 5);
    opens(model, "b", "pytorch_model.bin.index.json");
    save_tensor("model/pytorch_model.bin", true, "c", 2);
    opens(model, "c", "pytorch_model.bin");
    save_tensor("model/x.safetensors", false, "d", 3);
    static const char one[] = "{\"weight_map\":{\"d\":\"x.safetensors\"}}";
    save("model/model.safetensors.index.json", one, sizeof one - 1);
    opens(model, "d", "model.safetensors.index.json");
    save_tensor("model/model.safetensors", false, "e", 4);
    opens(model, "e", "model.safetensors");
    static const char twice[] = "{\"weight_map\":{\"a\":\"p-1.bin\",\"b\":\"copy.bin\"}}";
    save_tensor("model/copy.bin", true, "a", 1);
    save("model/twice.index.json", twice, sizeof twice - 1);
    fails(at("model/twice.index.json"), "a: two tensors of this name");
    static const char away[] = "{\"weight_map\":{\"a\":\"../p-1.bin\"}}";
    save("model/away.index.json", away, sizeof away - 1);
    fails(at("model/away.index.json"), "or files outside its folder");
    static const char state[] = "{\"weight_map\":{\"a\":\"run.ckpt\"}}";
    save("model/run.ckpt", "\x50\x2a\x4d\x18\4\0\0\0bbu1", 12);
    save("model/state.index.json", state, sizeof state - 1);
    fails(at("model/state.index.json"), "a checkpoint cannot be one part of sharded weights");
}

/* The same file inside another one: from memory, with nothing beside it. */
static void inside(const char *golden)
{
    struct tensorfile f, over;
    struct fmt_error e = {0};
    uint8_t *data = NULL;
    size_t n = 0;
    bool good = file_load(tap_golden(golden), 1 << 30, &data, &n, &e) == 0;
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    good = good && tensorfile_open(&f, tap_golden(golden), &e) == 0;
    ok(good && tensorfile_open_over(&over, "x.inspector: w", &io, &e) == 0, "%s over a reader %s", golden, e.text);
    ok(over.inside && !f.inside && over.kind == f.kind && over.set.n == f.set.n &&
           strcmp(over.path, "x.inspector: w") == 0, "the same %lld tensors", (long long)f.set.n);
    tensorfile_close(&over);
    tensorfile_close(&f);
    m.bytes = 5;
    io = fmt_memory_reader(&m);
    ok(tensorfile_open_over(&over, "x.inspector: w", &io, &e) != 0 && strstr(e.text, "x.inspector: w: "), "%s", e.text);
    free(data);
}

int main(void)
{
    other_files();
    folders();
    inside("vit_plain.pth");
    inside("vit_plain.safetensors");
    return tap_done();
}
