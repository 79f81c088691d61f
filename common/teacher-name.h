/* teacher-name.h - the names of teachers that a run exports, RUN/eval/FOLDER/teacher_checkpoint.safetensors, and the
 * newest of them. FOLDER is "training_<iteration>", "initial" (before the first step) or "best" (of the highest score).
 */
#ifndef TEACHER_NAME_H
#define TEACHER_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

#define TEACHER_FOLDERS "eval"
#define TEACHER_BEST "best"
#define TEACHER_SAFETENSORS "teacher_checkpoint.safetensors"
#define TEACHER_PTH "teacher_checkpoint.pth" /* with train.teacher_pth */

/* "training_99"; "initial" for an iteration below 0. */
#define TEACHER_FOLDER_NAME_MAX 40
const char *teacher_folder_name(int64_t iteration, char out[TEACHER_FOLDER_NAME_MAX]);
/* Exactly the name of a teacher after steps: no blanks, signs or digits too many. */
bool teacher_parse_name(const char *name, int64_t *iteration);

/* The safetensors file of the newest teacher after steps in the folder `run`; a teacher without that file is passed
 * over. *path is for free(); NULL: this is no run's folder, because it has no folder eval/. FMT_INVALID: there is no
 * teacher yet. Files appear whole under their name (file.h), so what is there is complete. */
int teacher_newest(const char *run, char **path, int64_t *iteration, struct fmt_error *e);

#endif
