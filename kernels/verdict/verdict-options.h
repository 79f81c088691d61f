/* verdict-options.h - the options for promises and rules that several tools share, and what is made of them.
 *
 *   static struct verdict_options verdict_options = VERDICT_OPTIONS_DEFAULT;
 *   VERDICT_OPTIONS_PROMISES(verdict_options), VERDICT_OPTIONS_RULE(verdict_options)         lines of the option table
 *   verdict_options_promises(&verdict_options, promise, &n, e);
 *   rule.how = verdict_options_rule(&verdict_options);
 */
#ifndef VERDICT_OPTIONS_H
#define VERDICT_OPTIONS_H

#include "opt.h"
#include "promise.h"
#include "verdict.h"

struct verdict_options {
    const char *missed, *alarms; /* NULL: not given */
    const char *rule;            /* one of rule_names */
    int64_t k;                   /* mean of largest: of how many scores */
};

#define VERDICT_OPTIONS_DEFAULT {.rule = "largest", .k = 2}
#define VERDICT_OPTIONS_PROMISES(o) \
    OPT_STRING(0, "missed", &(o).missed, "SHARE[,SURE]", \
               "of faulty installations at most this share may pass [5%,95%]"), \
        OPT_STRING(0, "alarms", &(o).alarms, "SHARE[,SURE]", \
                   "of good installations at most this share may fail [no promise]")
#define VERDICT_OPTIONS_RULE(o) \
    OPT_CHOICE(0, "rule", &(o).rule, "largest|mean-of-largest|learned", \
               "an installation's score from its photographs' [largest]"), \
        OPT_COUNT(0, "largest", &(o).k, 1, 1000, "K", "how many scores the mean is of [2]")

/* The promises that were given, by kind: promise [PROMISE_KINDS]. FMT_INVALID, wrong usage: "--missed x: ...". */
int verdict_options_promises(const struct verdict_options *o, struct promise *promise, int *n, struct fmt_error *e);
/* What is promised where nothing was given: missed 5 %, 95 % sure. */
struct promise verdict_options_default_promise(void);
enum rule_how verdict_options_rule(const struct verdict_options *o);

#endif
