/* config-effect.c - settings without effect: those that config.def calls UNUSED, and those whose meaning depends on
 * another one. */
#include "config-value.h"
#include "config.h"

/* Why another setting takes the effect of this one away. Not here: evaluation.knn_k, resize and crop, which a file may
 * well hold ready for the day when evaluation.knn_train is set. */
static const char *disabled_by(const struct config *c, int id)
{
    bool mlp = c->student.ffn_layer != FFN_IDENTITY, sgd = c->optim.optimizer == OPTIMIZER_SGD;
    const char *one_head = c->ibot.separate_head ? NULL : "ibot.separate_head is false";
    const char *no_period = c->evaluation.eval_period_iterations ? NULL : "evaluation.eval_period_iterations is 0";
    switch (id) {
    case CONFIG_dino_head_hidden_dim: return c->dino.head_nlayers > 1 ? NULL : "dino.head_nlayers is 1";
    case CONFIG_ibot_mask_ratio_min_max:
        return c->ibot.mask_sample_probability > 0 ? NULL : "ibot.mask_sample_probability is 0";
    case CONFIG_ibot_head_n_prototypes:
    case CONFIG_ibot_head_bottleneck_dim:
    case CONFIG_ibot_head_nlayers: return one_head;
    case CONFIG_compute_precision_teacher_ibot_head_sharding_strategy:
    case CONFIG_compute_precision_student_ibot_head_sharding_strategy:
    case CONFIG_compute_precision_teacher_ibot_head_param_dtype:
    case CONFIG_compute_precision_student_ibot_head_param_dtype: return one_head;
    case CONFIG_ibot_head_hidden_dim: return one_head || c->ibot.head_nlayers > 1 ? one_head : "ibot.head_nlayers is 1";
    case CONFIG_train_backup_period: return *c->train.backup_dir ? NULL : "train.backup_dir is not set";
    case CONFIG_student_drop_path_uniform: return c->student.drop_path_rate > 0 ? NULL : "student.drop_path_rate is 0";
    case CONFIG_student_block_chunks:
        return c->train.teacher_pth ? NULL : "train.teacher_pth is false, and no other file has such names";
    case CONFIG_student_mlp_ratio:
    case CONFIG_student_ffn_bias: return mlp ? NULL : "student.ffn_layer is identity";
    case CONFIG_teacher_warmup_teacher_temp:
        return c->teacher.warmup_teacher_temp_epochs ? NULL : "teacher.warmup_teacher_temp_epochs is 0";
    case CONFIG_optim_adamw_beta1:
    case CONFIG_optim_adamw_beta2: return sgd ? "optim.optimizer is sgd" : NULL;
    case CONFIG_optim_momentum: return sgd ? NULL : "optim.optimizer is not sgd";
    case CONFIG_augment_brightness:
    case CONFIG_augment_contrast:
    case CONFIG_augment_saturation:
    case CONFIG_augment_hue: return c->augment.jitter_probability > 0 ? NULL : "augment.jitter_probability is 0";
    case CONFIG_augment_solarize_threshold:
        return c->augment.solarize_probability > 0 ? NULL : "augment.solarize_probability is 0";
    case CONFIG_evaluation_knn_train:
    case CONFIG_evaluation_knn_val:
    case CONFIG_evaluation_max_to_keep: return no_period;
    case CONFIG_evaluation_allow_overlap:
        return no_period || c->evaluation.knn_train.n ? no_period : "evaluation.knn_train is not set";
    default: return NULL;
    }
}

const char *config_unused_reason(const struct config *c, int id)
{
    return config_key(id)->effect == CONFIG_UNUSED ? config_key(id)->help : disabled_by(c, id);
}

void config_each_unused(const struct config *c, void (*found)(void *arg, const char *key, const char *why), void *arg)
{
    const int all = CONFIG_RESULT | CONFIG_QUIET | CONFIG_UNUSED;
    struct config initial;
    config_init(&initial);
    for (int id = 0; (id = config_differ(c, &initial, all, id)) < CONFIG_N_KEYS; id++) {
        bool was_set = c->origin[id].kind == CONFIG_FILE || c->origin[id].kind == CONFIG_WORD;
        if (was_set && config_unused_reason(c, id))
            found(arg, config_key(id)->name, config_unused_reason(c, id));
    }
}
