/* checkpoint.c - the state of a run as a JSON text and named tensors, and back.
 *
 * The tensors are those of state.h in its order, then metrics.window [METRICS, 20] in float64. They are read by name;
 * exactly these must be there with exactly these dimensions, and all that are missing, misshapen or foreign are logged.
 *
 * A process writes the part of each tensor that state.h gives it; the window, which all have, is written by parts, too.
 * When it reads, it opens one file of the set after the other and takes the elements that it holds. */
#include "checkpoint.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint-name.h"
#include "named-tensor.h"
#include "num.h"
#include "state.h"
#include "step.h"

static const char window_name[] = "metrics.window";
enum { PIECE = CKPT_PIECE_BYTES / sizeof(float) }; /* elements of a tensor that are in host memory at once */

static const int64_t window_dims[2] = {METRICS, TRAINING_METRICS_WINDOW};

/* ---------------------------------------------------------------- the JSON text */
static int put_inputs(struct fmt_buffer *b, const struct run_inputs *inputs)
{
    int bad = 0;
    const char *between = "";
    for (int i = 0; i < INPUTS; i++) {
        char text[DIGEST_HEX + 40], hex[DIGEST_HEX];
        if (!inputs->set[i])
            continue;
        digest_hex(inputs->digest[i], hex);
        int n = snprintf(text, sizeof text, "%s\"%s\":\"%s\"", between, run_input_name[i], hex);
        bad |= fmt_buffer_append(b, text, (size_t)n);
        between = ",";
    }
    return bad;
}

/* Only where something was replaced. */
static int put_replaced(struct fmt_buffer *b, const struct run_state *state)
{
    static const char key[] = "\"replaced\":";
    if (!run_state_has_replaced(state))
        return 0;
    return fmt_buffer_append(b, key, strlen(key)) | replaced_images_write(state->replaced, b, NULL) |
           fmt_buffer_append(b, ",", 1);
}

static int state_json(const struct run_state *state, const struct step *step, struct fmt_buffer *b,
                      struct fmt_error *e)
{
    char text[300];
    struct state_numbers numbers = state_numbers(step);
    int n = snprintf(text, sizeof text,
                     "{\"optimizer_steps\":%" PRId64 ",\"backbone_steps\":%" PRId64 ",\"center_pending\":%" PRId64
                     ",\"bad_steps\":%" PRId64 ",\"metrics_count\":%" PRId64 ",\"inputs\":{",
                     numbers.optimizer_steps, numbers.backbone_steps, numbers.center_pending, state->bad_steps,
                     state->metrics.count);
    int bad = fmt_buffer_append(b, text, (size_t)n) | put_inputs(b, &state->inputs);
    bad |= fmt_buffer_append(b, "},", 2) | put_replaced(b, state);
    bad |= fmt_buffer_append(b, "\"" CONFIG_META_KEY "\":", strlen("\"" CONFIG_META_KEY "\":"));
    if (!bad && config_json(state->config, CONFIG_RESULT, b, e) == 0 && fmt_buffer_append(b, "}", 2) == 0)
        return 0;
    return fmt_no_memory(e);
}

static int read_number(const cJSON *object, const char *key, int64_t *v, struct fmt_error *e)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > NUM_WHOLE_MAX)
        return fmt_fail(e, FMT_INVALID, "state: %s is missing or not a count", key);
    *v = (int64_t)item->valuedouble;
    return 0;
}

static int read_inputs(const cJSON *object, struct run_inputs *inputs, struct fmt_error *e)
{
    for (int i = 0; i < INPUTS; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, run_input_name[i]);
        if (!item)
            continue;
        if (!cJSON_IsString(item) || !digest_parse(item->valuestring, inputs->digest[i]))
            return fmt_fail(e, FMT_INVALID, "state: the input %s is not a digest", run_input_name[i]);
        inputs->set[i] = true;
    }
    return 0;
}

static int read_settings(const cJSON *object, struct config *c, struct fmt_error *e)
{
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    if (!text)
        return fmt_fail(e, FMT_INVALID, "state: no " CONFIG_META_KEY);
    int status = config_parse(c, text, strlen(text), CONFIG_META_KEY, e);
    cJSON_free(text);
    return status;
}

static int read_state(struct checkpoint_file *f, struct fmt_error *e)
{
    cJSON *root = cJSON_Parse(checkpoint_reader_first(&f->reader)->header.state);
    int status = cJSON_IsObject(root) ? 0 : fmt_fail(e, FMT_INVALID, "state: not a JSON object");
    const struct {
        const char *key;
        int64_t *value;
    } numbers[] = {{"optimizer_steps", &f->numbers.optimizer_steps}, {"backbone_steps", &f->numbers.backbone_steps},
                   {"center_pending", &f->numbers.center_pending}, {"bad_steps", &f->state.bad_steps},
                   {"metrics_count", &f->metrics_count}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !status; i++)
        status = read_number(root, numbers[i].key, numbers[i].value, e);
    if (!status)
        status = read_inputs(cJSON_GetObjectItemCaseSensitive(root, "inputs"), &f->state.inputs, e);
    const cJSON *replaced = cJSON_GetObjectItemCaseSensitive(root, "replaced"); /* not in older versions */
    if (!status && replaced)
        status = replaced_images_read(&f->replaced, replaced, e);
    if (!status)
        status = read_settings(cJSON_GetObjectItemCaseSensitive(root, CONFIG_META_KEY), &f->settings, e);
    cJSON_Delete(root);
    return status;
}

/* ---------------------------------------------------------------- writing */
/* Both lists are for free(), also after a failure. */
static int list_tensors(struct step *step, struct ckpt_tensor **table, struct state_tensor **tensors,
                        struct fmt_error *e)
{
    int64_t n = state_count(step);
    *tensors = calloc((size_t)n + 1, sizeof **tensors);
    *table = calloc((size_t)n + 1, sizeof **table);
    if (!*tensors || !*table)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < n; i++) {
        struct state_tensor *t = &(*tensors)[i];
        state_tensor(step, i, t);
        (*table)[i] = (struct ckpt_tensor){.name = t->name, .dtype = DTYPE_F32, .n_dims = t->n_dims,
                                           .first = t->part_first, .count = t->part_count};
        memcpy((*table)[i].dims, t->dims, (size_t)t->n_dims * sizeof t->dims[0]);
    }
    struct world_part window = world_part(step_world(step), window_dims[0] * window_dims[1], WORLD_GRAIN);
    (*table)[n] = (struct ckpt_tensor){.name = window_name, .dtype = DTYPE_F64, .n_dims = 2,
                                       .dims = {window_dims[0], window_dims[1]}, .first = window.first,
                                       .count = window.count};
    return 0;
}

/* Piece by piece through `host`, which holds one. */
static int write_tensor(struct ckpt_writer *w, struct step *step, const struct state_tensor *t, float *host,
                        struct fmt_error *e)
{
    int status = ckpt_add(w, NULL, 0, e); /* of an empty part this is all */
    for (int64_t done = 0; done < t->part_count && !status; done += PIECE) {
        int64_t n = num_min(PIECE, t->part_count - done);
        status = state_read(step, t, t->part_first + done, n, host, e);
        if (!status)
            status = ckpt_add(w, host, (size_t)n * sizeof *host, e);
    }
    return status;
}

static int write_tensors(struct ckpt_writer *w, struct step *step, const struct state_tensor *tensors,
                         struct fmt_error *e)
{
    float *host = malloc(CKPT_PIECE_BYTES);
    int64_t n = state_count(step);
    int status = host ? 0 : fmt_no_memory(e);
    for (int64_t i = 0; i < n && !status; i++)
        status = write_tensor(w, step, &tensors[i], host, e);
    free(host);
    return status;
}

/* What a file is made of. */
struct contents {
    const struct run_state *state;
    struct step *step;
    struct ckpt_tensor *table;
    struct state_tensor *tensors;
    struct fmt_buffer json;
};

static int write_all(const struct fmt_writer *io, const struct contents *x, const struct provenance *p,
                     struct ckpt_seal *seal, struct fmt_error *e)
{
    struct ckpt_writer w;
    int64_t n = state_count(x->step);
    const struct world *world = step_world(x->step);
    struct ckpt_header h = {.iteration = x->state->iteration, .rank = world->rank, .n_ranks = world->size,
                            .state = (const char *)x->json.data};
    int status = ckpt_create(&w, io, &h, x->table, n + 1, p, e);
    if (status)
        return status;
    const double *window = &x->state->metrics.window[0][0];
    status = write_tensors(&w, x->step, x->tensors, e);
    if (!status)
        status = ckpt_add(&w, window + x->table[n].first, (size_t)x->table[n].count * sizeof *window, e);
    if (status)
        ckpt_abandon(&w);
    else
        status = ckpt_finish(&w, e);
    *seal = w.seal;
    return status;
}

static int write_file(const char *path, const struct run_state *state, struct step *step, const struct provenance *p,
                      struct ckpt_seal *seal, struct fmt_error *e)
{
    struct contents x = {state, step, .json = {0}};
    struct file_out out;
    int status = list_tensors(step, &x.table, &x.tensors, e);
    if (!status)
        status = state_json(state, step, &x.json, e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status && !(status = file_create(&out, path, e))) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, write_all(&io, &x, p, seal, e), e);
    }
    fmt_buffer_release(&x.json);
    free(x.table);
    free(x.tensors);
    return status;
}

int checkpoint_write(const char *directory, const struct run_state *state, struct step *step, bool provenance,
                     struct ckpt_seal *seal, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_MAX];
    struct provenance p;
    char *path = file_join(directory, checkpoint_name(state->iteration, step_world(step)->rank, name));
    int status = path ? run_state_provenance(state, state->iteration, provenance, &p, e) : fmt_no_memory(e);
    if (path && !status)
        status = write_file(path, state, step, &p, seal, e);
    if (path)
        provenance_release(&p);
    free(path);
    return status;
}

int checkpoint_write_set(const char *directory, const struct run_state *state, struct ckpt_seal *seal, int n_ranks,
                         bool provenance, struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_MAX];
    struct ckpt_set set = {.iteration = state->iteration, .n_ranks = n_ranks, .seal = seal};
    struct provenance p;
    struct file_out out;
    char *path = file_join(directory, checkpoint_name(state->iteration, CHECKPOINT_SET, name));
    if (!path)
        return fmt_no_memory(e);
    int status = run_state_provenance(state, state->iteration, provenance, &p, e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status && !(status = file_create(&out, path, e))) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, ckpt_set_write(&set, &p, &io, e), e);
    }
    provenance_release(&p);
    free(path);
    return status;
}

/* ---------------------------------------------------------------- reading */
/* A file may have any name, but not that of another iteration's checkpoint. */
static int check_name(const struct checkpoint_file *f, const char *path, struct fmt_error *e)
{
    const char *slash = strrchr(path, '/');
    int64_t iteration;
    int rank;
    if (!checkpoint_parse_name(slash ? slash + 1 : path, &iteration, &rank) || iteration == f->state.iteration)
        return 0;
    return fmt_fail(e, FMT_INVALID, "its name says iteration %" PRId64 ", and it holds iteration %" PRId64, iteration,
                    f->state.iteration);
}

int checkpoint_open(struct checkpoint_file *f, const char *path, struct fmt_error *e)
{
    *f = (struct checkpoint_file){0};
    config_init(&f->settings);
    int status = checkpoint_reader_open(&f->reader, path, e);
    if (status) {
        config_release(&f->settings);
        return status;
    }
    const struct ckpt_header *h = &checkpoint_reader_first(&f->reader)->header;
    f->path = f->reader.path;
    f->state.iteration = h->iteration;
    f->state.config = &f->settings;
    f->state.replaced = &f->replaced;
    status = read_state(f, e);
    if (!f->settings.train.ranks) /* older versions did not have it */
        f->settings.train.ranks = h->n_ranks;
    if (!status)
        status = check_name(f, f->path, e);
    if (status) {
        fmt_prefix(e, f->path);
        checkpoint_close(f);
    }
    return status;
}

void checkpoint_close(struct checkpoint_file *f)
{
    checkpoint_reader_close(&f->reader);
    config_release(&f->settings);
    replaced_images_release(&f->replaced);
}

int checkpoint_check_ranks(const struct checkpoint_file *f, const struct config *config, struct fmt_error *e)
{
    int64_t there = f->settings.train.ranks, here = config->train.ranks;
    if (there == here || config->origin[CONFIG_train_ranks].kind != CONFIG_COMPUTED)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.200s: of a run of %s, and this one would have %" PRId64 ", as many as processes: "
                    "train.ranks=%" PRId64 " resumes it, on any number of processes that divides it", f->path,
                    FMT_COUNT(there, "rank", "ranks"), here, there);
}

int checkpoint_compare_settings(const struct checkpoint_file *f, const struct config *config, struct run_log *log,
                                enum run_log_level level)
{
    int n = 0;
    for (int id = config_differ(&f->settings, config, CONFIG_RESULT, 0); id < CONFIG_N_KEYS;
         id = config_differ(&f->settings, config, CONFIG_RESULT, id + 1), n++) {
        char *there = config_value(&f->settings, id), *here = config_value(config, id);
        run_log(log, level, "differs from the checkpoint: %s: %.150s there, %.150s here", config_key(id)->name,
                there ? there : "?", here ? here : "?");
        free(there);
        free(here);
    }
    return n;
}

/* What does not fit the model, logged line by line. */
struct problems {
    struct run_log *log;
    const char *path;
    int64_t missing, misshapen, unexpected;
};

__attribute__((format(printf, 3, 4))) static void add_problem(struct problems *p, int64_t *count,
                                                              const char *format, ...)
{
    char line[CKPT_NAME_MAX + 2 * NAMED_TENSOR_DIMS_TEXT_MAX + 64];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    ++*count;
    run_log(p->log, RUN_ERROR, "%.300s: %s", p->path, line);
}

static void check_tensor(const struct ckpt *c, const char *name, enum dtype dtype, int n_dims, const int64_t *dims,
                         struct problems *p)
{
    int64_t i = ckpt_find(c, name);
    char found[NAMED_TENSOR_DIMS_TEXT_MAX], needed[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (i < 0)
        add_problem(p, &p->missing, "%s is missing", name);
    else if (c->tensor[i].dtype != dtype || c->tensor[i].n_dims != n_dims ||
             memcmp(c->tensor[i].dims, dims, (size_t)n_dims * sizeof *dims) != 0)
        add_problem(p, &p->misshapen, "%s is %s, this model needs %s", name,
                    named_tensor_dims_text(c->tensor[i].dims, c->tensor[i].n_dims, found),
                    named_tensor_dims_text(dims, n_dims, needed));
}

static bool is_network(const char *name)
{
    return strncmp(name, "student.", 8) == 0 || strncmp(name, "teacher.", 8) == 0;
}

/* With only the networks, the centres that this run has are loaded; others in the file are not used. */
static bool is_loaded(const char *name, bool everything)
{
    return everything || is_network(name) || strstr(name, ".center");
}

static void check_unexpected(const struct ckpt *c, const struct state_tensor *t, int64_t n, bool everything,
                             struct problems *p)
{
    for (int64_t i = 0; i < c->n_tensors; i++) {
        const char *name = c->tensor[i].name;
        bool known = everything ? strcmp(name, window_name) == 0 : !is_network(name);
        for (int64_t k = 0; k < n && !known; k++)
            known = strcmp(name, t[k].name) == 0;
        if (!known)
            add_problem(p, &p->unexpected, "%s belongs nowhere in this model", name);
    }
}

static int check_tensors(struct checkpoint_file *f, const struct state_tensor *t, int64_t n, bool everything,
                         struct run_log *log, struct fmt_error *e)
{
    struct problems p = {.log = log, .path = f->path};
    const struct ckpt *first = checkpoint_reader_first(&f->reader);
    for (int64_t i = 0; i < n; i++)
        if (is_loaded(t[i].name, everything))
            check_tensor(first, t[i].name, DTYPE_F32, t[i].n_dims, t[i].dims, &p);
    if (everything)
        check_tensor(first, window_name, DTYPE_F64, 2, window_dims, &p);
    check_unexpected(first, t, n, everything, &p);
    if (!p.missing && !p.misshapen && !p.unexpected)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.200s: tensors: %" PRId64 " missing, %" PRId64 " of wrong shape, %" PRId64 " unexpected",
                    f->path, p.missing, p.misshapen, p.unexpected);
}

static int read_window(struct checkpoint_file *f, struct fmt_error *e)
{
    int64_t i = ckpt_find(checkpoint_reader_first(&f->reader), window_name);
    return checkpoint_reader_read_all(&f->reader, i, f->state.metrics.window, e);
}

struct loading {
    struct step *step;
    const struct state_tensor *tensor;
};

static int load_piece(void *arg, int64_t at, const void *data, int64_t k, struct fmt_error *e)
{
    const struct loading *l = arg;
    return state_write(l->step, l->tensor, at, k, data, e);
}

/* What the file of one rank has of the tensors, as far as it is held here. */
static int load_file(struct checkpoint_file *f, int rank, struct step *step, const struct state_tensor *t, int64_t n,
                     bool everything, struct fmt_error *e)
{
    struct ckpt *c = checkpoint_reader_file(&f->reader, rank, e);
    int status = c ? 0 : (int)e->status;
    for (int64_t k = 0; k < n && !status; k++) {
        struct loading l = {step, &t[k]};
        if (is_loaded(t[k].name, everything) && t[k].count > 0)
            status = ckpt_read_pieces(c, ckpt_find(c, t[k].name), t[k].first, t[k].count, load_piece, &l, &c->buffer,
                                      e);
    }
    char *path = c && status ? checkpoint_reader_path(&f->reader, rank) : NULL;
    if (path)
        fmt_prefix(e, path);
    free(path);
    return status;
}

static int load(struct checkpoint_file *f, struct step *step, bool everything, struct run_log *log, struct fmt_error *e)
{
    struct ckpt_tensor *table;
    struct state_tensor *t;
    int64_t n = state_count(step);
    int status = list_tensors(step, &table, &t, e);
    if (!status)
        status = check_tensors(f, t, n, everything, log, e);
    int n_files = f->reader.set.n_ranks, first = step_world(step)->rank;
    for (int k = 0; k < n_files && !status; k++) /* each process begins with another file */
        status = load_file(f, (first + k) % n_files, step, t, n, everything, e);
    free(table);
    free(t);
    return status;
}

int checkpoint_load(struct checkpoint_file *f, struct step *step, struct run_log *log, struct fmt_error *e)
{
    int status = load(f, step, true, log, e);
    if (!status)
        status = read_window(f, e);
    if (status)
        return status;
    f->state.metrics.count = f->metrics_count;
    state_set_numbers(step, f->numbers);
    return 0;
}

int checkpoint_load_networks(struct checkpoint_file *f, struct step *step, struct run_log *log, struct fmt_error *e)
{
    int status = load(f, step, false, log, e);
    if (!status)
        state_set_numbers(step, (struct state_numbers){.center_pending = f->numbers.center_pending});
    return status;
}
