/* job-part.h - the value of an option --part: "I/N", or "slurm", the task of a job array that this process is.
 *
 *   OPT_STRING(0, "part", &part_text, "I/N|slurm", "...")
 *   job_part_parse(part_text, &part, e)      FMT_INVALID: "--part 8/7: ...", "--part slurm: SLURM_ARRAY_TASK_ID ..."
 */
#ifndef JOB_PART_H
#define JOB_PART_H

#include "part.h"

/* text NULL: the whole job.
 *
 * Slurm: part (ID - MIN) / STEP + 1 of COUNT, by SLURM_ARRAY_TASK_ID, _MIN, _MAX and _COUNT of the environment, where
 * STEP = (MAX - MIN) / (COUNT - 1). Only arrays that start at 0 or 1 with IDs at equal distances are taken: a single
 * task that is submitted again (--array=5) would else be part 1 of 1 and do all the work. */
int job_part_parse(const char *text, struct part *part, struct fmt_error *e);

#endif
