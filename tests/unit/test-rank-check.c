/* test-rank-check - which of several ranks is the odd one, and in what: digests, settings, the state of a run. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rank-check.h"
#include "rank-facts.h"
#include "stepbed.h"
#include "world-threads.h"

/* ---- a fact ---- */

/* Letters are what each rank has. */
static void judged(const char *ranks, const char *want)
{
    uint8_t all[32][DIGEST_BYTES];
    struct fmt_error e = {0};
    int n = (int)strlen(ranks);
    for (int r = 0; r < n; r++)
        digest_of(&ranks[r], 1, all[r]);
    int status = rank_facts_judge((const uint8_t(*)[DIGEST_BYTES])all, n, "x", &e);
    ok(status == (want ? FMT_MISMATCH : 0), "%s: %s", ranks, want ? "differ" : "are the same");
    is_text(e.text, want ? want : "", "%s", ranks);
}

static void test_judge(void)
{
    judged("a", NULL);
    judged("aaaaa", NULL);
    judged("ab", "rank 1 differs from rank 0 in x");
    judged("aab", "rank 2 differs from the other ranks in x");
    judged("baa", "rank 0 differs from the other ranks in x");
    judged("abc", "ranks 1 and 2 differ from rank 0 in x");
    judged("aabb", "ranks 2 and 3 differ from rank 0 in x");
    judged("bcaada", "ranks 0, 1 and 4 differ from rank 2 in x");
    judged("bcaaaadaa", "ranks 0, 1 and 6 differ from the other ranks in x");
    judged("abbbbbbbbbbbbbbbb", "rank 0 differs from the other ranks in x");
    judged("aaaaaaaaaabbbbbbbbb", "ranks 10, 11, 12, 13, 14, 15, 16 and 2 others differ from the other ranks in x");
}

/* ---- ranks ---- */

enum { RANKS = 3 };

struct rank {
    struct world world;
    bool shards;        /* parameters and moments are spread over the ranks */
    const char *word;   /* a setting of its own */
    const char *tensor; /* one bit of the last element that it holds is another one */
    int64_t iteration;
    int status;
    struct fmt_error error;
    pthread_t thread;
};

/* Of the first tensor of such a name of which this rank holds something. */
static void flip_bit(struct bed *b, const char *name)
{
    struct fmt_error e = {0};
    struct state_tensor t;
    int64_t i = 0;
    uint32_t bits;
    float value;
    for (; i < state_count(b->step); i++) {
        state_tensor(b->step, i, &t);
        if (strncmp(t.name, name, strlen(name)) == 0 && t.count > 0)
            break;
    }
    if (i == state_count(b->step) || state_read(b->step, &t, t.first + t.count - 1, 1, &value, &e))
        ok(false, "%s is in the state", name);
    memcpy(&bits, &value, sizeof bits);
    bits ^= 1;
    memcpy(&value, &bits, sizeof bits);
    if (state_write(b->step, &t, t.first + t.count - 1, 1, &value, &e))
        ok(false, "%s: %s", name, e.text);
}

static void *check(void *arg)
{
    struct rank *r = arg;
    struct rank_check *c = NULL;
    const char *settings[] = {"train.centering=centering", "dino.head_n_prototypes=70000"};
    struct bed b = r->shards ? bed_open_in(&r->world, 1, settings[0], settings[1], SHARDING("FULL_SHARD"), NULL)
                             : bed_open_in(&r->world, 1, settings[0], settings[1], SHARDING("NO_SHARD"), r->word, NULL);
    struct run_state state = {.iteration = r->iteration, .config = &b.config};
    r->status = rank_check_settings(&r->world, &b.config, &r->error);
    if (!r->status)
        r->status = rank_check_open(&c, &r->world, b.device.pool, b.step, &r->error);
    if (!r->status)
        r->status = rank_check_run(c, b.step, &state, &r->error);
    if (!r->status && r->tensor)
        flip_bit(&b, r->tensor);
    if (!r->status)
        r->status = rank_check_run(c, b.step, &state, &r->error);
    rank_check_close(c);
    bed_close(&b);
    return NULL;
}

/* want NULL: all is the same. */
static void checked(struct rank rank[RANKS], int n, const char *want)
{
    struct world_threads shared;
    world_threads_open(&shared, n);
    for (int r = 0; r < n; r++) {
        rank[r].world = world_threads_rank(&shared, r);
        if (pthread_create(&rank[r].thread, NULL, check, &rank[r]))
            abort();
    }
    for (int r = 0; r < n; r++)
        pthread_join(rank[r].thread, NULL);
    for (int r = 0; r < n; r++) {
        is_int(rank[r].status, want ? FMT_MISMATCH : 0, "%s: verdict of rank %d of %d", want ? want : "the same", r, n);
        is_text(rank[r].error.text, want ? want : "", "its text");
    }
    world_threads_close(&shared);
}

/* The prototypes are longer than what is read at a time. */
static void test_run(void)
{
    static const char prototypes[] = "student.dino_head.last_layer.weight_v";
    checked((struct rank[RANKS]){{.iteration = 0}}, 3, NULL);
    checked((struct rank[RANKS]){{.iteration = 0}}, 2, NULL);
    checked((struct rank[RANKS]){[2] = {.tensor = prototypes}}, 3,
            "rank 2 differs from the other ranks in student.dino_head.last_layer.weight_v");
    checked((struct rank[RANKS]){[0] = {.tensor = "optimizer.v.backbone.blocks.1.attn.qkv.weight"}}, 3,
            "rank 0 differs from the other ranks in optimizer.v.backbone.blocks.1.attn.qkv.weight");
    checked((struct rank[RANKS]){[1] = {.tensor = "dino_loss.center"}}, 2,
            "rank 1 differs from rank 0 in dino_loss.center");
    checked((struct rank[RANKS]){{.tensor = prototypes}, [2] = {.tensor = "dino_loss.center"}}, 3,
            "rank 0 differs from the other ranks in student.dino_head.last_layer.weight_v; and in 1 other thing");
    checked((struct rank[RANKS]){[1] = {.iteration = 7}}, 3, "rank 1 differs from the other ranks in the iteration");
    checked((struct rank[RANKS]){[1] = {.word = "train.saveckp_freq=7"}}, 3,
            "rank 1 differs from the other ranks in train.saveckp_freq");
    checked((struct rank[RANKS]){[1] = {.word = "optim.base_lr=0.25"}}, 2,
            "rank 1 differs from rank 0 in optim.base_lr");
    checked((struct rank[RANKS]){[0] = {.word = "train.dataset_path=elsewhere"}}, 3, NULL);
}

/* Elements that one rank alone holds have nothing to be compared with; the centres all have. */
static void test_sharded(void)
{
    checked((struct rank[RANKS]){{.shards = true},
                                 {.shards = true, .tensor = "teacher.backbone.blocks."},
                                 {.shards = true}}, 3, NULL);
    checked((struct rank[RANKS]){{.shards = true}, {.shards = true}, {.shards = true, .tensor = "dino_loss.center"}}, 3,
            "rank 2 differs from the other ranks in dino_loss.center");
}

static void test_one(void)
{
    struct bed b = bed_open(1, NULL);
    struct rank_check *c = (struct rank_check *)&b;
    struct fmt_error e = {0};
    ok(rank_check_open(&c, &world_single, NULL, b.step, &e) == 0 && !c, "one process has nobody to compare with");
    ok(rank_check_run(c, b.step, NULL, &e) == 0 && rank_check_settings(&world_single, &b.config, &e) == 0, "%s",
       e.text);
    rank_check_close(c);
    bed_close(&b);
}

int main(void)
{
    test_judge();
    test_run();
    test_sharded();
    test_one();
    return tap_done();
}
