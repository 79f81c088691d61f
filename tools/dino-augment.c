/* dino-augment - shards -> views: batches of multi-crop samples with their masks, as training uses them; or a contact
 * sheet for a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "batch-loader.h"
#include "config.h"
#include "contact-sheet.h"
#include "disk-space.h"
#include "file.h"
#include "input-guard.h"
#include "jpeg.h"
#include "launcher.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "provenance.h"
#include "version.h"
#include "views.h"

static const char *output, *sheet_name, *config_name;
static int64_t n_steps, first_step, n_rows = 8, n_jobs, seed = -1;
static bool json, keep_going, force, provenance = true;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE", "write the views to FILE [-]"),
    OPT_PATH('c', "config", &config_name, "FILE", "settings of the run (YAML) [the published defaults]"),
    OPT_COUNT('n', "steps", &n_steps, 1, 1000000000, "N", "batches to write [all that the run's settings have]"),
    OPT_COUNT(0, "first-step", &first_step, 0, 1000000000, "N", "step of the first batch [0]"),
    OPT_FLAG('f', "force", &force, "write more than the free disk space"),
    OPT_PATH(0, "sheet", &sheet_name, "FILE.jpg", "draw a contact sheet instead of writing views"),
    OPT_COUNT(0, "rows", &n_rows, 1, CONTACT_SHEET_ROWS_MAX, "N", "rows on the sheet, a photograph each [8]"),
    OPT_COUNT(0, "seed", &seed, 0, 9007199254740991.0, "N", "the same as train.seed=N"),
    OPT_FLAG('k', "keep-going", &keep_going, "replace images that cannot be used by others; exit 3"),
    OPT_JOBS(&n_jobs),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};
static const struct opt_tool tool = {
    "dino-augment", "SHARD... [key=value]...",
    "Make the augmented batches of a training run from shards.", options,
    "SHARD is a shard, a folder of them or a pattern; without one train.dataset_path is taken.\n"
    "key=value words are settings as dino-train(1) takes them: crops.local_crops_number=4"};

/* A word is a setting if it has a dotted name before its first '='. */
static bool is_setting(const char *word)
{
    size_t n = strcspn(word, "=");
    return word[n] == '=' && memchr(word, '.', n) && !memchr(word, '/', n);
}

static void read_settings(struct config *c, int n_words, char **word)
{
    struct fmt_error e = {0};
    config_init(c);
    int status = config_name ? config_load(c, config_name, &e) : 0;
    for (int i = 0; i < n_words && !status; i++)
        if (is_setting(word[i]))
            status = config_set(c, word[i], &e);
    if (seed >= 0 && !status) {
        char text[48];
        snprintf(text, sizeof text, "train.seed=%lld", (long long)seed);
        status = config_set(c, text, &e);
    }
    if (!status)
        status = config_finish(c, 0, 1, &e);
    if (status)
        opt_fail(&e);
}

/* Operands that are no settings are shards. */
static int take_paths(const struct config *c, int n_words, char **word, const char **path)
{
    int n = 0;
    for (int i = 0; i < n_words; i++)
        if (!is_setting(word[i]))
            path[n++] = word[i];
    if (n == 0 && c->origin[CONFIG_train_dataset_path].kind != CONFIG_DEFAULT)
        for (; n < c->train.dataset_path.n; n++)
            path[n] = c->train.dataset_path.item[n];
    if (n == 0)
        msg_usage("no shards are named");
    return n;
}

static void on_bad_image(void *arg, const char *reason, const char *replaced_by)
{
    (void)arg;
    if (!keep_going)
        msg_die("%s; nothing is replaced without -k", reason);
    msg_warn("%s; replaced by %s", reason, replaced_by);
}

/* ------------------------------------------------------------ views */

static void describe(struct provenance *p, const struct config *c, const struct batch_loader *loader)
{
    provenance_init(p, "dino-augment", DINOTOOLS_VERSION, provenance);
    for (int id = 0; id < CONFIG_N_KEYS; id++)
        if (crop_sampler_setting(id)) {
            char *value = config_value(c, id);
            if (!value)
                msg_die("out of memory");
            provenance_text(p, config_key(id)->name, value);
            free(value);
        }
    if (keep_going) /* images may be replaced then; how many is known only at the end */
        provenance_flag(p, "keep_going", true);
    provenance_input(p, "shards", batch_loader_identity(loader));
}

/* Before anything is written, as a run of the published length is terabytes. A disk that is too small is an error
 * unless -n says how many batches are to be written. */
static void announce_size(const struct views_header *h, int64_t n)
{
    enum { LABEL_BYTES = 64 }; /* number and key of a sample, about */
    struct fmt_error e = {0};
    char text[32];
    double batch = (double)(views_global_bytes(h) + views_local_bytes(h) + views_mask_bytes(h) +
                            (int64_t)h->batch * LABEL_BYTES);
    msg_note("%s of %s %s going to be written: %s", FMT_COUNT(n, "batch", "batches"),
             FMT_COUNT(h->batch, "sample", "samples"), n == 1 ? "is" : "are", num_bytes_text(batch * (double)n, text));
    if (disk_space_check(output, batch * (double)n, &e) == 0)
        return;
    if (!n_steps && !force)
        msg_die("%s (-n writes fewer batches, -f writes all anyway)", e.text);
    msg_warn("%s", e.text);
}

/* The error of the output, if it has one: it is the cause then. */
static _Noreturn void die_of(struct file_out *out, struct fmt_error *e)
{
    file_finish(out, (int)e->status, e);
    msg_die("%s", e->text);
}

static void write_batches(struct batch_loader *loader, struct views_writer *w, int64_t n, struct file_out *out)
{
    struct fmt_error e = {0};
    struct progress progress;
    const struct views_batch *batch;
    progress_begin(&progress, "augment", "batch", "batches", n);
    for (int64_t i = 0; i < n; i++) {
        if (batch_loader_next(loader, &batch, &e) || batch_loader_count_replaced(loader, &e) ||
            views_add(w, batch, &e))
            die_of(out, &e);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
}

static void write_output(const struct config *c, struct batch_loader *loader, int64_t n)
{
    struct fmt_error e = {0};
    struct file_out out;
    struct provenance prov;
    struct views_writer w;
    struct views_header header = *batch_loader_header(loader);
    header.first_step = first_step;
    describe(&prov, c, loader);
    msg_check(file_create_binary(&out, output, &e), &e);
    struct fmt_writer io = file_writer(&out);
    if (views_create(&w, &io, &header, &prov, &e))
        die_of(&out, &e);
    write_batches(loader, &w, n, &out);
    if (views_finish(&w, &e))
        die_of(&out, &e);
    msg_check(file_commit(&out, &e), &e);
    provenance_release(&prov);
}

static void report_views(const struct batch_loader *loader, int64_t n)
{
    const struct replaced_images *r = batch_loader_replaced(loader);
    const struct views_header *h = batch_loader_header(loader);
    if (json)
        printf("{\"batches\":%lld,\"samples\":%lld,\"images\":%lld,\"bad_images\":%lld,\"replaced\":%lld}\n",
               (long long)n, (long long)(n * h->batch), (long long)h->n_images, (long long)r->n_images,
               (long long)r->samples);
    msg_note("%s of %s from %s", FMT_COUNT(n, "batch", "batches"), FMT_COUNT(h->batch, "sample", "samples"),
             FMT_COUNT(h->n_images, "image", "images"));
    if (r->samples > 0)
        msg_warn("%lld of the samples used replacement images: %s be used", (long long)r->samples,
                 FMT_COUNT(r->n_images, "image cannot", "images cannot"));
}

/* Returns whether images were replaced. */
static bool write_views(const struct config *c, const char **path, int n_paths)
{
    struct fmt_error e = {0};
    int64_t end = n_steps ? first_step + n_steps : config_iterations(c);
    if (first_step >= end)
        msg_usage("--first-step %lld: the run has %s", (long long)first_step, FMT_COUNT(end, "step", "steps"));
    struct batch_loader_options loader_options = {.config = c, .paths = path, .n_paths = n_paths, .shards_only = true,
                                                  .first_step = first_step, .end_step = end,
                                                  .n_threads = (int)n_jobs, .bad_image = on_bad_image};
    struct batch_loader *loader;
    msg_check(batch_loader_open(&loader, &loader_options, &e), &e);
    char text[32];
    msg_more("memory: %s", num_bytes_text((double)batch_loader_memory_bytes(loader), text));

    announce_size(batch_loader_header(loader), end - first_step);
    write_output(c, loader, end - first_step);
    report_views(loader, end - first_step);
    bool replaced = batch_loader_replaced(loader)->samples > 0;
    batch_loader_close(loader);
    return replaced;
}

/* ------------------------------------------------------------ contact sheet */

static void on_row(void *arg, int64_t i_row, const char *key, const char *why_replaced)
{
    bool *replaced = arg;
    if (why_replaced)
        on_bad_image(NULL, why_replaced, key);
    *replaced = *replaced || why_replaced;
    msg_more("row %lld: %s", (long long)i_row + 1, key);
}

/* Returns whether images were replaced. */
static bool write_sheet(const struct config *c, const char **path, int n_paths)
{
    struct fmt_error e = {0};
    bool replaced = false;
    struct crop_sampler sampler;
    struct image sheet = {0};
    struct fmt_buffer jpeg = {0};
    struct jpeg_encoding encoding = {.quality = 92};
    struct contact_sheet_options sheet_options = {.first_step = first_step, .n_rows = n_rows, .on_row = on_row,
                                                  .arg = &replaced};
    msg_check(crop_sampler_open(&sampler, c, path, n_paths, &e), &e);
    if (contact_sheet_draw(&sampler, &sheet_options, &sheet, &e) || jpeg_encode(&sheet, &encoding, &jpeg, &e))
        msg_die("%s", e.text);
    struct file_out out;
    msg_check(file_create_binary(&out, sheet_name, &e), &e);
    (void)file_put(&out, jpeg.data, jpeg.bytes); /* file_commit reports what went wrong */
    msg_check(file_commit(&out, &e), &e);
    if (json)
        printf("{\"rows\":%lld,\"width\":%d,\"height\":%d}\n", (long long)n_rows, sheet.width, sheet.height);
    msg_note("%s: %s, %d x %d pixels", sheet_name, FMT_COUNT(n_rows, "row", "rows"), sheet.width,
             sheet.height);
    fmt_buffer_release(&jpeg);
    image_release(&sheet);
    crop_sampler_close(&sampler);
    return replaced;
}

/* The sheet is a JPEG file: a name that says otherwise is a mistake. */
static void check_sheet_name(void)
{
    const char *base = strrchr(sheet_name, '/'), *end = strrchr(base ? base : sheet_name, '.');
    if (end && strcasecmp(end, ".jpg") != 0 && strcasecmp(end, ".jpeg") != 0)
        msg_usage("--sheet %s: a JPEG file is written: .jpg or .jpeg", sheet_name);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct config config;
    struct fmt_error launched = {0};
    static const void *const of_views[] = {&n_steps, &force, &provenance, NULL}, *const of_sheets[] = {&n_rows, NULL};
    file_on_signal();
    input_guard_enable();
    if (launcher_check(&launched)) /* by mpirun, srun or torchrun: each process would write the same */
        msg_warn("%s", launched.text);
    if (sheet_name && output)
        msg_usage("--sheet and --output are two different things");
    if (sheet_name)
        check_sheet_name();
    opt_unused(&tool, sheet_name ? of_views : of_sheets, sheet_name ? "a sheet has rows" : "it is for --sheet");
    output = output ? output : "-";
    if (json && strcmp(sheet_name ? sheet_name : output, "-") == 0)
        msg_usage("--json and the output would both go to standard output: give -o or --sheet a file");
    const char **path = calloc((size_t)argc + CONFIG_PATHS_MAX, sizeof *path);
    struct fmt_error e = {0};
    if (!path)
        msg_die("out of memory");
    msg_check(file_check_output(sheet_name ? sheet_name : output, true, &e), &e);
    read_settings(&config, argc - first, argv + first);
    int n_paths = take_paths(&config, argc - first, argv + first, path);
    bool replaced = sheet_name ? write_sheet(&config, path, n_paths) : write_views(&config, path, n_paths);
    free(path);
    config_release(&config);
    return msg_finish(replaced ? EXIT_SKIPPED : EXIT_DONE);
}
