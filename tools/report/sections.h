/* sections.h - the sections of a report on inspected photographs (inspection.h), a file each. Part of inspection.c. */
#ifndef SECTIONS_H
#define SECTIONS_H

#include "inspection.h"

void section_about(const struct inspection *in, struct page *p);       /* what made it, which class is the defect */
void section_verdicts(const struct inspection *in, struct page *p);
void section_curves(const struct inspection *in, struct page *p);
void section_calibration(const struct inspection *in, struct page *p); /* nothing where scores are no probabilities */
int section_keys(const struct inspection *in, struct page *p, struct fmt_error *e); /* by view, camera, site, date */
void section_shown(struct inspection *in, struct page *p); /* wrong and uncertain, with pictures */
void section_labels(const struct inspection *in, struct page *p);      /* suspected label errors */
void section_all(const struct inspection *in, struct page *p);         /* a table of all installations */

/* How an installation is called: "installation" where photographs are grouped, else "photograph". */
const char *section_noun(const struct inspection *in, bool several);
/* <span class="mark fail">fail</span> */
void section_mark(struct page *p, enum verdict v);
/* "0.123", "< 0.001" of a probability, four digits of other scores, a dash where there is none. */
enum { SECTION_SCORE_BYTES = 32 };
const char *section_score(const struct inspection *in, double score, char out[SECTION_SCORE_BYTES]);
/* The name of a label: of the class, or "unknown". */
const char *section_label(const struct inspection *in, int label);

#endif
