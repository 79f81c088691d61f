/* replay.c - a main for fuzz targets without a fuzzer: runs every file of the given folders once, speaks TAP. */
#include <stdio.h>
#include <stdlib.h>

#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int main(int argc, char **argv)
{
    int n_files = 0;
    for (int i = 1; i < argc; i++) {
        char **names;
        int64_t n_names;
        struct fmt_error e = {0};
        if (file_list(argv[i], &names, &n_names, &e)) {
            printf("not ok 1 - %s\n1..1\n", e.text);
            return 1;
        }
        for (int64_t j = 0; j < n_names; j++) {
            char *path = file_join(argv[i], names[j]);
            uint8_t *data;
            size_t n;
            if (!path || file_load(path, (size_t)64 << 20, &data, &n, &e)) {
                printf("not ok %d - %s\n1..%d\n", n_files + 1, e.text, n_files + 1);
                return 1;
            }
            LLVMFuzzerTestOneInput(data, n);
            free(data);
            free(path);
            n_files++;
        }
        file_list_free(names, n_names);
    }
    printf("%sok 1 - %d inputs of the corpus\n1..1\n", n_files ? "" : "not ", n_files);
    return n_files == 0;
}
