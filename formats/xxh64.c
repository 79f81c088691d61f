/* xxh64.c - four lanes of multiply and rotate over stripes of 32 bytes, then the remaining bytes, then a final mix;
 * written from the published description of the algorithm (doc/xxhash_spec.md of the xxHash project). */
#include "xxh64.h"

#include <string.h>

static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

static inline uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline uint64_t le(const uint8_t *p, int n)
{
    uint64_t v = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&v, p, (size_t)n);
#else
    for (int i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
#endif
    return v;
}

static inline uint64_t round_of(uint64_t lane, uint64_t input)
{
    return rotl(lane + input * P2, 31) * P1;
}

static uint64_t stripes(const uint8_t **p, const uint8_t *end)
{
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    for (; end - *p >= 32; *p += 32) {
        a = round_of(a, le(*p, 8));
        b = round_of(b, le(*p + 8, 8));
        c = round_of(c, le(*p + 16, 8));
        d = round_of(d, le(*p + 24, 8));
    }
    uint64_t h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    const uint64_t lane[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        h = (h ^ round_of(0, lane[i])) * P1 + P4;
    return h;
}

uint64_t xxh64(const void *data, size_t n)
{
    const uint8_t *p = data, *end = p + n;
    uint64_t h = (n >= 32 ? stripes(&p, end) : P5) + n;
    for (; end - p >= 8; p += 8)
        h = rotl(h ^ round_of(0, le(p, 8)), 27) * P1 + P4;
    if (end - p >= 4) {
        h = rotl(h ^ le(p, 4) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        h = rotl(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
