/* clock.h - measuring how long something takes. */
#ifndef CLOCK_H
#define CLOCK_H

double clock_now(void); /* seconds of the monotonic clock */
void clock_duration_text(double seconds, char out[32]); /* "59 s", "3 min 20 s", "3 h 20 min" */

#endif
