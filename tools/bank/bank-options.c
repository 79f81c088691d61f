/* bank-options.c - see bank-options.h. */
#include "bank-options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank.h"

int64_t bank_size_parse(const char *text, int64_t n)
{
    char *end;
    double v = strtod(text, &end);
    bool percent = strcmp(end, "%") == 0;
    v = percent ? v / 100 : v;
    if (end == text || (*end && !percent) || !(v > 0) || v > (double)BANK_VECTORS_MAX ||
        (v >= 1 && (percent ? v > 1 : v != floor(v))))
        return 0;
    return v < 1 || percent ? (int64_t)ceil(v * (double)n) : (int64_t)v;
}

bool bank_scale_parse(const char *text, double scale[2])
{
    char *end;
    scale[0] = strtod(text, &end);
    bool good = end != text && *end == ',';
    const char *second = good ? end + 1 : text;
    scale[1] = strtod(second, &end);
    return good && end != second && !*end && isfinite(scale[0]) && isfinite(scale[1]) && scale[0] < scale[1];
}
