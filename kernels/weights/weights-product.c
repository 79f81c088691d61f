/* weights-product.c - which rows are products that may be in int8, and the names of their tensors in a file. */
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "weights-internal.h"

bool weights_is_product(const char *name)
{
    static const char *const layers[] = {"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight",
                                         "mlp.fc2.weight",  "mlp.w12.weight",   "mlp.w3.weight"};
    const char *bare = text_after(name, "backbone."), *layer = bare ? weight_names_after_block(bare) : NULL;
    for (size_t i = 0; layer && i < sizeof layers / sizeof *layers; i++)
        if (strcmp(layer, layers[i]) == 0)
            return true;
    return false;
}

bool weights_part_name(const char *product, enum weights_part part, char out[PARAMS_NAME_MAX])
{
    static const char *const endings[WEIGHTS_PARTS] = {"weight", "weight_scale", "smoothing"};
    int stem = (int)(strlen(product) - strlen(endings[0]));
    return snprintf(out, PARAMS_NAME_MAX, "%.*s%s", stem, product, endings[part]) < PARAMS_NAME_MAX;
}

const struct weights_tensor *weights_part(const struct weights *w, const char *row, enum weights_part part)
{
    char name[PARAMS_NAME_MAX];
    const struct weights_tensor *values = weights_find(w, row);
    if (part == WEIGHTS_PART_VALUES || !values)
        return values;
    bool int8 = w->quantized && values->part[0]->dtype == DTYPE_I8 && weights_is_product(row);
    return int8 && weights_part_name(row, part, name) ? weights_find(w, name) : NULL;
}
