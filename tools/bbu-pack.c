/* bbu-pack - catalogue -> shards: every image is read, compared with its digest, decoded once, and stored. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "disk-space.h"
#include "file.h"
#include "index.h"
#include "input-guard.h"
#include "job-part.h"
#include "image-file.h"
#include "jpeg.h"
#include "json-report.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "pack-plan.h"
#include "progress.h"
#include "resize.h"
#include "rootpath.h"
#include "shard-folder.h"
#include "shard-set.h"
#include "shard.h"
#include "thread.h"
#include "verify.h"
#include "version.h"

static const char *output, *split, *store = "jpeg", *given_root, *part_option;
static struct part part;
static bool keep_going, force, as_stored, json, provenance = true;
static int64_t n_jobs, short_side, quality = 95, shard_bytes = 512 << 20, pixels_max = IMAGE_PIXELS_MAX;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "DIR", "write the shards into DIR"),
    OPT_STRING(0, "split", &split, "NAME", "only images of this split [all]"),
    OPT_CHOICE(0, "store", &store, "jpeg|rgb",
               "what is stored: the bytes of files (of those that are scaled, as JPEG), or decoded pixels [jpeg]"),
    OPT_COUNT(0, "short-side", &short_side, 16, 65535, "N", "scale down to N pixels on the short side [no]"),
    OPT_COUNT(0, "quality", &quality, 1, 100, "N", "of JPEG bytes that were scaled [95]"),
    OPT_SIZE(0, "shard-bytes", &shard_bytes, 1, 1099511627776.0, "N", "begin a new shard after N bytes [512M]"),
    OPT_FLAG(0, "as-stored", &as_stored, "pixels as stored: EXIF orientation is not applied"),
    OPT_STRING(0, "part", &part_option, "I/N", "only part I of N of the shards; slurm: of this task of an array [all]"),
    OPT_FLAG('k', "keep-going", &keep_going, "leave out images that fail; exit 3"),
    OPT_FLAG('f', "force", &force, "write more than the free disk space"),
    OPT_PATH(0, "root", &given_root, "DIR", "the photographs lie in DIR [as the catalogue says]"),
    OPT_SIZE(0, "max-pixels", &pixels_max, 1, 4294836225.0, "N", "largest image [256M]"),
    OPT_JOBS(&n_jobs),
    OPT_JSON(&json),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {"bbu-pack", "CATALOGUE -o DIR", "Put the images of a catalogue into shards.",
                                     options, NULL};

/* ---------------------------------------------------------------- one image */

struct worker {
    struct image decoded, scaled;
    struct arena scratch;
    struct fmt_buffer encoded, raw;
};

static int scale(struct worker *w, int64_t width, int64_t height, struct fmt_error *e)
{
    const struct image *im = &w->decoded;
    struct resize r = {im->height, im->width, height, width, 0, 0, height, width, im->components};
    struct arena plan = {0};
    resize_bicubic(&r, im->pixels, 0, NULL, &plan);
    if (plan.high > w->scratch.size) {
        arena_release(&w->scratch);
        if (arena_init(&w->scratch, plan.high, e))
            return FMT_MEMORY;
    }
    int status = image_reserve(&w->scaled, (int)width, (int)height, im->components, e);
    if (status == 0)
        resize_bicubic(&r, im->pixels, (int64_t)im->width * im->components, w->scaled.pixels, &w->scratch);
    return status;
}

static void store_pixels(const struct image *im, struct shard_image *out)
{
    out->store = im->components == 1 ? SHARD_GREY : SHARD_RGB;
    out->width = im->width, out->height = im->height, out->components = im->components;
    out->data = im->pixels;
    out->bytes = image_bytes(im->width, im->height, im->components);
}

static int store_encoded(struct worker *w, const struct image *im, struct shard_image *out, struct fmt_error *e)
{
    struct jpeg_encoding encoding = {.quality = (int)quality};
    w->encoded.bytes = 0;
    int status = jpeg_encode(im, &encoding, &w->encoded, e);
    out->store = SHARD_JPEG;
    out->width = im->width, out->height = im->height, out->components = im->components;
    out->data = w->encoded.data, out->bytes = w->encoded.bytes;
    return status;
}

/* Decodes the bytes of the file, which proves that they are all there, and chooses what is stored. */
static int make_image(struct worker *w, const struct pack_how *how, const struct index_entry *t, uint8_t *data,
                      size_t bytes, struct shard_image *out, struct fmt_error *e)
{
    static const enum shard_store stores[] = {[IMAGE_JPEG] = SHARD_JPEG, [IMAGE_PNG] = SHARD_PNG,
                                              [IMAGE_TIFF] = SHARD_TIFF};
    struct image_settings settings = {.pixels_max = pixels_max, .orientation = as_stored ? 1 : 0,
                                      .bits = t->decoding.bits, .fill = t->decoding.filled};
    struct image_info info;
    int64_t width, height;
    int status = image_file_read_info(data, bytes, &settings, &info, e);
    if (status)
        return status;
    pack_plan_scaled_size(how, info.width, info.height, &width, &height);
    bool scales = width != info.width || height != info.height;
    status = image_file_decode(data, bytes, &settings, scales || how->pixels ? &w->decoded : NULL, NULL, e);
    if (status == 0 && scales)
        status = scale(w, width, height, e);
    if (status)
        return status;
    const struct image *im = scales ? &w->scaled : &w->decoded;
    if (how->pixels) {
        store_pixels(im, out);
        return 0;
    }
    if (scales)
        return store_encoded(w, im, out, e);
    if (as_stored && (status = image_file_reset_orientation(data, bytes, e)))
        return status;
    out->store = stores[image_file_kind(data, bytes)];
    out->decoding = t->decoding;
    out->width = info.stored_width, out->height = info.stored_height, out->components = info.components;
    out->data = data, out->bytes = bytes;
    return 0;
}

/* ---------------------------------------------------------------- pipeline: compute in threads, write in order */

struct slot {
    struct block_frame frame;
    struct fmt_error e; /* why the image failed */
};

struct packing {
    struct pack_plan *plan;
    const char *root, *folder; /* of the photographs; of the shards, with its temporary name */
    struct provenance *prov;
    struct shard_header header;
    struct worker *worker;
    struct slot *slot;
    struct shard_writer writer;
    struct file_out file;
    struct fmt_writer io;
    bool writing;   /* a shard is open */
    uint64_t bytes; /* of the shards that are finished */
    int64_t n_failed_now;
    struct progress progress;
    struct fmt_error e;
};

static int pack_read(void *arg, int slot, int64_t item)
{
    struct packing *g = arg;
    g->slot[slot].e = (struct fmt_error){0};
    return g->plan->first_image + item < g->plan->end_image ? 0 : FMT_END;
}

static int load(const struct packing *g, const struct index_entry *t, uint8_t **data, size_t *bytes,
                struct fmt_error *e)
{
    uint8_t found[DIGEST_BYTES];
    char *path = *g->root && t->path[0] != '/' ? file_join(g->root, t->path) : strdup(t->path);
    if (!path)
        return fmt_no_memory(e);
    int status = file_load_regular(path, IMAGE_FILE_BYTES_MAX, data, bytes, e);
    if (status == 0) {
        digest_of(*data, *bytes, found);
        if (memcmp(found, t->sha256, DIGEST_BYTES) != 0) {
            status = fmt_fail(e, FMT_MISMATCH, "%.250s: changed since it was indexed", path);
            free(*data);
        }
    }
    free(path);
    return status;
}

static int pack_compute(void *arg, int slot, int64_t item, int worker)
{
    struct packing *g = arg;
    struct worker *w = &g->worker[worker];
    struct slot *s = &g->slot[slot];
    const struct index_entry *t = &g->plan->index->entry[g->plan->entry[g->plan->first_image + item]];
    uint8_t *data;
    size_t bytes;
    if (load(g, t, &data, &bytes, &s->e))
        return 0; /* pack_write reports it, in order */
    struct shard_image im = {.labels = t->labels};
    memcpy(im.sha256, t->sha256, DIGEST_BYTES);
    if (make_image(w, &g->plan->how, t, data, bytes, &im, &s->e))
        fmt_prefix(&s->e, t->path);
    else
        shard_encode(&g->header, &im, &w->raw, &s->frame, &s->e);
    free(data);
    return 0;
}

static int finish_shard(struct packing *g)
{
    if (!g->writing)
        return 0;
    g->writing = false;
    if (g->n_failed_now > 0) { /* it lacks images */
        shard_abandon(&g->writer);
        file_abort(&g->file);
        return 0;
    }
    int status = shard_finish(&g->writer, &g->e);
    g->bytes += g->file.bytes;
    return file_finish(&g->file, status, &g->e);
}

static int begin_shard(struct packing *g, uint32_t i_shard)
{
    char name[64];
    int status = finish_shard(g);
    g->header.i_shard = i_shard;
    if (g->n_failed_now > 0) /* the other images are looked at, to name all that fail */
        return status;
    snprintf(name, sizeof name, "shard-%05" PRIu32 "-of-%05" PRIu32 ".shard", i_shard, g->plan->n_shards);
    char *path = status ? NULL : file_join(g->folder, name);
    if (!path)
        return status ? status : fmt_no_memory(&g->e);
    status = file_create(&g->file, path, &g->e);
    free(path);
    if (status)
        return status;
    g->io = file_writer(&g->file);
    status = shard_create(&g->writer, &g->io, &g->header, g->prov, &g->e);
    if (status)
        file_abort(&g->file);
    g->writing = status == 0;
    return status;
}

static int pack_write(void *arg, int slot, int64_t item)
{
    struct packing *g = arg;
    struct slot *s = &g->slot[slot];
    const struct pack_plan *p = g->plan;
    int status = 0;
    int64_t i = p->first_image + item, i_shard = item == 0 ? p->first_shard : g->header.i_shard + (int64_t)1;
    if (i_shard < p->end_shard && i == p->first[i_shard])
        status = begin_shard(g, (uint32_t)i_shard);
    if (status == 0 && s->e.status == FMT_MEMORY) { /* no fault of the image, which is not left out for it */
        const char *path = p->index->entry[p->entry[i]].path;
        status = fmt_fail(&g->e, FMT_MEMORY, "%.250s: out of memory", path);
    } else if (status == 0 && s->e.status) {
        msg_error("%s", s->e.text);
        g->plan->failed[p->entry[i]] = true;
        g->n_failed_now++;
    } else if (status == 0 && g->n_failed_now == 0) {
        status = block_put(&g->writer.block, &s->frame, &g->e);
        if (status && g->file.error_number)
            g->e = (struct fmt_error){0}, errno = g->file.error_number, file_fail(output, &g->e);
    }
    progress_step(&g->progress, item + 1);
    return status;
}

/* Images that are left out change the identity of the set. */
static void describe(const struct pack_plan *p, struct provenance *prov)
{
    provenance_init(prov, "bbu-pack", DINOTOOLS_VERSION, provenance);
    provenance_text(prov, "split", split);
    provenance_text(prov, "store", store);
    provenance_int(prov, "short_side", short_side);
    provenance_int(prov, "quality", strcmp(store, "jpeg") == 0 && short_side ? quality : 0);
    provenance_int(prov, "shard_bytes", shard_bytes);
    provenance_flag(prov, "as_stored", as_stored);
    provenance_int(prov, "max_pixels", pixels_max);
    provenance_input_nested(prov, "catalogue", p->index->identity, p->index->provenance);
    if (p->n_failed == 0)
        return;
    struct digest d;
    uint8_t names[DIGEST_BYTES];
    digest_init(&d);
    for (int64_t i = 0; i < p->index->n_entries; i++)
        if (p->failed[i])
            digest_add(&d, p->index->entry[i].path, strlen(p->index->entry[i].path) + 1);
    digest_end(&d, names);
    provenance_input(prov, PROVENANCE_LEFT_OUT, names);
}

/* A slot keeps the memory of its largest image. Many slots let fast threads go ahead of a slow one; with large images,
 * few must do. */
static int choose_slots(const struct pack_plan *p, int n_workers)
{
    return p->stored_max < 4 << 20 ? 3 * n_workers : n_workers + (n_workers + 3) / 4;
}

static void packing_release(struct packing *g, int n_workers, int n_slots)
{
    for (int i = 0; i < n_workers; i++) {
        image_release(&g->worker[i].decoded);
        image_release(&g->worker[i].scaled);
        fmt_buffer_release(&g->worker[i].encoded);
        fmt_buffer_release(&g->worker[i].raw);
        arena_release(&g->worker[i].scratch);
    }
    for (int i = 0; i < n_slots; i++)
        block_frame_release(&g->slot[i].frame);
    free(g->worker);
    free(g->slot);
}

/* Whether the set needs to say what its files are. */
static bool has_other_files(const struct pack_plan *p)
{
    for (int64_t i = 0; i < p->n_images; i++) {
        const struct index_entry *t = &p->index->entry[p->entry[i]];
        if (t->kind != INDEX_JPEG || t->decoding.filled)
            return true;
    }
    return false;
}

/* Significant bits of samples of 16; 0: there are none. */
static int most_bits(const struct pack_plan *p)
{
    int bits = 0;
    for (int64_t i = 0; i < p->n_images; i++)
        bits = (int)num_max(bits, p->index->entry[p->entry[i]].decoding.bits);
    return bits;
}

/* JPEG bytes that are not scaled are those of the file: nothing has been done to their pixels. */
static void make_recipe(const struct pack_plan *p, struct recipe *r)
{
    struct fmt_error e = {0};
    int bits = most_bits(p);
    bool jpeg = strcmp(store, "jpeg") == 0, untouched = jpeg && !short_side;
    if (shard_recipe(short_side, jpeg && short_side ? quality : 0, as_stored && !untouched, r, &e) ||
        (bits && shard_recipe_bits(bits, r, &e)))
        msg_die("%s", e.text);
}

/* Packs all images of the plan into `folder`. False: some failed; the plan then says which. */
static bool pack(struct pack_plan *p, const char *root, const char *folder, struct thread_pool *pool, uint64_t *bytes)
{
    int n_workers = thread_workers(pool), n_slots = choose_slots(p, n_workers);
    struct provenance prov;
    struct packing g = {.plan = p, .root = root, .folder = folder, .prov = &prov};
    describe(p, &prov);
    g.header = (struct shard_header){.n_shards = p->n_shards, .width_max = p->side_max, .height_max = p->side_max,
                                     .pixels_max = p->pixels_max, .class_name = p->index->class_name,
                                     .n_classes = p->index->n_classes};
    g.header.files = !p->how.pixels && has_other_files(p);
    make_recipe(p, &g.header.recipe);
    g.worker = calloc((size_t)n_workers, sizeof *g.worker);
    g.slot = calloc((size_t)n_slots, sizeof *g.slot);
    if (!g.worker || !g.slot)
        msg_die("out of memory");
    progress_begin(&g.progress, "pack", "image", "images", p->end_image - p->first_image);
    struct thread_pipe pipe = {&g, n_slots, pack_read, pack_compute, pack_write};
    int status = thread_pipe_run(pool, &pipe);
    if (status == 0)
        status = finish_shard(&g);
    (status || g.n_failed_now ? progress_abandon : progress_end)(&g.progress);
    if (status)
        msg_die("%s", g.e.status ? g.e.text : fmt_status_text((enum fmt_status)status));
    packing_release(&g, n_workers, n_slots);
    recipe_release(&g.header.recipe);
    provenance_release(&prov);
    p->n_failed += g.n_failed_now;
    *bytes = g.bytes;
    return g.n_failed_now == 0;
}

/* ---------------------------------------------------------------- the folder */

static bool is_shard(const char *folder, const char *name)
{
    struct file f;
    struct verify_peek peek;
    char *path = file_join(folder, name);
    bool is = shard_set_is_name(name) && path && file_open_regular(&f, path, NULL) == 0;
    if (is) {
        struct fmt_reader io = file_reader(&f);
        is = verify_peek(&peek, &io) == BLOCK_SHARD;
        file_close(&f);
    }
    free(path);
    return is;
}

/* An older folder of shards is replaced; one with anything else in it is not removed. */
static void check_output(void)
{
    char **names;
    int64_t n;
    struct fmt_error e = {0};
    msg_check(file_check_folder(output, &e), &e);
    if (!file_exists(output))
        return;
    if (!file_is_dir(output))
        msg_die("%s: exists and is not a folder", output);
    msg_check(file_list(output, &names, &n, &e), &e);
    for (int64_t i = 0; i < n; i++)
        if (!is_shard(output, names[i]))
            msg_die("%s: holds %s, which is no shard: not replaced", output, names[i]);
    file_list_free(names, n);
}

static void read_catalogue(const char *path, struct index *x, char **root)
{
    struct file f;
    struct fmt_error e = {0};
    msg_check(file_open(&f, path, &e), &e);
    struct fmt_reader io = file_reader(&f);
    if (index_read(x, &io, &e)) {
        fmt_prefix(&e, f.path);
        msg_die("%s", e.text);
    }
    file_close(&f);
    if (given_root ? !(*root = strdup(given_root)) : rootpath_find(x->root, path, root, &e) != 0)
        msg_die("%s", e.status ? e.text : "out of memory");
}

/* Before anything is written. The size of JPEG bytes that will be scaled is not known. */
static void announce_size(const struct pack_plan *p)
{
    struct fmt_error e = {0};
    char text[32];
    bool pixels = p->how.pixels;
    if (short_side && !pixels)
        return;
    msg_note("%s going to be written: %s%s", FMT_COUNT(p->end_image - p->first_image, "image is", "images are"),
             num_bytes_text(p->bytes, text), pixels ? ", less what their compression saves" : "");
    if (disk_space_check(output, p->bytes, &e) == 0)
        return;
    if (!force)
        msg_die("%s (-f writes them anyway)", e.text);
    msg_warn("%s", e.text);
}

/* n_there: shards in the folder to which parts are added */
static void report(const struct pack_plan *p, int64_t n_there, uint64_t bytes)
{
    char text[32], name[PART_TEXT];
    int64_t n_images = p->end_image - p->first_image, n_shards = p->end_shard - p->first_shard;
    if (json) {
        struct cJSON *o = json_report_begin("summary");
        if (part.n > 0)
            json_report_text(o, "part", part_text(part, name));
        json_report_int(o, "images", n_images);
        json_report_int(o, "left_out", p->n_failed);
        json_report_int(o, "shards", n_shards);
        json_report_int(o, "bytes", (int64_t)bytes);
        if (json_report_end(o))
            msg_die("out of memory");
    }
    msg_note("%s in %s, %s", FMT_COUNT(n_images, "image", "images"), FMT_COUNT(n_shards, "shard", "shards"),
             num_bytes_text((double)bytes, text));
    if (part.n > 0)
        msg_note("part %s; of the set's %s %" PRId64 " %s there", part_text(part, name),
                 FMT_COUNT(p->n_shards, "shard", "shards"), n_there, n_there == 1 ? "is" : "are");
    if (p->n_failed)
        msg_error("%s left out", FMT_COUNT(p->n_failed, "image", "images"));
}

/* All shards, in a folder that appears when it is whole. */
static void pack_all(struct pack_plan *p, const char *root, struct thread_pool *pool, uint64_t *bytes)
{
    struct fmt_error e = {0};
    char *folder;
    msg_check(file_create_dir(output, &folder, &e), &e);
    bool whole = pack(p, root, folder, pool, bytes);
    if (!whole && !keep_going)
        msg_die("%s: no shards written: %s failed (-k leaves them out)", output,
                FMT_COUNT(p->n_failed, "image", "images"));
    while (!whole) { /* again, without the failed ones: shards are divided and named by what is in them */
        if (file_remove_tree(folder, &e) || file_make_dirs(folder, &e))
            msg_die("%s", e.text);
        pack_plan_divide(p);
        if (p->n_images == 0)
            msg_die("%s: no shards written: no image is left", output);
        whole = pack(p, root, folder, pool, bytes);
    }
    msg_check(file_commit_dir(folder, output, true, &e), &e);
}

/* The shards of a part, beside those of the others. folder: what lay there before, and then after the work. */
static void pack_part(struct pack_plan *p, const char *root, struct shard_folder *folder, struct thread_pool *pool,
                      uint64_t *bytes)
{
    uint8_t identity[DIGEST_BYTES];
    struct fmt_error e = {0};
    struct provenance prov;
    describe(p, &prov);
    if (provenance_identity(&prov, BLOCK_SHARD, SHARD_MAJOR, identity, &e) ||
        shard_folder_check(folder, identity, &e) || file_make_dirs(output, &e))
        msg_die("%s", e.text);
    provenance_release(&prov);
    if (!pack(p, root, output, pool, bytes))
        msg_die("%s: the part is not whole: %s failed (bbu-index -k leaves them out of the catalogue)", output,
                FMT_COUNT(p->n_failed, "image", "images"));
    shard_folder_release(folder); /* parts of another set may have begun at the same time */
    if (shard_folder_look(folder, output, &e) || shard_folder_check(folder, identity, &e))
        msg_die("%s", e.text);
}

static void check_usage(void)
{
    static const void *const of_scaled_jpeg[] = {&quality, NULL};
    struct fmt_error e = {0};
    if (!output)
        msg_usage("-o DIR is required");
    if (job_part_parse(part_option, &part, &e))
        msg_usage("%s", e.text);
    if (part.n > 0 && keep_going)
        msg_usage("-k divides the images that are left anew, and parts do not know of each other's: "
                  "leave images out with bbu-index -k");
    if (strcmp(output, "-") == 0)
        msg_usage("shards are a folder of files: they cannot go to standard output");
    if (!short_side || strcmp(store, "jpeg") != 0)
        opt_unused(&tool, of_scaled_jpeg, "it is for JPEG bytes that --short-side scaled");
}

int main(int argc, char **argv)
{
    struct index x;
    struct pack_plan plan;
    struct shard_folder shards = {0}; /* of a part */
    struct fmt_error e = {0};
    char *root;
    uint64_t bytes = 0;
    int first = opt_parse(&tool, argc, argv);
    if (argc - first != 1)
        msg_usage(argc == first ? "CATALOGUE is missing" : "one CATALOGUE at a time");
    check_usage();
    file_on_signal();
    if (part.n == 0)
        check_output();
    else if (shard_folder_look(&shards, output, &e))
        msg_die("%s", e.text);
    /* what these read is no input */
    input_guard_enable();
    read_catalogue(argv[first], &x, &root);
    struct pack_how how = {split, strcmp(store, "rgb") == 0, short_side, shard_bytes, part};
    msg_check(pack_plan_open(&plan, &x, &how, &e), &e);
    announce_size(&plan);
    struct thread_pool *pool = thread_open((int)n_jobs, &e);
    if (!pool)
        msg_die("%s", e.text);
    if (part.n > 0)
        pack_part(&plan, root, &shards, pool, &bytes);
    else
        pack_all(&plan, root, pool, &bytes);
    report(&plan, shards.n, bytes);
    thread_close(pool);
    int64_t n_failed = plan.n_failed;
    pack_plan_close(&plan);
    index_release(&x);
    free(root);
    shard_folder_release(&shards);
    return msg_finish(n_failed ? EXIT_SKIPPED : EXIT_DONE);
}
