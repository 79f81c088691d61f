/* pca-page.c - components are found on tokens spread evenly over all rows; then the first rows are drawn. */
#include "pca-page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "feat.h"
#include "file.h"
#include "num.h"
#include "patch-pca.h"

struct source {
    struct file file;
    struct feat feat;
    struct feat_block block;
};

static int source_open(struct source *s, const char *path, struct fmt_error *e)
{
    *s = (struct source){.file = {.fd = -1}};
    int status = file_open_regular(&s->file, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&s->file);
    struct fmt_error why = {0};
    status = feat_open(&s->feat, &io, &why);
    if (status) {
        file_close(&s->file);
        return fmt_fail(e, why.status, "%.190s: %.200s", path, why.text);
    }
    const struct feat_header *h = &s->feat.header;
    if (h->kind != FEAT_PATCH || h->grid_h < 1 || (int64_t)h->grid_h * h->grid_w != h->n_tokens)
        status = fmt_fail(e, FMT_UNSUPPORTED,
                          "%.190s: not features of patches of images of one size (dino-extract --tokens patch)", path);
    return status;
}

static void source_close(struct source *s)
{
    feat_block_release(&s->block);
    feat_close(&s->feat);
    file_close(&s->file);
}

/* Every `each`-th token of all rows. x [n_most,dim]; *n: how many. */
static int sample(struct source *s, float *x, int64_t n_most, int64_t *n, struct fmt_error *e)
{
    int64_t dim = s->feat.header.dim, tokens = s->feat.header.n_tokens, at = 0;
    int64_t each = num_max(1, num_ceil_div(s->feat.block.n_records * tokens, n_most));
    *n = 0;
    for (int64_t b = 0; b < s->feat.block.n_blocks; b++) {
        int status = feat_read_block(&s->feat, b, &s->block, e);
        if (status)
            return status;
        for (int64_t t = 0; t < s->block.n_rows * tokens; t++, at++)
            if (at % each == 0 && *n < n_most)
                memcpy(x + (*n)++ * dim, s->block.x + t * dim, (size_t)dim * sizeof *x);
    }
    return 0;
}

static int fit(struct source *s, struct patch_pca *pca, int64_t *n_used, struct fmt_error *e)
{
    int64_t dim = s->feat.header.dim;
    int64_t n = num_min(patch_pca_tokens(dim), s->feat.block.n_records * s->feat.header.n_tokens);
    if (n == 0)
        return fmt_fail(e, FMT_INVALID, "no rows");
    float *x = calloc((size_t)n, (size_t)dim * sizeof *x);
    int status = x ? sample(s, x, n, n_used, e) : fmt_no_memory(e);
    if (!status)
        status = patch_pca_fit(pca, x, *n_used, dim, e);
    free(x);
    return status;
}

static void put_about(struct page *p, const struct source *s, const struct pca_page *what, const struct patch_pca *pca,
                      int64_t n_used)
{
    static const char *const color[PATCH_PCA_COMPONENTS] = {"red", "green", "blue"};
    const struct feat_header *h = &s->feat.header;
    char hex[DIGEST_HEX];
    digest_hex(h->weights, hex);
    fputs("<div class=\"about\">\n<dl>\n<dt>Features</dt>\n<dd>", p->out);
    page_text(p, "%s: %s of %d x %d patches, %d values each, weights %.12s", what->path,
              FMT_COUNT(s->feat.block.n_records, "photograph", "photographs"), h->grid_h, h->grid_w, h->dim, hex);
    fputs("</dd>\n<dt>Seen</dt>\n<dd>", p->out);
    for (int i = 0; i < h->recipe.n; i++)
        if (strcmp(h->recipe.item[i].name, "resize") == 0 || strcmp(h->recipe.item[i].name, "size") == 0 ||
            strcmp(h->recipe.item[i].name, "fit") == 0)
            page_text(p, "%s %s; ", h->recipe.item[i].name, h->recipe.item[i].value);
    page_text(p, "a map covers what the network saw of a photograph");
    fputs("</dd>\n</dl>\n</div>\n", p->out);
    page_section(p, "components", "Components");
    page_paragraph(p, "Patches that the network takes for alike have one colour, in all pictures. The components are "
                   "of %s; each colour goes from the 1st to the 99th percentile of its component.",
                   FMT_COUNT(n_used, "patch", "patches"));
    page_table(p, "Main components of the features of patches",
               (const char *[]){"component", "colour", "#share of the variance", NULL});
    for (int k = 0; k < PATCH_PCA_COMPONENTS; k++) {
        page_cell(p, "%d", k + 1);
        page_cell(p, "%s", color[k]);
        page_number(p, "%.1f %%", pca->total > 0 ? 100 * pca->variance[k] / pca->total : 0);
        page_row_end(p);
    }
    page_table_end(p);
}

static int put_row(struct page *p, const struct pca_page *what, const struct patch_pca *pca, const struct source *s,
                   const struct feat_row *row, struct image *im, struct fmt_error *e)
{
    const struct feat_header *h = &s->feat.header;
    char alt[400];
    int status = patch_pca_image(pca, row->x, h->grid_h, h->grid_w, im, e);
    if (status)
        return status;
    fputs("<figure>\n<div class=\"pair\">\n", p->out);
    if (pictures_have_photographs(what->pictures)) {
        snprintf(alt, sizeof alt, "photograph %.200s", row->labels.key);
        pictures_photograph(what->pictures, p->out, row->labels.key, PICTURES_SIDE, alt);
    }
    snprintf(alt, sizeof alt, "components of photograph %.200s as colours", row->labels.key);
    pictures_pixels(what->pictures, p->out, im, alt);
    fputs("</div>\n<figcaption>", p->out);
    page_text(p, "%s", row->labels.key);
    if (row->labels.label >= 0)
        page_text(p, ", labelled %s", h->class_name[row->labels.label]);
    fputs("</figcaption>\n</figure>\n", p->out);
    return 0;
}

static int put_maps(struct page *p, const struct pca_page *what, const struct patch_pca *pca, struct source *s,
                    struct fmt_error *e)
{
    int64_t all = s->feat.block.n_records, n = num_min(what->n_shown_max, all), at = 0;
    struct image im = {0};
    int status = 0;
    page_section(p, "maps", "Maps");
    page_paragraph(p, "%" PRId64 " of %s, spread evenly.", n, FMT_COUNT(all, "photograph", "photographs"));
    fputs("<div class=\"maps\">\n", p->out);
    for (int64_t b = 0; b < s->feat.block.n_blocks && !status; b++) {
        status = feat_read_block(&s->feat, b, &s->block, e);
        for (int32_t i = 0; i < s->block.n_rows && !status; i++, at++) {
            if (at * n / all == (at + 1) * n / all) /* the last of each n-th part is shown */
                continue;
            struct feat_row row = feat_block_row(&s->feat, &s->block, i);
            status = put_row(p, what, pca, s, &row, &im, e);
        }
    }
    fputs("</div>\n", p->out);
    image_release(&im);
    return status;
}

int pca_page(struct page *p, const struct pca_page *what, struct fmt_error *e)
{
    struct source s;
    struct patch_pca pca = {0};
    struct fmt_error why = {0};
    int64_t n_used = 0;
    int status = source_open(&s, what->path, e);
    if (status)
        return status;
    status = fit(&s, &pca, &n_used, &why);
    if (!status)
        put_about(p, &s, what, &pca, n_used);
    if (!status)
        status = put_maps(p, what, &pca, &s, &why);
    if (status)
        fmt_fail(e, why.status, "%.190s: %.200s", what->path, why.text);
    patch_pca_release(&pca);
    source_close(&s);
    return status;
}
