/* xxh64.h - XXH64 (Y. Collet): the checksum that zstd puts after a frame's content, and our hash of coded blocks.
 * Several gigabytes per second; it detects accidents, not malice. */
#ifndef XXH64_H
#define XXH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh64(const void *data, size_t n); /* seed 0 */

#endif
