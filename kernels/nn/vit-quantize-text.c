/* vit-quantize-text.c - which products of a backbone are in int8, as a text (vit-quantize.h). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vit-quantize.h"

const char *const vit_product_name[VIT_PRODUCTS] = {"qkv", "proj", "fc1", "fc2"};

/* A list whose words that do not fit are counted. */
struct list {
    char text[VIT_QUANTIZE_TEXT_MAX - 200]; /* for what stands around it */
    int left_out;
};

static void add_word(struct list *l, const char *word)
{
    size_t at = strlen(l->text);
    if (l->left_out > 0 || at + strlen(", ") + strlen(word) >= sizeof l->text)
        l->left_out++;
    else
        snprintf(l->text + at, sizeof l->text - at, "%s%s", at ? ", " : "", word);
}

/* Of a block: products, and those in int8. */
static int count_block(const struct vit_quantization *q, int64_t block, int *n_products)
{
    int n = 0;
    *n_products = 0;
    for (int k = 0; k < VIT_PRODUCTS; k++) {
        *n_products += q->product[block][k].K > 0;
        n += vit_is_quantized(&q->product[block][k]);
    }
    return n;
}

/* "3.fc2 (error 4.2 %)" */
static void add_product(struct list *l, int64_t block, int product, const struct vit_quantized_product *p)
{
    char word[80];
    int n = snprintf(word, sizeof word, "%" PRId64 ".%s", block, vit_product_name[product]);
    if (isfinite(p->error) && !p->excluded)
        snprintf(word + n, sizeof word - (size_t)n, " (error %.1f %%)", 100 * p->error);
    add_word(l, word);
}

/* What stays in bf16 of a block: all of it, by its number, or product by product. */
static void add_block(struct list *l, const struct vit_quantization *q, int64_t block, int n_quantized)
{
    char word[40];
    if (n_quantized == 0) {
        snprintf(word, sizeof word, "block %" PRId64, block);
        add_word(l, word);
        return;
    }
    for (int k = 0; k < VIT_PRODUCTS; k++)
        if (q->product[block][k].K > 0 && !vit_is_quantized(&q->product[block][k]))
            add_product(l, block, k, &q->product[block][k]);
}

const char *vit_quantization_text(const struct vit_quantization *q, char out[VIT_QUANTIZE_TEXT_MAX])
{
    struct list others = {.left_out = 0};
    char more[32] = "", rule[64] = "";
    int n_products = 0, n_quantized = 0;
    for (int64_t i = 0; i < q->vit->config.depth; i++) {
        int of_block, n = count_block(q, i, &of_block);
        add_block(&others, q, i, n);
        n_quantized += n;
        n_products += of_block;
    }
    if (others.left_out > 0)
        snprintf(more, sizeof more, ", and %d more", others.left_out);
    if (*others.text)
        snprintf(rule, sizeof rule, "; in bf16 (first and last block, errors above %g %%): ",
                 100 * VIT_QUANTIZE_ERROR_MAX);
    snprintf(out, VIT_QUANTIZE_TEXT_MAX, "%d of %s in int8%s%s%s; patch embedding in float32", n_quantized,
             FMT_COUNT(n_products, "product", "products"), rule, others.text, more);
    return out;
}
