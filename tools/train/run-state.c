/* run-state.c - names of the inputs, their comparison, and the provenance of what a run writes. */
#include "run-state.h"

#include <stdlib.h>
#include <string.h>

#include "version.h"

const char *const run_input_name[INPUTS] = {"data", "weights", "knn_train", "knn_val"};
const char *const run_input_key[INPUTS] = {"train.dataset_path", "MODEL.WEIGHTS or student.pretrained_weights",
                                           "evaluation.knn_train", "evaluation.knn_val"};

void run_inputs_set(struct run_inputs *inputs, enum run_input i, const uint8_t digest[DIGEST_BYTES])
{
    inputs->set[i] = true;
    memcpy(inputs->digest[i], digest, DIGEST_BYTES);
}

bool run_inputs_same(const struct run_inputs *a, const struct run_inputs *b, enum run_input i)
{
    return a->set[i] == b->set[i] && (!a->set[i] || memcmp(a->digest[i], b->digest[i], DIGEST_BYTES) == 0);
}

bool run_state_has_replaced(const struct run_state *s)
{
    return s->replaced && s->replaced->samples > 0;
}

int run_state_provenance(const struct run_state *s, int64_t iteration, bool verbose, struct provenance *p,
                         struct fmt_error *e)
{
    provenance_init(p, "dino-train", DINOTOOLS_VERSION, verbose);
    provenance_int(p, "iteration", iteration);
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        if (config_key(id)->effect != CONFIG_RESULT)
            continue;
        char *value = config_value(s->config, id);
        if (!value)
            return fmt_no_memory(e);
        provenance_text(p, config_key(id)->name, value);
        free(value);
    }
    for (int i = 0; i < INPUTS; i++)
        if (s->inputs.set[i])
            provenance_input(p, run_input_name[i], s->inputs.digest[i]);
    if (run_state_has_replaced(s)) {
        uint8_t digest[DIGEST_BYTES];
        replaced_images_digest(s->replaced, digest);
        provenance_input(p, PROVENANCE_REPLACED, digest);
    }
    return 0;
}
