/* verdict-options.c - see verdict-options.h. */
#include "verdict-options.h"

#include <string.h>

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

enum rule_how verdict_options_rule(const struct verdict_options *o)
{
    int how = RULE_LARGEST;
    while (how + 1 < RULES && strcmp(o->rule, rule_names[how]) != 0)
        how++;
    return (enum rule_how)how;
}
