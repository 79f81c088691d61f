/* extract-shards.c - images of a shard set, rows as one matrix in memory. */
#include <stdlib.h>
#include <string.h>

#include "extract-parts.h"
#include "image-decode.h"

/* Buffers of a worker. */
struct reader {
    struct block_buffer buffer;
    struct image decoded;
};

struct shards_run {
    const struct extract *x;
    const struct shard_set *set;
    struct extract_shards_job *job;
    struct reader *reader; /* [n_workers] */
    int64_t width;
};

static int read_image(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    (void)slot;
    struct shards_run *run = arg;
    struct reader *r = &run->reader[worker];
    struct shard_image record;
    int status = shard_set_read(run->set, run->job->image ? run->job->image[i] : i, &r->buffer, &record, e);
    if (status)
        return status;
    *image = (struct extract_image){&r->decoded, record.labels.key, record.labels.group_view};
    status = image_decode(&record, !run->x->settings.as_stored, &r->decoded, NULL, e);
    if (status)
        fmt_prefix(e, record.labels.key);
    return status;
}

static int store_row(void *arg, int64_t i, int slot, const struct extract_row *row, const struct fmt_error *failure)
{
    (void)slot;
    struct shards_run *run = arg;
    struct extract_shards_job *job = run->job;
    float *out = job->out + i * run->width;
    job->failed[i] = failure->status != 0;
    if (!failure->status) {
        memcpy(out, row->values, (size_t)run->width * sizeof *out);
        return 0;
    }
    memset(out, 0, (size_t)run->width * sizeof *out);
    if (job->n_failed++ == 0)
        job->first = *failure;
    return 0;
}

int extract_shards(struct extract *x, const struct shard_set *set, struct extract_shards_job *job,
                   struct fmt_error *e)
{
    struct shards_run run = {.x = x, .set = set, .job = job, .width = extract_width(x)};
    struct extract_job images = {.arg = &run, .n = job->n, .read = read_image, .write = store_row};
    if (run.width == 0 || extract_has_parts(&x->settings))
        return fmt_fail(e, FMT_INVALID, "rows of differing width, or of parts of images, cannot be one matrix");
    run.reader = calloc((size_t)x->n_workers, sizeof *run.reader);
    if (!run.reader)
        return fmt_no_memory(e);
    job->n_failed = 0;
    job->first = (struct fmt_error){0};
    int status = extract_run(x, &images, e);
    for (int i = 0; i < x->n_workers; i++) {
        block_buffer_release(&run.reader[i].buffer);
        image_release(&run.reader[i].decoded);
    }
    free(run.reader);
    return status;
}
