/* verdict-options.h - the options for promises and rules that several tools share, and what is made of them.
 *
 *   static struct verdict_options verdict_options = VERDICT_OPTIONS_DEFAULT;
 *   VERDICT_OPTIONS_PROMISES(verdict_options), VERDICT_OPTIONS_RULE(verdict_options),        lines of the option table
 *   VERDICT_OPTIONS_VIEWS(&n_views, "[that of all of --choose]"), VERDICT_OPTIONS_VERDICTS_ONLY(&verdicts_only)
 *   verdict_options_promises(&verdict_options, promise, &n, e);
 *   verdict_options_rule(&verdict_options, &rule, e);
 */
#ifndef VERDICT_OPTIONS_H
#define VERDICT_OPTIONS_H

#include "opt.h"
#include "promise.h"
#include "verdict.h"

struct verdict_options {
    const char *missed, *alarms; /* NULL: not given */
    const char *group_score;     /* as rule_parse takes it */
};

#define VERDICT_OPTIONS_DEFAULT {.group_score = "max"}
#define VERDICT_OPTIONS_PROMISES(o) \
    OPT_STRING(0, "missed", &(o).missed, "SHARE[,SURE]", \
               "of faulty installations at most this share may pass [5%,95%]"), \
        OPT_STRING(0, "alarms", &(o).alarms, "SHARE[,SURE]", \
                   "of good installations at most this share may fail [no promise]")
#define VERDICT_OPTIONS_RULE(o) \
    OPT_STRING(0, "group-score", &(o).group_score, "max|mean|mean-of-K|learned", \
               "score of an installation from those of its photographs [max]")

#define VERDICT_OPTIONS_VIEWS(v, standard) \
    OPT_COUNT(0, "views", v, 0, 1000, "N", "of an installation; with fewer it is incomplete; 0: any " standard)
#define VERDICT_OPTIONS_VERDICTS_ONLY(v) \
    OPT_FLAG(0, "verdicts-only", v, "exit 0 although installations failed or need a review")
#define VERDICT_OPTIONS_THRESHOLDS(v, standard) \
    OPT_STRING(0, "thresholds", v, "P,F", "pass below P, fail from F on" standard)

/* The promises that were given, by kind: promise [PROMISE_KINDS]. FMT_INVALID, wrong usage: "--missed x: ...". */
int verdict_options_promises(const struct verdict_options *o, struct promise *promise, int *n, struct fmt_error *e);
/* What is promised where nothing was given: missed 5 %, 95 % sure. */
struct promise verdict_options_default_promise(void);
/* "0.2,0.8", or one number that is both: sets pass_below and fail_from. FMT_INVALID, wrong usage: "--thresholds x:
 * ...", and *r untouched. */
int verdict_options_thresholds(const char *text, struct verdict_rule *r, struct fmt_error *e);
/* Sets how and k of the rule. FMT_INVALID, wrong usage: "--group-score x: ...". */
int verdict_options_rule(const struct verdict_options *o, struct verdict_rule *r, struct fmt_error *e);

#endif
