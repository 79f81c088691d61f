/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2,
 * 3"). The name of a stream is (seed, a, b, purpose), so that a draw depends on its purpose and not on previous draws,
 * threads, processes or restarts.
 *
 *   crops:      seed, epoch, image, RNG_CROP + crop index
 *   masks:      seed, batch, 0, RNG_MASK         drop path: seed, batch, block * 4 + ..., RNG_DROP_PATH
 */
#ifndef RNG_H
#define RNG_H

#include <stdint.h>

/* Purposes of streams. The values affect every result: never renumber, only add. */
enum rng_purpose {
    RNG_INIT = 1,      /* initial weights; a = index of the tensor */
    RNG_ORDER = 2,     /* order of the samples of an epoch; a = epoch */
    RNG_MASK = 3,      /* iBOT masks; a = number of the batch */
    RNG_DROP_PATH = 4, /* a = number of the batch, b = block and branch */
    RNG_SPLIT = 5,     /* folds, tries, selection sets of the classifiers */
    RNG_BOOTSTRAP = 6,
    RNG_DRAW = 7,      /* synthetic test images */
    RNG_TEST = 8,
    RNG_REPLACE = 9,   /* what replaces an image that cannot be used; a = epoch, b = image */
    RNG_PICTURE = 10,  /* what int8 is fitted to where no images are; a = channel, b = cells of a side */
    RNG_DRIFT = 15,    /* divisions of groups into two kinds; a = number of the division */
    RNG_CROP = 64      /* + index of the crop within its sample */
};

struct rng {
    uint32_t key[2], counter[4], out[4];
    int left; /* of out */
};

struct rng rng_stream(uint64_t seed, uint64_t a, uint64_t b, uint32_t purpose);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
float rng_f32(struct rng *r);                        /* [0, 1), 24 bits */
double rng_f64(struct rng *r);                       /* [0, 1), 53 bits */
double rng_between(struct rng *r, double a, double b); /* a + (b - a) * rng_f64 */
uint64_t rng_below(struct rng *r, uint64_t n);       /* 0 .. n-1 without bias; n > 0 */
double rng_normal(struct rng *r);                    /* Box-Muller, mean 0, deviation 1 */
void rng_permutation(struct rng *r, int64_t n, int64_t *out); /* of 0 .. n-1, Fisher-Yates */

#endif
