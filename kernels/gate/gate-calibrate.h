/* gate-calibrate.h - the limits of the gates, from good photographs.
 *
 * An installation waits for a person as soon as one of its photographs is stopped, so installations are what is
 * counted: of each the value of the photograph that is stopped first. A limit is an order statistic of these: the most
 * k are stopped for which, with the confidence, at most `share` of all good installations will be (binomial.h, for
 * any distribution, if the installations are drawn independently; their photographs are not). With confidence 0 the
 * share holds on average, as that of a promise (promise.h): a new installation is beyond the r-th of n with probability
 * r / (n + 1). Values of `distance` come from fits to nine tenths of the good photographs; to the fit to all a new one
 * is a little nearer, so there the bound is cautious, but not exact. Where there are too few for it (0.5 % with 95 %
 * confidence takes 598) none is stopped, and `bound` says what then holds. The limit of the similarity is at least
 * GATE_ALIKE: copies are more alike. Copies among the good photographs themselves raise it to theirs.
 */
#ifndef GATE_CALIBRATE_H
#define GATE_CALIBRATE_H

#include "gate.h"

#define GATE_ALIKE 0.95

/* v [n]: of good photographs; distance and similarity by gate_reference_look_all. group [n]: their installations, 0 ..
 * n_groups - 1, as gate_reference_groups has them. share, confidence: 0.005, 0.95, say; 0: on average. FMT_INVALID: n
 * is 0. FMT_MEMORY. */
int gate_calibrate(const struct gate_values *v, const int64_t *group, int64_t n, double share, double confidence,
                   struct gate_limits *limits, struct fmt_error *e);

/* Good photographs whose distance decides its limit although they are far from all others: of at most GATE_ODD_MAX
 * installations the farthest one each, from the farthest on. Those of the limit, which is not theirs if the next
 * installation is nearly as far: at 1 / GATE_ODD_GAP of the distance or more. A limit that one picture of a hand has
 * made stops no other hand. */
enum { GATE_ODD_MAX = 3 };
#define GATE_ODD_GAP 1.25
struct gate_odd {
    int n; /* 0: there are none */
    int64_t row[GATE_ODD_MAX];
    double next; /* distance of the installation that is next */
};
/* v, group, n: as they were calibrated. FMT_MEMORY. */
int gate_find_odd(const struct gate_values *v, const int64_t *group, int64_t n, const struct gate_limits *limits,
                  struct gate_odd *odd, struct fmt_error *e);

/* A line for people about a limit: "blurred: sharpness at least 0.52 stops 3 of 1,800 good photographs, 2 of 600
 * installations; with 95 % confidence at most 0.65 % of all installations", or "on average 0.5 % of"; "" where it is
 * off. */
enum { GATE_LINE_MAX = 300 };
void gate_limit_text(const struct gate_limits *limits, enum gate_limit l, char text[GATE_LINE_MAX]);

#endif
