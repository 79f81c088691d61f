/* scoring.h - what feat-knn and feat-logreg have in common: sets of features that are used together, the list of what
 * scores were made from, and a report that is written when it is complete.
 *
 *   struct scoring s = {.tool = "feat-knn", .options = &options, .note = msg_note, .warn = msg_warn};
 *   scoring_open(&s, e);
 *   featset_open(&query, ...);  scoring_add_set(&s, &query, "query", &train.header, train.path, e);
 *   scoring_check_overlap(&s, &train, &query, false, e);
 *   score_options_plan(&options, &train.header, seed, &s.plan, e);
 *   scoring_head(&s);  scoring_print(&s, &report, e) ...
 *   scoring_save(&s, "scores.txt", e);
 */
#ifndef SCORING_H
#define SCORING_H

#include <stdbool.h>
#include <stdio.h>

#include "featset.h"
#include "report.h"
#include "score-inputs.h"
#include "score-options.h"

struct scoring {
    const char *tool;
    const struct score_options *options;
    bool json;
    void (*note)(const char *format, ...), (*warn)(const char *format, ...); /* to the user */
    struct scores_plan plan;
    struct score_inputs inputs;
    FILE *out; /* the report in memory */
    char *text;
    size_t bytes;
};

int scoring_open(struct scoring *s, struct fmt_error *e);
/* Adds an open set to the inputs. h, name: the features that it is used with; NULL: it is the first set. A note says
 * that classes are in another order, a warning what could not be compared. */
int scoring_add_set(struct scoring *s, struct featset *set, const char *role, const struct feat_header *h,
                    const char *name, struct fmt_error *e);
/* Adds the rows of the query that were learned from to the inputs, and warns about them. FMT_MISMATCH: they are
 * refused. exclude_own_group: see overlap_sets. */
int scoring_check_overlap(struct scoring *s, const struct featset *learned, const struct featset *query,
                          bool exclude_own_group, struct fmt_error *e);

/* The first lines of a text report. */
void scoring_head(struct scoring *s);
/* A JSON report, to be filled: its kind, the tool. */
struct report_node scoring_report(const struct scoring *s, const char *kind);
/* Prints as --json says, and releases the report. */
int scoring_print(struct scoring *s, struct report_node *report, struct fmt_error *e);
/* Writes all that was printed, if anything was; the last call. */
int scoring_save(struct scoring *s, const char *path, struct fmt_error *e);

#endif
