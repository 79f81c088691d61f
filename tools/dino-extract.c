/* dino-extract - pictures and weights -> features. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "disk-space.h"
#include "file.h"
#include "image-set.h"
#include "input-guard.h"
#include "json-report.h"
#include "progress.h"
#include "msg.h"
#include "extract.h"
#include "weights.h"
#include "num.h"
#include "opt.h"
#include "launcher.h"
#include "version.h"

static const char *weights_path, *config_path, *model, *output = "-";
static const char *tokens = "cls", *layers, *fit = "resize", *net = "teacher";
static int64_t resize, size, n_jobs;
static const char *device_name = "auto";
static bool null_names, no_norm, unit, as_stored, keep_going, force, json, provenance = true;

static const struct opt options[] = {
    OPT_PATH('w', "weights", &weights_path, "FILE", "safetensors, .pth or a checkpoint; or a folder of Hugging Face's"),
    OPT_PATH('o', "output", &output, "FILE", "write the features to FILE [-]"),
    OPT_CHOICE(0, "tokens", &tokens, "cls|mean|cls+mean|patch|head",
               "class token, mean of the patches, both, all patches, or the head's output [cls]"),
    OPT_STRING(0, "layers", &layers, "LIST", "N: the last N blocks; A,B: these, counted from 0; A,: this one [1]"),
    OPT_FLAG(0, "no-norm", &no_norm, "outputs of blocks as they are, without the final norm"),
    OPT_FLAG(0, "unit", &unit, "bring each token to unit length"),
    OPT_COUNT(0, "resize", &resize, 0, 65535, "N", "pixels of the shorter side; 0: as it is [256]"),
    OPT_COUNT(0, "size", &size, 0, 65535, "N", "then the square of N pixels in the middle; 0: the whole picture [224]"),
    OPT_CHOICE(0, "fit", &fit, "resize|crop|pad", "what is done to sizes that are no multiple of the patch [resize]"),
    OPT_FLAG(0, "as-stored", &as_stored, "pixels as stored: EXIF orientation is not applied"),
    OPT_CHOICE(0, "net", &net, "teacher|student", "the network of weights that hold both [teacher]"),
    OPT_STRING(0, "model", &model, "NAME", "a published model, dinov2_vit{s,b,l,g}14[_reg] [as deduced]"),
    OPT_PATH('c', "config", &config_path, "FILE", "settings of the run that made the weights [as deduced]"),
    OPT_FLAG('0', "null", &null_names, "names on standard input end with a zero byte"),
    OPT_FLAG('k', "keep-going", &keep_going, "leave out pictures that cannot be decoded; exit 3"),
    OPT_FLAG('f', "force", &force, "write more than the disk seems to have room for"),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-extract", "-w WEIGHTS SHARD... | PICTURE... | -",
    "Compute features of pictures from shards, JPEG files, or names on standard input.", options, NULL};

/* ------------------------------------------------------------------ the network */
struct network {
    struct params table;
    struct vit vit;
    struct head head;
    bool with_head;
    float *values;
    struct pixel_norm pixel_norm;
    uint8_t hash[DIGEST_BYTES];
    char text[WEIGHTS_NETWORK_TEXT_MAX];
    bool turned;
};

static void make_table(struct network *n, const struct weights *w)
{
    struct fmt_error e = {0};
    n->with_head = strcmp(tokens, "head") == 0;
    if (n->with_head && !w->has_dino_head)
        msg_die("%s: holds no projection head (--tokens head)", weights_path);
    if (vit_params(&n->vit, &w->vit, &n->table, &e))
        msg_die("%s: %s", weights_path, e.text);
    if (n->with_head && head_params(&n->head, &w->dino_head, HEAD_DINO, (int)w->vit.depth + 1, &n->table, &e))
        msg_die("%s: %s", weights_path, e.text);
}

/* A file of one network is that one, whichever was asked for. */
static void tell_one_network(void)
{
    static const void *const of_both[] = {&net, NULL};
    opt_unused(&tool, of_both, "the weights are one network");
}

/* Opens, reads each tensor to its place, hashes; the file is closed again. */
static void load_network(struct network *n, const struct device *device)
{
    struct fmt_error e = {0};
    char left_out[WEIGHTS_UNUSED_TEXT_MAX];
    struct weights w;
    struct config settings;
    config_init(&settings);
    if (config_path && config_load(&settings, config_path, &e))
        opt_bad_settings(&e);
    struct weights_hint hint = {.role = strcmp(net, "student") == 0 ? WEIGHTS_STUDENT : WEIGHTS_TEACHER,
                                .model = model, .config = config_path ? &settings : NULL};
    if (weights_open(&w, weights_path, &hint, &e))
        msg_die("%s", e.text);
    if (w.role_unnamed)
        tell_one_network();
    if (*w.warning)
        msg_warn("%s", w.warning);
    make_table(n, &w);
    unsigned modules = WEIGHTS_BACKBONE | (n->with_head ? WEIGHTS_DINO_HEAD : 0);
    n->values = calloc((size_t)n->table.count + 1, sizeof *n->values);
    if (!n->values)
        msg_die("out of memory for the weights");
    if (weights_load(&w, &n->table, modules, n->values, &e)) {
        for (int64_t i = 0; i < w.n_problems; i++)
            msg_error("%s: %s", w.path, w.problem[i]);
        msg_die("%s", e.text);
    }
    if (weights_hash(&n->table, modules, n->values, n->hash, &e))
        msg_die("%s", e.text);
    n->pixel_norm = w.pixel_norm;
    weights_network_text(&w.vit, n->text);
    msg_note("Loaded pretrained weights from %s: %s loaded, %" PRId64 " new%s; %s%s%s%s", w.path,
             FMT_COUNT(w.n_loaded, "tensor", "tensors"), w.n_new, weights_unused_text(&w, left_out), n->text,
             weights_deduced_text(&w), *w.choice ? "; " : "", w.choice);
    weights_close(&w);
    config_release(&settings);
    if (extract_transpose_weights(&n->vit, n->values, device, &n->turned, &e))
        msg_die("%s", e.text);
}

/* ------------------------------------------------------------------ the run */
struct slot {
    struct image_set_slot picture;
    struct extract_row row;
    struct fmt_error error; /* why it failed */
};

struct run {
    const struct image_set *pictures;
    struct extract *extract;
    struct feat_writer *writer;
    struct slot *slot;
    struct feat_header header;
    struct progress progress;
    struct fmt_error error; /* of the output */
    int64_t n_rows, n_skipped;
    double cut_away; /* sum over the rows */
};

static int take_number(void *arg, int slot, int64_t item)
{
    (void)slot;
    const struct run *r = arg;
    return item < r->pictures->n ? 0 : FMT_END;
}

/* All patches of whole pictures make rows of one width only if the pictures have one shape. */
static int check_shape(const struct run *r, struct slot *s)
{
    const struct extract_geometry *p = &s->row.place;
    if (r->header.kind != FEAT_PATCH || s->row.n_tokens == 0 ||
        (p->net_h == r->header.image_h && p->net_w == r->header.image_w))
        return 0;
    return fmt_fail(&s->error, FMT_MISMATCH,
                    "%s: %" PRId64 " x %" PRId64 " pixels, the first has %d x %d: rows of all patches need one --size",
                    s->picture.record.labels.key, p->net_w, p->net_h, r->header.image_w, r->header.image_h);
}

/* What fails is kept for the writer, who is serial and decides. */
static int compute(void *arg, int slot, int64_t item, int worker)
{
    struct run *r = arg;
    struct slot *s = &r->slot[slot];
    struct fmt_error why = {0};
    s->error = (struct fmt_error){0};
    if (image_set_read(r->pictures, item, &s->picture, as_stored, &s->error))
        return 0;
    if (extract_image(r->extract, worker, &s->picture.decoded, &s->row, &why))
        fmt_fail(&s->error, why.status, "%.190s: %.200s", s->picture.record.labels.key, why.text);
    else
        check_shape(r, s);
    return 0;
}

static int write_row(void *arg, int slot, int64_t item)
{
    struct run *r = arg;
    struct slot *s = &r->slot[slot];
    progress_step(&r->progress, item + 1);
    if (s->error.status) {
        if (!keep_going || s->error.status == FMT_MEMORY)
            return fmt_fail(&r->error, s->error.status, "%s", s->error.text);
        msg_error("%s; left out", s->error.text);
        r->n_skipped++;
        return 0;
    }
    struct feat_row row = {s->picture.record.labels, s->row.x, s->picture.record.sha256};
    r->n_rows++;
    r->cut_away += s->row.place.cut_away;
    return feat_add(r->writer, &row, &r->error);
}

/* The shape of the rows where only a picture can tell: the first that can be decoded. */
static void shape_of_first(struct run *r)
{
    int64_t patch = r->extract->model.vit->config.patch;
    struct slot *s = &r->slot[0];
    for (int64_t i = 0; i < r->pictures->n; i++) {
        struct fmt_error e = {0};
        struct extract_geometry p;
        if (image_set_read(r->pictures, i, &s->picture, as_stored, &e) ||
            extract_geometry(&r->extract->settings, patch, s->picture.decoded.height, s->picture.decoded.width, &p,
                             &e)) {
            if (!keep_going)
                msg_die("%s", e.text);
            continue;
        }
        r->header.image_h = (int32_t)p.net_h;
        r->header.image_w = (int32_t)p.net_w;
        r->header.grid_h = (int32_t)(p.net_h / patch);
        r->header.grid_w = (int32_t)(p.net_w / patch);
        r->header.n_tokens = r->header.grid_h * r->header.grid_w;
        return;
    }
    msg_die("no picture can be decoded");
}

static void make_recipe(const struct extract *x, const struct image_set *pictures, struct recipe *r)
{
    struct fmt_error e = {0};
    const char *unsaid = shard_set_without_recipe(&pictures->shards);
    if (image_set_recipe(pictures, r, &e) || extract_recipe(x, r, &e))
        msg_die("%s", e.text);
    if (unsaid)
        msg_warn("%s: does not say what bbu-pack did to its photographs (--short-side, --quality): the features will "
                 "not say it either", unsaid);
}

/* Before the first picture goes through the network: all patches of many pictures are more than one thinks. */
static void tell_size(const struct run *r)
{
    enum { LABEL_BYTES = 128 }; /* of a row, about */
    struct fmt_error e = {0};
    char text[32];
    double row = (double)feat_width(&r->header) * sizeof(float) + LABEL_BYTES;
    double bytes = row * (double)r->pictures->n;
    (r->header.kind == FEAT_PATCH ? msg_note : msg_more)("%s of %s %s going to be written: %s",
                                                         FMT_COUNT(r->pictures->n, "row", "rows"),
                                                         FMT_COUNT(feat_width(&r->header), "value", "values"),
                                                         r->pictures->n == 1 ? "is" : "are",
                                                         num_bytes_text(bytes, text));
    if (disk_space_check(output, bytes, &e) == 0)
        return;
    if (!force)
        msg_die("%s (-f writes them all the same)", e.text);
    msg_warn("%s", e.text);
}

enum { LIST_ROOM = 4 * EXTRACT_DEPTH_MAX };

/* As they are typed: "10,11"; one alone is "11,", as "11" are the last eleven. */
static void list_layers(const struct network *n, const struct extract *x, char list[LIST_ROOM])
{
    list[0] = 0;
    for (int64_t i = 0, at = 0; i < n->vit.config.depth; i++)
        if (x->settings.layers >> i & 1)
            at += snprintf(list + at, LIST_ROOM - (size_t)at, "%s%" PRId64, at ? "," : "", i);
    if (!strchr(list, ','))
        strncat(list, ",", LIST_ROOM - strlen(list) - 1);
}

/* "2" are two blocks, "2," is one: what was taken is said. */
static void tell_layers(const struct network *n, const struct extract *x)
{
    char list[LIST_ROOM];
    list_layers(n, x, list);
    if (layers)
        msg_note("--layers %s: of blocks 0 to %" PRId64 " these: %s", layers, n->vit.config.depth - 1, list);
}

static void describe(struct provenance *p, const struct network *n, const struct run *r, struct image_set *pictures,
                     struct thread_pool *pool)
{
    struct fmt_error e = {0};
    char list[LIST_ROOM];
    list_layers(n, r->extract, list);
    provenance_init(p, "dino-extract", DINOTOOLS_VERSION, provenance);
    provenance_text(p, "network", n->text);
    provenance_text(p, "tokens", tokens);
    provenance_text(p, "layers", list);
    provenance_flag(p, "norm", !no_norm);
    provenance_flag(p, "unit", unit);
    provenance_int(p, "resize", resize);
    provenance_int(p, "size", size);
    provenance_text(p, "fit", fit);
    provenance_flag(p, "as_stored", as_stored);
    provenance_flag(p, "keep_going", keep_going);
    provenance_text(p, "mean", recipe_find(&r->header.recipe, "mean"));
    provenance_text(p, "std", recipe_find(&r->header.recipe, "std"));
    provenance_input(p, "weights", n->hash);
    if (image_set_inputs(pictures, pool, p, &e))
        msg_die("%s", e.text);
}

/* Several at once, each picture in one thread; rows are written in the order of the pictures. */
static void run_all(struct run *r, struct thread_pool *pool, const struct provenance *prov)
{
    struct fmt_error e = {0};
    struct file_out out;
    struct feat_writer writer;
    if (file_create_binary(&out, output, &e))
        msg_die("%s", e.text);
    struct fmt_writer io = file_writer(&out);
    if (feat_create(&writer, &io, &r->header, prov, &e))
        msg_die("%s: %s", output, out.error_number ? strerror(out.error_number) : e.text);
    r->writer = &writer;
    progress_begin(&r->progress, "extract", "image", "images", r->pictures->n);
    struct thread_pipe pipe = {r, 2 * thread_workers(pool) + 1, take_number, compute, write_row};
    int status = thread_pipe_run(pool, &pipe);
    if (!status)
        status = feat_finish(&writer, &r->error);
    else
        feat_abandon(&writer);
    (status ? progress_abandon : progress_end)(&r->progress);
    if (status && !r->error.status)
        fmt_fail(&r->error, (enum fmt_status)status, "%s", fmt_status_text((enum fmt_status)status));
    if (file_finish(&out, status, &r->error))
        msg_die("%s", r->error.text);
}

static void report(const struct run *r, const struct network *n)
{
    double cut = r->n_rows > 0 ? r->cut_away / (double)r->n_rows : 0;
    char hex[DIGEST_HEX];
    digest_hex(n->hash, hex);
    if (cut > 0)
        msg_note("%.1f %% of the pictures' area was cut away (--resize %" PRId64 " --size %" PRId64 " --fit %s)",
                 100 * cut, resize, size, fit);
    if (r->n_skipped > 0)
        msg_note("%" PRId64 " of %s %s left out", r->n_skipped, FMT_COUNT(r->pictures->n, "picture", "pictures"),
                 r->n_skipped == 1 ? "was" : "were");
    if (!json)
        return;
    struct cJSON *o = json_report_begin("extract");
    json_report_int(o, "images", r->n_rows);
    json_report_int(o, "skipped", r->n_skipped);
    json_report_int(o, "values", feat_width(&r->header));
    if (o)
        cJSON_AddNumberToObject(o, "cut_away", cut);
    json_report_text(o, "weights", hex);
    json_report_text(o, "network", n->text);
    if (json_report_end(o))
        msg_die("out of memory");
}

/* ------------------------------------------------------------------ */
static struct extract_settings settings_of(const struct network *n)
{
    struct fmt_error e = {0};
    struct extract_settings s = {.resize = resize, .size = size, .as_stored = as_stored, .no_norm = no_norm,
                                 .unit = unit};
    if (!feat_kind_parse(tokens, &s.kind))
        msg_bug("a kind of tokens that the option knows and features do not");
    s.fit = strcmp(fit, "crop") == 0 ? EXTRACT_CROP : strcmp(fit, "pad") == 0 ? EXTRACT_PAD : EXTRACT_RESIZE;
    if (layers && extract_parse_layers(layers, n->vit.config.depth, &s.layers, &e))
        msg_usage("--%s", e.text);
    return s;
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
        msg_usage("nothing to extract from: name shards, pictures, or - for names on standard input");
    if (model && config_path)
        msg_usage("--model and --config exclude each other");
    if (model && weights_check_model(model, &e))
        msg_usage("--model: %s", e.text);
    if (layers && extract_parse_layers(layers, EXTRACT_DEPTH_MAX, &any, &e))
        msg_usage("--%s", e.text);
    if (null_names && !names)
        msg_usage("-0 is for names on standard input (-)");
    if (strcmp(tokens, "head") == 0 && (layers || no_norm))
        msg_usage("the head takes the last block's normalised output: no --layers, no --no-norm");
    if (json && strcmp(output, "-") == 0)
        msg_usage("--json and the features would both go to standard output: give -o");
}

int main(int argc, char **argv)
{
    resize = extract_published_settings().resize, size = extract_published_settings().size;
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0}, alone = {0};
    struct network n = {0};
    struct image_set pictures;
    struct extract x;
    struct provenance prov;
    check_usage(argc - first, argv + first);
    file_on_signal();
    input_guard_enable();
    if (launcher_check(&alone))
        msg_warn("%s", alone.text);
    if (file_check_output(output, true, &e))
        msg_die("%s", e.text);
    struct device device;
    if (device_open(&device, device_name, (int)n_jobs, msg_warn, &e) ||
        image_set_open(&pictures, (const char *const *)argv + first, argc - first, null_names ? 0 : '\n', &e))
        msg_die("%s", e.text);
    if (pictures.n == 0)
        msg_die("no pictures are named");
    load_network(&n, &device);
    struct extract_settings settings = settings_of(&n);
    struct extract_model m = {.vit = &n.vit, .values = n.values, .turned = n.turned,
                              .head = n.with_head ? &n.head : NULL, .pixel_norm = n.pixel_norm};
    if (extract_open(&x, &device, &m, &settings, thread_workers(device.pool), &e))
        msg_die("%s", e.text);
    tell_layers(&n, &x);

    struct run r = {.pictures = &pictures, .extract = &x, .header = extract_feat_header(&x)};
    int n_slots = 2 * thread_workers(device.pool) + 1;
    r.slot = calloc((size_t)n_slots, sizeof *r.slot);
    if (!r.slot)
        msg_die("out of memory");
    memcpy(r.header.weights, n.hash, DIGEST_BYTES);
    r.header.class_name = pictures.shards.class_name;
    r.header.n_classes = pictures.shards.n_classes;
    make_recipe(&x, &pictures, &r.header.recipe);
    if (extract_width(&x) == 0)
        shape_of_first(&r);
    tell_size(&r);
    describe(&prov, &n, &r, &pictures, device.pool);
    run_all(&r, device.pool, &prov);
    report(&r, &n);

    provenance_release(&prov);
    for (int i = 0; i < n_slots; i++) {
        image_set_slot_release(&r.slot[i].picture);
        free(r.slot[i].row.x);
    }
    free(r.slot);
    recipe_release(&r.header.recipe);
    extract_close(&x);
    image_set_close(&pictures);
    params_release(&n.table);
    free(n.values);
    device_close(&device);
    return msg_finish(r.n_skipped > 0 ? EXIT_SKIPPED : EXIT_DONE);
}
