/* dates.c - three numbers between two equal separators; each text leaves fewer orders possible. */
#include "dates.h"

#include <stdio.h>
#include <string.h>

enum { YMD = 1, DMY = 2, MDY = 4, SHORT_YEAR = 8 }; /* a set of orders */

struct parts {
    int number[3], digits[3];
    char separator;
    const char *rest; /* after the date */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse(const char *text, struct parts *p)
{
    *p = (struct parts){.rest = text};
    for (int i = 0; i < 3; i++) {
        for (; is_digit(*p->rest) && p->digits[i] < 5; p->rest++, p->digits[i]++)
            p->number[i] = 10 * p->number[i] + (*p->rest - '0');
        if (p->digits[i] == 0)
            return false;
        if (i == 2)
            break;
        if (*p->rest == 0 || !strchr("-./:", *p->rest) || (i == 1 && *p->rest != p->separator))
            return false;
        p->separator = *p->rest++;
    }
    return *p->rest != p->separator;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* The orders in which it is a date. */
static unsigned orders_of(const char *text)
{
    struct parts p;
    if (!parse(text, &p))
        return 0;
    const int *v = p.number, *n = p.digits;
    if (n[0] == 4 && n[1] <= 2 && n[2] <= 2)
        return is_day(v[0], v[1], v[2]) ? YMD : 0;
    bool short_year = n[0] == 2 && n[1] == 2 && n[2] == 2;
    if (p.separator == ':' || n[0] > 2 || n[1] > 2 || !(n[2] == 4 || short_year))
        return 0;
    unsigned can = is_day(v[2], v[1], v[0]) ? DMY : 0;
    if (p.separator != '.' && is_day(v[2], v[0], v[1])) /* with dots the day comes first */
        can |= MDY;
    return can && short_year ? can | SHORT_YEAR : can;
}

enum date_order date_order_of(const char *const *text, int64_t n)
{
    unsigned can = n > 0 ? YMD | DMY | MDY : 0, any_short = 0;
    for (int64_t i = 0; i < n && can; i++) {
        unsigned one = orders_of(text[i]);
        can &= one;
        any_short |= one & SHORT_YEAR;
    }
    if (can == 0)
        return DATE_NONE;
    return any_short || can == (DMY | MDY) ? DATE_UNCLEAR : can == YMD ? DATE_YMD : can == DMY ? DATE_DMY : DATE_MDY;
}

void date_iso(const char *text, enum date_order order, char out[DATE_BYTES])
{
    static const struct {
        int year, month, day;
    } place[] = {[DATE_YMD] = {0, 1, 2}, [DATE_DMY] = {2, 1, 0}, [DATE_MDY] = {2, 0, 1}};
    struct parts p;
    parse(text, &p);
    snprintf(out, DATE_BYTES, "%04d-%02d-%02d%s", p.number[place[order].year], p.number[place[order].month],
             p.number[place[order].day], p.rest);
}
