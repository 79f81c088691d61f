/* pca-page.h - maps of patch features: three main components as red, green and blue, beside the photographs. */
#ifndef PCA_PAGE_H
#define PCA_PAGE_H

#include "page.h"
#include "pictures.h"

struct pca_page {
    const char *path; /* features of kind patch */
    int64_t n_shown_max;
    struct pictures *pictures;
};

/* FMT_UNSUPPORTED: features that are not of patches. */
int pca_page(struct page *p, const struct pca_page *what, struct fmt_error *e);

#endif
