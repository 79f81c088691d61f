/* test-formats-golden.c - golden files of each format: those in must-decode hold what samples.h defines, whatever
 * version of zstd wrote them; those in must-decode-1.0 are of an older minor version; each of must-refuse is refused
 * for its own reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "wrap.h"
#include "samples.h"
#include "tap.h"
#include "verify.h"

static int unwrap_memory(const void *data, size_t n, struct fmt_buffer *out)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    return unwrap(&io, out);
}

/* Fields and decoded blocks are compared; their compressed bytes depend on the version of zstd. */
static bool same_content(const char *name, const uint8_t *data, size_t n, int kind)
{
    struct fmt_buffer want_file = {0}, want = {0}, got = {0};
    struct fmt_writer io = fmt_buffer_writer(&want_file);
    bool small = strstr(name, "small") != NULL;
    if (strstr(name, "part"))
        kind = SAMPLE_CKPT_PART;
    int empty = strstr(name, "empty") != NULL;
    int status = small ? sample_small(empty ? 0 : kind, &io, NULL)
                       : sample_write(kind, &io, !strstr(name, "bare"), NULL);
    bool same = status == 0 && unwrap_memory(want_file.data, want_file.bytes, &want) == 0 &&
                unwrap_memory(data, n, &got) == 0 && got.bytes == want.bytes &&
                memcmp(got.data, want.data, got.bytes) == 0 &&
                memcmp(data + 40, want_file.data + 40, DIGEST_BYTES) == 0; /* identities */
    fmt_buffer_release(&want_file);
    fmt_buffer_release(&want);
    fmt_buffer_release(&got);
    return same;
}

static void check_file(const char *folder, const char *name, bool decodes)
{
    char *path = file_join(folder, name);
    uint8_t *data;
    size_t n;
    struct fmt_error e = {0};
    if (!path || file_load(path, 1 << 24, &data, &n, &e)) {
        ok(false, "%s: %s", name, e.text);
        free(path);
        return;
    }
    struct fmt_memory m = {data, n, 0}, p = {data, n, 0};
    struct fmt_reader seek = fmt_memory_reader(&m), pipe = wrap_pipe(&p);
    struct verify_counts counts;
    struct fmt_error piped = {0};
    bool good = verify_whole(&seek, &counts, NULL, NULL, &e) == 0;
    ok(good == decodes, "%s: %s", name, good ? "decodes" : e.text);
    bool good_piped = verify_whole(&pipe, &counts, NULL, NULL, &piped) == 0;
    ok(good_piped == decodes, "%s, from a pipe: %s", name, good_piped ? "decodes" : piped.text);
    if (decodes)
        ok(same_content(name, data, n, (int)counts.kind), "%s: what is in it", name);
    free(data);
    free(path);
}

static int check_folder(const char *name, bool decode)
{
    char **list, folder[4096];
    int64_t n;
    struct fmt_error e = {0};
    snprintf(folder, sizeof folder, "%s/%s", "tests/golden/formats", name);
    if (!ok(file_list(folder, &list, &n, &e) == 0, "files of %s %s", name, e.text))
        return 0;
    for (int64_t i = 0; i < n; i++)
        check_file(folder, list[i], decode);
    file_list_free(list, n);
    return (int)n;
}

/* Files that version 0.1.0 wrote: what they do not record is empty. */
static void old_feat(struct file *file, int n_rows, const char *name)
{
    struct feat f;
    struct feat_block b = {0};
    struct fmt_error e = {0};
    struct fmt_reader io = file_reader(file);
    ok(feat_open(&f, &io, &e) == 0 && f.block.header.minor == 0, "%s: features 1.0 %s", name, e.text);
    ok(f.header.recipe.n == 0 && f.header.weights[0] == 0xab, "%s: says no recipe", name);
    ok(feat_next_block(&f, &b, &e) == 0 && b.n_rows == n_rows && !b.contents, "%s: rows without contents %s", name,
       e.text);
    struct feat_row row = feat_block_row(&f, &b, 0);
    is_text(row.labels.key, n_rows == 1 ? "a" : sample_labels(0).key, "%s: a key", name);
    ok(!row.content && row.x[0] == (n_rows == 1 ? 1.0f : sample_value(0, 0)), "%s: a value", name);
    feat_block_release(&b);
    feat_close(&f);
}

static void old_linear(struct file *file, int n_points, const char *name)
{
    struct linear m;
    struct fmt_error e = {0};
    struct fmt_reader io = file_reader(file);
    ok(linear_read(&m, &io, &e) == 0 && m.n_points == n_points, "%s: classifier 1.0 %s", name, e.text);
    ok(!m.has_seen && m.features.recipe.n == 0 && m.theta[0] == (n_points ? -1 : 1), "%s: says no rows, no recipe",
       name);
    linear_release(&m);
}

static void old_shard(struct file *file, int n_images, const char *name)
{
    struct shard s;
    struct fmt_error e = {0};
    struct block_buffer b = {0};
    struct shard_image t;
    struct fmt_reader io = file_reader(file);
    ok(shard_open(&s, &io, &e) == 0 && s.block.n_records == n_images, "%s: shard 1.0 %s", name, e.text);
    ok(s.header.recipe.n == 0 && shard_read(&s, 0, &b, &t, &e) == 0 && t.store == SHARD_JPEG,
       "%s: says no recipe; its image is read", name);
    block_buffer_release(&b);
    shard_close(&s);
}

static void check_old(const char *how)
{
    bool small = strcmp(how, "small") == 0;
    void (*const check[])(struct file *, int, const char *) = {old_feat, old_linear, old_shard};
    static const char *const ending[] = {"feat", "logreg", "shard"};
    const int n[] = {small ? 1 : SAMPLE_ROWS, small ? 0 : 2, small ? 1 : SAMPLE_IMAGES};
    for (int i = 0; i < 3; i++) {
        char path[200];
        struct file f;
        struct fmt_error e = {0};
        snprintf(path, sizeof path, "tests/golden/formats/must-decode-1.0/%s.%s", how, ending[i]);
        if (!ok(file_open(&f, path, &e) == 0, "%s %s", path, e.text))
            continue;
        check[i](&f, n[i], path + strlen("tests/golden/formats/must-decode-1.0/"));
        file_close(&f);
    }
}

int main(void)
{
    check_old("full");
    check_old("bare");
    check_old("small");
    ok(check_folder("must-decode", true) >= 16, "examples of each kind");
    ok(check_folder("must-refuse", false) >= 16, "examples of what breaks the rules");
    return tap_done();
}
