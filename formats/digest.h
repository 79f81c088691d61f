/* digest.h - SHA-256 (FIPS 180-4), streaming: identities of files, contents and weights, and the checks of frames that
 * zstd does not check itself. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX 65 /* 64 lower-case digits and the final zero byte */

struct digest {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t n);
void digest_end(struct digest *d, uint8_t out[DIGEST_BYTES]);
void digest_of(const void *data, size_t n, uint8_t out[DIGEST_BYTES]);
bool digest_is_set(const uint8_t digest[DIGEST_BYTES]); /* false: all zeros, which mean "not known" or "none" */
void digest_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX]);
bool digest_parse(const char *hex, uint8_t out[DIGEST_BYTES]); /* what digest_hex writes, and nothing else; or NULL */

#endif
