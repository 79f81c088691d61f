/* resume-history.h - the files of lines (jsonl-writer.h) of a run that goes on: which iterations before the checkpoint
 * had a line, and what is told of those that are not there.
 *
 *   struct jsonl_history past = resume_history_of_metrics(&b);             b: as resume_inputs left it; outlives past
 *   jsonl_writer_open(&l, "run/training_metrics.json", &past, e);
 *   resume_history_report(&b, "training_metrics.json", &past);            through b.tell: lines that are missing,
 * damaged
 */
#ifndef RESUME_HISTORY_H
#define RESUME_HISTORY_H

#include "resume.h"
#include "jsonl-writer.h"

struct jsonl_history resume_history_of_metrics(const struct resume *b);
struct jsonl_history resume_history_of_scores(const struct resume *b);
struct jsonl_history resume_history_of_times(const struct resume *b); /* nothing is asked: they are of a process */
void resume_history_report(const struct resume *b, const char *name, const struct jsonl_history *past);

#endif
