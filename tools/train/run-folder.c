/* run-folder.c - the lock is on the directory itself: it needs no file, and ends with the process. */
#include "run-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "checkpoint.h"

int run_folder_lock(const struct config *c, int *lock, struct fmt_error *e)
{
    const char *path = c->train.output_dir;
    int status = file_make_dirs(path, e);
    if (status)
        return status;
    *lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return file_fail(path, e);
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fmt_fail(e, FMT_MISMATCH, "%.250s: another dino-train is at work in this directory", path);
    checkpoint_sweep(path);
    return 0;
}

int run_folder_check(const struct config *c, int lock, struct fmt_error *e)
{
    struct stat locked, named;
    if (fstat(lock, &locked) == 0 && stat(c->train.output_dir, &named) == 0 && locked.st_dev == named.st_dev &&
        locked.st_ino == named.st_ino)
        return 0;
    return fmt_fail(e, FMT_IO, "%.250s: the directory of the run was removed or replaced", c->train.output_dir);
}

int run_folder_save_settings(const struct config *c, struct fmt_error *e)
{
    struct fmt_buffer text = {0};
    char *path = file_join(c->train.output_dir, "config.yaml");
    int status = path ? config_write(c, true, &text, e) : fmt_no_memory(e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status)
        status = file_save(path, text.data, text.bytes, e);
    free(path);
    fmt_buffer_release(&text);
    return status;
}
