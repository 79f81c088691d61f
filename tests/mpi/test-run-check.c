/* test-run-check - a training run of several processes, the last of which changes its student after iteration 5: the
 * next check (train.check_ranks_every=4) names it, on all, and nothing is saved after it.
 * usage: test-run-check SETTINGS.yaml FOLDER */
#include <string.h>

#include "device.h"
#include "mpitest.h"
#include "run.h"
#include "state.h"

static void say(void *arg, enum run_log_level level, const char *text)
{
    (void)arg, (void)level;
    fprintf(stderr, "%s\n", text);
}

static void no_warning(const char *format, ...)
{
    (void)format;
}

/* Of what every process has whole. */
static void change_student(struct step *step)
{
    struct state_tensor t;
    struct fmt_error e = {0};
    float value;
    state_tensor(step, 0, &t);
    ok(state_read(step, &t, 0, 1, &value, &e) == 0, "%s", t.name);
    value += 0.5f;
    ok(state_write(step, &t, 0, 1, &value, &e) == 0, "is changed");
}

int main(int argc, char **argv)
{
    static struct run r = {.log = {.fd = -1, .print = say}};
    struct fmt_error e = {0};
    static struct world_meter meter;
    struct world w = mpitest_open();
    char folder[300], want[100];
    w.meter = &meter; /* which the watch of hanging ranks looks at */
    r.world = &w;
    r.n_threads = r.n_local = 1;
    config_init(&r.config);
    snprintf(folder, sizeof folder, "train.output_dir=%s", argc == 3 ? argv[2] : "");
    static const char *const settings[] = {"train.check_ranks_every=4", "train.saveckp_freq=1000",
                                           "evaluation.eval_period_iterations=0", "evaluation.knn_train=",
                                           "evaluation.knn_val=",
                                           "compute_precision.student.backbone.sharding_strategy=NO_SHARD",
                                           "compute_precision.teacher.backbone.sharding_strategy=NO_SHARD"};
    int status = argc == 3 ? config_load(&r.config, argv[1], &e) : FMT_INVALID;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && !status; i++)
        status = config_set(&r.config, settings[i], &e);
    if (!status)
        status = config_set(&r.config, folder, &e);
    if (!status)
        status = config_finish(&r.config, w.rank, w.size, &e);
    if (!status)
        status = device_open(&r.device, "cpu", 1, no_warning, &e);
    if (!ok(status == 0, "settings: %s", e.text))
        return mpitest_done(&w);
    run_open(&r);
    run_start(&r);
    while (run_next_batches(&r)) {
        run_step(&r);
        if (r.state.iteration == 5 && w.rank == w.size - 1)
            change_student(r.step);
        run_check_ranks(&r);
        run_save(&r);
    }
    snprintf(want, sizeof want, "rank %d", w.size - 1);
    ok(r.end == RUN_FAILED && r.state.iteration == 7, "the check after iteration 7 ends the run (%d, iteration %d)",
       (int)r.end, (int)r.state.iteration);
    ok(strstr(r.error.text, want) && strstr(r.error.text, "student."), "and names who differs in what: %s",
       r.error.text);
    ok(r.saver.last < 0, "nothing was saved");
    run_close(&r);
    device_close(&r.device);
    config_release(&r.config);
    return mpitest_done(&w);
}
