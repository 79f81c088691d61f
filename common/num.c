/* num.c - strict numbers. The tools never call setlocale, so strtod always expects '.'. */
#include "num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_like_number(const char *t)
{
    if (*t == '-' || *t == '+')
        t++;
    return (*t >= '0' && *t <= '9') || (*t == '.' && t[1] >= '0' && t[1] <= '9');
}

bool num_i64(const char *text, int64_t *v)
{
    char *end;
    if (!starts_like_number(text) || *text == '.')
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *v = n;
    return true;
}

bool num_size(const char *text, int64_t *v)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno)
        return false;
    int64_t unit = 1;
    if (*end) {
        const char *units = "KMGT", *u = strchr(units, *end);
        if (!u || end[1])
            return false;
        unit = (int64_t)1 << (10 * (u - units + 1));
    }
    return num_mul_i64(n, unit, v);
}

bool num_f64(const char *text, double *v)
{
    char *end;
    /* strtod would also accept hexadecimal numbers, "inf" and "nan". */
    if (!starts_like_number(text) || strpbrk(text, "xXpP"))
        return false;
    double d = strtod(text, &end);
    if (*end || !isfinite(d))
        return false;
    *v = d;
    return true;
}

const char *num_f64_text(double v, char out[32])
{
    if (fabs(v) < 1e15 && v == trunc(v)) { /* not 2e+01 for 20 */
        snprintf(out, 32, "%.0f", v);
        return out;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return out;
}

const char *num_bytes_text(double bytes, char out[32])
{
    static const char *unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    while (bytes >= 1024 && u < 4)
        bytes /= 1024, u++;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return out;
}

int num_list(const char *text, double low, double high, int max, double *out)
{
    int n = 0;
    while (*text) {
        char word[64];
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof word || n == max)
            return -1;
        memcpy(word, text, length);
        word[length] = 0;
        double v;
        if (!num_f64(word, &v) || v < low || v > high)
            return -1;
        if (out)
            out[n] = v;
        n++;
        text += length;
        if (*text == ',' && *++text == 0)
            return -1;
    }
    return n;
}

int num_order_f64(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int num_order_f32(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}
