/* format-samples - writes the small files of samples.h: KIND (catalogue, shard, views, features, checkpoint,
 * classifier, readings, checkpoint set, bank, inspector; part, part-0: of a set) to a FILE. For tests of the command
 * lines, and how the golden examples and the corpora of the fuzz targets were made.
 * usage: format-samples KIND FILE [bare|small|apart|joined]
 *   bare: without provenance; small: the example of the manual's page (KIND "empty" too); apart: as tests/fuzz/wrap.h
 *   takes it; joined: such bytes from standard input into a container
 * features also take a number that changes the weights: "features:2" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "wrap.h"
#include "samples.h"

static int write_apart(int kind, struct file_out *f, struct fmt_error *e)
{
    struct fmt_buffer whole = {0}, apart = {0};
    struct fmt_writer io = fmt_buffer_writer(&whole);
    int status = sample_write(kind, &io, false, e);
    struct fmt_memory m = {whole.data, whole.bytes, 0};
    struct fmt_reader in = fmt_memory_reader(&m);
    if (status == 0 && (unwrap(&in, &apart) || file_put(f, apart.data, apart.bytes)))
        status = fmt_fail(e, FMT_IO, "cannot be taken apart");
    fmt_buffer_release(&whole);
    fmt_buffer_release(&apart);
    return status;
}

static int write_joined(int kind, struct file_out *f, struct fmt_error *e)
{
    struct fmt_buffer whole = {0};
    uint8_t *data;
    size_t n;
    int status = file_load("-", 1 << 20, &data, &n, e);
    if (status)
        return status;
    enum block_kind wrapped = kind > BLOCK_LAST ? BLOCK_CKPT : (enum block_kind)kind;
    if (wrap(wrapped, data, n, &whole) || file_put(f, whole.data, whole.bytes))
        status = fmt_fail(e, FMT_IO, "cannot be joined");
    free(data);
    fmt_buffer_release(&whole);
    return status;
}

int main(int argc, char **argv)
{
    struct file_out f;
    struct fmt_error e = {0};
    if (argc < 3 || file_create(&f, argv[2], &e)) {
        fprintf(stderr, "format-samples: %s\n", argc < 3 ? "KIND FILE [bare|small|apart|joined]" : e.text);
        return 2;
    }
    const char *colon = strchr(argv[1], ':'), *how = argc > 3 ? argv[3] : "";
    size_t n = colon ? (size_t)(colon - argv[1]) : strlen(argv[1]);
    if (colon)
        sample_weights = (uint8_t)atoi(colon + 1);
    int kind = 0; /* "empty" */
    for (int k = BLOCK_INDEX; k <= BLOCK_LAST; k++)
        kind = strncmp(argv[1], block_kind_name((enum block_kind)k), n) == 0 &&
                       block_kind_name((enum block_kind)k)[n] == 0
                   ? k
                   : kind;
    if (strncmp(argv[1], "part", 4) == 0)
        kind = strcmp(argv[1], "part-0") == 0 ? SAMPLE_CKPT_PART_0 : SAMPLE_CKPT_PART;
    struct fmt_writer io = file_writer(&f);
    int status = strcmp(how, "small") == 0    ? sample_small(kind, &io, &e)
                 : strcmp(how, "apart") == 0  ? write_apart(kind, &f, &e)
                 : strcmp(how, "joined") == 0 ? write_joined(kind, &f, &e)
                                              : sample_write(kind, &io, strcmp(how, "bare") != 0, &e);
    if (status || file_commit(&f, &e)) {
        fprintf(stderr, "format-samples: %s: %s\n", argv[1], e.text);
        return 1;
    }
    return 0;
}
