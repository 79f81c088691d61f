/* dataset-find.c - which layout a dataset has, and who finds its images. */
#include "dataset-internal.h"

int dataset_find(struct dataset *d, enum dataset_layout layout, struct fmt_error *e)
{
    if (layout == DATASET_AUTO)
        layout = dataset_has_folder(d, DATASET_LISTS_FOLDER) ? DATASET_ANNOTATIONS : DATASET_FOLDER;
    int status = layout == DATASET_ANNOTATIONS ? dataset_find_lists(d, e)
                 : layout == DATASET_CLASSES   ? dataset_find_classes(d, e)
                                               : dataset_find_plain(d, e);
    return status ? status : dataset_note_formats(d, e);
}
