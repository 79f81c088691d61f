/* dataset-catalogue.h - the images of a dataset that can be used, as a catalogue (index.h). */
#ifndef DATASET_CATALOGUE_H
#define DATASET_CATALOGUE_H

#include "dataset.h"
#include "index.h"

/* A digest of all that the catalogue says of the dataset, with the digests of contents. */
int dataset_identity(const struct dataset *d, uint8_t out[DIGEST_BYTES], struct fmt_error *e);
/* Adds classes and images to x, whose root is set by the caller. */
int dataset_catalogue(const struct dataset *d, struct index *x, struct fmt_error *e);

#endif
