/* patch-pca.h - the three main components of patch features as red, green and blue: what the network sees as alike has
 * one colour, in all pictures of a set (Oquab et al. 2023, "DINOv2", figure 1, without its masks of the foreground).
 *
 *   struct patch_pca p;
 *   patch_pca_fit(&p, x, n, dim, e);                      x [n,dim]: tokens, or a sample of them
 *   patch_pca_image(&p, tokens, grid_h, grid_w, &im, e);  one pixel a patch
 *   patch_pca_release(&p);
 *
 * x = mean + sum over components of (x - mean).axis axis. Components are in descending order of their variance; of each
 * the entry of largest magnitude is positive (of equal ones the first), so that the same input gives the same pictures.
 * A colour goes from 0 at the 1st percentile of a component over x to 255 at the 99th; a component without variance is
 * grey, 128.
 */
#ifndef PATCH_PCA_H
#define PATCH_PCA_H

#include <stdint.h>

#include "fmt.h"
#include "image.h"

enum { PATCH_PCA_COMPONENTS = 3 };

struct patch_pca {
    int64_t dim;
    double *mean; /* [dim] */
    double *axis; /* [PATCH_PCA_COMPONENTS,dim] unit length; zeros: there is no such component */
    double variance[PATCH_PCA_COMPONENTS], total; /* total: of all components */
    double low[PATCH_PCA_COMPONENTS], high[PATCH_PCA_COMPONENTS];
};

/* How many tokens a fit should have at most, for about a second of work. */
int64_t patch_pca_tokens(int64_t dim);
/* FMT_NONFINITE: a value is not finite. */
int patch_pca_fit(struct patch_pca *p, const float *x, int64_t n, int64_t dim, struct fmt_error *e);
int patch_pca_image(const struct patch_pca *p, const float *tokens, int grid_h, int grid_w, struct image *im,
                    struct fmt_error *e);
void patch_pca_release(struct patch_pca *p);

#endif
