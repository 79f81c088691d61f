/* test-config.c - settings: published files, our own files read again, words, and all that must be refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-value.h"
#include "config.h"
#include "tap.h"

/* The settings of the published training and evaluation files, in their layout. */
static const char vitl16_short[] =
    "# 32 machines\n"
    "train:\n  batch_size_per_gpu: 64\n  dataset_path: ImageNet:split=TRAIN\n"
    "student:\n  block_chunks: 4\n";
static const char vitl14[] =
    "dino:\n  head_n_prototypes: 131072\n  head_bottleneck_dim: 384\n"
    "ibot:\n  separate_head: true\n  head_n_prototypes: 131072\n"
    "train:\n  batch_size_per_gpu: 32\n  dataset_path: ImageNet22k\n  centering: sinkhorn_knopp\n"
    "student:\n  arch: vit_large\n  patch_size: 14\n  drop_path_rate: 0.4\n  ffn_layer: swiglufused\n  block_chunks: "
    "4\n"
    "teacher:\n  momentum_teacher: 0.994\n"
    "optim:\n  epochs: 500\n  weight_decay_end: 0.2\n  base_lr: 2.0e-04\n  warmup_epochs: 80\n  layerwise_decay: 1.0\n"
    "crops:\n  local_crops_size: 98\n";
static const char vitg14[] =
    "dino:\n  head_n_prototypes: 131072\n  head_bottleneck_dim: 384\n"
    "ibot:\n  separate_head: true\n  head_n_prototypes: 131072\n"
    "train:\n  batch_size_per_gpu: 12\n  dataset_path: ImageNet22k\n  centering: sinkhorn_knopp\n"
    "student:\n  arch: vit_giant2\n  patch_size: 14\n  drop_path_rate: 0.4\n  ffn_layer: swiglufused\n  block_chunks: "
    "4\n"
    "teacher:\n  momentum_teacher: 0.994\n"
    "optim:\n  epochs: 500\n  weight_decay_end: 0.2\n  base_lr: 2.0e-04\n  warmup_epochs: 80\n  layerwise_decay: 1.0\n"
    "crops:\n  local_crops_size: 98\n";
static const char all_defaults[] =
    "MODEL:\n  WEIGHTS: ''\n"
    "compute_precision:\n  grad_scaler: true\n  teacher:\n    backbone:\n      sharding_strategy: SHARD_GRAD_OP\n"
    "      mixed_precision:\n        param_dtype: fp16\n        reduce_dtype: fp16\n        buffer_dtype: fp32\n"
    "  student:\n    dino_head:\n      mixed_precision:\n        reduce_dtype: fp32\n"
    "train:\n  saveckp_freq: 20\n  num_workers: 10\n  cache_dataset: true\n"
    "student:\n  layerscale: 1.0e-05\n  pretrained_weights: ''\n"
    "teacher:\n  final_momentum_teacher: 1\n"
    "optim:\n  lr: 0.\n  min_lr: 1.0e-06\n  scaling_rule: sqrt_wrt_1024\n"
    "crops:\n  global_crops_scale:\n  - 0.32\n  - 1.0\n  local_crops_scale: [0.05, 0.32]\n"
    "evaluation:\n  eval_period_iterations: 12500\n";
static const char vitg14_reg4_eval[] =
    "student:\n  arch: vit_giant2\n  patch_size: 14\n  ffn_layer: swiglufused\n  num_register_tokens: 4\n"
    "  interpolate_antialias: true\n  interpolate_offset: 0.0\n"
    "crops:\n  global_crops_size: 518\n  local_crops_size: 98\n";

static int parse(struct config *c, const char *text, struct fmt_error *e)
{
    *e = (struct fmt_error){0};
    config_release(c); /* of the previous text */
    config_init(c);
    return config_parse(c, text, strlen(text), "f.yaml", e);
}

static bool reads(struct config *c, const char *text)
{
    struct fmt_error e;
    bool good = !parse(c, text, &e) && !config_finish(c, 0, 1, &e);
    if (!good)
        printf("# %s\n", e.text);
    return good;
}

static void test_published(void)
{
    struct config c = {0};
    ok(reads(&c, vitl16_short), "the settings of vitl16_short are read as they are");
    ok(c.train.batch_size_per_gpu == 64 && c.student.block_chunks == 4 && c.optim.epochs == 100 &&
           c.student.arch == ARCH_LARGE && config_iterations(&c) == 125000 && fabs(c.optim.lr - 0.001) < 1e-15,
       "and mean what they say, with 125000 iterations and a rate of 0.004 x sqrt(64 / 1024)");
    config_release(&c);
    ok(reads(&c, vitl14), "the settings of vitl14 are read as they are");
    struct config_dims d = config_dims(&c);
    ok(c.train.centering == CENTERING_SINKHORN && c.optim.base_lr == 2e-4 && c.ibot.separate_head &&
           c.dino.head_n_prototypes == 131072 && c.crops.local_crops_size == 98 && c.optim.layerwise_decay == 1,
       "and mean what they say");
    ok(d.embed_dim == 1024 && d.depth == 24 && d.num_heads == 16 && d.ffn_hidden == 2736 && d.grid == 16 &&
           d.patch == 14,
       "a ViT-L/14 with SwiGLU of 2736, 16 patches a side");
    config_release(&c);
    ok(reads(&c, vitg14) && (d = config_dims(&c), d.embed_dim == 1536 && d.depth == 40 && d.ffn_hidden == 4096),
       "the settings of vitg14: 40 blocks of 1536, SwiGLU of 4096");
    config_release(&c);
    ok(reads(&c, vitg14_reg4_eval) && (d = config_dims(&c), d.grid == 37) && c.student.num_register_tokens == 4,
       "the evaluation settings of a model with registers: 37 patches a side");
    config_release(&c);
    struct config plain = {0};
    ok(reads(&plain, ""), "no settings at all");
    ok(reads(&c, all_defaults) && c.train.saveckp_freq == 20,
       "a file with the published defaults, both shapes of lists");
    c.train.saveckp_freq = 0;
    ok(config_differ(&c, &plain, CONFIG_RESULT | CONFIG_QUIET, 0) == CONFIG_N_KEYS,
       "says the same as no file at all (saveckp_freq aside: null here, as the published code ignores it)");
    config_release(&c);
    config_release(&plain);
}

static void refuses(const char *text, const char *reason)
{
    struct config c = {0};
    struct fmt_error e;
    int status = parse(&c, text, &e);
    if (!status)
        status = config_finish(&c, 0, 1, &e);
    ok(status && strstr(e.text, reason), "refused: %s (%s)", reason, status ? e.text : "was taken");
    config_release(&c);
}

static void test_refusals(void)
{
    refuses("train:\n  batch_size: 4\n",
            "f.yaml:2: train.batch_size: no such setting; the nearest is train.batch_size_per_gpu");
    refuses("optim:\n  lr_base: 4\n", "no such setting; the nearest is optim.");
    refuses("trian:\n  seed: 4\n", "the nearest is train.seed");
    refuses("train:\n  base_lr: 4\n", "the nearest is optim.base_lr");
    refuses("train:\n  seed: 12x\n", "f.yaml:2: train.seed: 12x is not a whole number");
    refuses("train:\n  seed: -1\n", "train.seed: -1 is not between 0 and");
    refuses("train:\n  seed: 1.5\n", "train.seed: 1.5 is not a whole number");
    refuses("train:\n  seed: null\n", "train.seed: null is not allowed");
    refuses("train:\n  seed: [1]\n", "a list, where one value is needed");
    refuses("train:\n  seed: {a: 1}\n", "a section, where one value is needed");
    refuses("train: 5\n", "a section where a single value is required");
    refuses("train:\n  centering: sinkhorn\n",
            "train.centering: must be one of centering|sinkhorn_knopp, not sinkhorn");
    refuses("optim:\n  base_lr: nan\n", "optim.base_lr: nan is not a number");
    refuses("optim:\n  base_lr: .inf\n", "optim.base_lr: .inf is not between 0 and 1000");
    refuses("optim:\n  clip_grad: -Infinity\n", "is not between");
    refuses("train:\n  seed: 1e3\n", "train.seed: 1e3 is not a whole number in plain digits");
    refuses("train:\n  seed: 010\n", "train.seed: 010 begins with 0, which YAML reads as octal");
    refuses("ibot:\n  separate_head: 1\n", "is neither true nor false");
    refuses("crops:\n  global_crops_scale: 0.5\n", "crops.global_crops_scale: 2 numbers are needed");
    refuses("crops:\n  global_crops_scale: [0.5]\n", "2 numbers are needed");
    refuses("crops:\n  global_crops_scale: [0.5, 0.6, 0.7]\n", "2 numbers are needed");
    refuses("crops:\n  global_crops_scale: [0.9, 0.5]\n", "the first number is larger");
    refuses("crops:\n  global_crops_scale: [[0.9], 0.5]\n", "plain values");
    refuses("evaluation:\n  knn_k: []\n", "1 to 16 numbers are needed");
    refuses("train:\n  seed: 1\n  seed: 2\n",
            "f.yaml:3: train.seed: this key appears twice in the file, first in line 2");
    refuses("train:\n  seed: 1\ntrain.seed: 2\n", "twice");
    refuses("train: &t\n  seed: 1\n", "an anchor or a tag");
    refuses("train:\n  seed: &a 1\n", "an anchor or a tag");
    refuses("train:\n  seed: *a\n", "alias");
    refuses("train:\n  <<: {seed: 1}\n", "no name of a setting");
    refuses("train:\n  seed: !!int 1\n", "an anchor or a tag");
    refuses("a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n", "an anchor or a tag");
    refuses("train:\n  seed: 1\n---\ntrain:\n  seed: 2\n", "a second document");
    refuses("- a\n", "not a mapping");
    refuses("just words\n", "not a mapping");
    refuses("train:\n  seed: \"1\n", "f.yaml:");
    refuses("train:\n\tseed: 1\n", "f.yaml:2: a tab in front of the line");
    refuses("train:\n  \tseed: 1\n", "f.yaml:2: a tab in front of the line");
    refuses("[a]: 1\n", "a name of a setting is needed");
    refuses("foo: {}\n", "no such setting");
    refuses("train:\n  output_dir: \"a\\nb\"\n", "control characters");
    refuses("student:\n  patch_size: 14\n", "crops.local_crops_size: is not a multiple");
    refuses("student:\n  embed_dim: 100\n", "does not divide");
    refuses("dino:\n  loss_weight: 0\n", "dino.loss_weight");
    refuses("optim:\n  epochs: 5\n", "optim.warmup_epochs: is larger");
    refuses("train:\n  resume_path: x\n", "only with train.resume: true");
    refuses("train:\n  output_dir: a\n  backup_dir: a\n", "train.backup_dir: is train.output_dir");
    refuses("train:\n  micro_batch_size: 65\n", "is larger than train.batch_size_per_gpu");
    refuses("evaluation:\n  knn_train: x\n", "only one of the two");
    refuses("optim:\n  optimizer: adam\n  weight_decay: 0\n",
            "optim.optimizer: adam is adamw without decay: optim.weight_decay and");
    refuses("optim:\n  optimizer: adam\n  weight_decay_end: 0\n", "optim.weight_decay_end must be 0");
    refuses("optim:\n  optimizer: Adam\n", "must be one of adamw|sgd|adam, not Adam");
    refuses("train:\n  output_dir: a0\n  backup_dir: a{rank}\n", "train.backup_dir: is train.output_dir");
    refuses("optim:\n  epochs: 1000000\ntrain:\n  OFFICIAL_EPOCH_LENGTH: 10000\n", "more than 1000000000 iterations");
}

/* Words that other readers of such files, or a shell, would replace by a value. */
static void test_foreign(void)
{
    refuses("train:\n  output_dir: ${oc.env:HOME}/run\n",
            "f.yaml:2: train.output_dir: ${oc.env:HOME}/run: an interpolation");
    refuses("train:\n  output_dir: \"${oc.env:HOME}/run\"\n", "an interpolation");
    refuses("train:\n  saveckp_freq: ${train.OFFICIAL_EPOCH_LENGTH}\n", "train.saveckp_freq: ${train.OFFICIAL");
    refuses("crops:\n  global_crops_scale: [0.1, ${crops.x}]\n", "f.yaml:2: an interpolation");
    refuses("crops:\n  global_crops_scale:\n  - 0.1\n  - ${crops.x}\n", "an interpolation");
    refuses("train: {dataset_path: ${oc.env:DATA}/x}\n", "f.yaml:1: train.dataset_path: an interpolation");
    refuses("train: {seed: 1,\n  output_dir: a/${y}}\n", "f.yaml:2: train.output_dir: an interpolation");
    refuses("train: {seed: ${x}, output_dir: a}\n", "train.seed: an interpolation");
    refuses("train: {dataset_path: $}\n", "train.dataset_path: $: variables have no value here");
    refuses("crops: ${x}\n", "f.yaml:1: crops: an interpolation");
    refuses("crops: \"${x}\"\n", "f.yaml:1: crops: an interpolation");
    refuses("train:\n  centering: ${x}\n", "an interpolation");
    refuses("compute_precision:\n  teacher:\n    backbone:\n      sharding_strategy: ${x}\n", "an interpolation");
    refuses("train:\n  dataset_path: ???\n", "train.dataset_path: ??? marks a missing value");
    refuses("train:\n  seed: \"???\"\n", "train.seed: ??? marks a missing value");
    refuses("train:\n  saveckp_freq: None\n", "train.saveckp_freq: None is Python's; use null");
    refuses("train:\n  seed: None\n", "null is not allowed here");
    refuses("train:\n  resume: None\n", "use null");
    refuses("student:\n  pretrained_weights: None\n", "use null");
    refuses("train:\n  output_dir: $HOME/run\n", "train.output_dir: $HOME/run: variables have no value here");
    refuses("train:\n  output_dir: ~nobody/run\n", "train.output_dir: ~nobody/run: only ~/ is the home folder");
    refuses("train:\n  dataset_path: *.shard\n", "a text that begins with * needs quotes");
}

static void test_home(void)
{
    struct config c = {0};
    static const int paths[] = {CONFIG_MODEL_WEIGHTS, CONFIG_train_dataset_path, CONFIG_train_output_dir,
                                CONFIG_train_resume_path, CONFIG_train_backup_dir, CONFIG_student_pretrained_weights,
                                CONFIG_evaluation_knn_train, CONFIG_evaluation_knn_val};
    setenv("HOME", "/home/x", 1);
    config_init(&c);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct fmt_error e = {0};
        char word[100];
        snprintf(word, sizeof word, "%s=~/a b", config_key(paths[i])->name);
        int n;
        const char *const *value = config_strings(&c, paths[i], &n);
        ok(config_set(&c, word, &e) == 0 && strcmp(*value, "/home/x/a b") == 0, "%s is %s", word, *value);
    }
    config_release(&c);
    ok(reads(&c, "train:\n  output_dir: '~/run'\n") && strcmp(c.train.output_dir, "/home/x/run") == 0,
       "quotes keep no ~ from a path");
    ok(reads(&c, "train:\n  output_dir: ./~/None\n") && strcmp(c.train.output_dir, "./~/None") == 0, "./ does");
    ok(reads(&c, "train:\n  output_dir: 'None'\n") && strcmp(c.train.output_dir, "None") == 0, "'None' is a name");
    ok(reads(&c, "train:\n  output_dir: a~b$c\n") && strcmp(c.train.output_dir, "a~b$c") == 0,
       "inside they are letters");
    unsetenv("HOME");
    refuses("train:\n  output_dir: ~/run\n", "HOME is not set to a folder");
    config_release(&c);
}

static void test_values(void)
{
    struct config c = {0};
    ok(reads(&c, "") && reads(&c, "# nothing\n") && reads(&c, "---\n") && reads(&c, "train:\nstudent: {}\n"),
       "an empty file and empty sections set nothing");
    ok(reads(&c,
             "train:\n  resume: yes\n  saveckp_freq: ~\nstudent:\n  layerscale: null\n  pretrained_weights: null\n") &&
           c.train.resume == RESUME_TRUE && c.train.saveckp_freq == 0 && c.student.layerscale == 0 &&
           strcmp(c.student.pretrained_weights, "") == 0,
       "nulls where they have a meaning");
    config_release(&c);
    ok(reads(&c, "student.arch: vit_small_memeff\ntrain.seed: 3\n") && c.student.arch == ARCH_SMALL &&
           c.train.seed == 3,
       "dotted names in a file; the suffix _memeff is dropped");
    config_release(&c);
    ok(reads(&c, "{\"optim\": {\"base_lr\": 1e-3}, \"train.resume_path\": \"\"}") && c.optim.base_lr == 1e-3,
       "JSON is YAML");
    config_release(&c);
}

static void test_paths(void)
{
    struct config c = {0}, copy;
    struct fmt_error e = {0};
    ok(reads(&c, "train:\n  dataset_path: [a, 'b{rank}']\n"
                 "evaluation:\n  knn_train:\n    - x\n    - y\n  knn_val: z\n") &&
           c.train.dataset_path.n == 2 && strcmp(c.train.dataset_path.item[1], "b0") == 0 &&
           c.evaluation.knn_train.n == 2 &&
           strcmp(c.evaluation.knn_train.item[1], "y") == 0 && c.evaluation.knn_val.n == 1,
       "lists of paths, with {rank}");
    char *list = config_value(&c, CONFIG_train_dataset_path), *one = config_value(&c, CONFIG_evaluation_knn_val);
    ok(list && one && strcmp(list, "['a', 'b0']") == 0 && strcmp(one, "'z'") == 0, "written as lists; one as a text");
    free(list);
    free(one);
    ok(config_copy(&copy, &c, &e) == 0, "a copy");
    config_release(&c);
    is_text(copy.train.dataset_path.item[1], "b0", "has texts of its own");
    config_release(&copy);
    refuses("train: {dataset_path: [a, '']}\n", "train.dataset_path: an empty name in a list");
    refuses("train: {dataset_path: [a, [b]]}\n", "a list of more than a few plain values");
    refuses("train: {output_dir: [a, b]}\n", "train.output_dir: a list, where one value is needed");
    refuses("evaluation: {knn_train: [~x]}\n", "only ~/ is the home folder");
}

/* Each setting that names a file or folder, and nothing else. */
static void test_rank(void)
{
    struct config c = {0};
    int n_paths = 0, n_put = 0;
    ok(reads(&c, "MODEL:\n  WEIGHTS: /x/model_0000009.rank_{rank}.ckpt {rank}{\n"
                 "train: {dataset_path: 'd{rank}', output_dir: 'o{rank}', backup_dir: 'b{rank}', resume: true, "
                 "resume_path: 'r{rank}'}\nstudent: {pretrained_weights: 'p{rank}'}\n"
                 "evaluation: {knn_train: 't{rank}', knn_val: 'v{rank}'}\n"
                 "compute_precision.teacher.backbone.mixed_precision.reduce_dtype: '{rank}'\n"),
       "paths with {rank}");
    is_text(c.MODEL.WEIGHTS, "/x/model_0000009.rank_0.ckpt 0{", "{rank} is put in wherever it stands");
    for (int id = 0; id < CONFIG_N_KEYS; id++)
        if (config_is_path(config_key(id))) {
            int n;
            const char *text = config_strings(&c, id, &n)[0];
            n_paths++;
            n_put += !strstr(text, "{rank}") && strchr(text, '0') != NULL;
        }
    ok(n_paths == 8 && n_put == n_paths, "in all %d paths alike", n_paths);
    is_text(c.compute_precision.teacher_backbone_reduce_dtype, "{rank}", "in no other text");
    config_release(&c);
}

static void note_unused(void *arg, const char *key, const char *why)
{
    char *told = arg;
    printf("# %s: %s\n", key, why);
    snprintf(told + strlen(told), 1000 - strlen(told), "%s ", strrchr(key, '.') + 1);
}

static void unused(const char *text, const char *want)
{
    struct config c = {0};
    char told[1000] = "";
    ok(reads(&c, text), "settings are read");
    config_each_unused(&c, note_unused, told);
    is_text(told, want, "settings without effect");
    config_release(&c);
}

/* What products are computed in: float32, if nothing or fp16 is said. */
static void test_param_dtype(void)
{
    struct config c = {0}, said = {0};
    char *value;
    ok(reads(&c, "") && c.compute_precision.student_backbone_param_dtype == PARAM_DTYPE_FP32, "float32 by default");
    struct fmt_error e;
    ok(parse(&said, all_defaults, &e) == 0 && config_asks_fp16(&said) && !config_asks_fp16(&c), "fp16 is asked for");
    ok(config_finish(&said, 0, 1, &e) == 0 && said.compute_precision.teacher_backbone_param_dtype == PARAM_DTYPE_FP32 &&
           said.origin[CONFIG_compute_precision_teacher_backbone_param_dtype].kind == CONFIG_COMPUTED &&
           config_differ(&c, &said, CONFIG_RESULT, 0) == CONFIG_N_KEYS,
       "and is float32: the run of one that says nothing");
    ok(reads(&c, "compute_precision:\n  student:\n    dino_head:\n      mixed_precision: {param_dtype: bf16}\n") &&
           config_differ(&c, &said, CONFIG_RESULT, 0) == CONFIG_compute_precision_student_dino_head_param_dtype,
       "bf16 is another run");
    value = config_value(&c, CONFIG_compute_precision_student_dino_head_param_dtype);
    is_text(value, "bf16", "its text");
    free(value);
    for (int part = 0; part < CONFIG_PARTS; part++)
        ok(config_param_dtype(&c, part) == (part == PART_STUDENT_DINO_HEAD ? PARAM_DTYPE_BF16 : PARAM_DTYPE_FP32) &&
               strstr(config_key(config_param_dtype_key(part))->name, config_part_name(part)),
           "of %s", config_part_name(part));
    c.compute_precision.student_ibot_head_param_dtype = PARAM_DTYPE_BF16;
    ok(config_param_dtype(&c, PART_STUDENT_IBOT_HEAD) == PARAM_DTYPE_FP32, "a head that is not there has none");
    c.ibot.separate_head = true;
    ok(config_param_dtype(&c, PART_STUDENT_IBOT_HEAD) == PARAM_DTYPE_BF16, "one that is there has its own");
    refuses("compute_precision:\n  student:\n    dino_head:\n      mixed_precision: {param_dtype: fp8}\n", "fp32");
    config_release(&c), config_release(&said);
}

static void test_unused(void)
{
    unused("", "");
    unused(vitl16_short, "block_chunks ");
    unused(vitg14_reg4_eval, "");
    unused(all_defaults, "");
    unused("compute_precision:\n  grad_scaler: false\n  student:\n    backbone:\n      sharding_strategy: FULL_SHARD\n"
           "      mixed_precision: {param_dtype: bf16, reduce_dtype: fp32, buffer_dtype: bf16}\n",
           "grad_scaler reduce_dtype buffer_dtype ");
    unused("train: {num_workers: 4, cache_dataset: false, backup_period: 5}\n",
           "num_workers cache_dataset backup_period ");
    unused("train: {num_workers: 10, backup_period: 5, backup_dir: b}\n", "");
    unused("ibot: {head_n_prototypes: 5, head_bottleneck_dim: 6, head_nlayers: 1, head_hidden_dim: 7}\n",
           "head_n_prototypes head_bottleneck_dim head_nlayers head_hidden_dim ");
    unused("compute_precision: {student: {ibot_head: {mixed_precision: {param_dtype: bf16}}}}\n", "param_dtype ");
    unused("ibot: {separate_head: true}\n"
           "compute_precision: {student: {ibot_head: {mixed_precision: {param_dtype: bf16}}}}\n",
           "");
    unused("ibot: {separate_head: true, head_n_prototypes: 5, head_nlayers: 1, head_hidden_dim: 7}\n",
           "head_hidden_dim ");
    unused("optim: {momentum: 0.5, adamw_beta1: 0.5}\n", "momentum ");
    unused("optim: {momentum: 0.5, adamw_beta1: 0.5, adamw_beta2: 0.5, optimizer: sgd}\n", "adamw_beta1 adamw_beta2 ");
    unused("student: {block_chunks: 4}\ntrain: {teacher_pth: true}\n", "");
    unused("student: {ffn_layer: identity, mlp_ratio: 2, ffn_bias: false, drop_path_rate: 0, "
           "drop_path_uniform: false}\n",
           "drop_path_uniform ffn_bias mlp_ratio ");
    unused("evaluation: {eval_period_iterations: 0, knn_train: a, knn_val: b}\n", "knn_train knn_val ");
    unused("evaluation: {knn_k: [5], resize: 300}\n", "");
    unused("evaluation: {allow_overlap: true}\n", "allow_overlap ");
    unused("evaluation: {allow_overlap: true, knn_train: a, knn_val: b}\n", "");
    unused("evaluation: {max_to_keep: 2}\n", "");
    unused("evaluation: {max_to_keep: 2, eval_period_iterations: 0}\n", "max_to_keep ");
}

static bool sets(struct config *c, const char *word)
{
    struct fmt_error e = {0};
    bool good = !config_set(c, word, &e);
    if (!good)
        printf("# %s\n", e.text);
    return good;
}

static void test_words(void)
{
    struct config c = {0};
    struct fmt_error e = {0};
    config_init(&c);
    const struct config_paths *data = &c.train.dataset_path;
    ok(sets(&c, "train.dataset_path=-") && strcmp(data->item[0], "-") == 0 && sets(&c, "train.dataset_path=*.shard") &&
           strcmp(data->item[0], "*.shard") == 0 && sets(&c, "train.dataset_path=a=b: c #d") && data->n == 1 &&
           strcmp(data->item[0], "a=b: c #d") == 0,
       "a word's string is taken as it stands");
    ok(sets(&c, "train.dataset_path=[a, b c ,'it''s, d', \"e\" ]") && data->n == 4 &&
           strcmp(data->item[0], "a") == 0 && strcmp(data->item[1], "b c") == 0 &&
           strcmp(data->item[2], "it's, d") == 0 && strcmp(data->item[3], "e") == 0,
       "a list of paths");
    ok(sets(&c, "train.dataset_path=[]") && data->n == 0 && !*data->item[0] && sets(&c, "train.dataset_path=[a]") &&
           data->n == 1 && sets(&c, "train.dataset_path=") && data->n == 0,
       "lists of none and of one");
    ok(sets(&c, "train.output_dir='x y'") && strcmp(c.train.output_dir, "x y") == 0 &&
           sets(&c, "train.output_dir=\"\"") && strcmp(c.train.output_dir, "") == 0,
       "quotes around it go");
    ok(sets(&c, "crops.global_crops_scale=[0.4, 0.9]") && c.crops.global_crops_scale[0] == 0.4 &&
           sets(&c, "evaluation.knn_k=5") && c.evaluation.knn_k.n == 1 && c.evaluation.knn_k.item[0] == 5 &&
           sets(&c, "evaluation.knn_k=[1,2,3]") && c.evaluation.knn_k.n == 3 && c.evaluation.knn_k.item[2] == 3,
       "lists");
    ok(sets(&c, "train.resume=null") && sets(&c, "train.resume=True") && c.train.resume == RESUME_TRUE,
       "null and True");
    ok(sets(&c, "train.backup_dir=NULL") && !*c.train.backup_dir, "null as a file may have it");
    static const char *const bad[] = {"train.seed", "=4", "seed=4", "train=4", "train.seed=", "train.seed= 4",
                                      "train.seed=[4", "crops.global_crops_scale=[1,2,3]", "train.output_dir=a\tb",
                                      "train.output_dir=\xff", "train.output_dir=\xed\xa0\x80", "augment.std=[0,1,1]",
                                      "train.output_dir=${x}", "train.seed=None", "train.output_dir=None",
                                      "train.output_dir=~x", "train.output_dir=???", "train.output_dir=$HOME",
                                      "train.dataset_path=[a,]", "train.dataset_path=[a,'b]",
                                      "train.dataset_path=['a'b]", "train.dataset_path=[a,$b]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e = (struct fmt_error){0};
        ok(config_set(&c, bad[i], &e) != 0 && e.text[0], "refused: %s", e.text);
    }
    char origin[64];
    is_text(config_origin_text(&c, CONFIG_train_resume, origin, sizeof origin), "command line", "a word's origin");
    is_text(config_origin_text(&c, CONFIG_train_seed, origin, sizeof origin), "default", "a default's origin");
    config_release(&c);
}

/* A value that is not the default and inside the range, for every key. */
static void disturb(struct config *c)
{
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        const struct config_key *k = config_key(id);
        char word[400];
        double v = k->low + (k->high - k->low) / 7;
        switch (k->kind) {
        case CONFIG_INT: snprintf(word, sizeof word, "%s=%.0f", k->name, floor(v)); break;
        case CONFIG_REAL: snprintf(word, sizeof word, "%s=%.17g", k->name, v); break;
        case CONFIG_BOOL:
            snprintf(word, sizeof word, "%s=%s", k->name, *((bool *)((char *)c + k->offset)) ? "no" : "yes");
            break;
        case CONFIG_TEXT: snprintf(word, sizeof word, "%s=it's \"%d\" \\ # : é {rank}", k->name, id); break;
        case CONFIG_PAIR: snprintf(word, sizeof word, "%s=[%.17g,%.17g]", k->name, v, v); break;
        case CONFIG_TRIPLE: snprintf(word, sizeof word, "%s=[%.17g,%.17g,%.17g]", k->name, v, v, v); break;
        case CONFIG_PATHS:
            snprintf(word, sizeof word, "%s=[a, 'it''s \"%d\", \\ # : é {rank}']", k->name, id);
            break;
        case CONFIG_INTS: snprintf(word, sizeof word, "%s=[7,%.0f]", k->name, floor(v)); break;
        default:
            snprintf(word, sizeof word, "%s=%s", k->name,
                     strrchr(k->words, '|') ? strrchr(k->words, '|') + 1 : k->words);
        }
        if (!sets(c, word))
            ok(false, "%s", word);
    }
}

static void test_round_trip(void)
{
    struct config a, b, copy;
    struct fmt_error e = {0};
    struct fmt_buffer yaml = {0}, json = {0}, again = {0};
    config_init(&a);
    disturb(&a);
    ok(config_write(&a, true, &yaml, &e) == 0, "every key written as YAML, with its origin (%zu bytes)", yaml.bytes);
    config_init(&b);
    ok(config_parse(&b, (const char *)yaml.data, yaml.bytes, "c", &e) == 0, "is read back %s", e.text);
    is_int(config_differ(&a, &b, 7, 0), CONFIG_N_KEYS, "and every value is the same to the bit");
    char origin[64];
    ok(strncmp(config_origin_text(&b, CONFIG_train_seed, origin, sizeof origin), "c:", 2) == 0, "its origin is %s",
       origin);
    config_release(&b);
    config_init(&b);
    ok(config_json(&a, 7, &json, &e) == 0 && config_parse(&b, (const char *)json.data, json.bytes, "j", &e) == 0 &&
           config_differ(&a, &b, 7, 0) == CONFIG_N_KEYS,
       "and through JSON %s", e.text);
    ok(config_copy(&copy, &a, &e) == 0, "a copy");
    config_release(&a);
    ok(config_json(&copy, 7, &again, &e) == 0 && again.bytes == json.bytes &&
           !memcmp(again.data, json.data, json.bytes),
       "lives on without its original and gives the same JSON");
    copy.optim.base_lr += 1;
    copy.train.max_to_keep += 1;
    is_int(config_differ(&copy, &b, CONFIG_RESULT, 0), CONFIG_optim_base_lr, "a changed value is found");
    is_int(config_differ(&copy, &b, CONFIG_RESULT, CONFIG_optim_base_lr + 1), CONFIG_N_KEYS,
           "and one that cannot change the result is not");
    fmt_buffer_release(&yaml);
    fmt_buffer_release(&json);
    fmt_buffer_release(&again);
    config_release(&copy);
    config_release(&b);
}

static void test_table(void)
{
    struct config c = {0};
    struct fmt_error e = {0};
    config_init(&c);
    int n_published = 0, n_wrong = 0;
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        const struct config_key *k = config_key(id);
        n_published += k->source == CONFIG_PUBLISHED;
        char *value = config_value(&c, id), word[200];
        snprintf(word, sizeof word, "%s=%s", k->name, value);
        n_wrong += config_find(k->name) != id || !*k->help || config_set(&c, word, &e) != 0;
        if (e.status)
            printf("# %s\n", e.text), e.status = 0;
        free(value);
    }
    is_int(n_wrong, 0, "%d keys, %d of them published: each is found, has a help and takes its own default",
           CONFIG_N_KEYS, n_published);
    struct config plain = {0};
    config_init(&plain);
    is_int(config_differ(&c, &plain, 7, 0), CONFIG_N_KEYS, "and is the same afterwards");
    config_release(&c);
}

int main(void)
{
    test_published();
    test_refusals();
    test_foreign();
    test_home();
    test_values();
    test_words();
    test_paths();
    test_rank();
    test_unused();
    test_param_dtype();
    test_round_trip();
    test_table();
    return tap_done();
}
