/* finite.c - looks at bits: comparisons of floats are not vectorised by compilers that keep to IEEE 754. */
#include "finite.h"

#include "half.h"

/* An exponent of all ones means infinity or NaN: 1 added at its lowest bit carries into the bit of the sign. */
static uint32_t carry(float x)
{
    return (f32_bits(x) & 0x7fffffffu) + 0x00800000u;
}

/* No branch, and an inner loop of constant length: compilers make it a few vector instructions. */
bool finite_all(const float *x, int64_t n)
{
    enum { EACH = 16 };
    uint32_t carries[EACH] = {0};
    int64_t i = 0;
    for (; i + EACH <= n; i += EACH)
        for (int j = 0; j < EACH; j++)
            carries[j] |= carry(x[i + j]);
    for (; i < n; i++)
        carries[0] |= carry(x[i]);
    for (int j = 1; j < EACH; j++)
        carries[0] |= carries[j];
    return !(carries[0] >> 31);
}
