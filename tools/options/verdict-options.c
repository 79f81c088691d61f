/* verdict-options.c - see verdict-options.h. */
#include "verdict-options.h"

#include <stdio.h>
#include <string.h>

#include "num.h"

int verdict_options_promises(const struct verdict_options *o, struct promise *promise, int *n, struct fmt_error *e)
{
    const char *const text[PROMISE_KINDS] = {[PROMISE_MISSED] = o->missed, [PROMISE_ALARMS] = o->alarms};
    int status = 0;
    *n = 0;
    for (int what = 0; what < PROMISE_KINDS && !status; what++) {
        if (!text[what])
            continue;
        struct fmt_error why = {0};
        if (promise_parse(&promise[(*n)++], (enum promise_kind)what, text[what], &why))
            status = fmt_fail(e, FMT_INVALID, "--%s %s", promise_names[what], why.text);
    }
    return status;
}

struct promise verdict_options_default_promise(void)
{
    return (struct promise){PROMISE_MISSED, 0.05, 0.95};
}

int verdict_options_thresholds(const char *text, struct verdict_rule *r, struct fmt_error *e)
{
    char first[64], *comma;
    double pass_below, fail_from;
    snprintf(first, sizeof first, "%s", text);
    comma = strchr(first, ',');
    if (comma)
        *comma++ = 0;
    if (!num_f64(first, &pass_below) || !num_f64(comma ? comma : first, &fail_from) || pass_below > fail_from)
        return fmt_fail(e, FMT_INVALID, "--thresholds %.80s: one number, or two that ascend, with a comma between them",
                        text);
    r->pass_below = pass_below;
    r->fail_from = fail_from;
    return 0;
}

int verdict_options_rule(const struct verdict_options *o, struct verdict_rule *r, struct fmt_error *e)
{
    if (!rule_parse(r, o->group_score))
        return fmt_fail(e, FMT_INVALID, "--group-score %s: expected max, mean, mean-of-2 or another number, or learned",
                        o->group_score);
    return 0;
}
