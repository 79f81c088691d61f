/* dino-extract - images and weights -> features. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "disk-space.h"
#include "extract-network.h"
#include "extract.h"
#include "feature-run.h"
#include "file.h"
#include "image-info.h"
#include "image-set.h"
#include "input-guard.h"
#include "job-part.h"
#include "json-report.h"
#include "launcher.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "precision-check.h"
#include "progress.h"
#include "teacher-name.h"
#include "version.h"
#include "weights.h"

static const char *weights_path, *config_path, *model, *output = "-";
static const char *tokens = "cls", *layers, *fit = "resize", *net = "teacher", *tiles, *regions_path;
static const char *device_name = "auto", *precision_text = "f32", *part_option, *reference_path;
static int64_t resize = -1, size = -1, overlap, bits, n_jobs, n_check; /* -1: as published */
static const char *truncated = "refuse";
static struct extract_regions regions;
static struct part part;
enum { REGIONS_FILE_MAX = 1 << 16 }; /* bytes */
static bool null_names, no_norm, unit, as_stored, keep_going, force, json, provenance = true;

static const struct opt options[] = {
    OPT_PATH('w', "weights", &weights_path, "FILE",
             "safetensors, .pth, a checkpoint; a folder of Hugging Face's or of a run"),
    OPT_PATH('o', "output", &output, "FILE", "write the features to FILE [-]"),
    OPT_CHOICE(0, "tokens", &tokens, "cls|mean|cls+mean|patch|head",
               "class token, mean of the patches, both, all patches, or the head's output [cls]"),
    OPT_STRING(0, "layers", &layers, "LIST", "N: the last N blocks; A,B: these, counted from 0; A,: this one [1]"),
    OPT_FLAG(0, "no-norm", &no_norm, "outputs of blocks as they are, without the final norm"),
    OPT_FLAG(0, "unit", &unit, "bring each token to unit length"),
    OPT_COUNT(0, "resize", &resize, 0, 65535, "N", "pixels of the shorter side; 0: as it is [256]"),
    OPT_COUNT(0, "size", &size, 0, 65535, "N", "then the square of N pixels in the middle; 0: the whole image [224]"),
    OPT_CHOICE(0, "fit", &fit, "resize|crop|pad|squeeze",
               "what is done to sizes that are no multiple of the patch; squeeze: all of it into the square [resize]"),
    OPT_STRING(0, "tiles", &tiles, "SIDE[:OVERLAP]",
               "a row for each square of SIDE pixels, which overlap by OVERLAP; --resize is 0 unless given "
               "[an eighth of SIDE]"),
    OPT_PATH(0, "regions", &regions_path, "FILE", "a row for each region; lines of NAME X Y WIDTH HEIGHT, and VIEW"),
    OPT_FLAG(0, "as-stored", &as_stored, "pixels as stored: EXIF orientation is not applied"),
    OPT_BITS(&bits),
    OPT_TRUNCATED(&truncated),
    OPT_CHOICE(0, "net", &net, "teacher|student", "the network of weights that hold both [teacher]"),
    OPT_STRING(0, "model", &model, "NAME", "a published model, dinov2_vit{s,b,l,g}14[_reg] [as deduced]"),
    OPT_PATH('c', "config", &config_path, "FILE", "settings of the run that made the weights [as deduced]"),
    OPT_FLAG('0', "null", &null_names, "names on standard input end with a zero byte"),
    OPT_STRING(0, "part", &part_option, "I/N", "only part I of N of the images; slurm: of this task of an array [all]"),
    OPT_FLAG('k', "keep-going", &keep_going, "leave out images that cannot be decoded; exit 3"),
    OPT_FLAG('f', "force", &force, "write more than the free disk space"),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_CHOICE(0, "precision", &precision_text, "f32|bf16|int8|auto",
               "what products are computed in; auto: bf16 where the processor is faster with it, int8 with weights "
               "that are quantised [f32]"),
    OPT_COUNT(0, "check", &n_check, 0, PRECISION_CHECK_MAX, "N",
              "compare N images in this precision with float32 first; exit 6 if they differ too much [0]"),
    OPT_PATH(0, "reference", &reference_path, "FILE", "weights in float32 that --check compares quantised ones with"),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-extract", "-w WEIGHTS SHARD... | PICTURE... | -",
    "Compute features of images from shards, JPEG, PNG or TIFF files, or names on standard input.", options, NULL};

/* ------------------------------------------------------------------ the network */
/* --net is without effect on a file of one network, which is that one, whichever was asked for. */
static void note_unused_net(void)
{
    static const void *const of_both[] = {&net, NULL};
    opt_unused(&tool, of_both, "the weights are one network");
}

static void open_weights(struct weights *w, const char *path, const struct config *settings)
{
    struct fmt_error e = {0};
    struct weights_hint hint = {.role = strcmp(net, "student") == 0 ? WEIGHTS_STUDENT : WEIGHTS_TEACHER,
                                .model = model, .config = config_path ? settings : NULL};
    msg_check(weights_open(w, path, &hint, &e), &e);
    if (w->role_unnamed)
        note_unused_net();
    if (*w->warning)
        msg_warn("%s", w->warning);
}

/* Quantised weights have no other precision than int8, and nothing in float32 to be compared with. */
static void choose_precision(struct extract_network *n, const struct weights *w, const struct device *device)
{
    static const void *const of_quantized[] = {&reference_path, NULL};
    struct fmt_error e = {0};
    if (!w->quantized || n_check == 0)
        opt_unused(&tool, of_quantized, w->quantized ? "nothing is compared without --check"
                                                     : "the weights themselves are in float32");
    if (!w->quantized)
        return;
    if (n_check > 0 && !reference_path)
        msg_usage("--check of quantised weights needs --reference, the weights in float32");
    if (strcmp(precision_text, "int8") != 0 && strcmp(precision_text, "auto") != 0)
        msg_die("%s: quantised to int8: --precision int8 or auto, not %s", w->path, precision_text);
    if (precision_choose(device->backend, "int8", &n->precision, &e))
        msg_die("%s: quantised to int8: %s", w->path, e.text);
}

static void check_loaded(int status, const struct weights *w, const struct fmt_error *e)
{
    if (!status)
        return;
    for (int64_t i = 0; i < w->n_problems; i++)
        msg_error("%s: %s", w->path, w->problem[i]);
    msg_die("%s", e->text);
}

static void load_reference(struct extract_network *n, const struct weights *w, const struct config *settings,
                           const struct device *device)
{
    struct fmt_error e = {0};
    struct weights exact;
    open_weights(&exact, reference_path, settings);
    check_loaded(extract_network_load_reference(n, &exact, w, device, &e), &exact, &e);
    weights_close(&exact);
}

static void note_loaded(const struct extract_network *n, const struct weights *w)
{
    char unused[WEIGHTS_UNUSED_TEXT_MAX];
    msg_note("Loaded pretrained weights from %s: %s loaded, %" PRId64 " new%s; %s%s%s%s", w->path,
             FMT_COUNT(w->n_loaded, "tensor", "tensors"), w->n_new, weights_unused_text(w, unused), n->text,
             weights_deduced_text(w), *w->choice ? "; " : "", w->choice);
}

/* -w: of the folder of a run its newest teacher, for free(). */
static char *weights_file(void)
{
    struct fmt_error e = {0};
    char *path;
    int64_t iteration;
    msg_check(teacher_newest(weights_path, &path, &iteration, &e), &e);
    if (path)
        msg_note("%s: the newest teacher of the run is that of iteration %" PRId64, weights_path, iteration);
    return path ? path : strdup(weights_path);
}

static void load_network(struct extract_network *n, const struct device *device)
{
    struct fmt_error e = {0};
    char *path = weights_file();
    struct weights w;
    struct config settings;
    config_init(&settings);
    if (config_path && config_load(&settings, config_path, &e))
        opt_fail(&e);
    if (!path)
        msg_die("out of memory");
    open_weights(&w, path, &settings);
    choose_precision(n, &w, device);
    n->with_head = strcmp(tokens, "head") == 0;
    if (n->with_head && !w.has_dino_head)
        msg_die("%s: holds no projection head (--tokens head)", path);
    check_loaded(extract_network_load(n, &w, device, &e), &w, &e);
    if (n_check > 0 && w.quantized)
        load_reference(n, &w, &settings, device);
    note_loaded(n, &w);
    weights_close(&w);
    config_release(&settings);
    free(path);
    msg_check(extract_network_pack(n, device, &e), &e);
    if (n->precision == PRECISION_INT8)
        msg_note("%s", n->products);
}

/* ------------------------------------------------------------------ the run */
static void open_run(struct feature_run *r, struct extract *x, const struct image_set *images)
{
    struct fmt_error e = {0};
    *r = (struct feature_run){.images = images, .extract = x, .as_stored = as_stored, .keep_going = keep_going,
                              .left_out = msg_error};
    msg_check(feature_run_open(r, part, &e), &e);
    if (part.n > 0)
        msg_note("part %d of %d: %s of %" PRId64, part.i, part.n, FMT_COUNT(r->n, "image", "images"), images->n);
}

static void make_recipe(const struct extract *x, const struct image_set *images, struct recipe *r)
{
    struct fmt_error e = {0};
    const char *without = shard_set_without_recipe(&images->shards);
    if (image_set_recipe(images, r, &e) || extract_recipe(x, r, &e))
        msg_die("%s", e.text);
    if (without)
        msg_warn("%s: does not say what bbu-pack did to its photographs (--short-side, --quality): the features will "
                 "not say it either", without);
}

static void complete_header(struct feature_run *r, const struct extract_network *n)
{
    struct fmt_error e = {0};
    memcpy(r->header.weights, n->hash, DIGEST_BYTES);
    r->header.class_name = r->images->shards.class_name;
    r->header.n_classes = r->images->shards.n_classes;
    make_recipe(r->extract, r->images, &r->header.recipe);
    msg_check(feature_run_shape(r, &e), &e);
}

/* Before the first image goes through the network: all patches of many images are a large file. */
static void check_disk_space(const struct feature_run *r)
{
    enum { LABEL_BYTES = 128 }; /* of a row, about */
    struct fmt_error e = {0};
    char text[32];
    double row = (double)feat_width(&r->header) * sizeof(float) + LABEL_BYTES;
    int64_t n_rows = r->n * num_max(1, r->rows_per_image);
    double bytes = row * (double)n_rows;
    (r->header.kind == FEAT_PATCH ? msg_note : msg_more)("%s of %s %s going to be written: %s",
                                                         FMT_COUNT(n_rows, "row", "rows"),
                                                         FMT_COUNT(feat_width(&r->header), "value", "values"),
                                                         n_rows == 1 ? "is" : "are",
                                                         num_bytes_text(bytes, text));
    if (disk_space_check(output, bytes, &e) == 0)
        return;
    if (!force)
        msg_die("%s (-f writes them anyway)", e.text);
    msg_warn("%s", e.text);
}

enum { LIST_MAX = 4 * VIT_DEPTH_MAX }; /* "63," and a little */

/* In the form of the option: "10,11"; a single block is "11,", because "11" means the last eleven. */
static void list_layers(const struct extract_network *n, const struct extract *x, char list[LIST_MAX])
{
    list[0] = 0;
    for (int64_t i = 0, at = 0; i < n->vit.config.depth; i++)
        if (x->settings.layers >> i & 1)
            at += snprintf(list + at, LIST_MAX - (size_t)at, "%s%" PRId64, at ? "," : "", i);
    if (!strchr(list, ','))
        strncat(list, ",", LIST_MAX - strlen(list) - 1);
}

/* "2" means two blocks, "2," one block: a note lists the blocks that are used. */
static void note_layers(const struct extract_network *n, const struct extract *x)
{
    char list[LIST_MAX];
    list_layers(n, x, list);
    if (layers)
        msg_note("--layers %s: of blocks 0 to %" PRId64 " these: %s", layers, n->vit.config.depth - 1, list);
}

static void make_provenance(struct provenance *p, const struct extract_network *n, const struct feature_run *r,
                            struct image_set *images, struct thread_pool *pool)
{
    struct fmt_error e = {0};
    char list[LIST_MAX];
    list_layers(n, r->extract, list);
    provenance_init(p, "dino-extract", DINOTOOLS_VERSION, provenance);
    provenance_text(p, "network", n->text);
    provenance_text(p, "tokens", tokens);
    provenance_text(p, "layers", list);
    provenance_flag(p, "norm", !no_norm);
    provenance_flag(p, "unit", unit);
    provenance_int(p, "resize", resize);
    provenance_int(p, "size", size);
    provenance_text(p, "fit", recipe_find(&r->header.recipe, "fit"));
    provenance_flag(p, "as_stored", as_stored);
    if (bits)
        provenance_int(p, "bits", bits);
    if (strcmp(truncated, "fill") == 0)
        provenance_text(p, "truncated", truncated);
    provenance_flag(p, "keep_going", keep_going);
    if (n->precision != PRECISION_F32) /* without it: float32, as in files of earlier versions */
        provenance_text(p, "precision", precision_name(n->precision));
    provenance_text(p, "mean", recipe_find(&r->header.recipe, "mean"));
    provenance_text(p, "std", recipe_find(&r->header.recipe, "std"));
    provenance_input(p, "weights", n->hash);
    msg_check(image_set_inputs(images, pool, p, &e), &e);
}

/* ------------------------------------------------------------------ the check of the precision */
struct check {
    struct feature_run *run;
    struct progress progress;
    int64_t n; /* images, evenly spread over all */
    struct precision_check result;
};

/* The image in the middle of each of n equal parts. */
static int64_t checked_image(const struct check *c, int64_t i)
{
    return (2 * i + 1) * c->run->n / (2 * c->n);
}

static int read_checked(void *arg, int64_t i, int slot, int worker, struct extract_image *image, struct fmt_error *e)
{
    const struct check *c = arg;
    return feature_run_read(c->run, checked_image(c, i), slot, worker, image, e);
}

static void show_checked(void *arg, int64_t n_done)
{
    struct check *c = arg;
    progress_step(&c->progress, n_done);
}

/* Compares before the work begins. False: there is nothing to compare with. */
static bool check_precision(struct check *c, struct feature_run *r, const struct device *device)
{
    static const void *const of_check[] = {&n_check, NULL};
    struct fmt_error e = {0};
    const struct extract *x = r->extract;
    if (n_check == 0 || r->n == 0)
        return false;
    if (x->model.precision == PRECISION_F32) {
        opt_unused(&tool, of_check, "the features are computed in float32");
        return false;
    }
    *c = (struct check){.run = r, .n = num_min(n_check, r->n)};
    struct precision_check_job job = {.arg = c, .n = c->n, .read = read_checked, .step = show_checked};
    progress_begin(&c->progress, "check", "image", "images", c->n);
    if (precision_check_run(&c->result, device, &x->model, &x->settings, &job, &e))
        msg_die("--check: %s", e.text);
    progress_end(&c->progress);
    precision_check_tell(&c->result, msg_note, msg_warn);
    return true;
}

/* ------------------------------------------------------------------ the report */
/* check NULL: there was none */
static void report(const struct feature_run *r, const struct extract_network *n, const struct check *check)
{
    double cropped = r->n_done > 0 ? r->cropped / (double)r->n_done : 0;
    char hex[DIGEST_HEX], part_name[PART_TEXT];
    digest_hex(n->hash, hex);
    if (cropped > 0 && !regions_path) /* what regions leave out is meant */
        msg_note("%.1f %% of the images' area was cut away (--resize %" PRId64 " --size %" PRId64 " --fit %s): nothing "
                 "is seen there; --size 0 takes all", 100 * cropped, resize, size, fit);
    if (r->n_filled > 0)
        msg_warn("%s cut short: what is missing is grey; of the worst %d %% of the rows came",
                 FMT_COUNT(r->n_filled, "image was", "images were"), r->least_percent);
    if (r->n_damaged > 0)
        msg_warn("%s; signs of damage in %s: look at %s", r->damage, FMT_COUNT(r->n_damaged, "image", "images"),
                 r->n_damaged == 1 ? "it" : "them");
    if (r->sample_max && !bits && r->sample_max < IMAGE_DARK_BELOW)
        msg_warn("no sample of 16 bits is larger than %d: the photographs were almost black; --bits says how many bits "
                 "are significant", r->sample_max);
    if (r->n_skipped > 0)
        msg_note("%" PRId64 " of %s %s left out", r->n_skipped, FMT_COUNT(r->n, "image", "images"),
                 r->n_skipped == 1 ? "was" : "were");
    if (!json)
        return;
    struct cJSON *o = json_report_begin("extract");
    if (part.n > 0)
        json_report_text(o, "part", part_text(part, part_name));
    json_report_int(o, "images", r->n_done);
    if (extract_has_parts(&r->extract->settings))
        json_report_int(o, "rows", r->n_rows);
    json_report_int(o, "skipped", r->n_skipped);
    if (r->n_filled > 0) {
        json_report_int(o, "filled", r->n_filled);
        json_report_int(o, "filled_least_percent", r->least_percent);
    }
    json_report_int(o, "values", feat_width(&r->header));
    if (o)
        cJSON_AddNumberToObject(o, "cut_away", cropped);
    json_report_text(o, "weights", hex);
    json_report_text(o, "network", n->text);
    json_report_text(o, "precision", precision_name(n->precision));
    if (n->precision == PRECISION_INT8)
        json_report_text(o, "products", n->products);
    if (check)
        precision_check_json(&check->result, json_report_object(o, "check"));
    if (json_report_end(o))
        msg_die("out of memory");
}

/* ------------------------------------------------------------------ options */
static enum extract_fit fit_of_options(void)
{
    return tiles                          ? EXTRACT_TILES
           : strcmp(fit, "crop") == 0    ? EXTRACT_CROP
           : strcmp(fit, "pad") == 0     ? EXTRACT_PAD
           : strcmp(fit, "squeeze") == 0 ? EXTRACT_SQUEEZE
                                         : EXTRACT_RESIZE;
}

static struct extract_settings settings_of(const struct extract_network *n)
{
    struct fmt_error e = {0};
    struct extract_settings s = {.resize = resize, .size = size, .as_stored = as_stored, .no_norm = no_norm,
                                 .unit_length = unit};
    if (!feat_kind_parse(tokens, &s.kind))
        msg_bug("a kind of tokens that the option knows and features do not");
    s.fit = fit_of_options();
    if (s.fit == EXTRACT_SQUEEZE)
        s.resize = 0;
    s.overlap = overlap;
    s.regions = regions;
    if (layers && extract_parse_layers(layers, n->vit.config.depth, &s.layers, &e))
        msg_usage("--%s", e.text);
    return s;
}

/* Sizes that were not given are those of the published evaluation; tiles are of the photograph as it is. */
static void set_sizes(void)
{
    struct fmt_error e = {0};
    struct extract_settings published = extract_published_settings();
    if (tiles && size >= 0)
        msg_usage("--tiles and --size exclude each other");
    if (tiles && strcmp(fit, "resize") != 0)
        msg_usage("--tiles and --fit exclude each other");
    if (strcmp(fit, "squeeze") == 0 && size == 0)
        msg_usage("--fit squeeze needs a --size to squeeze pictures to");
    if (tiles && extract_tiles_parse(tiles, &size, &overlap, &e))
        msg_usage("--%s", e.text);
    if (resize < 0)
        resize = tiles ? 0 : published.resize;
    if (size < 0)
        size = published.size;
}

static void read_regions(void)
{
    struct fmt_error e = {0};
    uint8_t *text = NULL;
    size_t bytes;
    if (!regions_path)
        return;
    msg_check(file_load(regions_path, REGIONS_FILE_MAX, &text, &bytes, &e), &e);
    msg_check_of(regions_path, extract_regions_parse((const char *)text, bytes, &regions, &e), &e);
    free(text);
}

static void check_usage(int n_operands, char **operand)
{
    struct fmt_error e = {0};
    uint64_t any;
    bool names = false;
    for (int i = 0; i < n_operands; i++)
        names = names || strcmp(operand[i], "-") == 0;
    if (!weights_path)
        msg_usage("-w WEIGHTS is missing");
    if (n_operands == 0)
        msg_usage("nothing to extract from: name shards, images, or - for names on standard input");
    if (model && config_path)
        msg_usage("--model and --config exclude each other");
    if (model && weights_check_model(model, &e))
        msg_usage("--model: %s", e.text);
    if (layers && extract_parse_layers(layers, VIT_DEPTH_MAX, &any, &e))
        msg_usage("--%s", e.text);
    if (null_names && !names)
        msg_usage("-0 is for names on standard input (-)");
    if (strcmp(tokens, "head") == 0 && (layers || no_norm))
        msg_usage("the head takes the last block's normalised output: no --layers, no --no-norm");
    if (job_part_parse(part_option, &part, &e))
        msg_usage("%s", e.text);
    if (json && strcmp(output, "-") == 0)
        msg_usage("--json and the features would both go to standard output: give -o");
}

static void prepare_process(void)
{
    struct fmt_error e = {0}, launched = {0};
    file_on_signal();
    input_guard_enable();
    if (launcher_check(&launched))
        msg_warn("%s", launched.text);
    msg_check(file_check_output(output, true, &e), &e);
}

/* A day without photographs has features all the same, without rows, where their width is known. */
static void check_empty(const struct extract *x)
{
    if (extract_width(x) == 0)
        msg_die("no images are named, and so no size of their patches (--size)");
    msg_note("no images are named: features without rows");
}

static void open_images(struct image_set *images, char **operand, int n)
{
    static const void *const of_files[] = {&bits, &truncated, NULL};
    struct fmt_error e = {0};
    msg_check(image_set_open(images, (const char *const *)operand, n, null_names ? 0 : '\n', &e), &e);
    if (images->from_shards)
        opt_unused(&tool, of_files, "the shards say how their files are decoded");
    images->bits = (int)bits;
    images->fill = strcmp(truncated, "fill") == 0;
}

static void open_extraction(struct extract *x, const struct extract_network *n, const struct device *device)
{
    struct fmt_error e = {0};
    struct extract_settings settings = settings_of(n);
    struct extract_model m = extract_network_model(n);
    msg_check(extract_open(x, device, &m, &settings, &e), &e);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    struct extract_network n = {0};
    struct image_set images;
    struct extract x;
    struct feature_run r;
    struct check check;
    struct provenance prov;
    struct device device;
    check_usage(argc - first, argv + first);
    set_sizes();
    read_regions();
    prepare_process();
    if (device_open(&device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    if (precision_choose(device.backend, precision_text, &n.precision, &e))
        opt_fail(&e);
    open_images(&images, argv + first, argc - first);
    load_network(&n, &device);
    open_extraction(&x, &n, &device);
    if (images.n == 0)
        check_empty(&x);
    note_layers(&n, &x);
    open_run(&r, &x, &images);
    msg_check(image_set_look(&images, device.pool, &e), &e);
    complete_header(&r, &n);
    check_disk_space(&r);
    make_provenance(&prov, &n, &r, &images, device.pool);
    bool checked = check_precision(&check, &r, &device);
    msg_check(feature_run_write(&r, output, &prov, &e), &e);
    report(&r, &n, checked ? &check : NULL);

    provenance_release(&prov);
    int64_t n_skipped = r.n_skipped;
    feature_run_close(&r);
    extract_close(&x);
    image_set_close(&images);
    extract_network_release(&n);
    device_close(&device);
    bool imprecise = checked && !precision_check_passed(&check.result);
    return msg_finish(imprecise ? EXIT_IMPRECISE : n_skipped > 0 ? EXIT_SKIPPED : EXIT_DONE);
}
