/* scoring.h - what feat-knn and feat-logreg have in common: sets of features that are used together, the list of what
 * scores were computed from, and a report that is written when it is complete.
 *
 *   struct scoring s = {.tool = "feat-knn", .options = &options, .print = report_print_text, ...};
 *   scoring_open(&s, e);
 *   featset_open(&query, ...);  scoring_add_set(&s, &query, "query", &train.header, train.path, e);
 *   scoring_check_overlap(&s, &train, &query, false, e);
 *   score_options_plan(&options, &train.header, seed, &s.plan, e);
 *   scoring_head(&s, e);  scoring_print(&s, &report, e) ...
 *   scoring_save(&s, "scores.txt", e);
 */
#ifndef SCORING_H
#define SCORING_H

#include <stdbool.h>
#include <stdio.h>

#include "featset.h"
#include "report-print.h"
#include "score-inputs.h"
#include "score-options.h"

struct scoring {
    const char *tool;
    const struct score_options *options;
    report_printer *print;
    void (*note)(const char *format, ...), (*warn)(const char *format, ...); /* to the user */
    struct scores_plan plan;
    struct score_inputs inputs;
    FILE *out; /* the report in memory */
    char *text;
    size_t bytes;
};

int scoring_open(struct scoring *s, struct fmt_error *e);
/* Adds an open set to the inputs. h, name: the features that it is used with; NULL: it is the first set. Notes if
 * classes are in another order, and warns about what could not be compared. */
int scoring_add_set(struct scoring *s, struct featset *set, const char *role, const struct feat_header *h,
                    const char *name, struct fmt_error *e);
/* Adds the rows of the query that were learned from to the inputs, and warns about them. FMT_MISMATCH: they are
 * refused. exclude_own_group: see overlap_sets. */
int scoring_check_overlap(struct scoring *s, const struct featset *learned, const struct featset *query,
                          bool exclude_own_group, struct fmt_error *e);

/* Prints a report of notes, for people only: the classes, the tool, the inputs. */
int scoring_head(struct scoring *s, struct fmt_error *e);
/* A report, to be filled: its kind, the tool. */
struct report_node scoring_report(const struct scoring *s, const char *kind);
/* Prints and releases the report. */
int scoring_print(struct scoring *s, struct report_node *report, struct fmt_error *e);
/* Writes everything printed and releases the memory; the last call. If nothing was printed an older file is removed. */
int scoring_save(struct scoring *s, const char *path, struct fmt_error *e);

#endif
