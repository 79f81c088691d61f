/* run-folder.h - the output directory of a run: one process at a time works in it; what it holds is listed here.
 */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include <stdint.h>

#include "config.h"
#include "checkpoint-files.h"
#include "fmt.h"

/* Beside the checkpoints (checkpoint-files.h), the teachers in eval/ (teacher-folder.h) and log.txt (run-log.h). */
#define RUN_FILE_METRICS "training_metrics.json"
#define RUN_FILE_TIMES "training_times.json"
#define RUN_FILE_SCORES "evaluation.json"
#define RUN_FILE_SETTINGS "config.yaml"

/* Makes the directory where it is not there, locks it until *lock is closed, and removes what killed processes left
 * half-written. FMT_MISMATCH: another process has the lock. */
int run_folder_lock(const struct config *config, int *lock, struct fmt_error *e);

/* The same for another process of the same run, once the first one has the lock: the directory, without locking it. */
int run_folder_join(const struct config *config, int *lock, struct fmt_error *e);

/* Is the locked directory still there under its name? FMT_IO, with the reason, if somebody removed or replaced it: then
 * nobody would find what is written, and the lock guards nothing. */
int run_folder_check(const struct config *config, int lock, struct fmt_error *e);

/* config.yaml. */
int run_folder_save_settings(const struct config *config, struct fmt_error *e);

/* Removes an old run: checkpoints of all ranks, the files of JSON lines, and eval/. For one process of the run. */
int run_folder_clear(const struct config *config, struct fmt_error *e);

/* Removes what killed runs left half-written of their own outputs (.NAME.RANDOM.tmp) in the directory and the folders
 * of its eval/; other files of that form are left alone. Only for the process that holds the directory's lock. */
void run_folder_sweep(const char *directory);

#endif
