/* checkpoint.h - what a checkpoint holds: writing and reading. Names, and which are retained, are in
 * checkpoint-files.h.
 *
 * A checkpoint (dino-ckpt(5)) holds all tensors of state.h, the window of the metrics, and as JSON the settings
 * that can change the result, the identities of the inputs, a few counters, and which images were replaced, if any
 * were (its identity then is another one). Nothing in it depends on where or when it was made. Of a run of several
 * processes it is a set: each writes a file with its part, and the first then the set's file. A file appears under its
 * name whole and synced, or not at all; every byte is checked when it is read. It is read by any number of processes.
 *
 *   checkpoint_write(directory, &state, step, provenance, &seal, e);      each process its file
 *   checkpoint_write_set(directory, &state, seals, W, provenance, e);     then, of several, the first
 *
 *   checkpoint_open(&f, path, e);                           header, settings, inputs: cheap
 *   checkpoint_compare_settings(&f, config, log, level);    which settings differ
 *   checkpoint_load(&f, step, log, e);                      what this process holds of it; after a failure the step's
 *                                                           state is undefined
 *   checkpoint_close(&f);
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint-reader.h"
#include "config.h"
#include "run-log.h"
#include "run-state.h"
#include "state.h"

struct step;

int checkpoint_write(const char *directory, const struct run_state *state, struct step *step, bool provenance,
                     struct ckpt_seal *seal, struct fmt_error *e);
/* seal: [n_ranks], of the files that all have written. */
int checkpoint_write_set(const char *directory, const struct run_state *state, struct ckpt_seal *seal, int n_ranks,
                         bool provenance, struct fmt_error *e);

struct checkpoint_file {
    struct checkpoint_reader reader;
    const char *path;         /* the reader's: of the file, or of the set's */
    struct config settings;
    struct replaced_images replaced; /* a caller that takes it over leaves zeros */
    struct run_state state;   /* .config is &settings, .replaced &replaced; .metrics is set by checkpoint_load */
    struct state_numbers numbers;
    int64_t metrics_count;
};

/* path: checkpoint-reader.h. Errors name a path. FMT_MAGIC: no checkpoint at all. FMT_INVALID also for one that was
 * given the name of another iteration's. */
int checkpoint_open(struct checkpoint_file *f, const char *path, struct fmt_error *e);
void checkpoint_close(struct checkpoint_file *f);

/* FMT_MISMATCH: of a run of another number of ranks, and this one's is only that of its processes. */
int checkpoint_check_ranks(const struct checkpoint_file *f, const struct config *config, struct fmt_error *e);

/* Logs one line for each setting that can change the result and differs: "differs from the checkpoint: optim.base_lr:
 * 0.004 there, 0.001 here". Returns how many. */
int checkpoint_compare_settings(const struct checkpoint_file *f, const struct config *config, struct run_log *log,
                                enum run_log_level level);

/* FMT_MISMATCH: tensors that are missing, misshapen, or belong nowhere; an error was logged for each, and nothing is
 * changed. */
int checkpoint_load(struct checkpoint_file *f, struct step *step, struct run_log *log, struct fmt_error *e);
/* Only both networks and the centres, for a run that begins at iteration 0 from them. */
int checkpoint_load_networks(struct checkpoint_file *f, struct step *step, struct run_log *log, struct fmt_error *e);

#endif
