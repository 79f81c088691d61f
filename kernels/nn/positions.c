/* positions.c - the weights of positions.h, in float32 throughout, as the published code has them. */
#include "positions.h"

#include <math.h>
#include <string.h>

#include "num.h"

/* Keys' cubic convolution kernel at distance u >= 0. */
static float keys(float u, float A)
{
    if (u <= 1)
        return ((A + 2) * u - (A + 3)) * u * u + 1;
    return u < 2 ? (((u - 5) * u + 8) * u - 4) * A : 0;
}

static void four_taps(float *w, int64_t G, int64_t out, float step)
{
    for (int64_t i = 0; i < out; i++) {
        float at = step * ((float)i + 0.5f) - 0.5f; /* not clamped: the taps are */
        float below = floorf(at), t = at - below;
        const float distance[4] = {t + 1, t, 1 - t, 2 - t};
        for (int64_t k = 0; k < 4; k++) {
            int64_t tap = num_max(0, num_min((int64_t)below - 1 + k, G - 1));
            w[i * G + tap] += keys(distance[k], -0.75f);
        }
    }
}

static void antialiased(float *w, int64_t G, int64_t out)
{
    float step = (float)G / (float)out, widen = step > 1 ? step : 1, support = 2 * widen;
    for (int64_t i = 0; i < out; i++) {
        float centre = step * ((float)i + 0.5f), sum = 0;
        int64_t first = num_max((int64_t)(centre - support + 0.5f), 0);
        int64_t end = num_min((int64_t)(centre + support + 0.5f), G);
        for (int64_t j = first; j < end; j++) {
            w[i * G + j] = keys(fabsf(((float)j - centre + 0.5f) / widen), -0.5f);
            sum += w[i * G + j];
        }
        for (int64_t j = first; j < end; j++)
            w[i * G + j] /= sum;
    }
}

void positions_axis(float *w, int64_t G, int64_t out, double offset, bool antialias)
{
    memset(w, 0, (size_t)(out * G) * sizeof *w);
    if (offset != 0) {
        double scale = ((double)out + offset) / (double)G; /* the published code passes a scale, not a size */
        four_taps(w, G, out, (float)(1.0 / scale));
    } else if (antialias) {
        antialiased(w, G, out);
    } else {
        four_taps(w, G, out, (float)G / (float)out);
    }
}
