/* Dates: orders that texts have together, what is no date, ISO. */
#include <string.h>

#include "dates.h"
#include "tap.h"

static void reads(enum date_order want, const char *a, const char *b, const char *c)
{
    const char *text[] = {a, b, c};
    is_int(date_order_of(text, 1 + (b != NULL) + (c != NULL)), want, "%s, %s, %s", a, b ? b : "-", c ? c : "-");
}

static void becomes(const char *text, const char *want)
{
    char out[DATE_BYTES];
    date_iso(text, date_order_of(&text, 1), out);
    ok(strcmp(out, want) == 0, "%s: %s", text, out);
}

int main(void)
{
    reads(DATE_YMD, "2026-12-31", "2026-01-02", NULL);
    reads(DATE_YMD, "2026:12:31 10:00:00", "2026-12-31T10:00", "2026/1/2");
    reads(DATE_DMY, "31.12.2026", "1.2.2026", NULL);
    reads(DATE_DMY, "01.02.2026", NULL, NULL);          /* with dots the day comes first */
    reads(DATE_DMY, "03/04/2026", "13/04/2026", NULL);  /* the 13 tells */
    reads(DATE_MDY, "03/04/2026", "03/14/2026 23:59", NULL);
    reads(DATE_UNCLEAR, "03/04/2026", "05-06-2026", "12/12/2026");
    reads(DATE_UNCLEAR, "24.12.26", "31.12.26", NULL);
    reads(DATE_NONE, "13/04/2026", "04/13/2026", NULL); /* no order has both */
    reads(DATE_NONE, "2026-12-31", "31.12.2026", NULL);
    reads(DATE_NONE, "29.02.2025", NULL, NULL);
    reads(DATE_DMY, "29.02.2024", "29.02.2000", NULL);
    reads(DATE_NONE, "31.04.2026", NULL, NULL);
    reads(DATE_NONE, "2026-13-01", NULL, NULL);
    reads(DATE_NONE, "2026-12", "2026-12-31", NULL);
    reads(DATE_NONE, "31.13.2026", NULL, NULL);
    reads(DATE_NONE, "31.12-2026", NULL, NULL);
    reads(DATE_NONE, "192.168.10.11", NULL, NULL);
    reads(DATE_NONE, "10.02.2026.4", NULL, NULL);
    reads(DATE_NONE, "1.2.3", NULL, NULL);
    reads(DATE_NONE, "99999-12-31", NULL, NULL);
    reads(DATE_NONE, "31.12.", NULL, NULL);
    reads(DATE_NONE, "", NULL, NULL);
    is_int(date_order_of(NULL, 0), DATE_NONE, "of nothing");
    becomes("31.12.2026", "2026-12-31");
    becomes("1.2.2026 08:15", "2026-02-01 08:15");
    becomes("12/31/2026", "2026-12-31");
    becomes("2026:11:30 10:00:00", "2026-11-30 10:00:00");
    becomes("31.12.2026 and words that are longer than what a value of a key may hold",
            "2026-12-31 and words that are longer than what a value of a");
    return tap_done();
}
