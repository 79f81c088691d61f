/* jpeg-codes.h - signs of damage in the codes of a JPEG file that libjpeg decodes without a word.
 *
 * JPEG has no checksum. A changed bit gives other codes, most of them legal: the library notices an illegal code, data
 * that end too early, and bytes that are left over if they are more than its bit buffer swallows. The codes themselves
 * tell more. No encoder writes
 *
 *   - a run of zeros that leads past the 64 coefficients of a block (the library drops what is beyond);
 *   - a coefficient that no 8 x 8 samples of 8 bits have: the largest is 1024, and half a step of its quantiser;
 *   - whole bytes between the last code of a scan or a restart interval and the marker, but for padding with zeros.
 *
 * None of them is proof of anything when it is absent.
 */
#ifndef JPEG_CODES_H
#define JPEG_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the codes of a file that libjpeg has decoded. True: there is a sign of damage, and `text` names the first. Only
 * sequential Huffman files of 8 bits are looked at; of others, and of what it does not understand, it knows none. */
bool jpeg_codes_sign(const uint8_t *data, size_t bytes, char *text, size_t text_bytes);

#endif
