/* dates.h - dates as people write them: 2026-12-31, 2026:12:31 (EXIF), 31.12.2026, 12/31/2026, with a time or without.
 *
 *   enum date_order o = date_order_of(text, n);       which order all of the texts have
 *   date_iso(text[i], o, out);                        "2026-12-31", and the time as it was
 *
 * A day above 12 in one of them tells day and month apart. Where none does, and where years have two digits, the order
 * is unclear, and nothing is guessed: 03/04/2026 is a day in April or in March.
 */
#ifndef DATES_H
#define DATES_H

#include <stdbool.h>
#include <stdint.h>

enum date_order { DATE_NONE, DATE_YMD, DATE_DMY, DATE_MDY, DATE_UNCLEAR };

/* DATE_NONE: some text is no date, or there is no text. */
enum date_order date_order_of(const char *const *text, int64_t n);

/* order: YMD, DMY or MDY, which the text has. Of longer texts the end is left out. */
enum { DATE_BYTES = 60 };
void date_iso(const char *text, enum date_order order, char out[DATE_BYTES]);

#endif
