/* format-samples - writes the small files of samples.h: KIND (catalogue, shard, views, features, checkpoint) to a
 * FILE. For tests of the command lines, and how the golden examples and the corpora of the fuzz targets were made.
 * usage: format-samples KIND FILE [bare|fuzz]     bare: without provenance; fuzz: as tests/fuzz/wrap.h takes it
 * features also take a number that changes the weights: "features:2" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "fuzz/wrap.h"
#include "samples.h"

static int write_unwrapped(int kind, struct file_out *f, struct fmt_error *e)
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

int main(int argc, char **argv)
{
    struct file_out f;
    struct fmt_error e = {0};
    if (argc < 3 || file_create(&f, argv[2], &e)) {
        fprintf(stderr, "format-samples: %s\n", argc < 3 ? "KIND FILE [bare]" : e.text);
        return 2;
    }
    struct fmt_writer io = file_writer(&f);
    int status = FMT_INVALID;
    const char *colon = strchr(argv[1], ':');
    size_t n = colon ? (size_t)(colon - argv[1]) : strlen(argv[1]);
    if (colon)
        sample_weights = (uint8_t)atoi(colon + 1);
    for (int kind = BLOCK_INDEX; kind <= BLOCK_CKPT; kind++)
        if (strncmp(argv[1], block_kind_name((enum block_kind)kind), n) == 0)
            status = argc > 3 && strcmp(argv[3], "fuzz") == 0 ? write_unwrapped(kind, &f, &e)
                                                              : sample_write(kind, &io, argc == 3, &e);
    if (status || file_commit(&f, &e)) {
        fprintf(stderr, "format-samples: %s: %s\n", argv[1], e.text);
        return 1;
    }
    return 0;
}
