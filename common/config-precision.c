/* config-precision.c - the settings under compute_precision, by parts of a run. */
#include "config.h"

static const struct {
    const char *name;
    int key;
} parts[CONFIG_PARTS] = {
    [PART_TEACHER_BACKBONE] = {"teacher.backbone", CONFIG_compute_precision_teacher_backbone_param_dtype},
    [PART_TEACHER_DINO_HEAD] = {"teacher.dino_head", CONFIG_compute_precision_teacher_dino_head_param_dtype},
    [PART_TEACHER_IBOT_HEAD] = {"teacher.ibot_head", CONFIG_compute_precision_teacher_ibot_head_param_dtype},
    [PART_STUDENT_BACKBONE] = {"student.backbone", CONFIG_compute_precision_student_backbone_param_dtype},
    [PART_STUDENT_DINO_HEAD] = {"student.dino_head", CONFIG_compute_precision_student_dino_head_param_dtype},
    [PART_STUDENT_IBOT_HEAD] = {"student.ibot_head", CONFIG_compute_precision_student_ibot_head_param_dtype},
};

const char *config_part_name(enum config_part part)
{
    return parts[part].name;
}

int config_param_dtype_key(enum config_part part)
{
    return parts[part].key;
}

static enum config_param_dtype value_of(const struct config *c, enum config_part part)
{
    return *(const int *)((const char *)c + config_key(parts[part].key)->offset);
}

enum config_param_dtype config_param_dtype(const struct config *c, enum config_part part)
{
    return config_unused_reason(c, parts[part].key) ? PARAM_DTYPE_FP32 : value_of(c, part);
}

bool config_asks_fp16(const struct config *c)
{
    for (int part = 0; part < CONFIG_PARTS; part++)
        if (value_of(c, part) == PARAM_DTYPE_FP16)
            return true;
    return false;
}
