/* run.h - a training run: everything that is open during a run, and the parts of an iteration.
 *
 *   struct run r = {.config = ..., .device = ..., .log.print = ..., .log.fd = -1, ...};      what the caller sets
 *   run_open(&r);
 *   run_start(&r);
 *   while (run_next_batches(&r)) {
 *       run_step(&r);
 *       run_check_ranks(&r);
 *       run_log_metrics(&r);
 *       run_evaluate(&r);
 *       run_save(&r);
 *   }
 *   r.end says why it is over, and r.error more where it failed
 *   run_close(&r);
 *
 * In a world of several processes all ranks call all of these, and end in the same way at the same iteration: what
 * fails on one has failed on all (world_agree), and a signal to one stops all. Rank 0 writes metrics, scores, teachers
 * and config.yaml; each rank writes its own checkpoints.
 *
 * Each part acts on the iteration that was done last, r.state.iteration. Once r.end is set they all do nothing, so that
 * a caller needs no check of its own.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch-loader.h"
#include "checkpoint-backup.h"
#include "checkpoint-saver.h"
#include "collapse.h"
#include "config.h"
#include "jsonl-writer.h"
#include "op.h"
#include "periodic-eval.h"
#include "rank-check.h"
#include "rank-times.h"
#include "rank-watch.h"
#include "resume.h"
#include "run-log.h"
#include "run-state.h"
#include "schedule.h"
#include "step.h"
#include "training-metrics.h"
#include "world.h"

enum run_end {
    RUN_RUNNING,
    RUN_NOT_STARTED, /* *stop was set while a pipe of views had sent no header yet */
    RUN_COMPLETE,  /* all iterations are done */
    RUN_STOPPED,   /* *stop was set; the state was saved */
    RUN_COLLAPSED, /* train.stop_on_collapse; the state was saved */
    RUN_DIVERGED,  /* train.max_bad_steps; nothing was saved after the last good checkpoint */
    RUN_NO_DATA,   /* no more views, or images that cannot be used; logged, and the state was saved */
    RUN_FAILED     /* .error says why */
};

struct run {
    /* Set by the caller. */
    const struct world *world;
    struct config config; /* student.pos_grid may be set to that of what the run starts from */
    struct device device;
    struct run_log log;   /* without a file */
    int n_threads;        /* of the data; 0: one per processor */
    int n_local;          /* ranks on this host, which share its memory */
    bool force;           /* -f */
    bool provenance;
    void (*end_now)(void);   /* ends the process at once, with status 75: another rank hangs */
    const _Atomic int *stop; /* a signal; when nonzero, the run ends after the current iteration */

    /* Where the run is. */
    struct run_state state;
    int64_t n_iterations;
    enum collapse_verdict verdict;
    enum run_end end;
    struct fmt_error error;
    bool alone;         /* it has failed on this rank, and the others do not know: they have to be ended */
    int stopping;       /* the signal that stops all ranks; 0: none */
    bool lines_pending; /* lines of JSON could not be written yet */
    bool eval_failed;   /* the last teacher or its score could not be written */

    /* What it works with. */
    int lock; /* of the output directory; -1: not locked */
    struct resume resume;
    size_t planned_bytes;
    struct step *step;
    struct rank_check *rank_check;
    struct rank_watch *watch;
    int64_t checked; /* the iteration in which the ranks were last compared */
    struct schedules schedules;
    struct batch_loader *loader;
    const struct views_batch **batch; /* [turns] of the current step */
    struct step_batch *step_batch;    /* [turns] the same for the step */
    struct jsonl_writer metrics_file, times_file;
    struct training_times times;
    int64_t bytes_sent; /* to other processes, in the steps of this one */
    double step_start, wait_start; /* of the current step: clock_now, and the seconds waited for data until then */
    double own_start;              /* the same by world_clock */
    struct rank_times rank_times;
    struct rank_slow slow;
    struct periodic_eval eval;
    struct checkpoint_saver saver;
    struct checkpoint_backup *backup;
};

/* Opens everything, compares it with the checkpoint where the run resumes, and logs what is planned. */
void run_open(struct run *r);
void run_close(struct run *r); /* what run_open has opened, and the log */

/* Before the first iteration of this process: the teacher is evaluated where the run is new, and restored where the run
 * is complete. */
void run_start(struct run *r);

/* Those of the next step, one for each turn. false: the run is over, r->end says why. */
bool run_next_batches(struct run *r);
void run_step(struct run *r);
/* That all ranks have the same state, every train.check_ranks_every steps and before a checkpoint or a teacher is
 * written: else the run fails, and nothing more is written. */
void run_check_ranks(struct run *r);
void run_log_metrics(struct run *r); /* every 10 iterations and at the last; also judges collapse */
void run_evaluate(struct run *r);    /* periodic-eval.h says when */
void run_save(struct run *r);        /* a checkpoint when it is due, and where the run ends */

#endif
