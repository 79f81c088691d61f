/* teacher-folders.h - the folders of teachers in eval/ (teacher-export.h writes one): how many are kept, whether one
 * holds what it should, how a lost one comes back. Nothing is removed but the files that teacher_export_write made, and
 * folders of such files alone.
 */
#ifndef TEACHER_FOLDERS_H
#define TEACHER_FOLDERS_H

#include <stdint.h>

#include "config.h"
#include "fmt.h"

struct step;

/* "training_99"; "initial" for an iteration below 0. */
#define TEACHER_FOLDERS_FOLDER_ROOM 40
const char *teacher_folders_path(int64_t iteration, char out[TEACHER_FOLDERS_FOLDER_ROOM]);

/* Keeps the newest evaluation.max_to_keep (all where it is null) of those up to iteration `newest`; later ones are not
 * counted. initial/ and best/ stay. */
int teacher_folders_prune(const struct config *config, int64_t newest, struct fmt_error *e);

/* 0: the files of this folder hold the teacher of the step; else what is wrong with them. step NULL: they are files of
 * tensors, whatever their values. */
int teacher_folders_check(struct step *step, const struct config *config, const char *folder, struct fmt_error *e);

/* Puts the files of one folder into another, whole or not at all. */
int teacher_folders_copy(const struct config *config, const char *from, const char *to, struct fmt_error *e);

#endif
