/* digest-blocks.h - the inner loop of SHA-256 (digest.h): adds whole blocks of 64 bytes to a state. Both forms compute
 * the same; tests compare them. */
#ifndef DIGEST_BLOCKS_H
#define DIGEST_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BLOCK = 64 };

typedef void digest_blocks(uint32_t state[8], const uint8_t *blocks, size_t n_blocks);

digest_blocks digest_blocks_plain; /* C, about 300 MB/s per core */
digest_blocks digest_blocks_sha;   /* the SHA instructions of x86-64, about 2 GB/s per core (Zen 4) */
bool digest_blocks_has_sha(void);  /* whether this processor has them; else digest_blocks_sha must not be called */

#endif
