/* readckpt.c - one tensor of a checkpoint to standard output, as the bytes of its elements; without a name, the state.
 *
 * An example of a reader that shares no code with dinotools: it was written from the manual pages dino-ckpt(5) and
 * bbu-file(5) alone, and needs libc and zstd. Of a set it takes all files, in any order, the set's own among them, and
 * refuses one that is not complete. One file is in memory at a time. SHA-256 and hashes are not computed; zstd finds a
 * damaged block.
 *
 *   cc -o readckpt readckpt.c -lzstd && ./readckpt model_0000099.* teacher.backbone.cls_token | od -f
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct cursor {
    const unsigned char *at, *end;
};

static void fail(const char *path, const char *why)
{
    fprintf(stderr, "readckpt: %s: %s\n", path, why);
    exit(1);
}

static const char *current = ""; /* the file that is read */

static const unsigned char *take(struct cursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at))
        fail(current, "ends early");
    const unsigned char *p = c->at;
    c->at += n;
    return p;
}

static uint64_t number(struct cursor *c, int bytes)
{
    const unsigned char *p = take(c, (uint64_t)bytes);
    uint64_t v = 0;
    while (bytes-- > 0)
        v = v << 8 | p[bytes];
    return v;
}

/* A file of dinotools: where its header ends, and what that says. */
struct file {
    unsigned char *data;
    size_t bytes;
    struct cursor rest; /* from the first block on */
    int kind, major;
    const unsigned char *identity;
    struct cursor fields;
};

static struct file load(const char *path)
{
    struct file x = {0};
    FILE *f = fopen(path, "rb");
    current = path;
    if (!f || fseek(f, 0, SEEK_END) != 0)
        fail(path, "cannot open the file");
    x.bytes = (size_t)ftell(f);
    x.data = malloc(x.bytes + 1);
    rewind(f);
    if (!x.data || fread(x.data, 1, x.bytes, f) != x.bytes)
        fail(path, "cannot read the file");
    fclose(f);
    struct cursor c = {x.data, x.data + x.bytes};
    if (x.bytes < 100 || memcmp(c.end - 8, "bbu-end\n", 8) != 0 || number(&c, 4) != 0x184D2A50)
        fail(path, "not a file of dinotools, or cut");
    uint64_t size = number(&c, 4);
    const unsigned char *inside = take(&c, size);
    struct cursor h = {inside, c.at};
    x.rest = c;
    take(&h, 10); /* mark, version of the container */
    x.kind = (int)number(&h, 1);
    x.major = (int)number(&h, 1);
    take(&h, 4 + 4); /* minor, reserved; block max */
    uint64_t n_fields = number(&h, 4);
    take(&h, 8); /* P, reserved */
    x.identity = take(&h, 32);
    x.fields.at = take(&h, n_fields);
    x.fields.end = h.at;
    return x;
}

/* The content of the next block; for free(). */
static unsigned char *next_block(struct file *x, size_t *bytes)
{
    size_t coded = ZSTD_findFrameCompressedSize(x->rest.at, (size_t)(x->rest.end - x->rest.at));
    unsigned long long size = ZSTD_getFrameContentSize(x->rest.at, (size_t)(x->rest.end - x->rest.at));
    unsigned char *data = !ZSTD_isError(coded) && size <= 1 << 30 ? malloc(size + 1) : NULL;
    if (!data || ZSTD_decompress(data, size, x->rest.at, coded) != size)
        fail(current, "a block is damaged");
    take(&x->rest, coded);
    *bytes = (size_t)size;
    return data;
}

/* ---- the file of the set ---- */
static struct set {
    uint64_t iteration, ranks, n_seen;
    unsigned char identity[32], *entry, *seen;
} set;

static void read_set(struct file *x)
{
    size_t n;
    set.iteration = number(&x->fields, 8);
    set.ranks = number(&x->fields, 4);
    memcpy(set.identity, x->identity, 32);
    set.entry = next_block(x, &n);
    set.seen = calloc(set.ranks + 1, 1);
    if (set.ranks < 2 || set.ranks > 65536 || n != 24 * set.ranks || !set.seen)
        fail(current, "a set that is damaged");
}

static void check_part(const struct file *x, uint64_t iteration, uint64_t rank, uint64_t ranks)
{
    if (!set.entry)
        fail(current, "a part, and no file of its set");
    struct cursor e = {set.entry + 24 * rank, set.entry + 24 * rank + 24};
    if (ranks != set.ranks || rank >= ranks || set.seen[rank]++ || iteration != set.iteration ||
        memcmp(x->identity, set.identity, 32) != 0 || number(&e, 8) != x->bytes ||
        memcmp(e.at, x->data + x->bytes - 24, 16) != 0)
        fail(current, "not of this set");
    set.n_seen++;
}

/* ---- a state, or a part of it ---- */
static unsigned char *whole; /* the bytes of the tensor */
static uint64_t whole_bytes, found_bytes;

/* What the file has of a tensor, block by block, to its place; NULL: past it. */
static void read_blocks(struct file *x, uint64_t bytes, unsigned char *to)
{
    do {
        size_t n;
        unsigned char *data = next_block(x, &n);
        if (n > bytes)
            fail(current, "a block that is too long");
        if (to)
            memcpy(to, data, n);
        to = to ? to + n : NULL;
        bytes -= n;
        found_bytes += to ? n : 0;
        free(data);
    } while (bytes > 0);
}

static void read_state(struct file *x, const char *name)
{
    static const uint64_t size_of[] = {0, 4, 8, 8, 1};
    size_t n;
    uint64_t iteration = number(&x->fields, 8), rank = number(&x->fields, 4), ranks = number(&x->fields, 4);
    if (x->major == 2)
        check_part(x, iteration, rank, ranks);
    unsigned char *table = next_block(x, &n);
    struct cursor c = {table, table + n};
    uint64_t n_tensors = number(&c, 4), state_bytes = number(&c, 4);
    const char *state = (const char *)take(&c, state_bytes + 1);
    if (!*name && rank == 0)
        printf("%s\n", state);
    for (uint64_t i = 0; *name && i < n_tensors; i++) {
        uint64_t text = number(&c, 2);
        const char *here = (const char *)take(&c, text + 1);
        uint64_t type = number(&c, 1), dims = number(&c, 1), elements = 1, first = 0;
        while (dims-- > 0)
            elements *= number(&c, 8);
        uint64_t count = elements;
        if (x->major == 2) {
            first = number(&c, 8);
            count = number(&c, 8);
        }
        if (type < 1 || type > 4 || elements > (uint64_t)1 << 40 || first > elements || count > elements - first)
            fail(current, "a tensor beyond the limits");
        uint64_t each = size_of[type];
        int asked = strcmp(here, name) == 0;
        if (asked && !whole && !(whole = malloc((whole_bytes = elements * each) + 1)))
            fail(current, "no memory");
        read_blocks(x, count * each, asked ? whole + first * each : NULL);
    }
    free(table);
}

int main(int argc, char **argv)
{
    int n_files = argc - 1;
    const char *name = "";
    FILE *f = argc > 2 ? fopen(argv[argc - 1], "rb") : NULL;
    if (argc > 2 && !f) /* the last word is no file */
        name = argv[n_files--];
    if (f)
        fclose(f);
    if (n_files < 1)
        fail("usage", "readckpt FILE... [TENSOR]");
    for (int sets = 1; sets >= 0; sets--) /* the set's file first */
        for (int i = 1; i <= n_files; i++) {
            struct file x = load(argv[i]);
            if (x.kind != 8 && !(x.kind == 5 && (x.major == 1 || x.major == 2)))
                fail(argv[i], "no checkpoint, or a newer one");
            if (sets && x.kind == 8)
                read_set(&x);
            else if (!sets && x.kind == 5)
                read_state(&x, name);
            free(x.data);
        }
    if (set.n_seen != set.ranks)
        fail("the set", "files are missing");
    if (*name && (!whole || found_bytes != whole_bytes))
        fail(name, whole ? "some of its elements are missing" : "no such tensor");
    if (*name && fwrite(whole, 1, whole_bytes, stdout) != whole_bytes)
        fail("standard output", "cannot be written");
    return fflush(stdout) != 0;
}
