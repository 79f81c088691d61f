/* input-guard.h - which files a run has read, so that none of its outputs takes the place of one.
 *
 * An output appears by a rename (file.h), so reading and writing one file at once would work: the input would be lost
 * all the same. A tool asks for the guard before it opens anything; then file.c remembers what it opens, and refuses
 * outputs that are such a file by whatever name (device and inode are compared). Training, which goes on from the
 * files that it writes, does not ask.
 */
#ifndef INPUT_GUARD_H
#define INPUT_GUARD_H

#include <stdbool.h>
#include <sys/stat.h>

void input_guard_enable(void);
/* Remembers a file that is open for reading, if there is a guard and the file is a regular one. From any thread. */
void input_guard_add(int fd);
bool input_guard_is_input(const struct stat *st);
bool input_guard_is_input_path(const char *path); /* false if nothing is there */

#endif
