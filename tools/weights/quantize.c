/* quantize.c - see quantize.h. */
#include "quantize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "calibrate.h"
#include "file.h"
#include "num.h"
#include "version.h"
#include "weights-quantized.h"

static int load_values(struct quantize *q, struct fmt_error *e)
{
    struct network *n = q->network;
    struct device_arena scratch; /* of nothing */
    struct op_ctx c = {.backend = q->device->backend, .pool = q->device->pool, .scratch = &scratch};
    int status = params_array_reserve(&q->values, &q->memory, c.backend, &n->table, DTYPE_F32, n->table.count, e);
    if (status || (status = device_arena_init(&scratch, c.backend, 0, e)))
        return status;
    status = weights_load(&n->w, &c, &q->values, WEIGHTS_BACKBONE, e);
    device_arena_release(&scratch);
    return status ? status : vit_quantization_init(&q->fit, &n->vit, &q->values, e);
}

static void show_images(void *arg, int64_t n_done)
{
    const struct quantize *q = arg;
    q->step(n_done / 2);
}

static void name_left_out(void *arg, const char *why)
{
    const struct quantize *q = arg;
    q->left_out(why);
}

/* Which images these are, as an input of the file. */
static int list_inputs(struct quantize *q, struct image_set *images, struct fmt_error *e)
{
    struct provenance p;
    provenance_init(&p, "dino-weights", DINOTOOLS_VERSION, true);
    int status = image_set_inputs(images, q->device->pool, &p, e);
    if (!status)
        status = provenance_inputs_json(&p, &q->inputs, e);
    provenance_release(&p);
    return status;
}

static int fit_to_set(struct quantize *q, struct image_set *images, struct fmt_error *e)
{
    struct network *n = q->network;
    struct extract_settings s = extract_published_settings();
    struct extract_model m = {.vit = &n->vit, .values = &q->values, .pixel_norm = n->w.pixel_norm};
    struct calibrate_job job = {.images = images, .n = num_min(q->n_images, images->n), .keep_going = q->keep_going,
                                .step = show_images, .left_out = name_left_out, .arg = q};
    s.resize = q->resize, s.size = q->size;
    if (job.n == 0)
        return fmt_fail(e, FMT_INVALID, "no images are named");
    q->begin(job.n);
    int status = calibrate(&q->fit, q->device, &m, &s, &job, e);
    if (status)
        return status;
    q->end();
    q->n_left_out = job.n_left_out;
    snprintf(q->how, sizeof q->how, "%" PRId64 " of %s, --resize %" PRId64 " --size %" PRId64,
             job.n - job.n_left_out, FMT_COUNT(images->n, "image", "images"), q->resize, q->size);
    return list_inputs(q, images, e);
}

static int fit_to_images(struct quantize *q, struct fmt_error *e)
{
    struct image_set images;
    int status = image_set_open(&images, q->operand, q->n_operands, '\n', e);
    if (status)
        return status;
    status = fit_to_set(q, &images, e);
    image_set_close(&images);
    return status;
}

int quantize_fit(struct quantize *q, struct fmt_error *e)
{
    int status = load_values(q, e);
    if (!status && q->n_operands > 0) {
        status = fit_to_images(q, e);
    } else if (!status) {
        status = calibrate_without_images(&q->fit, q->device, e);
        snprintf(q->how, sizeof q->how, "noise");
    }
    if (!status)
        vit_quantization_text(&q->fit, q->text);
    return status;
}

static int write_file(struct quantize *q, struct weights_meta *meta, struct fmt_error *e)
{
    struct file_out out;
    int status = file_create_binary(&out, q->output, e);
    if (status)
        return status;
    struct fmt_writer io = file_writer(&out);
    return file_finish(&out, weights_quantized_write(&io, q->device, &q->x, &q->fit, meta, e), e);
}

int quantize_write(struct quantize *q, struct fmt_error *e)
{
    struct network *n = q->network;
    struct weights_origin origin = {0};
    struct weights_meta meta;
    struct weights_export_options form = {.bare = q->bare, .dtype = DTYPE_F32};
    int status = network_origin(n, true, q->inputs ? q->inputs : "[]", &origin, &q->origin_changed, e);
    if (!status)
        status = weights_export_list(&q->x, &n->w, &n->table, &form, e);
    if (!status && !(status = weights_meta_make(&meta, &n->w, &origin, e))) {
        weights_meta_add(&meta, WEIGHTS_CALIBRATION_KEY, q->how);
        status = write_file(q, &meta, e);
        weights_meta_release(&meta);
    }
    weights_origin_release(&origin);
    return status;
}

void quantize_release(struct quantize *q)
{
    free(q->inputs);
    weights_export_release(&q->x);
    vit_quantization_release(&q->fit);
    device_arena_release(&q->memory);
}
