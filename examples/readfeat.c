/* readfeat.c - prints features as text, one line per row: key, split, group, view, class, values, separated by tabs.
 *
 * An example of a reader that shares no code with dinotools: it was written from the manual pages feat(5), bbu-file(5)
 * and bbu-index(5) alone, and needs libc and zstd. The whole file is in memory. The two SHA-256 and the hashes of the
 * index are not checked; zstd finds a damaged block.
 *
 *   cc -o readfeat readfeat.c -lzstd && ./readfeat train.feat
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct cursor {
    const unsigned char *at, *end;
};

static void fail(const char *why)
{
    fprintf(stderr, "readfeat: %s\n", why);
    exit(1);
}

static const unsigned char *take(struct cursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at))
        fail("ends early");
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

static const char *text(struct cursor *c)
{
    uint64_t n = number(c, 2);
    const char *s = (const char *)take(c, n + 1);
    if (s[n] != 0)
        fail("a text without its end");
    return s;
}

static struct cursor load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        fail("cannot open the file");
    long n = ftell(f);
    unsigned char *data = n >= 0 ? malloc((size_t)n + 1) : NULL;
    rewind(f);
    if (!data || fread(data, 1, (size_t)n, f) != (size_t)n)
        fail("cannot read the file");
    fclose(f);
    return (struct cursor){data, data + n};
}

static const char **class_name;
static uint64_t n_classes, width;

/* The header frame: bbu-file(5), its fields: feat(5). */
static void read_header(struct cursor *c)
{
    if (number(c, 4) != 0x184D2A50)
        fail("not a file of features");
    uint64_t size = number(c, 4);
    const unsigned char *inside = take(c, size);
    struct cursor h = {inside, inside + size};
    if (memcmp(take(&h, 8), "bbu-file", 8) != 0 || number(&h, 1) != 1)
        fail("not a file of dinotools, or a newer one");
    take(&h, 1);
    if (number(&h, 1) != 4 || number(&h, 1) != 1)
        fail("not features, or newer ones");
    take(&h, 72 - 20); /* the fields begin 72 bytes after the start of the frame */
    take(&h, 4);       /* what, flags */
    width = number(&h, 4);
    width *= number(&h, 4);
    take(&h, 72 - 12); /* to the classes */
    n_classes = number(&h, 4);
    if (width == 0 || width > 1 << 26 || n_classes > 65536)
        fail("a number beyond its limit");
    class_name = calloc(n_classes + 1, sizeof *class_name);
    for (uint64_t i = 0; class_name && i < n_classes; i++)
        class_name[i] = text(&h);
}

static void print_row(const unsigned char *values, struct cursor *labels)
{
    int32_t label = (int32_t)number(labels, 4);
    int32_t view = (int32_t)number(labels, 4);
    const char *key = text(labels);
    const char *split = text(labels);
    const char *group = text(labels);
    text(labels); /* further keys */
    if (label < -1 || label >= (int64_t)n_classes)
        fail("a label beyond the classes");
    printf("%s\t%s\t%s\t", key, split, group);
    printf(view >= 0 ? "%d\t%s" : "\t%.0d%s", view >= 0 ? (int)view : 0, label >= 0 ? class_name[label] : "");
    struct cursor x = {values, values + 4 * width};
    for (uint64_t i = 0; i < width; i++) {
        uint32_t bits = (uint32_t)number(&x, 4);
        float v;
        memcpy(&v, &bits, 4);
        printf("\t%.9g", v);
    }
    putchar('\n');
}

static void read_block(const unsigned char *frame, size_t bytes)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame, bytes);
    unsigned char *data = size <= 1 << 30 ? malloc(size + 1) : NULL;
    if (!data || ZSTD_decompress(data, size, frame, bytes) != size)
        fail("a block is damaged");
    struct cursor c = {data, data + size};
    uint64_t n = number(&c, 4);
    take(&c, 12);
    const unsigned char *values = take(&c, n * width * 4);
    for (uint64_t i = 0; i < n; i++)
        print_row(values + i * width * 4, &c);
    free(data);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("usage: readfeat FILE");
    struct cursor c = load(argv[1]), next;
    if (c.end - c.at < 8 || memcmp(c.end - 8, "bbu-end\n", 8) != 0)
        fail("no end mark: the file was cut");
    read_header(&c);
    for (next = c; number(&next, 4) != 0x184D2A51; next = c) {
        size_t bytes = ZSTD_findFrameCompressedSize(c.at, (size_t)(c.end - c.at));
        if (ZSTD_isError(bytes))
            fail("a block is damaged");
        read_block(take(&c, bytes), bytes);
    }
    return fflush(stdout) != 0;
}
