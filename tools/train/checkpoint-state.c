/* checkpoint-state.c - the state of a run as a JSON text and named tensors, and back.
 *
 * The tensors are those of state.h in its order, then metrics.window [METRICS, 20] in float64. Reading goes by
 * name and wants exactly these with exactly these dimensions, and names all that are missing, misshapen or foreign.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "named-tensor.h"
#include "state.h"
#include "step.h"
#include "num.h"
#include "checkpoint.h"
#include "version.h"

static const char window_name[] = "metrics.window";
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

static bool has_replaced(const struct checkpoint *k)
{
    return k->replaced && k->replaced->samples > 0;
}

/* Nothing of a run in which nothing was replaced. */
static int put_replaced(struct fmt_buffer *b, const struct checkpoint *k)
{
    static const char key[] = "\"replaced\":";
    if (!has_replaced(k))
        return 0;
    return fmt_buffer_append(b, key, strlen(key)) | replaced_images_write(k->replaced, b, NULL) |
           fmt_buffer_append(b, ",", 1);
}

static int state_text(const struct checkpoint *k, const struct step *step, struct fmt_buffer *b, struct fmt_error *e)
{
    char text[300];
    struct state_numbers numbers = state_numbers(step);
    int n = snprintf(text, sizeof text,
                     "{\"optimizer_steps\":%" PRId64 ",\"backbone_steps\":%" PRId64 ",\"center_pending\":%" PRId64
                     ",\"bad_steps\":%" PRId64 ",\"metrics_count\":%" PRId64 ",\"inputs\":{",
                     numbers.optimizer_steps, numbers.backbone_steps, numbers.center_pending, k->bad_steps,
                     k->metrics.count);
    int bad = fmt_buffer_append(b, text, (size_t)n) | put_inputs(b, &k->inputs);
    bad |= fmt_buffer_append(b, "},", 2) | put_replaced(b, k);
    bad |= fmt_buffer_append(b, "\"" CONFIG_META_KEY "\":", strlen("\"" CONFIG_META_KEY "\":"));
    if (!bad && config_json(k->config, CONFIG_RESULT, b, e) == 0 && fmt_buffer_append(b, "}", 2) == 0)
        return 0;
    return fmt_no_memory(e);
}

static int take_number(const cJSON *object, const char *key, int64_t *v, struct fmt_error *e)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > NUM_WHOLE_MAX)
        return fmt_fail(e, FMT_INVALID, "state: %s is missing or no count", key);
    *v = (int64_t)item->valuedouble;
    return 0;
}

static bool take_digest(const char *hex, uint8_t out[DIGEST_BYTES])
{
    if (strlen(hex) != 2 * DIGEST_BYTES || strspn(hex, "0123456789abcdef") != 2 * DIGEST_BYTES)
        return false;
    for (int i = 0; i < DIGEST_BYTES; i++)
        sscanf(hex + 2 * i, "%2hhx", &out[i]);
    return true;
}

static int take_inputs(const cJSON *object, struct run_inputs *inputs, struct fmt_error *e)
{
    for (int i = 0; i < INPUTS; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, run_input_name[i]);
        if (!item)
            continue;
        if (!cJSON_IsString(item) || !take_digest(item->valuestring, inputs->digest[i]))
            return fmt_fail(e, FMT_INVALID, "state: the input %s is no digest", run_input_name[i]);
        inputs->set[i] = true;
    }
    return 0;
}

static int take_settings(const cJSON *object, struct config *c, struct fmt_error *e)
{
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    if (!text)
        return fmt_fail(e, FMT_INVALID, "state: no " CONFIG_META_KEY);
    int status = config_parse(c, text, strlen(text), CONFIG_META_KEY, e);
    cJSON_free(text);
    return status;
}

static int take_state(struct checkpoint_file *f, struct fmt_error *e)
{
    cJSON *root = cJSON_Parse(f->ckpt.header.state);
    int status = cJSON_IsObject(root) ? 0 : fmt_fail(e, FMT_INVALID, "state: not a JSON object");
    const struct {
        const char *key;
        int64_t *value;
    } numbers[] = {{"optimizer_steps", &f->numbers.optimizer_steps}, {"backbone_steps", &f->numbers.backbone_steps},
                   {"center_pending", &f->numbers.center_pending}, {"bad_steps", &f->found.bad_steps},
                   {"metrics_count", &f->metrics_count}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !status; i++)
        status = take_number(root, numbers[i].key, numbers[i].value, e);
    if (!status)
        status = take_inputs(cJSON_GetObjectItemCaseSensitive(root, "inputs"), &f->found.inputs, e);
    const cJSON *replaced = cJSON_GetObjectItemCaseSensitive(root, "replaced"); /* older ones have none */
    if (!status && replaced)
        status = replaced_images_read(&f->replaced, replaced, e);
    if (!status)
        status = take_settings(cJSON_GetObjectItemCaseSensitive(root, CONFIG_META_KEY), &f->settings, e);
    cJSON_Delete(root);
    return status;
}

/* ---------------------------------------------------------------- writing */
static int table_of(struct step *step, struct ckpt_tensor **table, struct state_tensor **tensors, struct fmt_error *e)
{
    int64_t n = state_count(step);
    *tensors = calloc((size_t)n + 1, sizeof **tensors);
    *table = calloc((size_t)n + 1, sizeof **table);
    if (!*tensors || !*table)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < n; i++) {
        struct state_tensor *t = &(*tensors)[i];
        state_tensor(step, i, t);
        (*table)[i] = (struct ckpt_tensor){.name = t->name, .dtype = DTYPE_F32, .n_dims = t->n_dims};
        memcpy((*table)[i].dims, t->dims, (size_t)t->n_dims * sizeof t->dims[0]);
    }
    (*table)[n] = (struct ckpt_tensor){
        .name = window_name, .dtype = DTYPE_F64, .n_dims = 2, .dims = {window_dims[0], window_dims[1]}};
    return 0;
}

int checkpoint_provenance(struct provenance *p, const struct checkpoint *k, int64_t iteration, bool keep,
                          struct fmt_error *e)
{
    provenance_init(p, "dino-train", DINOTOOLS_VERSION, keep);
    provenance_int(p, "iteration", iteration);
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        if (config_key(id)->effect != CONFIG_RESULT)
            continue;
        char *value = config_value(k->config, id);
        if (!value)
            return fmt_no_memory(e);
        provenance_text(p, config_key(id)->name, value);
        free(value);
    }
    for (int i = 0; i < INPUTS; i++)
        if (k->inputs.set[i])
            provenance_input(p, run_input_name[i], k->inputs.digest[i]);
    if (has_replaced(k)) {
        uint8_t digest[DIGEST_BYTES];
        replaced_images_digest(k->replaced, digest);
        provenance_input(p, "replaced", digest);
    }
    return 0;
}

static int write_all(const struct fmt_writer *io, const struct checkpoint *k, struct step *step,
                     const struct ckpt_tensor *table, const struct state_tensor *tensors, const char *state,
                     const struct provenance *p, struct fmt_error *e)
{
    struct ckpt_writer w;
    int64_t n = state_count(step);
    struct ckpt_header h = {.iteration = k->iteration, .rank = 0, .n_ranks = 1, .state = state};
    int status = ckpt_create(&w, io, &h, table, n + 1, p, e);
    if (status)
        return status;
    for (int64_t i = 0; i < n && !status; i++)
        status = ckpt_add(&w, tensors[i].data, (size_t)tensors[i].n * sizeof(float), e);
    if (!status)
        status = ckpt_add(&w, k->metrics.window, sizeof k->metrics.window, e);
    if (!status)
        return ckpt_finish(&w, e);
    ckpt_abandon(&w);
    return status;
}

static int write_file(const char *path, const struct checkpoint *k, struct step *step, const struct provenance *p,
                      struct fmt_error *e)
{
    struct ckpt_tensor *table = NULL;
    struct state_tensor *tensors = NULL;
    struct fmt_buffer state = {0};
    struct file_out out;
    int status = table_of(step, &table, &tensors, e);
    if (!status)
        status = state_text(k, step, &state, e);
    if (!status)
        status = file_check_fifo(path, e);
    if (!status && !(status = file_create(&out, path, e))) {
        struct fmt_writer io = file_writer(&out);
        status = file_finish(&out, write_all(&io, k, step, table, tensors, (const char *)state.data, p, e), e);
    }
    fmt_buffer_release(&state);
    free(table);
    free(tensors);
    return status;
}

int checkpoint_save(const char *directory, const struct checkpoint *k, struct step *step, bool provenance, char **path,
                    struct fmt_error *e)
{
    char name[CHECKPOINT_NAME_ROOM];
    struct provenance p;
    if (!(*path = file_join(directory, checkpoint_name(k->iteration, 0, name))))
        return fmt_no_memory(e);
    int status = checkpoint_provenance(&p, k, k->iteration, provenance, e);
    if (!status)
        status = write_file(*path, k, step, &p, e);
    provenance_release(&p);
    if (status) {
        free(*path);
        *path = NULL;
    }
    return status;
}

/* ---------------------------------------------------------------- reading */
/* A file may have any name, but not that of another iteration's checkpoint. */
static int check_name(const struct checkpoint_file *f, const char *path, struct fmt_error *e)
{
    const char *slash = strrchr(path, '/');
    int64_t iteration;
    int rank;
    if (!checkpoint_parse_name(slash ? slash + 1 : path, &iteration, &rank) || iteration == f->found.iteration)
        return 0;
    return fmt_fail(e, FMT_INVALID, "its name says iteration %" PRId64 ", and it holds iteration %" PRId64, iteration,
                    f->found.iteration);
}

int checkpoint_open(struct checkpoint_file *f, const char *path, struct fmt_error *e)
{
    *f = (struct checkpoint_file){0};
    config_init(&f->settings);
    int status = file_open_regular(&f->file, path, e);
    if (status)
        return status;
    f->io = file_reader(&f->file);
    status = ckpt_open(&f->ckpt, &f->io, e);
    if (status) {
        file_close(&f->file);
        fmt_prefix(e, path);
        return status;
    }
    f->found.iteration = f->ckpt.header.iteration;
    f->found.config = &f->settings;
    f->found.replaced = &f->replaced;
    status = take_state(f, e);
    if (!status && (f->ckpt.header.n_ranks != 1 || f->ckpt.header.rank != 0))
        status = fmt_fail(e, FMT_UNSUPPORTED, "one of the %d parts of a run of several processes",
                          (int)f->ckpt.header.n_ranks);
    if (!status)
        status = check_name(f, path, e);
    if (status) {
        checkpoint_close(f);
        fmt_prefix(e, path);
    }
    return status;
}

void checkpoint_close(struct checkpoint_file *f)
{
    ckpt_close(&f->ckpt);
    file_close(&f->file);
    config_release(&f->settings);
    replaced_images_release(&f->replaced);
}

/* What does not go with the model, told line by line. */
struct complaints {
    const struct checkpoint_told *told;
    int64_t missing, misshapen, unexpected;
};

__attribute__((format(printf, 3, 4))) static void complain(const struct complaints *c, int64_t *count,
                                                           const char *format, ...)
{
    char line[CKPT_NAME_MAX + 2 * NAMED_TENSOR_DIMS_TEXT_MAX + 64];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    ++*count;
    c->told->tell(c->told->arg, line);
}

static void check_tensor(const struct ckpt *c, const char *name, enum dtype dtype, int n_dims, const int64_t *dims,
                         struct complaints *bad)
{
    int64_t i = ckpt_find(c, name);
    char is[NAMED_TENSOR_DIMS_TEXT_MAX], needs[NAMED_TENSOR_DIMS_TEXT_MAX];
    if (i < 0)
        complain(bad, &bad->missing, "%s is missing", name);
    else if (c->tensor[i].dtype != dtype || c->tensor[i].n_dims != n_dims ||
             memcmp(c->tensor[i].dims, dims, (size_t)n_dims * sizeof *dims) != 0)
        complain(bad, &bad->misshapen, "%s is %s, this model needs %s", name,
                 named_tensor_dims_text(c->tensor[i].dims, c->tensor[i].n_dims, is),
                 named_tensor_dims_text(dims, n_dims, needs));
}

static bool is_network(const char *name)
{
    return strncmp(name, "student.", 8) == 0 || strncmp(name, "teacher.", 8) == 0;
}

/* Of the networks alone, the centres are taken where this run has some; a file's others have no use. */
static bool is_wanted(const char *name, bool everything)
{
    return everything || is_network(name) || strstr(name, ".center");
}

static void check_unexpected(const struct ckpt *c, const struct state_tensor *t, int64_t n, bool everything,
                             struct complaints *bad)
{
    for (int64_t i = 0; i < c->n_tensors; i++) {
        const char *name = c->tensor[i].name;
        bool known = everything ? strcmp(name, window_name) == 0 : !is_network(name);
        for (int64_t k = 0; k < n && !known; k++)
            known = strcmp(name, t[k].name) == 0;
        if (!known)
            complain(bad, &bad->unexpected, "%s belongs nowhere in this model", name);
    }
}

static int check_tensors(struct checkpoint_file *f, const struct state_tensor *t, int64_t n, bool everything,
                         const struct checkpoint_told *told, struct fmt_error *e)
{
    struct complaints bad = {.told = told};
    for (int64_t i = 0; i < n; i++)
        if (is_wanted(t[i].name, everything))
            check_tensor(&f->ckpt, t[i].name, DTYPE_F32, t[i].n_dims, t[i].dims, &bad);
    if (everything)
        check_tensor(&f->ckpt, window_name, DTYPE_F64, 2, window_dims, &bad);
    check_unexpected(&f->ckpt, t, n, everything, &bad);
    if (!bad.missing && !bad.misshapen && !bad.unexpected)
        return 0;
    return fmt_fail(e, FMT_MISMATCH,
                    "%.200s: %s missing, %s fit, %s nowhere", f->file.path,
                    FMT_COUNT(bad.missing, "tensor is", "tensors are"),
                    FMT_COUNT(bad.misshapen, "does not", "do not"), FMT_COUNT(bad.unexpected, "belongs", "belong"));
}

static int read_tensor(struct checkpoint_file *f, const char *name, void *to, size_t bytes, struct fmt_error *e)
{
    int status = ckpt_read(&f->ckpt, ckpt_find(&f->ckpt, name), to, (int64_t)bytes, &f->ckpt.buffer, e);
    if (status)
        fmt_prefix(e, f->file.path);
    return status;
}

static int load(struct checkpoint_file *f, struct step *step, bool everything, const struct checkpoint_told *told,
                struct fmt_error *e)
{
    struct ckpt_tensor *table = NULL;
    struct state_tensor *t = NULL;
    int64_t n = state_count(step);
    int status = table_of(step, &table, &t, e);
    if (!status)
        status = check_tensors(f, t, n, everything, told, e);
    for (int64_t i = 0; i < n && !status; i++)
        if (is_wanted(t[i].name, everything))
            status = read_tensor(f, t[i].name, t[i].data, (size_t)t[i].n * sizeof(float), e);
    free(table);
    free(t);
    return status;
}

int checkpoint_load(struct checkpoint_file *f, struct step *step, const struct checkpoint_told *told,
                    struct fmt_error *e)
{
    int status = load(f, step, true, told, e);
    if (!status)
        status = read_tensor(f, window_name, f->found.metrics.window, sizeof f->found.metrics.window, e);
    if (status)
        return status;
    f->found.metrics.count = f->metrics_count;
    state_set_numbers(step, f->numbers);
    return 0;
}

int checkpoint_load_networks(struct checkpoint_file *f, struct step *step, const struct checkpoint_told *told,
                             struct fmt_error *e)
{
    int status = load(f, step, false, told, e);
    if (!status)
        state_set_numbers(step, (struct state_numbers){.center_pending = f->numbers.center_pending});
    return status;
}
