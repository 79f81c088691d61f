/* make-inspector.h - joins the parts of an inspector, chooses its thresholds, and writes it.
 *
 *   struct make_inspector m = {.output = "site.inspector", .weights = ..., .classifier = ..., .choose = {...}, ...};
 *   make_inspector_run(&m, &how, e);     m.settings: what was chosen, m.identity
 *   make_inspector_release(&m);
 */
#ifndef MAKE_INSPECTOR_H
#define MAKE_INSPECTOR_H

#include "judge.h"
#include "rule-learn.h"

struct make_inspector {
    const char *output, *weights;
    const char *classifier, *bank, *faults; /* NULL: none */
    const char *reference;                              /* good photographs, for gates; NULL: no gates */
    const char *choose, *check;                         /* sets of scores (scored-set.h); NULL: none */
    bool by_bank;
    const char *positive, *pattern, *precision; /* NULL: as the parts say */
    struct verdict_rule rule;                   /* how, k; n_views, -1: that of the groups of `choose` */
    struct promise promise[PROMISE_KINDS];      /* wanted of `choose` */
    int n_promises;
    double pass_below, fail_from;               /* without `choose` */
    double gate_share, gate_confidence;         /* what each gate may stop of good photographs, of `reference` */
    double level;                               /* of the intervals of what was seen */
    int weights_level;                          /* of zstd for weights and bank; BLOCK_STORED */
    bool explain;                               /* provenance */
    /* output */
    struct inspect_settings settings;
    struct rule_learned learned; /* of RULE_LEARNED */
    int64_t n_left_out[2];       /* photographs of `choose` and `check` without a score */
    uint8_t identity[DIGEST_BYTES];
};

int make_inspector_run(struct make_inspector *m, const struct judge_how *how, struct fmt_error *e);
void make_inspector_release(struct make_inspector *m);

#endif
