/* checkpoint.h - checkpoints of a run: their names, which are there, writing, reading, which are kept.
 *
 * A checkpoint (dino-ckpt(5)) holds all tensors of state.h, the window of the metrics, and as JSON the settings
 * that can change the result, the identities of the inputs, a few counters, and what was replaced, if anything was
 * (its identity then is another one). Nothing in it depends on where or when it was made. It appears under its name
 * whole and synced, or not at all; every byte is checked when it is read.
 *
 *   checkpoint_save(directory, &what, step, provenance, &path, e);
 *
 *   checkpoint_open(&f, path, e);                    header, settings, inputs: cheap
 *   checkpoint_differences(&f, config, tell, arg)    which settings are others
 *   checkpoint_load(&f, step, e);                    all of it; after a failure the step's state is undefined
 *   checkpoint_close(&f);
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "ckpt.h"
#include "config.h"
#include "digest.h"
#include "file.h"
#include "replaced-images.h"
#include "state.h"
#include "training-metrics.h"

struct step;

/* ---------------------------------------------------------------- names */
#define CHECKPOINT_NAME_ROOM 64

/* "model_0000099.rank_0.ckpt" */
const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_ROOM]);
bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank); /* exactly such a name */

struct checkpoint_list {
    int64_t *iteration; /* ascending */
    int64_t n;
};
/* The checkpoints of a rank in a directory; a directory that is not there holds none. */
int checkpoint_list(const char *directory, int rank, struct checkpoint_list *list, struct fmt_error *e);
void checkpoint_list_release(struct checkpoint_list *list);

/* Removes the oldest so that `keep` are left of those up to iteration `newest`. Later ones are not counted: they are
 * damaged, or will be written anew. One that cannot be removed is an error, and the others go all the same. */
int checkpoint_prune(const char *directory, int rank, int64_t newest, int64_t keep, struct fmt_error *e);
/* For a write that failed: where the disk is full (FMT_FULL), removes the oldest before `last_good`, the newest that
 * was written whole, which stays. The iteration of what is gone; -1: nothing. */
int64_t checkpoint_make_room(const char *directory, int rank, int64_t last_good, const struct fmt_error *why);

/* Removes what killed runs left half-written of their own outputs (.NAME.RANDOM.tmp) in the directory and the folders
 * of its eval/; what others so call stays. Only for who holds the directory's lock. */
void checkpoint_sweep(const char *directory);

/* ---------------------------------------------------------------- what a run is made from */
enum run_input { INPUT_DATA, INPUT_WEIGHTS, INPUT_KNN_TRAIN, INPUT_KNN_VAL, INPUTS };
extern const char *const run_input_name[INPUTS]; /* "data", ... */
extern const char *const run_input_key[INPUTS];  /* the setting that names it: "train.dataset_path" */

struct run_inputs {
    bool set[INPUTS];
    uint8_t digest[INPUTS][DIGEST_BYTES];
};

/* ---------------------------------------------------------------- writing and reading */
struct checkpoint {
    int64_t iteration; /* the last that was done */
    const struct config *config;
    struct run_inputs inputs;
    struct training_metrics metrics;
    int64_t bad_steps; /* in a row, up to here */
    const struct replaced_images *replaced; /* images that could not be used; NULL: none */
};

/* What the state of this iteration was made from, for provenance_release; also of a teacher that is written by
 * itself. */
int checkpoint_provenance(struct provenance *p, const struct checkpoint *k, int64_t iteration, bool keep,
                          struct fmt_error *e);

/* The path of what was written is for free(). */
int checkpoint_save(const char *directory, const struct checkpoint *k, struct step *step, bool provenance, char **path,
                    struct fmt_error *e);

struct checkpoint_file {
    struct file file;
    struct fmt_reader io;
    struct ckpt ckpt;
    struct config settings;
    struct replaced_images replaced; /* who keeps it leaves zeros */
    struct checkpoint found; /* .config is &settings, .replaced &replaced; .metrics is set by checkpoint_load */
    struct state_numbers numbers;
    int64_t metrics_count;
};

/* Errors name the path. FMT_MAGIC: no checkpoint at all. FMT_INVALID also for one that was given the name of another
 * iteration's. */
int checkpoint_open(struct checkpoint_file *f, const char *path, struct fmt_error *e);
void checkpoint_close(struct checkpoint_file *f);

/* One line for each setting that is another here: "optim.base_lr: 0.004 there, 0.001 here". Returns how many. */
int checkpoint_differences(const struct checkpoint_file *f, const struct config *config,
                           void (*tell)(void *arg, const char *line), void *arg);

struct checkpoint_told {
    void (*tell)(void *arg, const char *line);
    void *arg;
};

/* FMT_MISMATCH: tensors that are missing, misshapen, or belong nowhere; each was told, and nothing is changed. */
int checkpoint_load(struct checkpoint_file *f, struct step *step, const struct checkpoint_told *told,
                    struct fmt_error *e);
/* Both networks and the centres alone, for a run that begins at iteration 0 from them. */
int checkpoint_load_networks(struct checkpoint_file *f, struct step *step, const struct checkpoint_told *told,
                             struct fmt_error *e);

#endif
