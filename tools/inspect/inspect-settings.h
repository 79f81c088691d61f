/* inspect-settings.h - the settings of an inspector file (bbu-inspector(5)): JSON in the file, a struct here.
 *
 *   struct inspect_settings s = inspect_settings_default();
 *   inspect_settings_text(&s, &text, e);              text is for free()
 *   inspect_settings_parse(&s, text, bytes, e);       every value is checked
 *   inspect_settings_release(&s);
 *
 * How photographs become features is not among them: the header of the classifier and of the bank says it.
 */
#ifndef INSPECT_SETTINGS_H
#define INSPECT_SETTINGS_H

#include "calibration.h"
#include "gate.h"
#include "group-pattern.h"
#include "thresholds.h"

enum { INSPECT_PRECISION_MAX = 8 };

struct inspect_settings {
    bool by_bank;   /* scores are distances to the bank, else probabilities of the classifier */
    char *positive; /* the class that is the defect; NULL: no classes, as a bank may have none */
    char precision[INSPECT_PRECISION_MAX]; /* that the thresholds were chosen in */
    struct verdict_rule rule;
    struct promise_outcome promise[PROMISE_KINDS];
    int n_promises;
    bool is_checked;                        /* checked and its counts were taken on groups of --test */
    struct verdict_counts chosen, checked;  /* groups by verdict; zeros: thresholds were given, not chosen */
    struct calibration calibration;         /* of scores of groups; n 0: not known, as from good parts only */
    struct gate_limits gates;
    struct group_pattern pattern;
};

/* Largest score, no thresholds (NAN), no gates, the default pattern, float32. */
struct inspect_settings inspect_settings_default(void);
int inspect_settings_text(const struct inspect_settings *s, char **text, struct fmt_error *e);
/* FMT_INVALID, FMT_LIMIT: "settings: views: ...". A key that an object has twice is refused.
 * On failure there is nothing to release. */
int inspect_settings_parse(struct inspect_settings *s, const char *text, size_t bytes, struct fmt_error *e);
/* What `from` owned is `to`'s. */
void inspect_settings_move(struct inspect_settings *to, struct inspect_settings *from);
void inspect_settings_release(struct inspect_settings *s);

#endif
