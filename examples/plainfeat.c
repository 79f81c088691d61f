/* plainfeat - the simplest features: mean and standard deviation of red, green and blue of each image. A network is
 * worth what it adds to them. usage: plainfeat -o FILE SHARD... */
#include <math.h>

#include "feat.h"
#include "file.h"
#include "image-decode.h"
#include "image.h"
#include "msg.h"
#include "opt.h"
#include "shard-set.h"
#include "version.h"

static const char *output;
static bool provenance = true;
static const struct opt options[] = {OPT_STRING('o', "output", &output, "FILE", "write the features to FILE"),
                                     OPT_NO_PROVENANCE(&provenance), OPT_COMMON, OPT_END};
static const struct opt_tool tool = {"plainfeat", "-o FILE SHARD...",
                                     "Mean and deviation of the colours of pictures, as features.", options, NULL};

/* x [6]: the means, then the deviations, of values between 0 and 1. Sums are of integers, so they are exact. */
static void compute_features(const struct image *im, float *x)
{
    int64_t n = (int64_t)im->width * im->height;
    for (int c = 0; c < 3; c++) {
        int64_t sum = 0, squares = 0;
        const uint8_t *p = im->pixels + (im->components == 3 ? c : 0);
        for (int64_t i = 0; i < n; i++) {
            int64_t v = p[i * im->components];
            sum += v;
            squares += v * v;
        }
        double mean = (double)sum / (double)n, variance = (double)squares / (double)n - mean * mean;
        x[c] = (float)(mean / 255);
        x[3 + c] = (float)(sqrt(fmax(variance, 0)) / 255);
    }
}

static void add_rows(const struct shard_set *set, struct feat_writer *w)
{
    struct fmt_error e = {0};
    struct block_buffer buffer = {0};
    struct image im = {0};
    for (int64_t i = 0; i < set->n_images; i++) {
        struct shard_image s;
        float x[6];
        if (shard_set_read(set, i, &buffer, &s, &e))
            msg_die("%s", e.text);
        if (image_decode(&s, true, &im, NULL, &e))
            msg_die("%s: %s", s.labels.key, e.text);
        compute_features(&im, x);
        struct feat_row row = {s.labels, x, s.sha256};
        if (feat_add(w, &row, &e))
            msg_die("%s: %s", output, e.text);
    }
    image_release(&im);
    block_buffer_release(&buffer);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    struct shard_set set;
    struct file_out f;
    struct feat_writer w;
    struct provenance p;
    file_on_signal();
    if (!output || first == argc)
        msg_usage("-o FILE and shards are needed");
    if (shard_set_open(&set, (const char *const *)argv + first, argc - first, &e))
        msg_die("%s", e.text);
    struct feat_header h = {
        .kind = FEAT_CLS, .dim = 6, .n_tokens = 1, .class_name = set.class_name, .n_classes = set.n_classes};
    if (shard_set_recipe(&set, &h.recipe, &e) ||
        recipe_add(&h.recipe, "values", "mean and deviation of each colour", &e))
        msg_die("%s", e.text);
    provenance_init(&p, "plainfeat", DINOTOOLS_VERSION, provenance);
    for (int i = 0; i < set.n_sets; i++)
        provenance_input_nested(&p, "shards", set.identity[i], shard_set_provenance(&set, i));
    if (file_create_binary(&f, output, &e))
        msg_die("%s", e.text);
    struct fmt_writer io = file_writer(&f);
    if (feat_create(&w, &io, &h, &p, &e))
        msg_die("%s: %s", output, e.text);
    add_rows(&set, &w);
    if (file_finish(&f, feat_finish(&w, &e), &e))
        msg_die("%s", e.text);
    provenance_release(&p);
    recipe_release(&h.recipe);
    shard_set_close(&set);
    return msg_finish(EXIT_DONE);
}
