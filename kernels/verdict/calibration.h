/* calibration.h - how likely a group with this score is faulty: the share of faulty groups as a function of the score
 * that never falls, by isotonic regression (Ayer et al. 1955, pool adjacent violators). It holds where faulty groups
 * are as frequent as among those that it was fitted to; verdicts do not use it.
 *
 * One faulty group below all others and one good group above all others are added, so that no share is 0 or 1: that
 * the ten best groups were good does not make the next one certain.
 *
 *   struct calibration c;
 *   calibration_fit(&c, &groups, e);   scores that the classifier has not learned from, as for thresholds.h
 *   calibration_at(&c, score)
 *   o = calibration_json(&c);          to keep it in settings
 *   calibration_parse(o, &c, e);
 *   calibration_release(&c);
 *
 * In JSON a list of objects, one for each step, ascending:
 *   from     the smallest score of the step; the first step has none
 *   share    of faulty groups
 *   groups   within, without those that were added
 *   faulty   of these
 * A share is (faulty + a) / (groups + a + b): a is 1 in the first step, b in the last, for the group that was added.
 */
#ifndef CALIBRATION_H
#define CALIBRATION_H

#include <stdint.h>

#include "fmt.h"
#include "thresholds.h"

struct cJSON;

enum { CALIBRATION_STEPS_MAX = 1000000 };

struct calibration {
    struct calibration_step {
        double from;         /* the smallest score of the step; of the first one -INFINITY */
        double share;        /* ascending */
        int64_t n, n_faulty; /* groups within, without those that were added */
    } *step;
    int64_t n; /* steps, at least 1 */
};

/* Groups of unknown label do not count; without any the share is 0.5 everywhere. */
int calibration_fit(struct calibration *c, const struct judged_groups *g, struct fmt_error *e);
double calibration_at(const struct calibration *c, double score); /* of NAN NAN */
void calibration_release(struct calibration *c);

struct cJSON *calibration_json(const struct calibration *c); /* a new list; NULL: no memory */
/* FMT_INVALID: "calibration: step 3: share is not ...": no such list, steps that do not ascend, counts that do not give
 * the share, more than CALIBRATION_STEPS_MAX steps. On failure there is nothing to release. */
int calibration_parse(const struct cJSON *list, struct calibration *c, struct fmt_error *e);

#endif
