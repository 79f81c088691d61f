/* dataset-find.c - which layout a dataset has, and who finds its images. */
#include "dataset-internal.h"

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e)
{
    if (layout == DATASET_AUTO)
        layout = dataset_has_folder(d, DATASET_LISTS_FOLDER) ? DATASET_ANNOTATIONS : DATASET_FOLDER;
    switch (layout) {
    case DATASET_ANNOTATIONS: return dataset_find_lists(d, e);
    case DATASET_CLASSES: return dataset_find_classes(d, e);
    default: return dataset_find_plain(d, e);
    }
}
