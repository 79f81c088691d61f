/* rng.c - Philox4x32-10. The name of a stream gives key and upper counter: the seed is the key, one more call of Philox
 * mixes a, b and purpose into three words of the counter and one of the key, the lowest word counts blocks. */
#include "rng.h"

#include <math.h>

static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

struct rng rng_stream(uint64_t seed, uint64_t a, uint64_t b, uint32_t purpose)
{
    struct rng r = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
    uint32_t name[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)};
    uint32_t mixed[4], key[2] = {r.key[0] ^ purpose, r.key[1]};
    philox(name, key, mixed);
    r.counter[1] = mixed[0], r.counter[2] = mixed[1], r.counter[3] = mixed[2];
    r.key[0] ^= mixed[3];
    return r;
}

uint32_t rng_u32(struct rng *r)
{
    if (r->left == 0) {
        philox(r->counter, r->key, r->out);
        if (++r->counter[0] == 0)
            r->counter[1]++;
        r->left = 4;
    }
    return r->out[4 - r->left--];
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t low = rng_u32(r);
    return low | (uint64_t)rng_u32(r) << 32;
}

float rng_f32(struct rng *r)
{
    return (float)(rng_u32(r) >> 8) * 0x1p-24f;
}

double rng_f64(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

double rng_between(struct rng *r, double a, double b)
{
    return a + (b - a) * rng_f64(r);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    uint64_t reject = -n % n; /* 2^64 mod n: with smaller values some results would be too frequent */
    for (;;) {
        uint64_t v = rng_u64(r);
        if (v >= reject)
            return v % n;
    }
}

double rng_normal(struct rng *r)
{
    double u = 1 - rng_f64(r), v = rng_f64(r); /* u in (0, 1]: its logarithm is finite */
    return sqrt(-2 * log(u)) * cos(6.283185307179586476925 * v);
}

void rng_permutation(struct rng *r, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t j = (int64_t)rng_below(r, (uint64_t)i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}
