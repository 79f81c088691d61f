/* fuzz-annotations - any bytes as the list of a split, and the names in it as paths of a dataset. */
#include <stdlib.h>
#include <string.h>

#include "annotations.h"
#include "dataset-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_item(const struct annotation *item)
{
    char *path = malloc(strlen(item->path) + 1);
    if (!path)
        return;
    if (dataset_normal_path(item->path, path) &&
        (*path == '/' || strstr(path, "/../") || strncmp(path, "../", 3) == 0 || strstr(path, "//")))
        abort();
    dataset_group_view_of(item->path, item->group);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct annotations a;
    struct fmt_error e = {0};
    char *text = malloc(n ? n : 1); /* exactly as long: no zero byte after it */
    if (!text)
        return 0;
    memcpy(text, data, n);
    if (annotations_parse(text, n, &a, &e) == 0) {
        for (int64_t i = 0; i < a.n_items; i++)
            check_item(&a.item[i]);
        annotations_release(&a);
    } else if (e.text[0] == 0 || e.status == FMT_MEMORY) { /* cJSON accepts all text that passed the check */
        abort();
    }
    free(text);
    return 0;
}
