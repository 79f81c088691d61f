/* featgen - draws features for tests: clusters of classes, groups of shots, written as dino-extract would.
 * usage: featgen [-c CLASSES] [-g GROUPS] [-s SHOTS] [-d DIM] [-n NOISE] [--first G] [--mixed] [--seed N] [--weights
 * N]
 *                [--unlabelled] [--scale X] [--first-column X] [--cameras N] [--shift X] -o FILE    tests only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feat.h"
#include "file.h"
#include "msg.h"
#include "opt.h"
#include "rng.h"

static int64_t n_classes = 2, n_groups = 30, n_shots = 3, dim = 16, first_group, seed, weights = 1;
static int64_t only = -1, resize = -1, content_is;
static double noise = 1.0, scale = 1.0, first_column = 1.0, shift;
static int64_t n_cameras, shifted_camera = -1;
static bool mixed, unlabelled;
static const char *output, *precision;
static const struct opt options[] = {
    OPT_COUNT('c', "classes", &n_classes, 1, 1000, "N", "classes [2]"),
    OPT_COUNT('g', "groups", &n_groups, 1, 10000000, "N", "groups [30]"),
    OPT_COUNT('s', "shots", &n_shots, 1, 100, "N", "shots of a group [3]"),
    OPT_COUNT('d', "dim", &dim, 1, 100000, "N", "values of a row [16]"),
    OPT_REAL('n', "noise", &noise, 0, 1e6, "X", "deviation within a class [1]"),
    OPT_COUNT(0, "first", &first_group, 0, 1e9, "N", "number of the first group [0]"),
    OPT_COUNT(0, "only", &only, 0, 999, "N", "rows of this class only, and no other class in the header [all]"),
    OPT_FLAG(0, "mixed", &mixed, "a shot of every fifth group has another label"),
    OPT_FLAG(0, "unlabelled", &unlabelled, "no labels"),
    OPT_COUNT(0, "weights", &weights, 0, 255, "N", "first byte of the weights' hash [1]"),
    OPT_COUNT(0, "content", &content_is, 1, 255, "N", "all rows are of one image [each of its own]"),
    OPT_COUNT(0, "resize", &resize, 0, 65535, "N", "an item of the recipe [no recipe]"),
    OPT_STRING(0, "precision", &precision, "NAME", "another item [none]"),
    OPT_REAL(0, "scale", &scale, 0, 1e38, "X", "values are multiplied by this [1]"),
    OPT_REAL(0, "first-column", &first_column, 0, 1e38, "X", "and those of the first column by this [1]"),
    OPT_COUNT(0, "cameras", &n_cameras, 1, 1000, "N", "groups have cameras 0 .. N - 1 in turn, as a key [no key]"),
    OPT_REAL(0, "shift", &shift, 0, 1e6, "X", "X is added to the first columns, a quarter of all [0]"),
    OPT_COUNT(0, "shifted-camera", &shifted_camera, 0, 1000, "N", "but only where this is the camera [all]"),
    OPT_STRING('o', "output", &output, "FILE", "features"),
    OPT_SEED(&seed),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {"featgen", "", "Draw features for tests.", options, NULL};

/* Centres depend only on the class, so that files of several calls belong together. */
static void draw(int64_t group, int64_t shot, int32_t label, float *x)
{
    struct rng centre = rng_stream(99, (uint64_t)label, 0, RNG_TEST);
    struct rng own = rng_stream((uint64_t)seed, (uint64_t)(group + first_group), 0, RNG_TEST);
    struct rng r = rng_stream((uint64_t)seed, (uint64_t)(group + first_group), (uint64_t)shot + 1, RNG_TEST);
    for (int64_t j = 0; j < dim; j++)
        x[j] = (float)(scale * (0.5 * rng_normal(&centre) + noise * (0.5 * rng_normal(&own) + 0.7 * rng_normal(&r))));
    bool shifted = shifted_camera < 0 || (n_cameras && group % n_cameras == shifted_camera);
    for (int64_t j = 0; j < (dim + 3) / 4 && shifted; j++)
        x[j] += (float)shift;
    x[0] = (float)(first_column * (double)x[0]);
}

int main(int argc, char **argv)
{
    struct fmt_error e = {0};
    opt_parse(&tool, argc, argv);
    if (!output)
        msg_usage("-o FILE is needed");
    char names[1000][16], *class_name[1000];
    for (int c = 0; c < n_classes; c++) {
        snprintf(names[c], sizeof names[c], n_classes == 2 ? (c ? "positive" : "negative") : "class%d", c);
        class_name[c] = names[c];
    }
    struct feat_header h = {.kind = FEAT_CLS,
                            .dim = (int32_t)dim,
                            .n_tokens = 1,
                            .grid_h = 16,
                            .grid_w = 16,
                            .image_h = 224,
                            .image_w = 224,
                            .n_layers = 1,
                            .normalised = true,
                            .class_name = class_name,
                            .n_classes = (int)n_classes};
    if (only >= 0 && only < n_classes) {
        h.class_name = &class_name[only];
        h.n_classes = 1;
    }
    h.weights[0] = (uint8_t)weights;
    struct file_out f;
    struct feat_writer w;
    struct provenance p;
    if (resize >= 0 && recipe_add_int(&h.recipe, "resize", resize, &e))
        msg_die("%s", e.text);
    if (precision && recipe_add(&h.recipe, RECIPE_PRECISION, precision, &e))
        msg_die("%s", e.text);
    provenance_init(&p, "featgen", "0", false);
    provenance_int(&p, "seed", seed);
    provenance_int(&p, "first", first_group);
    if (shift > 0)
        provenance_real(&p, "shift", shift);
    if (only >= 0)
        provenance_int(&p, "only", only);
    if (file_create(&f, output, &e))
        msg_die("%s", e.text);
    struct fmt_writer io = file_writer(&f);
    int status = feat_create(&w, &io, &h, &p, &e);
    float *x = malloc((size_t)dim * sizeof *x);
    for (int64_t g = 0; !status && g < n_groups; g++)
        for (int64_t s = 0; !status && s < n_shots; s++) {
            char key[96], group[32], extra[40] = "";
            uint8_t content[DIGEST_BYTES];
            int64_t odd = mixed && g % 5 == 0 && s == 0;
            int32_t label = (int32_t)((g + odd) % n_classes);
            if (only >= 0 && label != only)
                continue;
            snprintf(group, sizeof group, "g%05lld", (long long)(g + first_group));
            snprintf(key, sizeof key, "%s/%s-%lld.jpeg", group, group, (long long)s);
            if (n_cameras)
                snprintf(extra, sizeof extra, "{\"camera\":%lld}", (long long)(g % n_cameras));
            int32_t number = unlabelled ? -1 : only >= 0 ? 0 : label;
            struct feat_row row = {{key, "", group, extra, number, (int32_t)s}, x, content};
            digest_of(key, content_is ? 0 : strlen(key), content);
            content[0] = content_is ? (uint8_t)content_is : content[0];
            draw(g, s, label, x);
            status = feat_add(&w, &row, &e);
        }
    if (status || feat_finish(&w, &e) || file_commit(&f, &e))
        msg_die("%s", e.text);
    provenance_release(&p);
    recipe_release(&h.recipe);
    free(x);
    return msg_finish(EXIT_DONE);
}
