/* resume-history.h - the files of lines (jsonl-writer.h) of a run that goes on: which iterations before the checkpoint
 * had a line, and what is told of those that are not there.
 *
 *   struct lines_past past = past_of_metrics(&b);             b: as begin_inputs left it; outlives past
 *   lines_open(&l, "run/training_metrics.json", &past, e);
 *   past_tell(&b, "training_metrics.json", &past);            through b.tell: lines that are missing, damaged
 */
#ifndef RESUME_HISTORY_H
#define RESUME_HISTORY_H

#include "resume.h"
#include "jsonl-writer.h"

struct lines_past past_of_metrics(const struct begin *b);
struct lines_past past_of_scores(const struct begin *b);
struct lines_past past_of_times(const struct begin *b); /* nothing is asked: they are of a process */
void past_tell(const struct begin *b, const char *name, const struct lines_past *past);

#endif
