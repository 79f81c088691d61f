/* teacher-folder.h - the folders of exported teachers, output_dir/eval/FOLDER/ (teacher-name.h): paths, how many are
 * retained, whether one holds what it should, and copies. teacher-export.h writes them. Nothing is removed but the two
 * files of a teacher and folders that hold nothing else.
 */
#ifndef TEACHER_FOLDER_H
#define TEACHER_FOLDER_H

#include <stdint.h>

#include "config.h"
#include "fmt.h"
#include "teacher-name.h"

struct step;

/* output_dir/eval/FOLDER/FILE; output_dir/eval/FOLDER where file is NULL, output_dir/eval where both are. For free();
 * NULL: no memory. */
char *teacher_folder_path(const struct config *config, const char *folder, const char *file);

/* Keeps the newest evaluation.max_to_keep (all where it is null) of those up to iteration `newest`; later ones are not
 * counted. initial/ and best/ are never removed. */
int teacher_folder_prune(const struct config *config, int64_t newest, struct fmt_error *e);

/* 0: the files of this folder hold the teacher of the step; else what is wrong with them. All processes of the step
 * make the call. With step NULL, by one process alone: only whether they are files of tensors, whatever the values. */
int teacher_folder_check(struct step *step, const struct config *config, const char *folder, struct fmt_error *e);

/* Copies the files of one folder into another, each whole or not at all. */
int teacher_folder_copy(const struct config *config, const char *from, const char *to, struct fmt_error *e);

#endif
