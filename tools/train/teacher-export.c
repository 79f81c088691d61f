/* teacher-export.c - one list of tensors for two writers; the values come piece by piece. */
#include "teacher-export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block-chunks.h"
#include "file.h"
#include "named-tensor.h"
#include "params.h"
#include "pth.h"
#include "safetensors.h"
#include "step.h"
#include "teacher-folder.h"
#include "teacher-values.h"
#include "trace-record.h"
#include "version.h"
#include "weights.h"

static int read_values(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    return teacher_values_read(arg, (int)i, first, n, out, e);
}

static int read_row(void *arg, int i_row, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    return teacher_values_read(arg, i_row, first, n, out, e);
}

struct teacher_list {
    struct named_tensor_out *out;
    char (*name)[BLOCK_CHUNKS_NAME_MAX];
    int64_t n;
};

static int make_list(struct teacher_list *l, const struct params *table, struct fmt_error *e)
{
    l->n = table->n_rows;
    l->out = calloc((size_t)l->n, sizeof *l->out);
    l->name = calloc((size_t)l->n, sizeof *l->name);
    if (!l->out || !l->name)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < l->n; i++) {
        const struct param *row = &table->rows[i];
        l->out[i] = (struct named_tensor_out){.name = row->name, .dtype = DTYPE_F32, .n_dims = row->n_dims};
        memcpy(l->out[i].dims, row->dims, (size_t)row->n_dims * sizeof row->dims[0]);
    }
    return 0;
}

/* Creates, writes by one of the two writers, commits. */
static int write_file(const char *folder, const char *name,
                      int (*write)(const struct fmt_writer *io, const void *arg, struct fmt_error *e), const void *arg,
                      struct fmt_error *e)
{
    struct file_out out;
    char *path = file_join(folder, name);
    int status = path ? file_check_fifo(path, e) : fmt_no_memory(e);
    if (!status && !(status = file_create(&out, path, e))) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, write(&io, arg, e), e);
    }
    free(path);
    return status;
}

enum { META_MAX = 6 };

struct teacher_job {
    const struct teacher_export_options *options;
    const struct params *table; /* of the teacher */
    const struct teacher_list *list;
    const struct named_tensor_values *values;
    struct named_tensor_meta meta[META_MAX]; /* values are for free() */
    int n_meta;
};

static void add_meta(struct teacher_job *job, const char *key, char *value)
{
    job->meta[job->n_meta++] = (struct named_tensor_meta){(char *)(uintptr_t)key, value};
}

/* Settings as JSON, for free(). */
static char *settings_text(const struct config *config, struct fmt_error *e)
{
    struct fmt_buffer text = {0};
    if (config_json(config, CONFIG_RESULT, &text, e) == 0 && fmt_buffer_append(&text, "", 1) == 0)
        return (char *)text.data;
    fmt_buffer_release(&text);
    return NULL;
}

/* The origin of the teacher: which run, after which iteration; and the hash that features made with it carry. */
static int add_origin(struct teacher_job *job, struct teacher_values *v, struct fmt_error *e)
{
    const struct teacher_export_options *options = job->options;
    uint8_t hash[DIGEST_BYTES];
    char hex[DIGEST_HEX], iteration[24], *inputs = NULL;
    struct provenance p;
    int status = run_state_provenance(options->state, options->iteration, true, &p, e);
    if (!status)
        status = provenance_inputs_json(&p, &inputs, e);
    if (!status)
        status = weights_hash_rows(job->table, WEIGHTS_BACKBONE, read_row, v, hash, e);
    provenance_release(&p);
    if (status) {
        free(inputs);
        return status;
    }
    digest_hex(hash, hex);
    snprintf(iteration, sizeof iteration, "%" PRId64, options->iteration);
    add_meta(job, TRACE_META_TOOL, strdup("dino-train " DINOTOOLS_VERSION));
    add_meta(job, TRACE_META_ITERATION, strdup(iteration));
    add_meta(job, TRACE_META_INPUTS, inputs);
    add_meta(job, TRACE_META_WEIGHTS, strdup(hex));
    return 0;
}

static int make_meta(struct teacher_job *job, struct teacher_values *v, struct fmt_error *e)
{
    add_meta(job, "format", strdup("pt")); /* what other readers of such files look for */
    add_meta(job, CONFIG_META_KEY, settings_text(job->options->config, e));
    int status = job->options->provenance ? add_origin(job, v, e) : 0;
    for (int i = 0; i < job->n_meta && !status; i++)
        status = job->meta[i].value ? 0 : fmt_no_memory(e);
    return status;
}

static int write_safetensors(const struct fmt_writer *io, const void *arg, struct fmt_error *e)
{
    const struct teacher_job *job = arg;
    return safetensors_write(io, job->list->out, job->list->n, job->meta, job->n_meta, job->values, e);
}

static int write_pth(const struct fmt_writer *io, const void *arg, struct fmt_error *e)
{
    const struct teacher_job *job = arg;
    return pth_write(io, "teacher", job->list->out, job->list->n, job->values, e);
}

static int write_both(const char *folder, struct teacher_list *list, const struct teacher_job *job, struct fmt_error *e)
{
    const struct config *c = job->options->config;
    int status = write_file(folder, TEACHER_SAFETENSORS, write_safetensors, job, e);
    if (status || !c->train.teacher_pth)
        return status;
    for (int64_t i = 0; i < list->n; i++)
        list->out[i].name =
            block_chunks_name(list->out[i].name, config_dims(c).depth, c->student.block_chunks, list->name[i]);
    return write_file(folder, TEACHER_PTH, write_pth, job, e);
}

/* Of the first process. */
static int write_teacher(void *arg, struct teacher_values *v, struct fmt_error *e)
{
    struct teacher_job *job = arg;
    const struct teacher_export_options *options = job->options;
    struct teacher_list list = {0};
    struct named_tensor_values values = {v, read_values};
    char *folder = teacher_folder_path(options->config, options->folder, NULL);
    int status = folder ? file_make_dirs(folder, e) : fmt_no_memory(e);
    job->list = &list;
    job->values = &values;
    if (!status)
        status = make_list(&list, job->table, e);
    if (!status)
        status = make_meta(job, v, e);
    if (!status)
        status = write_both(folder, &list, job, e);
    for (int i = 0; i < job->n_meta; i++)
        free(job->meta[i].value);
    free(list.out);
    free(list.name);
    free(folder);
    return status;
}

int teacher_export_write(struct step *step, const struct teacher_export_options *options, struct fmt_error *e)
{
    struct teacher_job job = {.options = options, .table = step_teacher(step)->table};
    return teacher_values_use(step, write_teacher, &job, e);
}
