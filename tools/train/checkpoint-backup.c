/* checkpoint-backup.c - one copy at a time. The files are opened before checkpoint_backup_start returns, so that a
 * checkpoint which is removed meanwhile is still copied whole. The file of a set is copied after those that it names.
 */
#include "checkpoint-backup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint-files.h"
#include "digest.h"
#include "file.h"

enum { COPY_BYTES = 1 << 20, CHECK_SECONDS = 2 };

struct checkpoint_backup {
    char *directory;
    const char *from;      /* train.output_dir */
    struct run_log *log;
    int64_t period, max_to_keep, last_iteration; /* period 0: each checkpoint */
    pthread_t thread;
    bool started;
    _Atomic bool done;
    struct file *source;   /* [n_sources] in the order in which they are copied; none: only the directory is checked */
    int n_sources, n_ranks;
    int64_t iteration;
    int status;
    struct fmt_error error;
};

static int copy_bytes(struct file *from, struct file_out *to, uint8_t digest[DIGEST_BYTES], struct fmt_error *e)
{
    struct fmt_reader in = file_reader(from);
    struct digest d;
    uint8_t *buffer = malloc(COPY_BYTES);
    int status = buffer ? 0 : fmt_no_memory(e);
    digest_init(&d);
    for (int64_t n = 1; !status && n > 0;) {
        n = in.read(in.arg, buffer, COPY_BYTES);
        if (n < 0)
            status = (errno = from->error_number, file_fail(from->path, e));
        else if (n > 0 && file_put(to, buffer, (size_t)n))
            status = (errno = to->error_number, file_fail(to->path, e));
        else if (n > 0)
            digest_add(&d, buffer, (size_t)n);
    }
    digest_end(&d, digest);
    free(buffer);
    return status;
}

static int file_digest(const char *path, uint8_t digest[DIGEST_BYTES], struct fmt_error *e)
{
    struct file f;
    struct digest d;
    uint8_t *buffer = malloc(COPY_BYTES);
    if (!buffer)
        return fmt_no_memory(e);
    int status = file_open(&f, path, e);
    digest_init(&d);
    if (!status) {
        struct fmt_reader in = file_reader(&f);
        int64_t n;
        posix_fadvise(f.fd, 0, 0, POSIX_FADV_DONTNEED); /* what the disk holds, not what memory remembers */
        while ((n = in.read(in.arg, buffer, COPY_BYTES)) > 0)
            digest_add(&d, buffer, (size_t)n);
        if (n < 0)
            status = (errno = f.error_number, file_fail(path, e));
        file_close(&f);
    }
    digest_end(&d, digest);
    free(buffer);
    return status;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int copy_open_file(struct file *from, const char *directory, struct fmt_error *e)
{
    uint8_t written[DIGEST_BYTES], on_disk[DIGEST_BYTES];
    struct file_out out;
    char *path = file_join(directory, last_name(from->path));
    int status = path ? file_make_dirs(directory, e) : fmt_no_memory(e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status && !(status = file_create(&out, path, e))) {
        status = file_finish(&out, copy_bytes(from, &out, written, e), e);
        if (!status)
            status = file_digest(path, on_disk, e);
        if (!status && memcmp(written, on_disk, DIGEST_BYTES) != 0) {
            remove(path);
            status = fmt_fail(e, FMT_CHECKSUM, "%.300s: the copy differs when read back", path);
        }
    }
    free(path);
    return status;
}

/* Whether copies can be made there: a user should hear of it before the first is due. */
static int check_directory(const struct checkpoint_backup *b, struct fmt_error *e)
{
    char *inside = file_join(b->directory, "copy");
    int status = inside ? file_make_dirs(b->directory, e) : fmt_no_memory(e);
    if (!status)
        status = file_check_folder(inside, e);
    free(inside);
    return status;
}

/* A copy of the same iteration ends where another one begins: the file of its set would name other files. */
static int copy_files(struct checkpoint_backup *b)
{
    int status = 0;
    if (b->n_ranks > 1) {
        char name[CHECKPOINT_NAME_MAX];
        char *set = file_join(b->directory, checkpoint_name(b->iteration, CHECKPOINT_SET, name));
        if (set)
            unlink(set);
        free(set);
    }
    for (int i = 0; i < b->n_sources && !status; i++)
        status = lseek(b->source[i].fd, 0, SEEK_SET) == 0 ? copy_open_file(&b->source[i], b->directory, &b->error)
                                                          : file_fail(b->source[i].path, &b->error);
    return status;
}

/* Makes the copy; on a full disk older ones are removed for it. */
static int copy(struct checkpoint_backup *b)
{
    b->status = copy_files(b);
    while (b->status && checkpoint_evict_oldest(b->directory, b->iteration - 1, &b->error) >= 0) {
        b->error = (struct fmt_error){0};
        b->status = copy_files(b);
    }
    if (b->status && b->n_ranks > 1) /* some of a set are no copy */
        checkpoint_remove(b->directory, b->iteration, NULL);
    if (!b->status)
        b->status = checkpoint_prune(b->directory, b->iteration, b->n_ranks, b->max_to_keep, &b->error);
    return b->status;
}

static void *work(void *arg)
{
    struct checkpoint_backup *b = arg;
    b->status = b->n_sources == 0 ? check_directory(b, &b->error) : copy(b);
    atomic_store(&b->done, true);
    return NULL;
}

static bool start_thread(struct checkpoint_backup *b)
{
    b->error = (struct fmt_error){0};
    atomic_store(&b->done, false);
    return b->started = pthread_create(&b->thread, NULL, work, b) == 0;
}

static void close_sources(struct checkpoint_backup *b)
{
    for (int i = 0; i < b->n_sources; i++)
        file_close(&b->source[i]);
    free(b->source);
    b->source = NULL;
    b->n_sources = 0;
}

static void log_result(struct checkpoint_backup *b)
{
    b->started = false;
    if (b->status)
        run_log(b->log, RUN_WARNING, "backup: %s; training continues", b->error.text);
    else if (b->n_sources)
        run_log(b->log, RUN_NOTE, "backup of %s in %.200s, read back and compared",
                last_name(b->source[b->n_sources - 1].path), b->directory);
    close_sources(b);
}

static void finish(struct checkpoint_backup *b)
{
    if (!b->started)
        return;
    pthread_join(b->thread, NULL);
    log_result(b);
}

/* A file system that does not answer delays the run by CHECK_SECONDS, once. */
static void check_first(struct checkpoint_backup *b)
{
    struct timespec until;
    if (!start_thread(b))
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CHECK_SECONDS;
    if (pthread_timedjoin_np(b->thread, NULL, &until) == 0)
        log_result(b);
    else
        run_log(b->log, RUN_WARNING, "backup: %.200s: does not answer; training continues", b->directory);
}

int checkpoint_backup_open(struct checkpoint_backup **b, const struct config *config, struct run_log *log,
                           struct fmt_error *e)
{
    *b = NULL;
    if (!*config->train.backup_dir)
        return 0;
    *b = calloc(1, sizeof **b);
    if (!*b || !((*b)->directory = strdup(config->train.backup_dir))) {
        free(*b);
        *b = NULL;
        return fmt_no_memory(e);
    }
    (*b)->period = config->train.backup_period;
    (*b)->max_to_keep = config->train.max_to_keep;
    (*b)->last_iteration = -1;
    (*b)->log = log;
    (*b)->from = config->train.output_dir;
    file_allow_many();
    check_first(*b);
    return 0;
}

static int open_source(struct checkpoint_backup *b, int rank, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_MAX];
    char *path = file_join(b->from, checkpoint_name(b->iteration, rank, name));
    int status = path ? file_open(&b->source[b->n_sources], path, e) : fmt_no_memory(e);
    b->n_sources += !status;
    free(path);
    return status;
}

static int open_sources(struct checkpoint_backup *b, struct fmt_error *e)
{
    b->source = calloc((size_t)b->n_ranks + 1, sizeof *b->source);
    int status = b->source ? 0 : fmt_no_memory(e);
    for (int rank = 0; rank < b->n_ranks && !status; rank++)
        status = open_source(b, rank, e);
    if (!status && b->n_ranks > 1)
        status = open_source(b, CHECKPOINT_SET, e);
    if (status)
        close_sources(b);
    return status;
}

void checkpoint_backup_start(struct checkpoint_backup *b, int64_t iteration, int n_ranks, bool last)
{
    if (!b)
        return;
    if (b->started && (last || atomic_load(&b->done)))
        finish(b);
    if (!last && b->period && (iteration + 1) / b->period == (b->last_iteration + 1) / b->period)
        return;
    b->last_iteration = iteration;
    if (b->started) {
        run_log(b->log, RUN_WARNING, "backup: the previous copy is still running; this checkpoint is not copied");
        return;
    }
    b->error = (struct fmt_error){0};
    b->iteration = iteration;
    b->n_ranks = n_ranks;
    if (open_sources(b, &b->error)) {
        run_log(b->log, RUN_WARNING, "backup: %s; this checkpoint is not copied", b->error.text);
        return;
    }
    if (!start_thread(b)) {
        run_log(b->log, RUN_WARNING, "backup: cannot start a thread; training continues");
        close_sources(b);
    }
}

void checkpoint_backup_close(struct checkpoint_backup *b)
{
    if (!b)
        return;
    finish(b);
    free(b->directory);
    free(b);
}
