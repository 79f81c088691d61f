/* dino-weights - weights in safetensors, .pth and checkpoints: list, compare, convert, quantize. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "extract.h"
#include "file.h"
#include "input-guard.h"
#include "json-report.h"
#include "msg.h"
#include "network.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "pth.h"
#include "quantize.h"
#include "safetensors.h"
#include "text.h"
#include "whole-checkpoint.h"

static const char *output, *format, *net = "teacher", *model, *config_path, *dtype = "f32", *top;
static const char *device_name = "auto";
static int64_t chunks, n_images = 64, resize, size, n_jobs;
static double tolerance;
static bool bare, keep_going, json;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE",
             "convert, quantize: write to FILE; convert: a name that ends in .pth, .pt or .ckpt chooses that"),
    OPT_CHOICE(0, "format", &format, "safetensors|pth|ckpt", "convert: the format, whatever the name [by the name]"),
    OPT_CHOICE(0, "dtype", &dtype, "f32|f16|bf16", "convert: type of the values [f32]"),
    OPT_FLAG(0, "bare", &bare, "convert, quantize: only the backbone, its names without backbone."),
    OPT_COUNT(0, "chunks", &chunks, 0, 1024, "N", "convert: names of blocks in N chunks; 0: not chunked [0]"),
    OPT_STRING(0, "top", &top, "KEY", "convert to .pth: the key above the tensors; '': none [teacher; none if bare]"),
    OPT_REAL('t', "tolerance", &tolerance, 0, 1e9, "X", "compare: a relative difference that counts as none [0]"),
    OPT_CHOICE(0, "net", &net, "teacher|student", "the network of a file that holds both [teacher]"),
    OPT_COUNT(0, "images", &n_images, 1, 1000000, "N", "quantize: calibrate with N of the images [64]"),
    OPT_COUNT(0, "resize", &resize, 0, 65535, "N", "quantize: pixels of the shorter side; 0: as it is [256]"),
    OPT_COUNT(0, "size", &size, 0, 65535, "N",
              "quantize: then the square of N pixels in the middle; 0: the whole image [224]"),
    OPT_FLAG('k', "keep-going", &keep_going, "quantize: leave out images that cannot be decoded; exit 3"),
    OPT_STRING(0, "model", &model, "NAME", "a published model, dinov2_vit{s,b,l,g}14[_reg] [as deduced]"),
    OPT_PATH('c', "config", &config_path, "FILE", "settings of the run that made the weights [as deduced]"),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_JSON(&json),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-weights",
    "list FILE... | compare FILE FILE | convert FILE -o FILE | quantize FILE [SHARD... | PICTURE... | -] -o FILE",
    "List, compare, convert and quantize weights: safetensors, .pth, checkpoints.", options,
    "Nothing that a .pth file names is ever executed."};

static struct config settings; /* of --config */

/* ------------------------------------------------------------------ opening */
/* --net is without effect on a file of one network, which is that one, whichever was asked for. */
static void note_unused_net(const char *path)
{
    static const void *const of_both[] = {&net, NULL};
    char why[512];
    snprintf(why, sizeof why, "%.400s holds one network", path);
    opt_unused(&tool, of_both, why);
}

static int open_network(struct network *n, const char *path, struct fmt_error *e)
{
    struct weights_hint hint = {.role = strcmp(net, "student") == 0 ? WEIGHTS_STUDENT : WEIGHTS_TEACHER,
                                .model = model,
                                .config = config_path ? &settings : NULL,
                                .tensors_only = true};
    int status = network_open(n, path, &hint, e);
    if (status)
        return status;
    if (n->w.role_unnamed)
        note_unused_net(path);
    if (*n->w.warning)
        msg_warn("%s", n->w.warning);
    return 0;
}

/* Opens, and ends the tool with all that is wrong where the network is not complete. */
static void open_complete(struct network *n, const char *path)
{
    struct fmt_error e = {0};
    char unused[WEIGHTS_UNUSED_TEXT_MAX];
    msg_check(open_network(n, path, &e), &e);
    if (weights_check(&n->w, &n->table, WEIGHTS_BACKBONE, &e) == 0) {
        if (*n->w.choice)
            msg_note("%s: %s", n->w.path, n->w.choice);
        if (n->w.n_unused)
            msg_note("%s: %s", n->w.path, weights_unused_text(&n->w, unused) + strlen("; "));
        return;
    }
    for (int64_t i = 0; i < n->w.n_problems; i++)
        msg_error("%s: %s", path, n->w.problem[i]);
    msg_die("%s", e.text);
}

/* ------------------------------------------------------------------ list */
static void list_text(const char *path, const struct tensorfile *f, const char *network, const char *hex)
{
    char dims[NAMED_TENSOR_DIMS_TEXT_MAX];
    for (int64_t i = 0; i < f->set.n; i++) {
        const struct named_tensor *t = &f->set.item[i];
        printf("%s\t%s\t%s\n", t->name, t->unusable ? "-" : dtype_name(t->dtype),
               t->unusable ? t->unusable : named_tensor_dims_text(t->dims, t->n_dims, dims));
    }
    printf("%s: %s, %s\n", path, tensorfile_kind_name[f->kind], FMT_COUNT(f->set.n, "tensor", "tensors"));
    printf("%s: %s\n", path, network);
    if (hex[0])
        printf("%s: weights %s\n", path, hex);
}

static void list_tensor_json(const char *path, const struct named_tensor *t)
{
    struct cJSON *o = json_report_begin("tensor"), *dims = cJSON_CreateArray();
    json_report_text(o, "file", path);
    json_report_text(o, "name", t->name);
    json_report_text(o, "dtype", dtype_name(t->dtype));
    for (int d = 0; d < t->n_dims; d++)
        cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)t->dims[d]));
    if (!o || !cJSON_AddItemToObject(o, "shape", dims))
        cJSON_Delete(dims);
    if (t->unusable)
        json_report_text(o, "unusable", t->unusable);
    if (json_report_end(o))
        msg_die("out of memory");
}

static void list_json(const char *path, const struct tensorfile *f, const char *network, const char *hex)
{
    for (int64_t i = 0; i < f->set.n; i++)
        list_tensor_json(path, &f->set.item[i]);
    struct cJSON *o = json_report_begin("weights");
    json_report_text(o, "file", path);
    json_report_text(o, "kind", tensorfile_kind_name[f->kind]);
    json_report_int(o, "tensors", f->set.n);
    json_report_text(o, "network", network);
    json_report_text(o, "weights", hex);
    if (json_report_end(o))
        msg_die("out of memory");
}

static void print_list(const char *path, const struct tensorfile *f, const char *network, const char *hex)
{
    (json ? list_json : list_text)(path, f, network, hex);
}

/* A file that is no network: why says what keeps it from being one. */
static void list_without_network(const char *path, const struct fmt_error *why)
{
    struct tensorfile f;
    struct file again;
    struct fmt_error e = {0};
    char network[sizeof why->text + 20];
    if (!file_is_dir(path)) {
        if (file_open_regular(&again, path, NULL)) /* a pipe can be read only once */
            msg_die("%s", why->text);
        file_close(&again);
    }
    msg_check(tensorfile_open(&f, path, &e), &e);
    snprintf(network, sizeof network, "no network: %s", why->text);
    print_list(path, &f, network, "");
    tensorfile_close(&f);
}

/* A file that is no network, or not all of one, is listed too: the line for the network says why. */
static void list(const char *path)
{
    struct fmt_error e = {0};
    struct network n;
    char config[WEIGHTS_NETWORK_TEXT_MAX], hex[DIGEST_HEX] = "";
    char network[WEIGHTS_NETWORK_TEXT_MAX + sizeof e.text + sizeof n.w.choice];
    if (open_network(&n, path, &e)) {
        list_without_network(path, &e);
        return;
    }
    if (network_hash(&n, hex, &e))
        snprintf(network, sizeof network, "no complete network: %s", e.text);
    else
        snprintf(network, sizeof network, "%s%s%s%s", weights_network_text(&n.w.vit, config),
                 weights_deduced_text(&n.w), *n.w.choice ? "; " : "", n.w.choice);
    for (int64_t i = 0; i < n.w.n_problems; i++)
        msg_warn("%s: %s", path, n.w.problem[i]);
    print_list(path, &n.w.file, network, hex);
    network_close(&n);
}

/* ------------------------------------------------------------------ compare */
struct difference {
    double largest, relative; /* max |a - b|; ||a - b|| / ||b|| */
};

static struct difference difference_of(const struct weights_tensor *a, const struct weights_tensor *b, int64_t n)
{
    enum { PIECE = 1 << 14 };
    static float x[PIECE], y[PIECE];
    struct fmt_error e = {0};
    double largest = 0, squares = 0, of_b = 0;
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t k = num_min(PIECE, n - at);
        if (weights_read(a, at, k, x, &e) || weights_read(b, at, k, y, &e))
            msg_die("%s", e.text);
        for (int64_t i = 0; i < k; i++) {
            double d = fabs((double)x[i] - (double)y[i]);
            largest = d <= largest ? largest : d; /* a NaN stays */
            squares += d * d;
            of_b += (double)y[i] * (double)y[i];
        }
    }
    return (struct difference){largest, squares == 0 ? 0 : sqrt(squares / of_b)};
}

struct counts {
    int64_t equal, differ, only_a, only_b;
};

static void print_pair(const char *name, const char *how, const struct difference *d)
{
    if (!json) {
        if (d)
            printf("%s\t%s\tlargest %.9g\trelative %.9g\n", name, how, d->largest, d->relative);
        else
            printf("%s\t%s\n", name, how);
        return;
    }
    struct cJSON *o = json_report_begin("difference");
    json_report_text(o, "name", name);
    json_report_text(o, "how", how);
    if (o && d) {
        cJSON_AddNumberToObject(o, "largest", d->largest);
        cJSON_AddNumberToObject(o, "relative", d->relative);
    }
    if (json_report_end(o))
        msg_die("out of memory");
}

static void compare_pair(const struct weights_tensor *a, const struct weights_tensor *b, struct counts *c)
{
    int64_t n = 1;
    bool fits = a->n_dims == b->n_dims && a->n_dims >= 0;
    for (int d = 0; d < a->n_dims && fits; d++) {
        fits = a->dims[d] == b->dims[d];
        n *= a->dims[d];
    }
    if (!fits) {
        print_pair(a->name, "other shape", NULL);
        c->differ++;
        return;
    }
    struct difference d = difference_of(a, b, n);
    if (d.relative <= tolerance) {
        c->equal++;
        return;
    }
    print_pair(a->name, "differs", &d);
    c->differ++;
}

static void print_counts(const struct counts *c)
{
    if (!json) {
        printf("%s equal, %s, %" PRId64 " only in the first, %" PRId64 " only in the second\n",
               FMT_COUNT(c->equal, "tensor is", "tensors are"), FMT_COUNT(c->differ, "differs", "differ"), c->only_a,
               c->only_b);
        return;
    }
    struct cJSON *o = json_report_begin("comparison");
    json_report_int(o, "equal", c->equal);
    json_report_int(o, "differ", c->differ);
    json_report_int(o, "only_first", c->only_a);
    json_report_int(o, "only_second", c->only_b);
    if (json_report_end(o))
        msg_die("out of memory");
}

/* Both lists of tensors are sorted by name. */
static bool compare(const char *path_a, const char *path_b)
{
    struct network a, b;
    struct counts c = {0};
    open_complete(&a, path_a);
    open_complete(&b, path_b);
    for (int64_t i = 0, k = 0; i < a.w.n_tensors || k < b.w.n_tensors;) {
        const struct weights_tensor *x = i < a.w.n_tensors ? &a.w.tensor[i] : NULL;
        const struct weights_tensor *y = k < b.w.n_tensors ? &b.w.tensor[k] : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);
        if (order == 0)
            compare_pair(x, y, &c);
        else
            print_pair(order < 0 ? x->name : y->name, order < 0 ? "only in the first" : "only in the second", NULL);
        c.only_a += order < 0;
        c.only_b += order > 0;
        i += order <= 0;
        k += order >= 0;
    }
    print_counts(&c);
    network_close(&a);
    network_close(&b);
    return c.differ + c.only_a + c.only_b == 0;
}

/* ------------------------------------------------------------------ convert */
static bool writes_pth(void)
{
    return format ? strcmp(format, "pth") == 0 : text_ends_with(output, ".pth") || text_ends_with(output, ".pt");
}

static bool writes_ckpt(void)
{
    return format ? strcmp(format, "ckpt") == 0 : text_ends_with(output, ".ckpt");
}

static void warn_of_origin(const struct network *n)
{
    msg_warn("%s: its tensors do not match the metadata; origin omitted", n->w.path);
}

static void read_origin(struct weights_origin *origin, struct network *n, bool rounded)
{
    struct fmt_error e = {0};
    bool changed;
    msg_check(network_origin(n, rounded, NULL, origin, &changed, &e), &e);
    if (changed)
        warn_of_origin(n);
}

static int write_safetensors(const struct fmt_writer *io, const struct weights *w, struct weights_export *x,
                             const struct weights_origin *origin, struct fmt_error *e)
{
    struct named_tensor_values values = weights_export_values(x);
    struct weights_meta meta;
    int status = weights_meta_make(&meta, w, origin, e);
    if (status)
        return status;
    status = safetensors_write(io, x->out, x->n, meta.item, meta.n, &values, e);
    weights_meta_release(&meta);
    return status;
}

static int write_pth(const struct fmt_writer *io, struct weights_export *x, struct fmt_error *e)
{
    struct named_tensor_values values = weights_export_values(x);
    const char *key = top ? top : bare ? "" : "teacher";
    return pth_write(io, key[0] ? key : NULL, x->out, x->n, &values, e);
}

static void write_output(struct network *n, struct weights_export *x, bool rounded)
{
    struct fmt_error e = {0};
    struct file_out out;
    struct weights_origin origin = {0};
    msg_check(file_create_binary(&out, output, &e), &e);
    if (!writes_pth())
        read_origin(&origin, n, rounded);
    struct fmt_writer io = file_writer(&out);
    int status = writes_pth() ? write_pth(&io, x, &e) : write_safetensors(&io, &n->w, x, &origin, &e);
    if (status && !out.error_number)
        msg_die("%s: %s", n->argument, e.text);
    e = (struct fmt_error){0};
    if (file_commit(&out, &e)) /* reports a write that failed, too */
        msg_die("%s", e.text);
    weights_origin_release(&origin);
}

static void note_gaps(const struct network *n, const struct weights_export *x)
{
    for (int64_t i = 0; i < x->n; i++)
        if (!x->source[i])
            msg_warn("%s: %s is missing; wrote zeros", n->argument, x->out[i].name);
    if (!n->w.has_settings && !writes_pth())
        msg_note("%s: %s; --model or --config would put them into %s", n->argument,
                 n->w.vit.n_heads > 0 ? "heads and resampling are deduced"
                                      : "the number of heads is unknown, the resampling deduced", output);
}

/* A checkpoint stays what it is: both networks, the optimizer, the state. */
static void join(const char *path)
{
    struct fmt_error e = {0};
    msg_check(whole_checkpoint_write(path, output, &e), &e);
}

static void convert(const char *path)
{
    struct fmt_error e = {0};
    struct network n;
    struct weights_export x;
    enum dtype type = strcmp(dtype, "f16") == 0 ? DTYPE_F16 : strcmp(dtype, "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
    struct weights_export_options how = {.bare = bare, .chunks = chunks, .dtype = type};
    open_complete(&n, path);
    if (chunks > n.w.vit.depth)
        msg_usage("--chunks %" PRId64 ": the network has %s", chunks, FMT_COUNT(n.w.vit.depth, "block", "blocks"));
    msg_check(weights_export_list(&x, &n.w, &n.table, &how, &e), &e);
    write_output(&n, &x, type != DTYPE_F32);
    note_gaps(&n, &x);
    weights_export_release(&x);
    network_close(&n);
}

/* ------------------------------------------------------------------ quantize */
static struct progress progress;

static void begin_images(int64_t n)
{
    progress_begin(&progress, "calibrate", "image", "images", n);
}

static void show_images(int64_t n_done)
{
    progress_step(&progress, n_done);
}

static void end_images(void)
{
    progress_end(&progress);
}

static void name_left_out(const char *why)
{
    msg_error("%s; left out", why);
}

static void report_quantized(const struct quantize *q)
{
    note_gaps(q->network, &q->x);
    msg_note("%s: %s; fitted to %s", q->network->argument, q->text, q->how);
    if (q->n_left_out > 0)
        msg_note("%s left out", FMT_COUNT(q->n_left_out, "image was", "images were"));
    if (!json)
        return;
    struct cJSON *o = json_report_begin("quantized");
    json_report_text(o, "products", q->text);
    json_report_text(o, "calibration", q->how);
    json_report_int(o, "left_out", q->n_left_out);
    if (json_report_end(o))
        msg_die("out of memory");
}

/* Returns whether all images could be decoded. */
static bool quantize(const char *path, char **operand, int n_operands)
{
    struct fmt_error e = {0};
    struct device device;
    struct network n;
    enum precision precision;
    struct quantize q = {.network = &n, .device = &device, .operand = (const char *const *)operand,
                         .n_operands = n_operands, .n_images = n_images, .resize = resize, .size = size,
                         .keep_going = keep_going, .bare = bare, .output = output, .begin = begin_images,
                         .step = show_images, .end = end_images, .left_out = name_left_out};
    if (device_open(&device, device_name, (int)n_jobs, msg_warn, &e) ||
        precision_choose(device.backend, "int8", &precision, &e))
        opt_fail(&e);
    open_complete(&n, path);
    if (n.w.vit.n_heads == 0)
        msg_die("%s: the number of heads is unknown (--model or --config)", path);
    if (quantize_fit(&q, &e) || quantize_write(&q, &e))
        msg_die("%s", e.text);
    if (q.origin_changed)
        warn_of_origin(&n);
    report_quantized(&q);
    bool whole = q.n_left_out == 0;
    quantize_release(&q);
    network_close(&n);
    device_close(&device);
    return whole;
}

/* ------------------------------------------------------------------ options */
enum command { LIST, COMPARE, CONVERT, QUANTIZE, COMMANDS };

static enum command command_of(const char *word)
{
    static const char *const words[COMMANDS] = {"list", "compare", "convert", "quantize"};
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum command)i;
    msg_usage("%s: the commands are list, compare, convert and quantize", word);
}

static void check_unused(enum command command)
{
    static const void *const of_convert[] = {&format, &dtype, &chunks, &top, NULL};
    static const void *const of_pth[] = {&top, NULL}, *const of_compare[] = {&tolerance, NULL};
    static const void *const of_writing[] = {&bare, NULL};
    static const void *const of_network[] = {&dtype, &chunks, &bare, &net, &model, &config_path, NULL};
    static const void *const of_quantize[] = {&n_images, &resize, &size, &keep_going, &n_jobs, &device_name, NULL};
    if (command != CONVERT)
        opt_unused(&tool, of_convert, "it is for convert");
    else if (!writes_pth())
        opt_unused(&tool, of_pth, "it is for .pth");
    if (command == CONVERT && writes_ckpt())
        opt_unused(&tool, of_network, "a checkpoint is written as it is");
    if (command != COMPARE)
        opt_unused(&tool, of_compare, "it is for compare");
    if (command != QUANTIZE)
        opt_unused(&tool, of_quantize, "it is for quantize");
    if (command != CONVERT && command != QUANTIZE)
        opt_unused(&tool, of_writing, "it is for convert and quantize");
}

static void check_usage(enum command command, int n)
{
    struct fmt_error e = {0};
    bool writes = command == CONVERT || command == QUANTIZE;
    if (n < 1 || (command == COMPARE && n != 2) || (command == CONVERT && n != 1))
        msg_usage("this command takes %s", command == COMPARE ? "two files" : command == LIST ? "files" : "one file");
    if (writes != (output != NULL))
        msg_usage(writes ? "-o FILE is missing" : "-o is for convert and quantize");
    if (model && config_path)
        msg_usage("--model and --config exclude each other");
    if (model && weights_check_model(model, &e))
        msg_usage("--model: %s", e.text);
    check_unused(command);
}

int main(int argc, char **argv)
{
    resize = extract_published_settings().resize, size = extract_published_settings().size;
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    if (first == argc)
        msg_usage("a command is missing: list, compare, convert or quantize");
    enum command command = command_of(argv[first++]);
    check_usage(command, argc - first);
    file_on_signal();
    input_guard_enable();
    if (output && file_check_output(output, true, &e))
        msg_die("%s", e.text);
    config_init(&settings);
    if (config_path && config_load(&settings, config_path, &e))
        opt_fail(&e);
    bool good = true, whole = true;
    switch (command) {
    case COMPARE: good = compare(argv[first], argv[first + 1]); break;
    case CONVERT: (writes_ckpt() ? join : convert)(argv[first]); break;
    case QUANTIZE: whole = quantize(argv[first], argv + first + 1, argc - first - 1); break;
    default:
        for (int i = first; i < argc; i++)
            list(argv[i]);
    }
    config_release(&settings);
    return msg_finish(!good ? EXIT_FAILED : whole ? EXIT_DONE : EXIT_SKIPPED);
}
