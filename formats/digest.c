/* digest.c - SHA-256 as specified by FIPS 180-4; the inner loop is in digest-blocks.c. */
#include "digest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "digest-blocks.h"

static digest_blocks *fastest(void)
{
    static _Atomic(digest_blocks *) chosen;
    digest_blocks *f = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!f) {
        f = digest_blocks_has_sha() ? digest_blocks_sha : digest_blocks_plain;
        atomic_store_explicit(&chosen, f, memory_order_relaxed);
    }
    return f;
}

void digest_init(struct digest *d)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(d->state, start, sizeof start);
    d->bytes = 0;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t held = d->bytes % DIGEST_BLOCK;
    if (n == 0)
        return;
    d->bytes += n;
    if (held > 0) {
        size_t take = DIGEST_BLOCK - held < n ? DIGEST_BLOCK - held : n;
        memcpy(d->block + held, p, take);
        p += take, n -= take;
        if (held + take < DIGEST_BLOCK)
            return;
        fastest()(d->state, d->block, 1);
    }
    fastest()(d->state, p, n / DIGEST_BLOCK);
    memcpy(d->block, p + n / DIGEST_BLOCK * DIGEST_BLOCK, n % DIGEST_BLOCK);
}

void digest_end(struct digest *d, uint8_t out[DIGEST_BYTES])
{
    static const uint8_t padding[DIGEST_BLOCK] = {0x80};
    uint64_t bits = d->bytes * 8;
    size_t held = d->bytes % DIGEST_BLOCK;
    digest_add(d, padding, held < 56 ? 56 - held : 120 - held);
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    digest_add(d, length, sizeof length);
    for (int i = 0; i < DIGEST_BYTES; i++)
        out[i] = (uint8_t)(d->state[i / 4] >> (24 - 8 * (i % 4)));
}

void digest_of(const void *data, size_t n, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    digest_init(&d);
    digest_add(&d, data, n);
    digest_end(&d, out);
}

void digest_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX])
{
    for (int i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[DIGEST_HEX - 1] = 0;
}

bool digest_parse(const char *hex, uint8_t out[DIGEST_BYTES])
{
    if (!hex || strlen(hex) != DIGEST_HEX - 1 || strspn(hex, "0123456789abcdef") != DIGEST_HEX - 1)
        return false;
    for (int i = 0; i < DIGEST_BYTES; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return true;
}

bool digest_is_set(const uint8_t digest[DIGEST_BYTES])
{
    uint8_t any = 0;
    for (int i = 0; i < DIGEST_BYTES; i++)
        any |= digest[i];
    return any != 0;
}
