/* test-formats-golden.c - kept files of each format: those in must-decode hold what samples.h says, whatever version
 * of this program or of zstd wrote them; those in must-refuse are refused, each for its own reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "fuzz/wrap.h"
#include "samples.h"
#include "tap.h"
#include "verify.h"

static int unwrap_memory(const void *data, size_t n, struct fmt_buffer *out)
{
    struct fmt_memory m = {data, n, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    return unwrap(&io, out);
}

/* Fields and decoded blocks are compared: how zstd packed them is its own affair. */
static bool same_content(const char *name, const uint8_t *data, size_t n, enum block_kind kind)
{
    struct fmt_buffer want_file = {0}, want = {0}, got = {0};
    struct fmt_writer io = fmt_buffer_writer(&want_file);
    bool small = strstr(name, "small") != NULL;
    int empty = strstr(name, "empty") != NULL;
    int status = small ? sample_small(empty ? 0 : (int)kind, &io, NULL)
                       : sample_write((int)kind, &io, !strstr(name, "bare"), NULL);
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
        ok(same_content(name, data, n, counts.kind), "%s: what is in it", name);
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

int main(void)
{
    ok(check_folder("must-decode", true) >= 16, "examples of each kind");
    ok(check_folder("must-refuse", false) >= 16, "examples of what breaks the rules");
    return tap_done();
}
