/* collapse.c - two limits, so low that only a network that no longer distinguishes images falls below them. */
#include "collapse.h"

#include <math.h>
#include <stdbool.h>

#include "config.h"
#include "num.h"

#define INFORMATION_MIN 0.01 /* share of the most that the crops of a batch can carry, log(winners) */
#define RANK_MIN 1.5

enum collapse_verdict collapse_judge(const struct collapse_signs *s, const struct config *c, int64_t iteration)
{
    int64_t crops = 2 * c->train.batch_size_per_gpu, warmup = c->optim.warmup_epochs * c->train.OFFICIAL_EPOCH_LENGTH;
    double followed = (double)iteration * (1 - c->teacher.momentum_teacher);
    if (iteration < warmup || followed < 2 || isnan(s->entropy) || c->train.batch_size_per_gpu < 2)
        return COLLAPSE_EARLY;
    double winners = (double)num_min(crops, c->dino.head_n_prototypes); /* the most prototypes that can win a crop */
    bool one_answer = s->entropy_mean - s->entropy < INFORMATION_MIN * log(winners);
    if (one_answer)
        return s->prototypes_used * winners < 1.5 ? COLLAPSE_COMPLETE : COLLAPSE_OUTPUT;
    return s->feature_rank < RANK_MIN ? COLLAPSE_DIMENSIONAL : COLLAPSE_NONE;
}

const char *collapse_word(enum collapse_verdict v)
{
    static const char *const words[] = {"early", "none", "output", "dimensional", "complete"};
    return words[v];
}

const char *collapse_text(enum collapse_verdict v)
{
    static const char *const texts[] = {
        "too early to say whether the teacher tells images apart",
        "no collapse: the teacher tells images apart",
        "collapse of the output: the teacher's heads give all crops one answer, though not quite the same",
        "dimensional collapse: the class tokens of all crops lie on about one line",
        "complete collapse: the teacher gives all crops one answer, and one prototype wins them all"};
    return texts[v];
}
