/* tap.h - tests speak TAP: one line per check, "ok N - what" or "not ok N - what", the plan at the end.
 *
 *   int main(void) { ok(x == 3, "x is %d", x); is_close(...); return tap_done(); }
 */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define TAP_FORM(n) __attribute__((format(printf, n, n + 1)))

bool ok(bool good, const char *format, ...) TAP_FORM(2);
bool is_int(int64_t got, int64_t want, const char *format, ...) TAP_FORM(3);
bool is_text(const char *got, const char *want, const char *format, ...) TAP_FORM(3);
/* Every |a - b| <= absolute + relative * |b|; a NaN on either side fails. Prints the largest difference. */
bool is_close(const float *a, const float *b, int64_t n, double absolute, double relative, const char *format, ...)
    TAP_FORM(6);
/* ||a - b|| <= limit * ||b||; NaN fails. Prints the relative difference. */
bool is_near(const float *a, const float *b, int64_t n, double limit, const char *format, ...) TAP_FORM(5);
/* The larger of two differences; NaN is larger than any, so a check worst <= limit fails once one was NaN (fmax drops
 * it). */
static inline double worse(double worst, double difference)
{
    return isnan(worst) || difference <= worst ? worst : difference;
}
double relative_distance(const float *a, const float *b, int64_t n); /* ||a - b|| / ||b||; of two zeros 0 */
double cosine(const float *a, const float *b, int64_t n); /* a.b / (|a| |b|) in double; NaN where a length is 0 */
/* Before a slow reference: what sanitizers are to look at is the function that is compared with it. */
#define REFERENCE __attribute__((no_sanitize("address", "thread", "undefined")))
void skip(const char *why, const char *format, ...) TAP_FORM(2);
int tap_done(void); /* prints the plan; the exit status */

const char *tap_golden(const char *name); /* path of a golden file: $GOLDEN or tests/golden */
const char *tap_scratch(void); /* a new folder of this test's own, which tap_done removes if all checks have passed */

#endif
