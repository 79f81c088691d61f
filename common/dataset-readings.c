/* dataset-readings.c - see dataset-readings.h. */
#include "dataset-readings.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "part-set.h"
#include "readings.h"

static bool is_to_be_read(const struct dataset_image *im)
{
    return !im->at_fault && !im->duplicate;
}

/* The list: the names in their order, and which of them are read. */
static void digest_list(const struct dataset *d, uint8_t out[DIGEST_BYTES])
{
    struct digest list;
    digest_init(&list);
    for (int64_t i = 0; i < d->n_images; i++) {
        uint8_t read = is_to_be_read(&d->image[i]);
        digest_add(&list, d->image[i].path, strlen(d->image[i].path) + 1);
        digest_add(&list, &read, 1);
    }
    digest_end(&list, out);
}

static void describe(const struct dataset *d, const struct dataset_job *job, struct provenance *p)
{
    uint8_t list[DIGEST_BYTES];
    digest_list(d, list);
    provenance_init(p, "bbu-index", job->version, job->explain);
    provenance_flag(p, "as_stored", job->as_stored);
    provenance_int(p, "max_pixels", job->pixels_max);
    if (job->bits)
        provenance_int(p, "bits", job->bits);
    if (job->fill)
        provenance_text(p, "truncated", "fill");
    provenance_input(p, PROVENANCE_LIST, list);
}

/* ---------------------------------------------------------------- writing */

static struct image_reading reading_of(const struct dataset_image *im, const struct dataset_result *r)
{
    struct image_reading t = {.path = im->path, .state = READING_NONE, .kind = "", .reason = ""};
    if (im->read) {
        t.state = r->odd ? READING_ODD : READING_GOOD;
        t.bytes = im->bytes;
        t.width = im->width, t.height = im->height, t.components = im->components;
        t.kind_of_file = im->kind, t.decoding = im->decoding, t.sample_max = im->sample_max;
        memcpy(t.sha256, im->sha256, DIGEST_BYTES);
    } else if (r->failed) {
        t.state = READING_BAD;
    }
    if (r->failed || r->odd) {
        t.kind = dataset_finding_key(r->kind);
        t.reason = r->reason ? r->reason : "";
    }
    return t;
}

static bool has_other_files(const struct dataset *d, struct part part)
{
    for (int64_t i = part_first(part, d->n_images); i < part_end(part, d->n_images); i++) {
        const struct dataset_image *im = &d->image[i];
        if (im->read && (im->kind != INDEX_JPEG || im->decoding.filled))
            return true;
    }
    return false;
}

int dataset_readings_write(const struct dataset *d, const struct dataset_job *job, struct part part,
                           const struct dataset_result *result, const struct fmt_writer *io, struct fmt_error *e)
{
    struct readings_header h = {part, d->n_images, has_other_files(d, part)};
    struct readings_writer w;
    struct provenance prov;
    describe(d, job, &prov);
    int status = readings_create(&w, io, &h, &prov, e);
    provenance_release(&prov);
    for (int64_t i = part_first(part, d->n_images); i < part_end(part, d->n_images) && !status; i++) {
        struct image_reading t = reading_of(&d->image[i], &result[i]);
        status = result[i].no_memory ? fmt_fail(e, FMT_MEMORY, "%.250s: out of memory", d->image[i].path)
                                     : readings_add(&w, &t, e);
    }
    if (!status)
        return readings_finish(&w, e);
    readings_abandon(&w);
    return status;
}

/* ---------------------------------------------------------------- the join */

struct source {
    struct file file;
    struct readings readings;
};

static int open_source(struct source *s, const char *path, struct fmt_error *e)
{
    int status = file_open(&s->file, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&s->file);
    status = readings_open(&s->readings, &io, e);
    if (status)
        fmt_prefix(e, path);
    return status;
}

/* Is the reading that of this image? */
static int take(const struct image_reading *t, struct dataset_image *im, struct dataset_result *r, struct fmt_error *e)
{
    if (strcmp(t->path, im->path) != 0 || (t->state == READING_NONE) == is_to_be_read(im))
        return fmt_fail(e, FMT_INVALID, "%.200s stands where %.150s belongs", t->path, im->path);
    if (*t->kind && !dataset_finding_of_key(t->kind, &r->kind))
        return fmt_fail(e, FMT_UNSUPPORTED, "%.200s: a finding that this version does not know: %.64s", t->path,
                        t->kind);
    r->failed = t->state == READING_BAD;
    r->odd = t->state == READING_ODD;
    im->read = t->state == READING_GOOD || t->state == READING_ODD;
    im->bytes = t->bytes;
    im->width = t->width, im->height = t->height, im->components = t->components;
    im->kind = t->kind_of_file, im->decoding = t->decoding, im->sample_max = t->sample_max;
    memcpy(im->sha256, t->sha256, DIGEST_BYTES);
    if ((r->failed || r->odd) && !(r->reason = strdup(t->reason)))
        return fmt_no_memory(e);
    return 0;
}

static int join_one(struct dataset *d, struct readings *r, struct dataset_result *result, struct fmt_error *e)
{
    struct image_reading t;
    int64_t i = part_first(r->header.part, d->n_images);
    int status;
    if (r->header.n_images != d->n_images)
        return fmt_fail(e, FMT_INVALID, "a list of %lld images", (long long)r->header.n_images);
    while ((status = readings_next(r, &t, e)) == 0) {
        if ((status = take(&t, &d->image[i], &result[i], e)) != 0)
            return status;
        i++;
    }
    return status == FMT_END ? 0 : status;
}

/* All parts of this job, and of no other. */
static int check_job(const struct dataset *d, const struct dataset_job *job, struct part_file *f, int n,
                     struct fmt_error *e)
{
    struct provenance prov;
    uint8_t identity[DIGEST_BYTES];
    int status = part_set_arrange(f, n, false, e);
    if (status)
        return status;
    describe(d, job, &prov);
    status = provenance_identity(&prov, BLOCK_READINGS, READINGS_MAJOR, identity, e);
    provenance_release(&prov);
    for (int k = 0; k < n && !status; k++)
        if (memcmp(identity, f[k].header->identity, DIGEST_BYTES) != 0)
            status = fmt_fail(e, FMT_MISMATCH, "%.200s: is of another dataset or of other options: names of files, "
                              "--as-stored, --max-pixels, --bits and --truncated have to be the same", f[k].path);
    return status;
}

int dataset_readings_join(struct dataset *d, const struct dataset_job *job, const char *const *path, int n,
                          struct dataset_result *result, struct fmt_error *e)
{
    struct source *source = calloc((size_t)n, sizeof *source);
    struct part_file *f = calloc((size_t)n, sizeof *f);
    int status = source && f ? 0 : fmt_no_memory(e), n_open = 0;
    file_allow_many();
    for (; n_open < n && !status; n_open++) {
        const struct readings *r = &source[n_open].readings;
        status = open_source(&source[n_open], path[n_open], e);
        f[n_open] = (struct part_file){path[n_open], r->header.part, &r->block.header, NULL, n_open, 0};
    }
    if (!status)
        status = check_job(d, job, f, n, e);
    for (int k = 0; k < n && !status; k++)
        if ((status = join_one(d, &source[f[k].i].readings, result, e)) != 0)
            fmt_prefix(e, f[k].path);
    for (int i = 0; i < n_open; i++) {
        readings_close(&source[i].readings);
        file_close(&source[i].file);
    }
    free(source);
    free(f);
    return status;
}
