/* weights-published.c - settings of the published models by name: "dinov2_vit{s,b,l,g}14[_reg]". */
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "weights-internal.h"

struct published {
    char letter;
    const char *arch, *ffn;
};

/* The size in the name; NULL if it is not a published name. *registers: whether it ends in _reg. */
static const struct published *find_published(const char *name, bool *registers)
{
    static const struct published sizes[] = {{'s', "vit_small", "mlp"}, {'b', "vit_base", "mlp"},
                                             {'l', "vit_large", "mlp"}, {'g', "vit_giant2", "swiglufused"}};
    const char *rest = text_after(name, "dinov2_vit");
    if (!rest || !*rest)
        return NULL;
    *registers = strcmp(rest + 1, "14_reg") == 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (*rest == sizes[i].letter && (*registers || strcmp(rest + 1, "14") == 0))
            return &sizes[i];
    return NULL;
}

int weights_check_model(const char *name, struct fmt_error *e)
{
    bool registers;
    if (find_published(name, &registers))
        return 0;
    return fmt_fail(e, FMT_INVALID, "%.80s is not a published model; these are dinov2_vit{s,b,l,g}14[_reg]", name);
}

static int set_all(struct config *c, const char *const *words, size_t n, struct fmt_error *e)
{
    int status = 0;
    for (size_t i = 0; i < n && !status; i++)
        status = config_set(c, words[i], e);
    return status;
}

int weights_published_settings(const char *model, struct config *c, struct fmt_error *e)
{
    static const char *const plain[] = {"student.num_register_tokens=0", "student.interpolate_antialias=false",
                                        "student.interpolate_offset=0.1"};
    static const char *const reg[] = {"student.num_register_tokens=4", "student.interpolate_antialias=true",
                                      "student.interpolate_offset=0.0"};
    static const char *const common[] = {"student.patch_size=14", "crops.global_crops_size=518",
                                         "student.layerscale=1.0"};
    bool registers;
    const struct published *p = find_published(model, &registers);
    if (!p)
        return weights_check_model(model, e);
    char arch[40], ffn[40];
    snprintf(arch, sizeof arch, "student.arch=%s", p->arch);
    snprintf(ffn, sizeof ffn, "student.ffn_layer=%s", p->ffn);
    const char *const size[] = {arch, ffn};
    int status = set_all(c, size, sizeof size / sizeof *size, e);
    if (!status)
        status = set_all(c, common, sizeof common / sizeof *common, e);
    return status ? status : set_all(c, registers ? reg : plain, sizeof plain / sizeof *plain, e);
}
