/* score-options.h - the options for scores that feat-knn and feat-logreg share, and other tools in part; the plan made
 * from them. */
#ifndef SCORE_OPTIONS_H
#define SCORE_OPTIONS_H

#include "scores.h"
#include "feat.h"
#include "opt.h"

enum { SCORE_OPTIONS_POINTS_MAX = 64 };

struct score_options {
    const char *at_recall, *at_precision; /* "0.9,0.95" or "" */
    const char *positive, *group_score;
    bool allow_overlap;   /* rows are scored although they, or their group, were learned from */
    bool allow_precision; /* features of several precisions are used together */
    int64_t n_resamples;
    double level;
    double recall[SCORE_OPTIONS_POINTS_MAX],
        precision[SCORE_OPTIONS_POINTS_MAX]; /* of the lists, by score_options_parse */
    int n_recall, n_precision;
};

#define SCORE_OPTIONS_DEFAULT \
    { \
        .at_recall = "0.9,0.95,0.99", .at_precision = "0.9,0.95", .group_score = "max", .n_resamples = 1000, \
        .level = 0.95 \
    }
#define SCORE_OPTIONS_POSITIVE(o) \
    OPT_STRING(0, "positive", &(o).positive, "CLASS", "of two classes, the one to be found [the second]")
#define SCORE_OPTIONS_PRECISION(o) \
    OPT_FLAG(0, "allow-precision", &(o).allow_precision, \
             "use features together although they were computed in different precisions")
#define SCORE_OPTIONS_RESAMPLES(v) \
    OPT_COUNT(0, "resamples", v, 0, 1000000, "N", "resamples for the intervals; 0: none [1000]")
#define SCORE_OPTIONS_LEVEL(v) OPT_REAL(0, "level", v, 0.01, 0.9999, "P", "probability that the intervals cover [0.95]")
#define SCORE_OPTIONS_GROUP_SCORE(v) \
    OPT_CHOICE(0, "group-score", v, "max|mean", "score of a group of images [max]")
#define SCORE_OPTIONS_GROUPS(o) \
    SCORE_OPTIONS_GROUP_SCORE(&(o).group_score), SCORE_OPTIONS_RESAMPLES(&(o).n_resamples), \
        SCORE_OPTIONS_LEVEL(&(o).level)
/* Of tools that read predictions. */
#define SCORE_OPTIONS_NEIGHBOURS(v) \
    OPT_COUNT('k', "neighbours", v, 1, 1000000, "N", "of predictions of feat-knn those by N neighbours [the only ones]")
#define SCORE_OPTIONS(o) \
    SCORE_OPTIONS_POSITIVE(o), \
        OPT_STRING(0, "at-recall", &(o).at_recall, "R,R,...", "precision at these recalls [0.9,0.95,0.99]"), \
        OPT_STRING(0, "at-precision", &(o).at_precision, "P,P,...", "recall at these precisions [0.9,0.95]"), \
        OPT_FLAG(0, "allow-overlap", &(o).allow_overlap, \
                 "score rows although their image or group was learned from"), \
        SCORE_OPTIONS_PRECISION(o), SCORE_OPTIONS_GROUPS(o)

/* Parses the lists of recalls and precisions; FMT_INVALID is wrong usage. */
int score_options_parse(struct score_options *o, struct fmt_error *e);

/* After score_options_parse. plan points into o and h. An unknown class is FMT_INVALID. */
int score_options_plan(const struct score_options *o, const struct feat_header *h, uint64_t seed,
                       struct scores_plan *plan, struct fmt_error *e);

#endif
