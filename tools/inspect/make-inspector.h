/* make-inspector.h - joins the parts of an inspector, chooses its thresholds, and writes it.
 *
 *   struct make_inspector m = {.output = "site.inspector", .weights = ..., .classifier = ..., .thresholds = {...}};
 *   make_inspector_run(&m, &how, e);     m.settings: what was chosen, m.identity
 *   make_inspector_release(&m);
 */
#ifndef MAKE_INSPECTOR_H
#define MAKE_INSPECTOR_H

#include "judge.h"
#include "make-thresholds.h"

struct make_inspector {
    const char *output, *weights;
    const char *classifier, *bank, *faults; /* NULL: none */
    const char *reference;                  /* good photographs, for gates; NULL: no gates */
    bool by_bank;
    const char *positive, *pattern, *precision; /* NULL: as the parts say */
    struct verdict_rule rule;                   /* how, k */
    struct make_thresholds thresholds;
    double gate_share, gate_confidence;         /* what each gate may stop of good photographs, of `reference` */
    int weights_level;                          /* of zstd for weights and bank; BLOCK_STORED */
    bool explain;                               /* provenance */
    void (*note)(const char *format, ...);      /* to the user */
    /* output */
    struct inspect_settings settings;
    uint8_t identity[DIGEST_BYTES];
};

int make_inspector_run(struct make_inspector *m, const struct judge_how *how, struct fmt_error *e);
void make_inspector_release(struct make_inspector *m);

#endif
