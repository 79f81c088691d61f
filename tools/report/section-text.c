/* section-text.c - words and counts that several sections have. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "binomial.h"
#include "sections.h"

const char *section_noun(const struct inspection *in, bool several)
{
    return in->grouped ? several ? "installations" : "installation" : several ? "photographs" : "photograph";
}

void section_mark(struct page *p, enum verdict v)
{
    fprintf(p->out, "<span class=\"mark %s\">%s</span>", verdict_names[v], verdict_names[v]);
}

const char *section_score(const struct inspection *in, double score, char out[SECTION_SCORE_BYTES])
{
    if (isnan(score))
        snprintf(out, SECTION_SCORE_BYTES, "\xE2\x80\x93");
    else if (!in->cases->probabilities)
        snprintf(out, SECTION_SCORE_BYTES, "%.4g", score);
    else if (score > 0 && score < 0.001)
        snprintf(out, SECTION_SCORE_BYTES, "< 0.001");
    else if (score < 1 && score > 0.999)
        snprintf(out, SECTION_SCORE_BYTES, "> 0.999");
    else
        snprintf(out, SECTION_SCORE_BYTES, "%.3f", score);
    return out;
}

/* The first `first` bytes of a text, "...", and as many of its end as `bytes` have room for, its zero included. */
static const char *shorten(const char *text, size_t first, char *out, size_t bytes)
{
    size_t n = strlen(text);
    if (n < bytes)
        return text;
    const char *last = text + n - (bytes - 1 - first - 3);
    while (first > 0 && ((unsigned char)text[first] & 0xc0) == 0x80)
        first--;
    while (((unsigned char)*last & 0xc0) == 0x80)
        last++;
    snprintf(out, bytes, "%.*s...%s", (int)first, text, last);
    return out;
}

const char *section_name(const char *name, char out[SECTION_NAME_BYTES])
{
    return shorten(name, 40, out, SECTION_NAME_BYTES);
}

const char *section_reason(const char *reason, char out[SECTION_REASON_BYTES])
{
    return shorten(reason, SECTION_REASON_BYTES / 2, out, SECTION_REASON_BYTES);
}

const char *section_label(const struct inspection *in, int label, char out[SECTION_NAME_BYTES])
{
    return label < 0 ? "unknown" : section_name(in->cases->class_name[label], out);
}

/* ------------------------------------------------------------------ counts */
int64_t section_sum(const int64_t of[VERDICTS])
{
    int64_t n = 0;
    for (int v = 0; v < VERDICTS; v++)
        n += of[v];
    return n;
}

struct section_tally section_count(const struct inspection *in)
{
    const struct cases *c = in->cases;
    struct section_tally t = {.n = c->n_installations};
    for (int64_t g = 0; g < c->n_installations; g++) {
        const struct installation *i = &c->installation[g];
        t.of[i->label + 1][i->verdict]++;
        t.all[i->verdict]++;
        t.n_labelled += i->label >= 0;
    }
    return t;
}

const char *section_share(const struct inspection *in, int64_t k, int64_t n, char out[SECTION_SHARE_BYTES])
{
    double sure = (1 + in->bootstrap.level) / 2, value[3] = {0};
    char text[3][16];
    if (n > 0) {
        value[0] = 100 * (double)k / (double)n;
        value[1] = 100 * binomial_lower(k, n, sure);
        value[2] = 100 * binomial_upper(k, n, sure);
    }
    for (int i = 0; i < 3; i++) /* 11.8, 2.2, 0.056 */
        snprintf(text[i], sizeof text[i], value[i] < 10 ? "%.2g" : "%.3g", value[i]);
    if (n == 0)
        snprintf(out, SECTION_SHARE_BYTES, "none to count");
    else
        snprintf(out, SECTION_SHARE_BYTES, "%" PRId64 " of %" PRId64 " (%s\xC2\xA0%%, interval %s to %s\xC2\xA0%%)", k,
                 n, text[0], text[1], text[2]);
    return out;
}

struct promise_kept section_promise(const struct inspection *in, const struct section_tally *t,
                                    const struct promise *promise)
{
    bool missed = promise->what == PROMISE_MISSED;
    const int64_t *of = t->of[missed ? 2 : 1];
    return promise_outcome_kept(promise, section_sum(of) - of[VERDICT_INCOMPLETE],
                                of[missed ? VERDICT_PASS : VERDICT_FAIL], in->bootstrap.level);
}
