/* sections.h - the sections of a report on inspected photographs (inspection.h), a file each. Part of inspection.c. */
#ifndef SECTIONS_H
#define SECTIONS_H

#include "inspection.h"
#include "thresholds.h"

void section_lead(const struct inspection *in, struct page *p);        /* what is read before any number */
void section_glance(const struct inspection *in, struct page *p);      /* what needs a person; the promises */
void section_shown(struct inspection *in, struct page *p); /* wrong and uncertain, with pictures */
void section_labels(const struct inspection *in, struct page *p);      /* suspected label errors */
void section_verdicts(const struct inspection *in, struct page *p);    /* by label */
void section_curves(const struct inspection *in, struct page *p);
void section_calibration(const struct inspection *in, struct page *p); /* nothing where nothing is a probability */
int section_keys(const struct inspection *in, struct page *p, struct fmt_error *e); /* by view, camera, site, date */
int section_all(const struct inspection *in, struct page *p, struct fmt_error *e); /* a table of installations */
void section_about(const struct inspection *in, struct page *p);       /* what made it, how verdicts come about */
void section_words(struct page *p);                                    /* what the words of the page mean */

/* How an installation is called: "installation" where photographs are grouped, else "photograph". */
const char *section_noun(const struct inspection *in, bool several);
/* <span class="mark fail">fail</span> */
void section_mark(struct page *p, enum verdict v);
/* "0.123", "< 0.001" of a probability, four digits of other scores, a dash where there is none. */
enum { SECTION_SCORE_BYTES = 32 };
const char *section_score(const struct inspection *in, double score, char out[SECTION_SCORE_BYTES]);
/* "3 of 55 (5.5 %, interval 1.1 to 15 %)" */
enum { SECTION_SHARE_BYTES = 96 };
const char *section_share(const struct inspection *in, int64_t k, int64_t n, char out[SECTION_SHARE_BYTES]);
/* A name that is not too long to be read: its beginning, "...", its end. Whole characters of UTF-8. */
enum { SECTION_NAME_BYTES = 128 };
const char *section_name(const char *name, char out[SECTION_NAME_BYTES]);
/* The same of a reason, which has numbers and may name a file. */
enum { SECTION_REASON_BYTES = 768 };
const char *section_reason(const char *reason, char out[SECTION_REASON_BYTES]);
/* The name of a label: of the class, or "unknown". */
const char *section_label(const struct inspection *in, int label, char out[SECTION_NAME_BYTES]);

/* How many installations got which verdict, by label + 1. */
struct section_tally {
    int64_t of[3][VERDICTS], all[VERDICTS];
    int64_t n, n_labelled;
};
struct section_tally section_count(const struct inspection *in);
int64_t section_sum(const int64_t of[VERDICTS]);
/* What became of a promise here; incomplete installations do not count. */
struct promise_kept section_promise(const struct inspection *in, const struct section_tally *t,
                                    const struct promise *promise);

/* Has it a card (id "case-12")? */
bool section_is_shown(const struct inspection *in, int64_t installation);
/* Why installations are shown: a heading, the end of its id ("look-missed"), whether a person has to look at them. */
const char *section_why(const struct inspection *in, enum shown_why why);
const char *section_why_id(enum shown_why why);
bool section_is_work(const struct inspection *in, enum shown_why why);

#endif
