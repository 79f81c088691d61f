/* resume-history.h - the JSON lines (jsonl-writer.h) of a run that resumes: which iterations up to the checkpoint had a
 * line, and a warning about those that are not there.
 *
 *   struct jsonl_history history = resume_history_of_metrics(&resume);     after resume_load; resume outlives it
 *   jsonl_writer_open(&w, "run/training_metrics.json", &history, e);
 *   resume_history_report(&resume, "training_metrics.json", &history);
 */
#ifndef RESUME_HISTORY_H
#define RESUME_HISTORY_H

#include "jsonl-writer.h"
#include "resume.h"

struct jsonl_history resume_history_of_metrics(const struct resume *r);
struct jsonl_history resume_history_of_scores(const struct resume *r);
struct jsonl_history resume_history_of_times(const struct resume *r); /* each process has its own: none is missed */

/* Logs how many lines were damaged, and how many are missing. */
void resume_history_report(const struct resume *r, const char *name, const struct jsonl_history *history);

#endif
