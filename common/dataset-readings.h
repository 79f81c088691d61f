/* dataset-readings.h - the readings of a dataset's images in parts: what the processes of a job decoded, each its own
 * part of the list, and their join in place of dataset_read.
 *
 *   dataset_find(&d, ...);                                        in each process the same list
 *   dataset_read(&d, part_first(part, d.n_images), part_end(part, d.n_images), ..., result);
 *   dataset_readings_write(&d, &job, part, result, &io, e);
 *
 *   dataset_find(&d, ...);                                        once more, for the join
 *   dataset_readings_join(&d, &job, paths, n, result, e);
 *   dataset_note_results(&d, result, e);  dataset_check(&d, e);   as if one process had read all
 */
#ifndef DATASET_READINGS_H
#define DATASET_READINGS_H

#include "dataset.h"
#include "part.h"

/* The job that the parts are of: their identity follows from it and from the list. */
struct dataset_job {
    const char *version; /* of the tool */
    bool explain;        /* write which settings there were */
    bool as_stored;
    int64_t pixels_max;
    int bits; /* these two are written where they are not the default */
    bool fill;
};

/* Between dataset_read and dataset_note_results. */
int dataset_readings_write(const struct dataset *d, const struct dataset_job *job, struct part part,
                           const struct dataset_result *result, const struct fmt_writer *io, struct fmt_error *e);
/* Fills the images and result [n_images], which is zeroed before; the reasons are for dataset_note_results. Files in
 * any order. FMT_MISMATCH: they are of another list or job, or one is there twice; FMT_TRUNCATED: parts are missing.
 * Errors name the file. */
int dataset_readings_join(struct dataset *d, const struct dataset_job *job, const char *const *path, int n,
                          struct dataset_result *result, struct fmt_error *e);

#endif
