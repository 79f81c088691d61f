/* coreset.h - a coreset: few tokens that represent many, chosen by the greedy k-centre algorithm (Gonzalez 1985). The
 * first token is the first one of the list; each further one is the token that is farthest, in Euclidean distance, from
 * those that were chosen before, of equals the one with the lowest number. So the first m of them are the coreset of
 * size m, and no token is more than twice as far from the nearest chosen one as with the best choice of as many.
 *
 *   struct coreset c;
 *   coreset_choose(&tokens, 10000, &device, NULL, &c, e);
 *   c.chosen[i]        positions in the list of tokens; c.x [c.n,dim] their values
 *   coreset_release(&c);
 *
 * If as many are wanted as there are, all are taken, in the order of the list.
 *
 * Exact: as if the distances of all tokens were computed anew after each choice. Tokens are read block by block, about
 * as often as there are hundreds of choices; memory is that of 16 bytes for each token, and of a fixed number of them.
 * The choice depends on neither threads nor memory.
 */
#ifndef CORESET_H
#define CORESET_H

#include "backend.h"
#include "tokens.h"

struct coreset {
    int64_t n;
    int64_t *chosen; /* [n] in the order of the choice */
    float *x;        /* [n,dim] */
    double radius;   /* distance of the token that is farthest from all chosen ones; 0: all are chosen */
    int64_t n_passes; /* how often the tokens were read */
};

/* How far it is: after each pass. */
struct coreset_progress {
    void (*step)(void *arg, int64_t n_chosen);
    void *arg;
};

/* size: wanted; fewer where all other tokens are equal to chosen ones (nearer than a thousandth of their length).
 * progress may be NULL. */
int coreset_choose(const struct tokens *t, int64_t size, const struct device *device,
                   const struct coreset_progress *progress, struct coreset *out, struct fmt_error *e);
void coreset_release(struct coreset *c);

#endif
