/* gate.h - checks of a photograph itself. A photograph that a gate stops gets "review" and the reason, not a verdict.
 *
 *   struct gate_values v = gate_no_values();
 *   gate_image_measure(&image, &print, &v, e);                              gate-image.h: from pixels
 *   gate_reference_look(&reference, pool, feature, &print, group, &v, e);   gate-reference.h: from what is known
 *   enum gate g = gate_check(&limits, &v, text);                      GATE_NONE: no gate stops it
 *
 * The limits are calibrated on good photographs of the site (gate-calibrate.h).
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

/* The first word of a reason is the name of its gate. A photograph that several gates stop has the first reason. */
enum gate { GATE_BLURRED, GATE_DARK, GATE_BRIGHT, GATE_SUBJECT, GATE_REUSED, GATES, GATE_NONE = -1 };
const char *gate_name(enum gate g); /* "blurred", "dark", "bright", "subject", "reused"; GATE_NONE: "" */

/* What is measured. */
enum gate_measure {
    GATE_SHARPNESS,  /* gate-image.h */
    GATE_BRIGHTNESS, /* mean luma, 0 .. 1 */
    GATE_HIGHLIGHTS, /* luma of the darkest of the brightest twentieth of the pixels, 0 .. 1 */
    GATE_BLACK,      /* share of pixels that are nearly black: luma up to GATE_BLACK_LUMA */
    GATE_WHITE,      /* share of pixels that are nearly white: luma from GATE_WHITE_LUMA on */
    GATE_DISTANCE,   /* from the reference photographs, about 1 of one like them: gate-whitening.h */
    GATE_SIMILARITY, /* of pixels, -1 .. 1, with the most similar photograph of another installation */
    GATE_MEASURES
};
enum { GATE_BLACK_LUMA = 8, GATE_WHITE_LUMA = 247 };
/* "sharpness", "brightness", "highlights", "black", "white", "distance", "similarity": in JSON and TSV */
const char *gate_measure_name(enum gate_measure m);

enum { GATE_NAME_MAX = 200 }; /* bytes of a name in a reason, with its end; longer ones are cut */

struct gate_values {
    double value[GATE_MEASURES];       /* NAN: not measured, and no gate stops it */
    char similar_key[GATE_NAME_MAX];   /* the photograph that GATE_SIMILARITY is with; "" none */
    char similar_group[GATE_NAME_MAX]; /* its installation */
};
struct gate_values gate_no_values(void);

/* ------------------------------------------------------------------ limits */

/* What a gate looks at: a value on the wrong side of its limit stops the photograph. Dark and bright look at two, and
 * come first: without light nothing is sharp. */
enum gate_limit {
    GATE_HIGHLIGHTS_LEAST, GATE_BLACK_MOST, GATE_BRIGHTNESS_MOST, GATE_WHITE_MOST, GATE_SHARPNESS_LEAST,
    GATE_DISTANCE_MOST, GATE_SIMILARITY_MOST, GATE_LIMITS
};

struct gate_count {
    int64_t n, stopped;
};

struct gate_limits {
    double limit[GATE_LIMITS];    /* values equal to it pass; NAN: off */
    struct gate_count photographs[GATE_LIMITS];   /* good ones that have the measure, and those that it stops */
    struct gate_count installations[GATE_LIMITS]; /* of which they are: stopped with one of their photographs */
    double share, confidence;     /* that were asked for, of each limit (gate-calibrate.h); 0: on average */
    double bound[GATE_LIMITS];    /* with that confidence at most this share of good installations is stopped by it;
                                   * on average this share */
    struct gate_count all_photographs, all_installations; /* of the calibration; stopped by any gate */
};
struct gate_limits gate_no_limits(void); /* all are off */
enum gate gate_of_limit(enum gate_limit l);
enum gate_measure gate_measure_of_limit(enum gate_limit l);
bool gate_limit_is_least(enum gate_limit l); /* smaller values are stopped, else larger ones */

bool gate_stops(const struct gate_limits *limits, enum gate_limit l, const struct gate_values *v);
/* The first gate that stops the photograph, or GATE_NONE. text [GATE_TEXT_MAX], may be NULL: the reason,
 * "blurred: sharpness 0.31402, at least 0.52117 in 99.5 % of good photographs"; GATE_NONE: "". */
enum { GATE_TEXT_MAX = 600 };
enum gate gate_check(const struct gate_limits *limits, const struct gate_values *v, char *text);

/* As JSON, for the settings of an inspector file:
 *   {"share":0.005,"confidence":0.95,"photographs":{"n":1800,"stopped":14},"installations":{"n":600,"stopped":9},
 *    "sharpness_least":{"limit":0.52,"bound":0.0050,"photographs":{...},"installations":{...}}, ...}
 * A limit that is off is left out.
 * gate_limits_json: a new object, NULL: no memory. gate_limits_parse: FMT_INVALID names the member, FMT_MEMORY. */
struct cJSON;
struct cJSON *gate_limits_json(const struct gate_limits *limits);
int gate_limits_parse(const struct cJSON *o, struct gate_limits *limits, struct fmt_error *e);

#endif
