/* views-input.c - the header of views is compared with the settings field by field; then their provenance, where they
 * have one, setting by setting, as it knows what the header does not (scales, probabilities). The seed may differ: one
 * file of views can serve runs with different seeds. */
#include "views-input.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crop-sampler.h"
#include "verify.h"

bool views_input_is_pipe(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

bool views_input_is(const char *path)
{
    struct stat st;
    struct file f;
    if (views_input_is_pipe(path))
        return true;
    if (stat(path, &st) || !S_ISREG(st.st_mode) || file_open(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    struct verify_peek peek;
    bool is = verify_peek(&peek, &io) == BLOCK_VIEWS; /* whole or not: damage is found when it is read */
    file_close(&f);
    return is;
}

/* ------------------------------------------------------------ checks */

static int check_count(int64_t made_with, int64_t setting, const char *what, struct fmt_error *e)
{
    if (made_with == setting)
        return 0;
    return fmt_fail(e, FMT_MISMATCH, "made with %s %ld, the settings say %ld", what, (long)made_with, (long)setting);
}

static int check_header(const struct views_header *h, const struct config *c, struct fmt_error *e)
{
    struct views_header expected;
    int status = crop_sampler_header(c, &expected, e);
    if (status || (status = check_count(h->batch, expected.batch, "train.batch_size_per_gpu", e)) ||
        (status = check_count(h->n_local, expected.n_local, "crops.local_crops_number", e)) ||
        (status = check_count(h->global_size, expected.global_size, "crops.global_crops_size", e)) ||
        (status = check_count(h->local_size, expected.local_size, "crops.local_crops_size", e)) ||
        (status = check_count(h->grid_h, expected.grid_h, "patches a side", e)) ||
        (status = check_count(h->grid_w, expected.grid_w, "patches a side", e)))
        return status;
    if (memcmp(&h->pixel_norm, &expected.pixel_norm, sizeof h->pixel_norm))
        return fmt_fail(e, FMT_MISMATCH, "augment.mean or augment.std differs from the settings");
    return 0;
}

static int check_setting(const cJSON *settings, const struct config *c, int id, struct fmt_error *e)
{
    const char *name = config_key(id)->name;
    const cJSON *made_with = cJSON_GetObjectItemCaseSensitive(settings, name);
    if (!cJSON_IsString(made_with))
        return 0; /* made by a version that did not have this setting */
    char *value = config_value(c, id);
    int status = 0;
    if (!value)
        status = fmt_fail(e, FMT_MEMORY, "out of memory for a setting");
    else if (strcmp(value, made_with->valuestring) != 0)
        status = fmt_fail(e, FMT_MISMATCH, "made with %s=%s, the settings say %s", name, made_with->valuestring, value);
    free(value);
    return status;
}

static int check_provenance(const char *json, const struct config *c, struct fmt_error *e)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(root, "settings");
    int status = 0;
    for (int id = 0; settings && status == 0 && id < CONFIG_N_KEYS; id++)
        if (crop_sampler_setting(id) && id != CONFIG_train_seed)
            status = check_setting(settings, c, id, e);
    cJSON_Delete(root);
    return status;
}

static int check(const struct views *v, const struct config *c, int64_t first_batch, struct fmt_error *e)
{
    int status = check_header(&v->header, c, e);
    if (status || (status = check_provenance(v->block.header.provenance, c, e)))
        return status;
    if (v->header.first_step > first_batch)
        return fmt_fail(e, FMT_MISMATCH, "begins at step %ld, step %ld is wanted", (long)v->header.first_step,
                        (long)first_batch);
    return 0;
}

/* ------------------------------------------------------------ reading */

int views_input_open(struct views_input *v, const char *path, const struct config *c, int64_t first_batch,
                     const _Atomic int *stop, struct fmt_error *e)
{
    *v = (struct views_input){0};
    int status = cancel_reader_open(&v->input, path, e);
    if (status)
        return status;
    v->input.stop = stop;
    struct fmt_reader io = cancel_reader_callbacks(&v->input);
    status = views_open(&v->file, &io, e);
    if (status == 0 && (status = check(&v->file, c, first_batch, e)))
        views_close(&v->file);
    if (status)
        cancel_reader_close(&v->input);
    v->input.stop = NULL; /* from here on views_input_cancel ends a wait */
    if (status && stop && *stop) {
        if (e)
            *e = (struct fmt_error){0};
        return fmt_fail(e, FMT_STOPPED, "stopped");
    }
    if (status)
        fmt_prefix(e, path);
    return status;
}

int views_input_read(struct views_input *v, int64_t i_batch, struct views_batch *batch, struct fmt_error *e)
{
    if (v->over)
        return fmt_fail(e, (enum fmt_status)v->over, "no more batches");
    int status = views_skip_to(&v->file, i_batch, e);
    if (status == 0)
        status = views_next(&v->file, batch, e);
    v->over = status;
    if (status && status != FMT_END)
        fmt_prefix(e, v->input.file.path);
    return status;
}

void views_input_drain(struct views_input *v)
{
    struct fmt_error ignored = {0};
    struct block_buffer buffer = {0};
    if (v->over)
        return;
    (void)block_next(&v->file.block, &buffer, &ignored);
    block_buffer_release(&buffer);
}

void views_input_cancel(struct views_input *v)
{
    cancel_reader_cancel(&v->input);
}

void views_input_close(struct views_input *v)
{
    views_close(&v->file);
    cancel_reader_close(&v->input);
}
