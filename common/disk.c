/* disk.c - the file system is that of the folder in which the output appears. */
#include "disk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "file.h"
#include "num.h"

static bool is_stream(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

int disk_check(const char *path, double bytes, struct fmt_error *e)
{
    struct statvfs s;
    char wanted[32], there[32], *folder = is_stream(path) ? NULL : file_directory(path);
    bool known = folder && statvfs(folder, &s) == 0 && s.f_blocks > 0;
    free(folder);
    double room = known ? (double)s.f_bavail * (double)s.f_frsize : 0;
    if (!known || bytes <= room)
        return 0;
    return fmt_fail(e, FMT_LIMIT, "%.250s: %s are going to be written, %s are free there", path,
                    num_bytes_text(bytes, wanted), num_bytes_text(room, there));
}
