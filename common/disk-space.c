/* disk-space.c - the file system is that of the folder in which the output appears, or of the open file that is
 * written. */
#include "disk-space.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "file.h"
#include "num.h"

/* The file system of the output; false: there is none, or it is not known. */
static bool find_disk(const char *path, struct statvfs *s)
{
    struct stat st;
    int fd = file_descriptor_of(path);
    if (fd >= 0)
        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fstatvfs(fd, s) == 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return false;
    char *end = file_resolve_links(path), *folder = end ? file_directory(end) : NULL;
    bool known = folder && statvfs(folder, s) == 0;
    free(folder);
    free(end);
    return known;
}

int disk_space_check(const char *path, double bytes, struct fmt_error *e)
{
    struct statvfs s;
    char needed[32], there[32];
    bool known = find_disk(path, &s) && s.f_blocks > 0;
    double free_bytes = known ? (double)s.f_bavail * (double)s.f_frsize : 0;
    if (!known || bytes <= free_bytes)
        return 0;
    return fmt_fail(e, FMT_LIMIT, "%.250s: %s are going to be written, %s are free there", file_output_name(path),
                    num_bytes_text(bytes, needed), num_bytes_text(free_bytes, there));
}
