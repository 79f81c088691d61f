/* calibrate.c - see calibrate.h. The passes are those of an extraction whose rows nobody needs. */
#include "calibrate.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ images */
struct calibration {
    struct calibrate_job *job;
    const struct device *device;
    const struct extract_model *model;
    struct extract_settings settings;
    struct image_set_slot *slot; /* [n_workers] */
    struct fmt_error *error;
    bool again; /* the second pass */
};

/* The image in the middle of each of n equal parts. */
static int64_t image_of(const struct calibrate_job *job, int64_t i)
{
    return (2 * i + 1) * job->images->n / (2 * job->n);
}

static int read_image(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    (void)slot;
    struct calibration *c = arg;
    struct image_set_slot *s = &c->slot[worker];
    int status = image_set_read(c->job->images, image_of(c->job, i), s, false, e);
    *image = (struct extract_image){&s->decoded, s->record.labels.key, s->record.labels.group_view};
    return status;
}

static int see_row(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    (void)slot, (void)row;
    struct calibration *c = arg;
    struct calibrate_job *job = c->job;
    if (failure->status && (!job->keep_going || failure->status == FMT_MEMORY))
        return fmt_fail(c->error, failure->status, "%s", failure->text);
    if (failure->status && !c->again) {
        job->n_left_out++;
        if (job->left_out)
            job->left_out(job->arg, failure->text);
    }
    if (job->step)
        job->step(job->arg, (c->again ? job->n : 0) + i + 1);
    return 0;
}

/* All images through the network, one at a time, seen by the observer. */
static int pass(struct calibration *c, const struct vit_observer *observer)
{
    struct extract x;
    struct extract_model model = *c->model;
    struct extract_job job = {.arg = c, .n = c->job->n, .read = read_image, .write = see_row};
    model.observer = observer;
    if (extract_open(&x, c->device, &model, &c->settings, c->error))
        return (int)c->error->status;
    x.batch = 1;
    int status = extract_run(&x, &job, c->error);
    extract_close(&x);
    return status;
}

/* Smoothing is computed between the passes, with scratch of its own. */
static int smooth(struct vit_quantization *q, const struct device *device, struct fmt_error *e)
{
    struct device_arena scratch = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    vit_quantization_smooth(&c, q); /* planning */
    int status = op_sync(&c, e);
    if (!status)
        status = device_arena_init(&scratch, c.backend, scratch.high, e);
    if (!status) {
        vit_quantization_smooth(&c, q);
        status = op_sync(&c, e);
    }
    device_arena_release(&scratch);
    return status;
}

static int run(struct calibration *c, struct vit_quantization *q)
{
    const struct vit_observer range = {vit_quantization_see_range, q}, error = {vit_quantization_see_error, q};
    int status = pass(c, &range);
    if (!status && c->job->n_left_out == c->job->n)
        status = fmt_fail(c->error, FMT_INVALID, "no image can be decoded");
    if (!status)
        status = smooth(q, c->device, c->error);
    c->again = true;
    return status ? status : pass(c, &error);
}

int calibrate(struct vit_quantization *q, const struct device *device, const struct extract_model *model,
              const struct extract_settings *settings, struct calibrate_job *job, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct calibration c = {.job = job, .device = device, .model = model, .settings = *settings, .error = &why};
    int n_workers = thread_workers(device->pool);
    c.settings.kind = FEAT_CLS;
    job->n_left_out = 0;
    c.slot = calloc((size_t)n_workers, sizeof *c.slot);
    int status = c.slot ? run(&c, q) : fmt_no_memory(&why);
    for (int i = 0; c.slot && i < n_workers; i++)
        image_set_slot_release(&c.slot[i]);
    free(c.slot);
    return why.status ? fmt_fail(e, why.status, "%s", why.text) : status;
}

/* ------------------------------------------------------------------ the picture of noise */
int calibrate_without_images(struct vit_quantization *q, const struct device *device, struct fmt_error *e)
{
    struct device_arena scratch = {0}, activations = {0};
    struct arena host = {0};
    struct op_ctx c = {.backend = device->backend, .pool = device->pool, .scratch = &scratch};
    const struct vit_memory memory = {&activations, &host};
    int status = vit_quantize(&c, q, &memory, e); /* planning */
    if (!status)
        status = device_arena_init(&scratch, c.backend, scratch.high, e);
    if (!status)
        status = device_arena_init(&activations, c.backend, activations.high, e);
    if (!status)
        status = arena_init(&host, host.high, e);
    if (!status)
        status = vit_quantize(&c, q, &memory, e);
    device_arena_release(&scratch);
    device_arena_release(&activations);
    arena_release(&host);
    return status;
}
