/* teacher-export.h - the teacher as files that others read, in a folder of eval/ (teacher-folder.h):
 * teacher_checkpoint.safetensors under the published names (backbone., dino_head., ibot_head.; blocks not chunked),
 * with the settings that extraction needs in its __metadata__, and what it was made from: iteration, inputs, the hash
 * of its backbone (trace.h). With train.teacher_pth also teacher_checkpoint.pth, which the published code reads (top
 * key teacher, block names chunked where student.block_chunks says so). All processes call it, and the first one
 * writes, without ever having all values in memory (teacher-values.h).
 */
#ifndef TEACHER_EXPORT_H
#define TEACHER_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "fmt.h"
#include "run-state.h"

struct step;

struct teacher_export_options {
    const struct config *config;    /* train.output_dir, train.teacher_pth, student.block_chunks */
    const struct run_state *state; /* of the run: its inputs */
    int64_t iteration;
    bool provenance;                /* tool and version, iteration and inputs in the metadata */
    const char *folder;             /* "initial", "training_99", "best" */
};
/* Each file whole or not at all. */
int teacher_export_write(struct step *step, const struct teacher_export_options *options, struct fmt_error *e);

#endif
