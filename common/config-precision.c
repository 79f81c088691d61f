/* config-precision.c - the settings under compute_precision, by parts of a run. */
#include "config.h"

#define PART(net, module)                                                                                              \
    {                                                                                                                  \
        #net "." #module, CONFIG_compute_precision_##net##_##module##_param_dtype,                                    \
            CONFIG_compute_precision_##net##_##module##_sharding_strategy                                             \
    }
static const struct {
    const char *name;
    int param_dtype, sharding; /* keys */
} parts[CONFIG_PARTS] = {
    [PART_TEACHER_BACKBONE] = PART(teacher, backbone),   [PART_TEACHER_DINO_HEAD] = PART(teacher, dino_head),
    [PART_TEACHER_IBOT_HEAD] = PART(teacher, ibot_head), [PART_STUDENT_BACKBONE] = PART(student, backbone),
    [PART_STUDENT_DINO_HEAD] = PART(student, dino_head), [PART_STUDENT_IBOT_HEAD] = PART(student, ibot_head),
};
#undef PART

const char *config_part_name(enum config_part part)
{
    return parts[part].name;
}

int config_param_dtype_key(enum config_part part)
{
    return parts[part].param_dtype;
}

static int choice(const struct config *c, int id)
{
    return *(const int *)((const char *)c + config_key(id)->offset);
}

static enum config_param_dtype value_of(const struct config *c, enum config_part part)
{
    return (enum config_param_dtype)choice(c, parts[part].param_dtype);
}

enum config_sharding config_sharding(const struct config *c, enum config_part part)
{
    return (enum config_sharding)choice(c, parts[part].sharding);
}

enum config_param_dtype config_param_dtype(const struct config *c, enum config_part part)
{
    return config_unused_reason(c, parts[part].param_dtype) ? PARAM_DTYPE_FP32 : value_of(c, part);
}

bool config_asks_fp16(const struct config *c)
{
    for (int part = 0; part < CONFIG_PARTS; part++)
        if (value_of(c, part) == PARAM_DTYPE_FP16)
            return true;
    return false;
}
