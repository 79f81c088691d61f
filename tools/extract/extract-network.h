/* extract-network.h - the network that dino-extract computes features with: its weights on the device, their hash, and
 * the order in which the device wants them.
 *
 *   struct extract_network n = {.precision = PRECISION_BF16, .with_head = false};
 *   extract_network_load(&n, &w, device, e);                         w: open weights (weights.h)
 *   extract_network_load_reference(&n, &exact, &w, device, e);       of quantised weights, for precision-check.h
 *   extract_network_pack(&n, device, e);
 *   model = extract_network_model(&n);
 *   extract_network_release(&n);                                     also after a failure
 */
#ifndef EXTRACT_NETWORK_H
#define EXTRACT_NETWORK_H

#include "device.h"
#include "digest.h"
#include "extract.h"
#include "head.h"
#include "vit-quantize.h"
#include "weights.h"

struct extract_network {
    /* set by the caller */
    enum precision precision; /* of quantised weights int8 */
    bool with_head;           /* for FEAT_HEAD: the weights have one */
    /* what is loaded */
    struct params table;
    struct vit vit;
    struct head head;
    struct device_arena memory;
    struct params_array values; /* in it; of quantised weights without those of products */
    bool quantized;
    struct device_arena reference_memory;
    struct params_array reference; /* in it: the values of float32 that quantised ones were made from */
    struct pixel_norm pixel_norm;
    uint8_t hash[DIGEST_BYTES];
    char text[WEIGHTS_NETWORK_TEXT_MAX]; /* "ViT-S/14 ..." */
    struct packed_weights packed;
    char products[VIT_QUANTIZE_TEXT_MAX]; /* which are in int8; after packing */
};

/* Each tensor to its place, and the hash of them all. What is wrong with single tensors is in w->problem. */
int extract_network_load(struct extract_network *n, struct weights *w, const struct device *device,
                         struct fmt_error *e);
/* exact: the weights in float32 that the quantised w were made from, which these must name. */
int extract_network_load_reference(struct extract_network *n, struct weights *exact, const struct weights *w,
                                   const struct device *device, struct fmt_error *e);
/* Afterwards values in float32 can be neither hashed nor written. */
int extract_network_pack(struct extract_network *n, const struct device *device, struct fmt_error *e);

/* Points into n. */
struct extract_model extract_network_model(const struct extract_network *n);
void extract_network_release(struct extract_network *n);

#endif
