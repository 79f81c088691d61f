/* cases.h - what a report is about: photographs, and the installations that they show, with scores, labels, verdicts.
 *
 *   cases_init(&c, "bad");
 *   cases_read(&c, "test.json", e) ...                 predictions, verdicts; one file of each kind
 *   cases_catalogue(&c, &index, &keys, e);             labels and further keys, where lines have none
 *   cases_finish(&c, &rule, e);                        installations; the rule gives what no line says
 *   c.photo[i], c.installation[g]
 *   cases_release(&c);
 *
 * There are two classes here: defect and good. Of predictions with more classes all others are good, and class_wanted
 * must name the defect. A larger score is worse: the probability of the defect, or what bbu-inspect gives.
 *
 * Verdicts are lines of bbu-inspect or feat-verdict: {"photograph": path, "group": name, "view": 0, "score": x,
 * "verdict": "pass", "reason": text} and {"installation": name, "score": x, "verdict": "pass", "reason": text}. A first
 * line {"report": "inspection"} or {"report": "verdicts"} may say "tool", "positive", "origins", "group_score",
 * "views", "pass_below", "fail_from" and "promises"; an installation "probability" that it is faulty, "label" faulty
 * or good, "photographs". Other members and lines are passed over.
 */
#ifndef CASES_H
#define CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "index.h"
#include "names.h"
#include "promise-outcome.h"
#include "score-inputs.h"
#include "text.h"
#include "verdict.h"

struct case_photo {
    const char *key, *group, *extra; /* group: "" it is an installation of its own; extra: a JSON object, "" none */
    const char *reason;              /* "" none */
    double score;                    /* NAN: none */
    double cropped;                  /* share of its area that the network did not see, where a line says so; else 0 */
    int32_t view;                    /* -1: unknown */
    int8_t label;                    /* 1 defect, 0 good, -1 unknown */
    int64_t installation;
};

struct installation {
    const char *name, *reason;
    double score;            /* NAN: none */
    double share;            /* of faulty ones among installations with this score, as the judge says; NAN */
    int8_t label;            /* 1 where one photograph is a defect; -1 where no label is known */
    enum verdict verdict;
    int64_t first, n;        /* its photographs: photo_of[first ..] */
    int n_views;
};

struct cases {
    const char *class_wanted;
    const char *class_name[2]; /* good, defect */
    const char *classes;       /* all of the predictions, as text; NULL */
    struct case_photo *photo;
    int64_t n_photos;
    struct installation *installation;
    int64_t n_installations;
    int64_t *photo_of;         /* [n_photos] photographs by installation, by view, in the order of the lines */
    const char *tool;          /* that made the predictions, or without them the verdicts; NULL */
    const char *path[2];       /* the files: predictions, verdicts; NULL */
    struct score_inputs origins;
    bool probabilities;        /* scores of photographs are */
    bool judged;               /* verdicts are those of lines */
    const char *judge;         /* the tool that gave them */
    const char *judge_group_score; /* how it scores installations, as "max"; NULL: it does not say */
    int64_t judge_views;       /* that it expects; 0: not checked, or it does not say */
    struct promise_outcome promise[PROMISE_KINDS]; /* that the judge's thresholds were chosen for */
    int n_promises;
    double thresholds[2];      /* pass_below, fail_from, as they say; NAN unknown, as cases_init has them */
    bool keys_are_paths;       /* photographs come from lines of bbu-inspect, which name files */
    bool learned;              /* the query of the predictions is what the classifier was fitted to */
    /* memory */
    struct judged_line *line;  /* of installations */
    int64_t n_lines, line_capacity, photo_capacity;
    struct text_pool text;
};

void cases_init(struct cases *c, const char *class_wanted); /* NULL: the defect is as the files say */
/* k: as in prediction_set_read. Errors name the path. FMT_INVALID: neither predictions nor verdicts; a second file of a
 * kind; a class that is not there, or that must be named. */
int cases_read(struct cases *c, const char *path, int k, struct fmt_error *e);
/* keys: of its entries. Both must outlive c. */
int cases_catalogue(struct cases *c, const struct index *x, const struct names *keys, struct fmt_error *e);
int cases_finish(struct cases *c, const struct verdict_rule *rule, struct fmt_error *e);
void cases_release(struct cases *c);

#endif
