/* promise.c - see promise.h. */
#include "promise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binomial.h"
#include "num.h"

const char *const promise_names[PROMISE_KINDS] = {"missed", "alarms"};
const char *const promise_groups[PROMISE_KINDS] = {"faulty", "good"};

static const double confidence_default[PROMISE_KINDS] = {0.95, 0};

/* "5%", "0.05" or "5/100" -> 0.05; false: neither. */
static bool share_parse(const char *text, double *share)
{
    char number[64];
    size_t n = strcspn(text, "%/");
    double value, of = 1;
    if (n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = 0;
    if (!num_f64(number, &value) || (text[n] == '/' && !num_f64(text + n + 1, &of)) ||
        (text[n] == '%' && text[n + 1]) || !(of > 0))
        return false;
    *share = text[n] == '%' ? value / 100 : value / of;
    return true;
}

int promise_parse(struct promise *p, enum promise_kind what, const char *text, struct fmt_error *e)
{
    char share[64];
    const char *sure = strchr(text, ',');
    size_t n = sure ? (size_t)(sure - text) : strlen(text);
    struct promise made = {what, 0, confidence_default[what]};
    memcpy(share, text, n < sizeof share ? n : 0);
    share[n < sizeof share ? n : 0] = 0;
    if (!share_parse(share, &made.share) || !(made.share > 0 && made.share < 1))
        return fmt_fail(e, FMT_INVALID, "%.80s: expected a share between 0 and 1, as 5%%, 0.05 or 50/1000", text);
    if (sure && (!share_parse(sure + 1, &made.confidence) || !(made.confidence >= 0 && made.confidence < 1)))
        return fmt_fail(e, FMT_INVALID, "%.80s: how sure is to be below 1, as 95%% or 0.95; 0: on average", text);
    *p = made;
    return 0;
}

const char *promise_text_short(const struct promise *p, char text[PROMISE_TEXT_BYTES])
{
    if (p->confidence > 0)
        snprintf(text, PROMISE_TEXT_BYTES, "%.6g %%, %.6g %% sure", 100 * p->share, 100 * p->confidence);
    else
        snprintf(text, PROMISE_TEXT_BYTES, "%.6g %% on average", 100 * p->share);
    return text;
}

const char *promise_text(const struct promise *p, char text[PROMISE_TEXT_BYTES])
{
    const char *of[PROMISE_KINDS] = {"faulty installations pass", "good installations fail"};
    char sure[32] = "on average";
    if (p->confidence > 0)
        snprintf(sure, sizeof sure, "%.6g %% sure", 100 * p->confidence);
    snprintf(text, PROMISE_TEXT_BYTES, "at most %.6g %% of %s, %s", 100 * p->share, of[p->what], sure);
    return text;
}

int64_t promise_rank(const struct promise *p, int64_t n)
{
    if (p->confidence > 0)
        return binomial_rank(n, p->share, p->confidence);
    /* 0.001 * 1000 is to be 1: a whole number that rounding has missed counts. */
    return num_min(n, (int64_t)floor(p->share * (double)(n + 1) * (1 + 1e-12)));
}

int64_t promise_least_n(const struct promise *p)
{
    if (p->confidence > 0)
        return binomial_least_n(p->share, p->confidence);
    int64_t n = (int64_t)ceil(1 / p->share - 1);
    while (n > 1 && promise_rank(p, n - 1) > 0)
        n--;
    while (promise_rank(p, n) == 0)
        n++;
    return n;
}

double promise_least_share(const struct promise *p, int64_t n)
{
    double share = p->confidence > 0 ? -expm1(log1p(-p->confidence) / (double)n) : 1 / ((double)n + 1);
    return fmin(ceil(1000 * share), 1000) / 1000;
}
