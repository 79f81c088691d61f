/* teacher.c - one list of tensors, two writers; the values are read where they lie. */
#include "run/teacher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "named.h"
#include "nn/chunk.h"
#include "nn/params.h"
#include "nn/step.h"
#include "pth.h"
#include "safetensors.h"
#include "version.h"

char *teacher_path(const struct config *config, const char *folder, const char *file)
{
    const char *below[] = {"eval", folder, file};
    char *path = strdup(config->train.output_dir);
    for (int i = 0; i < 3 && below[i] && path; i++) {
        char *longer = file_join(path, below[i]);
        free(path);
        path = longer;
    }
    return path;
}

struct teacher_values {
    const struct params *table;
    const float *values;
};

static int read_values(void *arg, int64_t i, int64_t first, int64_t n, float *out, struct fmt_error *e)
{
    (void)e;
    const struct teacher_values *t = arg;
    memcpy(out, t->values + t->table->rows[i].offset + first, (size_t)n * sizeof(float));
    return 0;
}

struct teacher_list {
    struct named_out *out;
    char (*name)[CHUNK_NAME_ROOM];
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
        l->out[i] = (struct named_out){.name = row->name, .dtype = NAMED_F32, .n_dims = row->n_dims};
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
    int status = path ? file_create(&out, path, e) : fmt_no_memory(e);
    if (!status) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, write(&io, arg, e), e);
    }
    free(path);
    return status;
}

struct teacher_job {
    const struct teacher_wish *wish;
    const struct teacher_list *list;
    const struct named_values *values;
    const char *settings;
};

static int write_safetensors(const struct fmt_writer *io, const void *arg, struct fmt_error *e)
{
    const struct teacher_job *job = arg;
    char settings_key[] = CONFIG_META_KEY, format_key[] = "format", format[] = "pt", tool_key[] = "tool",
         tool[] = "dino-train " DINOTOOLS_VERSION;
    /* "format" is what other readers of such files look for. */
    struct named_meta meta[] = {{format_key, format}, {settings_key, (char *)job->settings}, {tool_key, tool}};
    return safetensors_write(io, job->list->out, job->list->n, meta, job->wish->provenance ? 3 : 2, job->values, e);
}

static int write_pth(const struct fmt_writer *io, const void *arg, struct fmt_error *e)
{
    const struct teacher_job *job = arg;
    return pth_write(io, "teacher", job->list->out, job->list->n, job->values, e);
}

static int write_both(const char *folder, struct teacher_list *list, const struct teacher_job *job, struct fmt_error *e)
{
    const struct config *c = job->wish->config;
    int status = write_file(folder, TEACHER_SAFETENSORS, write_safetensors, job, e);
    if (status || !c->train.teacher_pth)
        return status;
    for (int64_t i = 0; i < list->n; i++)
        list->out[i].name = chunk_name(list->out[i].name, config_dims(c).depth, c->student.block_chunks, list->name[i]);
    return write_file(folder, TEACHER_PTH, write_pth, job, e);
}

int teacher_write(struct step *step, const struct teacher_wish *wish, struct fmt_error *e)
{
    struct teacher_list list = {0};
    struct teacher_values source = {step_params(step), step_teacher(step)};
    struct named_values values = {&source, read_values};
    struct fmt_buffer settings = {0};
    char *folder = teacher_path(wish->config, wish->folder, NULL);
    int status = folder ? file_make_dirs(folder, e) : fmt_no_memory(e);
    if (!status)
        status = make_list(&list, source.table, e);
    if (!status)
        status = config_json(wish->config, CONFIG_RESULT, &settings, e);
    if (!status && fmt_buffer_append(&settings, "", 1))
        status = fmt_no_memory(e);
    if (!status) {
        struct teacher_job job = {wish, &list, &values, (const char *)settings.data};
        status = write_both(folder, &list, &job, e);
    }
    fmt_buffer_release(&settings);
    free(list.out);
    free(list.name);
    free(folder);
    return status;
}
