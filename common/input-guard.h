/* input-guard.h - the files that a run has read, so that none of its outputs replaces one.
 *
 * An output appears by a rename (file.h), so a tool could read and write one file at once, but the input would be lost.
 * A tool enables the guard before it opens anything. Then file.c records the files that it opens, and file-out.c
 * refuses an output that is one of them under any name (device and inode are compared). Training does not enable it: it
 * continues from files that it writes.
 */
#ifndef INPUT_GUARD_H
#define INPUT_GUARD_H

#include <stdbool.h>
#include <sys/stat.h>

void input_guard_enable(void);
/* Until the next call with false, files are looked at to find others, and are no inputs. For one thread. */
void input_guard_pause(bool pause);
/* Records a file that is open for reading, if the guard is enabled and the file is a regular one. Thread-safe. */
void input_guard_add(int fd);
bool input_guard_is_input(const struct stat *st);
bool input_guard_is_input_path(const char *path); /* false if there is no such file */

#endif
