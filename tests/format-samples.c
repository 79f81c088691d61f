/* format-samples - writes the small files of samples.h: KIND (catalogue, shard, views, features, checkpoint) to a
 * FILE. For tests of the command lines, and how the golden examples of the formats were made.
 * usage: format-samples KIND FILE [bare]      features also take a number that changes the weights: "features:2" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "samples.h"

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
            status = sample_write(kind, &io, argc == 3, &e);
    if (status || file_commit(&f, &e)) {
        fprintf(stderr, "format-samples: %s: %s\n", argv[1], e.text);
        return 1;
    }
    return 0;
}
