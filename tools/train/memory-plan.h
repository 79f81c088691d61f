/* memory-plan.h - the memory of a run before it starts, by name: of the step (step.h), the data and the evaluation.
 */
#ifndef MEMORY_PLAN_H
#define MEMORY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "resource-limit.h"
#include "step.h"

/* The lines of the step, then of the data and of the evaluation where their shards can be opened (a pipe is not), then
 * of the program itself. *unknown: NULL, or what is not in the plan and why. Nothing is computed on the device. */
int memory_plan(struct step_plan *plan, const struct config *config, const struct world *world,
                const struct device *device, const char **unknown, struct fmt_error *e);

/* How much memory this process may use, and who says so (resource-limit.h): "this machine has 23.5 GiB",
 * "control group /jobs/7 (memory.max) allows 2.0 GiB". */
enum { MEMORY_LIMIT_TEXT_MAX = 280 };
const char *memory_limit_text(const struct resource_limit *l, char out[MEMORY_LIMIT_TEXT_MAX]);

/* FMT_LIMIT with the figures if the plan, of *planned bytes, is more than this process may use: n_local processes like
 * it share the memory of the machine and of its control groups. */
int memory_plan_check(const struct config *config, const struct world *world, const struct device *device,
                      int n_local, size_t *planned, struct fmt_error *e);

/* Why a network like ViT-g is trained by one process only in a shortened form; NULL for smaller ones. size: of out. */
const char *memory_large_model_text(const struct config *config, char *out, size_t size);

/* Before the first thread: freed pictures and records return to the system, as the plan has it. glibc would keep one of
 * each in the heap of every thread that ever held one: which threads these are differs from run to run. */
void memory_keep_small(void);
/* Returns freed memory to the system: opening and evaluating free much that malloc would hold on to. */
void memory_trim(void);
int64_t memory_peak_bytes(void); /* the most that this process has held so far */

#endif
