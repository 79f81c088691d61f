/* teacher-folder.c - files are compared tensor by tensor, not byte by byte: what else they say may be of another
 * version. */
#include "teacher-folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block-chunks.h"
#include "file.h"
#include "num.h"
#include "params.h"
#include "step.h"
#include "teacher-values.h"
#include "tensorfile.h"

enum { PIECE = 1 << 14 }; /* values compared at once, bytes copied at once */

static const char *const file_names[] = {TEACHER_SAFETENSORS, TEACHER_PTH};

/* The files that a run with these settings writes: the first ones of file_names. */
static int n_files(const struct config *c)
{
    return c->train.teacher_pth ? 2 : 1;
}

char *teacher_folder_path(const struct config *c, const char *folder, const char *file)
{
    const char *parts[] = {TEACHER_FOLDERS, folder, file};
    char *path = strdup(c->train.output_dir);
    for (int i = 0; i < 3 && parts[i] && path; i++) {
        char *longer = file_join(path, parts[i]);
        free(path);
        path = longer;
    }
    return path;
}

/* ---------------------------------------------------------------- removing */
/* A folder of such a name, not a file or a link. */
static bool is_teacher(const char *eval, const char *name, int64_t *iteration)
{
    struct stat st;
    if (!teacher_parse_name(name, iteration))
        return false;
    char *path = file_join(eval, name);
    bool is = path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
    free(path);
    return is;
}

static int descending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Our files, then the folder, unless somebody has put files of his own into it. */
static int remove_teacher(const struct config *c, int64_t iteration, struct fmt_error *e)
{
    char folder[TEACHER_FOLDER_NAME_MAX];
    int status = 0;
    for (int i = 0; i < 2 && !status; i++) {
        char *path = teacher_folder_path(c, teacher_folder_name(iteration, folder), file_names[i]);
        if (!path)
            status = fmt_no_memory(e);
        else if (unlink(path) != 0 && errno != ENOENT)
            status = file_fail(path, e);
        free(path);
    }
    char *path = status ? NULL : teacher_folder_path(c, teacher_folder_name(iteration, folder), NULL);
    if (path && rmdir(path) != 0 && errno != ENOTEMPTY && errno != EEXIST)
        status = file_fail(path, e);
    free(path);
    return status;
}

int teacher_folder_prune(const struct config *c, int64_t newest, struct fmt_error *e)
{
    char **names;
    int64_t n_names, n = 0, max_to_keep = c->evaluation.max_to_keep;
    if (!max_to_keep)
        return 0;
    char *eval = teacher_folder_path(c, NULL, NULL);
    int status = eval ? file_list(eval, &names, &n_names, e) : fmt_no_memory(e);
    if (status) {
        free(eval);
        return status;
    }
    int64_t *iteration = malloc(((size_t)n_names + 1) * sizeof *iteration);
    for (int64_t i = 0; iteration && i < n_names; i++)
        if (is_teacher(eval, names[i], &iteration[n]) && iteration[n] <= newest)
            n++;
    if (!iteration)
        status = fmt_no_memory(e);
    else
        qsort(iteration, (size_t)n, sizeof *iteration, descending);
    for (int64_t i = max_to_keep; i < n && !status; i++)
        status = remove_teacher(c, iteration[i], e);
    free(iteration);
    free(eval);
    file_list_free(names, n_names);
    return status;
}

/* ---------------------------------------------------------------- checking */
static int check_tensor(const struct named_tensor *t, const struct param *row, int i_row, struct teacher_values *v,
                        const char *path, struct fmt_error *e)
{
    float values[PIECE], expected[PIECE];
    bool same = t && t->n_dims == row->n_dims &&
                memcmp(t->dims, row->dims, (size_t)row->n_dims * sizeof *row->dims) == 0;
    for (int64_t at = 0; same && at < row->count; at += PIECE) {
        int64_t n = num_min(PIECE, row->count - at);
        int status = named_tensor_read_f32(t, at, n, values, e);
        if (status) {
            fmt_prefix(e, path);
            return status;
        }
        if ((status = teacher_values_read(v, i_row, at, n, expected, e)))
            return status;
        same = memcmp(values, expected, (size_t)n * sizeof *values) == 0;
    }
    return same ? 0 : fmt_fail(e, FMT_MISMATCH, "%.250s: not what the checkpoint holds: %.80s", path, row->name);
}

/* table, v: NULL where the values are not compared. */
static int check_file(const struct params *table, struct teacher_values *v, const struct config *c, bool chunked,
                      const char *path, struct fmt_error *e)
{
    struct tensorfile f;
    int status = file_check_fifo(path, e);
    if (!status)
        status = tensorfile_open(&f, path, e);
    if (status)
        return status;
    for (int i = 0; v && i < table->n_rows && !status; i++) {
        char buffer[BLOCK_CHUNKS_NAME_MAX];
        const struct param *row = &table->rows[i];
        int64_t chunks = chunked ? c->student.block_chunks : 0;
        const char *name = block_chunks_name(row->name, config_dims(c).depth, chunks, buffer);
        const struct named_tensor *t = named_tensor_find(&f.set, name);
        if (!t) { /* under the top key of a .pth */
            char top[BLOCK_CHUNKS_NAME_MAX + 8];
            snprintf(top, sizeof top, "teacher.%s", name);
            t = named_tensor_find(&f.set, top);
        }
        status = check_tensor(t, row, i, v, path, e);
    }
    tensorfile_close(&f);
    return status;
}

struct checking {
    const struct config *config;
    const char *folder;
    const struct params *table;
};

static int check_files(void *arg, struct teacher_values *v, struct fmt_error *e)
{
    const struct checking *x = arg;
    int status = 0;
    for (int i = 0; i < n_files(x->config) && !status; i++) {
        char *path = teacher_folder_path(x->config, x->folder, file_names[i]);
        status = path ? check_file(x->table, v, x->config, i == 1, path, e) : fmt_no_memory(e);
        free(path);
    }
    return status;
}

int teacher_folder_check(struct step *step, const struct config *c, const char *folder, struct fmt_error *e)
{
    struct checking x = {c, folder, step ? step_teacher(step)->table : NULL};
    return step ? teacher_values_use(step, check_files, &x, e) : check_files(&x, NULL, e);
}

/* ---------------------------------------------------------------- copying */
static int copy_file(const char *from, const char *to, struct fmt_error *e)
{
    uint8_t bytes[PIECE];
    struct file in;
    struct file_out out;
    int status = file_open_regular(&in, from, e);
    if (status)
        return status;
    struct fmt_reader reader = file_reader(&in);
    status = file_check_fifo(to, e);
    if (!status && !(status = file_create(&out, to, e))) {
        int64_t n;
        while ((n = reader.read(reader.arg, bytes, sizeof bytes)) > 0)
            (void)file_put(&out, bytes, (size_t)n); /* file_finish returns its failure */
        errno = in.error_number;
        status = file_finish(&out, n < 0 ? file_fail(from, e) : 0, e);
    }
    file_close(&in);
    return status;
}

int teacher_folder_copy(const struct config *c, const char *from, const char *to, struct fmt_error *e)
{
    char *folder = teacher_folder_path(c, to, NULL);
    int status = folder ? file_make_dirs(folder, e) : fmt_no_memory(e);
    free(folder);
    for (int i = 0; i < n_files(c) && !status; i++) {
        char *a = teacher_folder_path(c, from, file_names[i]), *b = teacher_folder_path(c, to, file_names[i]);
        status = a && b ? copy_file(a, b, e) : fmt_no_memory(e);
        free(a);
        free(b);
    }
    return status;
}
