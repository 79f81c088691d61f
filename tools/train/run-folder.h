/* run-folder.h - the output directory of a run: one process at a time works in it, and config.yaml says with what. */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include "config.h"
#include "fmt.h"

/* Makes it where it is not there, locks it until *lock is closed, and removes what killed processes left half-written.
 * FMT_MISMATCH: another process has the lock. */
int run_folder_lock(const struct config *config, int *lock, struct fmt_error *e);
/* Is the locked directory still there under its name? FMT_IO, with the reason, if somebody removed or replaced it: then
 * nobody would find what is written, and the lock guards nothing. */
int run_folder_check(const struct config *config, int lock, struct fmt_error *e);
int run_folder_save_settings(const struct config *config, struct fmt_error *e);

#endif
