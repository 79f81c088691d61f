/* rank-check.c - the facts of a run. Each tensor's digest is that of the digests of its pieces, which threads take. */
#include "rank-check.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rank-facts.h"
#include "state.h"
#include "thread.h"
#include "version.h"

enum { PIECE = 1 << 18, PIECES = 8 }; /* elements of a piece; pieces at a time */

struct rank_check {
    const struct world *world;
    struct thread_pool *pool;
    float *values;             /* [PIECES * PIECE] */
    int64_t n_tensors;
    double *spread;            /* [n_tensors]: not 0 where any process holds a part only */
    /* Of the piece of work of the threads. */
    int64_t n_values;
    uint8_t piece[PIECES][DIGEST_BYTES];
};

/* ---------------------------------------------------------------- settings */
/* One that says what the result is, or when something is done; not a path. */
static bool steers(const struct config_key *k)
{
    bool names = k->kind == CONFIG_TEXT || k->kind == CONFIG_PATHS;
    return k->effect == CONFIG_RESULT || (k->effect == CONFIG_QUIET && !names);
}

static int add_setting(struct rank_facts *f, const struct config *c, int id, struct fmt_error *e)
{
    char *value = config_value(c, id);
    int status = value ? rank_facts_add(f, config_key(id)->name, value, strlen(value), e) : fmt_no_memory(e);
    free(value);
    return status;
}

static int add_settings(struct rank_facts *f, const struct config *c, struct fmt_error *e)
{
    int status = rank_facts_add(f, "the version of dino-train", DINOTOOLS_VERSION, sizeof DINOTOOLS_VERSION, e);
    for (int id = 0; id < CONFIG_N_KEYS && !status; id++)
        if (steers(config_key(id)) || id == CONFIG_train_output_dir)
            status = add_setting(f, c, id, e);
    return status;
}

static int compare(const struct world *world, struct rank_facts *f, int status, struct fmt_error *e)
{
    status = world_agree(world, status, e);
    if (!status)
        status = rank_facts_compare(world, f, e);
    rank_facts_release(f);
    return status;
}

int rank_check_settings(const struct world *world, const struct config *config, struct fmt_error *e)
{
    struct rank_facts f = {0};
    return compare(world, &f, add_settings(&f, config, e), e);
}

/* ---------------------------------------------------------------- the state */
static int find_spread(struct rank_check *c, struct step *step, struct fmt_error *e)
{
    for (int64_t i = 0; i < c->n_tensors; i++) {
        struct state_tensor t;
        state_tensor(step, i, &t);
        c->spread[i] = t.count < t.n;
    }
    return world_all_reduce_host(c->world, c->spread, c->n_tensors, WORLD_MAX, e);
}

int rank_check_open(struct rank_check **check, const struct world *world, struct thread_pool *pool, struct step *step,
                    struct fmt_error *e)
{
    *check = NULL;
    if (world->size == 1)
        return 0;
    struct rank_check *c = calloc(1, sizeof *c);
    if (c) {
        *c = (struct rank_check){.world = world, .pool = pool, .n_tensors = state_count(step)};
        c->values = malloc(PIECES * PIECE * sizeof *c->values);
        c->spread = calloc((size_t)c->n_tensors, sizeof *c->spread);
    }
    int status = world_agree(world, c && c->values && c->spread ? 0 : fmt_no_memory(e), e);
    if (!status)
        status = find_spread(c, step, e);
    if (status)
        rank_check_close(c);
    else
        *check = c;
    return status;
}

void rank_check_close(struct rank_check *c)
{
    if (!c)
        return;
    free(c->values);
    free(c->spread);
    free(c);
}

static void digest_piece(void *arg, int64_t i, int worker)
{
    struct rank_check *c = arg;
    int64_t first = i * PIECE, n = num_min(PIECE, c->n_values - first);
    (void)worker;
    digest_of(c->values + first, (size_t)n * sizeof *c->values, c->piece[i]);
}

static int digest_tensor(struct rank_check *c, struct step *step, const struct state_tensor *t,
                         uint8_t out[DIGEST_BYTES], struct fmt_error *e)
{
    struct digest whole;
    int status = 0;
    digest_init(&whole);
    for (int64_t first = 0; first < t->n && !status; first += PIECES * PIECE) {
        c->n_values = num_min(PIECES * PIECE, t->n - first);
        int64_t n_pieces = num_ceil_div(c->n_values, PIECE);
        status = state_read(step, t, first, c->n_values, c->values, e);
        if (status)
            return status;
        thread_for(c->pool, n_pieces, digest_piece, c);
        digest_add(&whole, c->piece, (size_t)n_pieces * DIGEST_BYTES);
    }
    digest_end(&whole, out);
    return 0;
}

static int add_tensors(struct rank_check *c, struct rank_facts *f, struct step *step, struct fmt_error *e)
{
    int status = 0;
    for (int64_t i = 0; i < c->n_tensors && !status; i++) {
        struct state_tensor t;
        state_tensor(step, i, &t);
        status = rank_facts_add_name(f, t.name, e);
        if (!status && !c->spread[i])
            status = digest_tensor(c, step, &t, f->fact[f->n - 1].digest, e);
    }
    return status;
}

/* ---------------------------------------------------------------- the run */
static int add_counters(struct rank_facts *f, struct step *step, const struct run_state *s, struct fmt_error *e)
{
    struct state_numbers n = state_numbers(step);
    const int64_t counters[] = {s->bad_steps, n.optimizer_steps, n.backbone_steps, n.center_pending};
    int status = rank_facts_add(f, "the iteration", &s->iteration, sizeof s->iteration, e);
    for (int i = 0; i < INPUTS && !status; i++) {
        char name[RANK_FACT_NAME_MAX] = "the contents of ";
        strcat(name, run_input_key[i]);
        status = rank_facts_add(f, name, s->inputs.digest[i], s->inputs.set[i] ? DIGEST_BYTES : 0, e);
    }
    if (!status)
        status = rank_facts_add(f, "the number of updates", counters, sizeof counters, e);
    return status;
}

static int add_lists(struct rank_facts *f, const struct run_state *s, struct fmt_error *e)
{
    uint8_t replaced[DIGEST_BYTES] = {0};
    int status = rank_facts_add(f, "the metrics", &s->metrics, sizeof s->metrics, e);
    if (s->replaced)
        replaced_images_digest(s->replaced, replaced);
    if (!status)
        status = rank_facts_add(f, "the images that were replaced", replaced, sizeof replaced, e);
    return status;
}

int rank_check_run(struct rank_check *c, struct step *step, const struct run_state *state, struct fmt_error *e)
{
    struct rank_facts f = {0};
    if (!c)
        return 0;
    int status = add_settings(&f, state->config, e);
    if (!status)
        status = add_counters(&f, step, state, e);
    if (!status)
        status = add_tensors(c, &f, step, e);
    if (!status)
        status = add_lists(&f, state, e);
    return compare(c->world, &f, status, e);
}
