/* dataset-internal.h - what the parts of dataset.h share and nobody else needs.
 *
 * Calls go one way: dataset-find.c -> dataset-lists.c, dataset-folders.c -> dataset-walk.c, dataset-groups.c ->
 * dataset.c.
 */
#ifndef DATASET_INTERNAL_H
#define DATASET_INTERNAL_H

#include <stddef.h>

#include "dataset.h"

#define DATASET_LISTS_FOLDER "annotations" /* below the root */

/* Adds a copy; text fields that are NULL become "". NULL: out of memory. */
struct dataset_image *dataset_add(struct dataset *d, const struct dataset_image *im, struct fmt_error *e);
/* The class with this name, if need be in another Unicode form; -1: none. */
int dataset_find_class(const struct dataset *d, const char *name);
int dataset_add_class(struct dataset *d, const char *name, struct fmt_error *e);
int dataset_note(struct dataset *d, enum dataset_finding_kind kind, const char *thing, struct fmt_error *e,
                 const char *reason, ...) __attribute__((format(printf, 5, 6)));

/* A finding that stands for n of them. */
int dataset_note_counted(struct dataset *d, enum dataset_finding_kind kind, const char *thing, int64_t n,
                         struct fmt_error *e, const char *reason, ...) __attribute__((format(printf, 6, 7)));

/* Removes "." and doubled slashes. False: the path is absolute, has "..", or is empty. out is as large as path. */
bool dataset_normal_path(const char *path, char *out);
/* Its name ends as JPEG, PNG or TIFF do; or as other formats do, and it is one of the three by its contents. */
bool dataset_is_photograph(const struct dataset *d, const char *path);
/* What differs in two paths that unicode_form_compare_loosely takes for one: "in the case of letters". */
const char *dataset_difference(const char *path, const char *there);
/* The number N if the file's name is GROUP-N.ext for the last component of `group`, or -1. */
int32_t dataset_group_view_of(const char *path, const char *group);

/* Sets group, group_view and group_said of an image that no list places, by its path after the first `skip` bytes: by
 * d->pattern if there is one and it fits, else the folders are the group. */
int dataset_place(struct dataset *d, size_t skip, struct dataset_image *im, struct fmt_error *e);

/* Folders in which systems put thumbnails, deleted files and old versions of photographs. */
enum { DATASET_SYSTEM_FOLDERS = 17 };
extern const struct dataset_system_folder {
    const char *name, *owner; /* a 0 in the name matches any digit */
} dataset_system_folders[DATASET_SYSTEM_FOLDERS];
int dataset_system_folder(const char *name, size_t bytes); /* its index in the table, or -1 */

/* Calls `found` for all images below a folder of the root ("" for the root), with their path below the root, in order
 * of bytes: files that may be decoded (dataset_is_photograph) and other formats. Hidden names are skipped, links
 * are followed, loops are cut. System folders become findings. `skip`: further names in the folder itself to be
 * skipped, ended by NULL; may be NULL. `listed`: whether a list names files in this folder, for the finding of a system
 * folder; may be NULL. */
int dataset_walk(struct dataset *d, const char *below, const char *const *skip,
                 bool (*listed)(void *arg, const char *folder), int (*found)(void *arg, const char *path), void *arg,
                 struct fmt_error *e);
/* A picture, below the root, that is none of those decoded: counted by its format, which dataset_note_formats tells. */
int dataset_count_format(struct dataset *d, const char *path, struct fmt_error *e);
int dataset_note_formats(struct dataset *d, struct fmt_error *e);
/* "; a file is there, HEIC, ..." for messages about a path that is no image; "": no file either. */
void dataset_tell_format(const struct dataset *d, const char *path, char *out, size_t bytes);
char *dataset_path(const struct dataset *d, const char *below); /* of the root and a path below it, "": for free() */
bool dataset_has_folder(const struct dataset *d, const char *below);

/* The layouts of enum dataset_layout. */
int dataset_find_lists(struct dataset *d, struct fmt_error *e);
int dataset_find_classes(struct dataset *d, struct fmt_error *e);
int dataset_find_plain(struct dataset *d, struct fmt_error *e);
int dataset_check_names(struct dataset *d, struct fmt_error *e); /* one name in several entries; before dataset_read */

#endif
