/* verdict-lines.h - verdicts on a stream: a line for each photograph, and then one for their installation, as
 * text with tabs or as JSON lines. The first lines name the inspector, the class that is the defect and the promises.
 *
 *   struct verdict_lines l = {.out = stdout, .json = json};
 *   verdict_lines_begin(&l, "site.inspector", &judge, true, e);
 *   judge_run(&judge, &list, &(struct judge_job){.found = verdict_lines_found, .arg = &l}, e);
 *   l.n[VERDICT_FAIL] ...
 */
#ifndef VERDICT_LINES_H
#define VERDICT_LINES_H

#include <stdio.h>

#include "judge.h"

struct verdict_lines {
    FILE *out;
    bool json;
    bool measures;        /* values of gates, too: the inspector has gates */
    bool probability;     /* of installations, too: the inspector has a calibration */
    int64_t n[VERDICTS];  /* installations so far */
    int64_t n_photographs, n_unreadable;
    double cropped; /* sum over those that were read: judge.h */
};

int verdict_lines_begin(struct verdict_lines *l, const char *inspector, const struct judge *j,
                        struct fmt_error *e);
judge_found verdict_lines_found; /* arg: struct verdict_lines; each installation is flushed */

#endif
