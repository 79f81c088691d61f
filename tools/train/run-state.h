/* run-state.h - where a run is and what it is made from: all that a checkpoint holds beside the tensors of the step.
 */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "fmt.h"
#include "provenance.h"
#include "replaced-images.h"
#include "training-metrics.h"

/* Inputs by identity: a run that resumes compares them with its checkpoint's. */
enum run_input { INPUT_DATA, INPUT_WEIGHTS, INPUT_KNN_TRAIN, INPUT_KNN_VAL, INPUTS };

extern const char *const run_input_name[INPUTS]; /* in checkpoints and provenance: "data", ... */
extern const char *const run_input_key[INPUTS];  /* the setting that names it: "train.dataset_path", ... */

struct run_inputs {
    bool set[INPUTS];
    uint8_t digest[INPUTS][DIGEST_BYTES]; /* where set */
};

void run_inputs_set(struct run_inputs *inputs, enum run_input i, const uint8_t digest[DIGEST_BYTES]);
/* Both have input i with one digest, or neither has it. */
bool run_inputs_same(const struct run_inputs *a, const struct run_inputs *b, enum run_input i);

struct run_state {
    int64_t iteration; /* the last that was done; -1: none yet */
    const struct config *config;
    struct run_inputs inputs;
    struct training_metrics metrics;
    int64_t bad_steps; /* in a row, up to here */
    const struct replaced_images *replaced; /* images that could not be used; NULL: none */
};

bool run_state_has_replaced(const struct run_state *s);

/* What the state of an iteration was made from, for checkpoints and exported teachers; *p is for provenance_release.
 * verbose: with tool and version, and the explanation of the identity. */
int run_state_provenance(const struct run_state *s, int64_t iteration, bool verbose, struct provenance *p,
                         struct fmt_error *e);

#endif
