/* clock.h - measuring how long something takes. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

double clock_now(void); /* seconds of the monotonic clock */
int64_t clock_now_ms(void); /* the same in whole milliseconds */
void clock_duration_text(double seconds, char out[32]); /* "59 s", "3 min 20 s", "3 h 20 min" */

#endif
