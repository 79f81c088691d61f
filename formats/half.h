/* half.h - numbers of 16 bits: f16 (IEEE 754 binary16) and bf16 (the upper half of a float32).
 *
 * To float32 is exact. From float32 rounds to the nearest, ties to even; beyond the range it gives infinity; a NaN
 * stays a NaN.
 */
#ifndef HALF_H
#define HALF_H

#include <stdint.h>

float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);

#endif
