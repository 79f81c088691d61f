/* test-weights-network.c - which network of a file is read: of several ones, under unknown words; what Hugging Face's
 * config.json beside the file adds; what is refused instead of guessed. */
#include "weightsbed.h"

static struct network golden; /* vit_plain: the tensors that files are made of here */

/* ------------------------------------------------------------------ files */
static struct rebuilt made;

/* All tensors of the golden network under a prefix; the other network differs in the weight of its norm. */
static void add_network(const char *prefix, bool other)
{
    for (int64_t i = 0; i < golden.w.file.set.n; i++) {
        const struct named_tensor *t = &golden.w.file.set.item[i];
        char name[160];
        snprintf(name, sizeof name, "%.60s%.90s", prefix, t->name);
        if (other && strcmp(t->name, "norm.weight") == 0)
            t = named_tensor_find(&golden.w.file.set, "norm.bias");
        add(&made, name, t, 0, 0);
    }
}

static const char *save_as(const char *name)
{
    const char *path = scratch_file(name);
    save(&made, path, NULL);
    made.n = 0;
    return path;
}

/* The first letter of the network that is read from the file: 'g' the golden one, 'o' the other, '-' none. */
static char read_which(struct network *n, const char *path, enum weights_role role)
{
    const struct weights_hint hint = {.role = role};
    if (open_network(n, path, &hint))
        return '-';
    const float *norm = row_of(n, "backbone.norm.weight");
    const char *wanted[] = {"backbone.norm.weight", "backbone.norm.bias"};
    for (int i = 0; i < 2; i++)
        if (memcmp(norm, row_of(&golden, wanted[i]), (size_t)n->w.vit.C * sizeof *norm) == 0)
            return "go"[i];
    return '?';
}

/* ------------------------------------------------------------------ several networks */
static void two_networks(void)
{
    static const struct {
        const char *golden, *other; /* their prefixes; other NULL: alone */
        char teacher, student;      /* which is read for each role */
        const char *text;           /* of the choice, or of the error */
    } file[] = {
        {"state_dict.", "state_dict_ema.", 'o', 'g', "\"state_dict_ema\" was taken, not \"state_dict\""},
        {"model_ema.module.", "model.", 'g', 'o', "\"model_ema\" was taken, not \"model\""},
        {"teacher.backbone.", "student.backbone.", 'g', 'o', "\"teacher\" was taken, not \"student\""},
        {"model.student.backbone.", "model.teacher.backbone.", 'o', 'g', "\"model.teacher\" was taken"},
        {"ema_model.net.", "net.", 'g', 'o', "\"ema_model.net\" was taken, not \"net\""},
        {"student.", "teacher_model.encoder.", 'o', 'g', "\"teacher_model.encoder\" was taken, not \"student\""},
        {"ema.", "student.", 'g', 'o', "\"ema\" was taken"},
        {"teacher.", "ema.", 'g', '-', "\"teacher\" was taken, not \"ema\""},
        {"model.", "student.", 'g', 'o', "\"model\" was taken"},
        {"teacher.", "step0.teacher.", 'g', '-', "\"teacher\" was taken, not \"step0.teacher\""},
        {"model.", "optimizer.exp_avg.", 'g', 'g', ""},
        {"averaged_model.", "model.", 'g', 'o', "\"averaged_model\" was taken, not \"model\""},
        {"model.", "swa_model.module.", 'o', 'g', "\"swa_model\" was taken, not \"model\""},
        {"swa.", "net.", 'g', 'o', "\"swa\" was taken, not \"net\""},
        {"model.", "shadow.", 'o', 'g', "\"shadow\" was taken, not \"model\""},
        {"teacher.", "swa_model.", 'g', '-', "\"teacher\" was taken, not \"swa_model\""},
        {"model.", "trunk.", 'g', 'g', "\"model\" was taken, not \"trunk\""},
        {"encoder_a.", "encoder_b.", '-', '-', "\"encoder_a\", \"encoder_b\""},
        {"", "encoder.", '-', '-', "that without a prefix, \"encoder\""},
        {"backbone.", "dinov2.", '-', '-', "\"backbone\", \"dinov2\""},
        {"encoder.", NULL, 'g', 'g', ""},
        {"state_dict.net.encoder.", NULL, 'g', 'g', ""},
        {"0.trunk.", NULL, 'g', 'g', ""},
        {"state_dict_ema.", NULL, 'g', '-', ""},
    };
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        struct network n;
        add_network(file[i].golden, false);
        if (file[i].other)
            add_network(file[i].other, true);
        const char *path = save_as("two.safetensors");
        char got = read_which(&n, path, WEIGHTS_TEACHER);
        ok(got == file[i].teacher && strstr(got == '-' ? n.error.text : n.w.choice, file[i].text),
           "\"%s\" and \"%s\": %c, %s", file[i].golden, file[i].other ? file[i].other : "none", got,
           got == '-' ? n.error.text : n.w.choice);
        ok(!*file[i].text == !(got == '-' ? *n.error.text : *n.w.choice), "and nothing is said of one network");
        bool guessed = strstr("model. teacher.", file[i].golden) && file[i].other &&
                       (strcmp(file[i].other, "trunk.") == 0 || strcmp(file[i].other, "step0.teacher.") == 0);
        ok(got == '-' || guessed == !!strstr(n.w.warning, "cannot tell which of its 2 networks is the teacher"),
           "a guess is a warning, and nothing else is: %s", n.w.warning);
        close_network(&n);
        got = read_which(&n, path, WEIGHTS_STUDENT);
        ok(got == file[i].student && (got != '-' || n.error.status == FMT_MISMATCH), "its student: %c %s", got,
           n.error.text);
        close_network(&n);
    }
}

/* Tensors beside a network are not its own. */
static void other_modules(void)
{
    struct network n;
    const struct named_tensor *some = &golden.w.file.set.item[0];
    add_network("backbone.", false);
    add(&made, "neck.conv.weight", some, 0, 0);
    add(&made, "decoder.blocks.0.norm1.weight", some, 0, 0);
    ok(read_which(&n, save_as("beside.safetensors"), WEIGHTS_TEACHER) == 'g' && n.w.n_unused == 2,
       "another module beside a backbone is left out %s", n.error.text);
    close_network(&n);
    static const char *const root[] = {"", "encoder.", "module.", "teacher."};
    for (size_t i = 0; i < sizeof root / sizeof *root; i++) { /* with a word before the network, and without */
        char text[WEIGHTS_UNUSED_TEXT_MAX];
        add_network(root[i], false);
        add(&made, "decoder.blocks.0.norm1.weight", some, 0, 0);
        add(&made, "decoder.norm.weight", some, 0, 0);
        add(&made, "decoder_blocks.0.norm1.weight", some, 0, 0);
        add(&made, "predictor.blocks.0.norm1.weight", some, 0, 0);
        add(&made, "predictor.norm.weight", some, 0, 0);
        add(&made, "optimizer.state.blocks.0.norm1.weight", some, 0, 0);
        add(&made, "optimizer.step", some, 0, 0);
        ok(read_which(&n, save_as("decoder.safetensors"), WEIGHTS_TEACHER) == 'g' && n.w.n_unused == 7,
           "a decoder and an optimizer beside \"%s\" are left out %s", root[i], n.error.text);
        is_text(weights_unused_text(&n.w, text), "; 7 tensors left out: decoder, decoder_blocks, predictor, optimizer",
                "and counted");
        close_network(&n);
    }
    add_network("", false);
    add(&made, "norm_pre.weight", some, 0, 0);
    ok(read_which(&n, save_as("norm_pre.safetensors"), WEIGHTS_TEACHER) == '-' && has_problem(&n, "belongs nowhere"),
       "what may be part of a network is not: %s", n.error.text);
    close_network(&n);
    add_network("net.", false);
    add(&made, "net.blocks.0.extra.weight", some, 0, 0);
    ok(read_which(&n, save_as("inside.safetensors"), WEIGHTS_TEACHER) == '-' && has_problem(&n, "belongs nowhere"),
       "inside it belongs nowhere: %s", n.error.text);
    close_network(&n);
    for (int i = 0; i < 17; i++) {
        char name[40];
        snprintf(name, sizeof name, "net%d.patch_embed.proj.weight", i);
        add(&made, name, some, 0, 0);
    }
    ok(read_which(&n, save_as("many.safetensors"), WEIGHTS_TEACHER) == '-' && strstr(n.error.text, "more than 16"),
       "%s", n.error.text);
    close_network(&n);
}

/* ------------------------------------------------------------------ what cannot be read */
static void refusals(void)
{
    struct network n;
    const struct named_tensor *some = &golden.w.file.set.item[0];
    const char *flat = "model.teacher.backbone._fsdp_wrapped_module.blocks.0._fsdp_wrapped_module._flat_param";
    add(&made, "model.teacher.backbone._fsdp_wrapped_module._flat_param", some, 0, 0);
    add(&made, flat, some, 0, 0);
    ok(read_which(&n, save_as("flat.safetensors"), WEIGHTS_TEACHER) == '-' &&
           strstr(n.error.text, "flat parameters of sharded training"), "%s", n.error.text);
    close_network(&n);
    add(&made, "stages.0.blocks.0.conv.weight", some, 0, 0);
    add(&made, "stages.1.blocks.0.conv.weight", some, 0, 0);
    ok(read_which(&n, save_as("conv.safetensors"), WEIGHTS_TEACHER) == '-' &&
           strstr(n.error.text, "no weights of a vision transformer"), "%s", n.error.text);
    close_network(&n);
    add(&made, "blocks.0.attn.proj.weight", some, 0, 0);
    ok(read_which(&n, save_as("nothing.safetensors"), WEIGHTS_TEACHER) == '-' &&
           strstr(n.error.text, "cannot determine the width"), "%s", n.error.text);
    close_network(&n);
    add_network("", false);
    add(&made, "blocks.70.norm1.weight", named_tensor_find(&golden.w.file.set, "norm.weight"), 0, 0);
    ok(read_which(&n, save_as("deep.safetensors"), WEIGHTS_TEACHER) == '-' &&
           strstr(n.error.text, "71 blocks; 1 to 64 are possible"), "%s", n.error.text);
    close_network(&n);
}

/* Positions: [1,n,C], where n or n - 1 is a square. */
static void positions(void)
{
    const struct named_tensor *pos = named_tensor_find(&golden.w.file.set, "pos_embed");
    const struct {
        const char *from; /* a tensor that becomes pos_embed */
        int64_t rows;
        const char *text;
    } bad[] = {{"pos_embed", 13, "pos_embed is [1,13,64]: 13 positions, or 12 without that of the class token, do not"},
               {"pos_embed", 3, "do not form a square grid"},
               {"norm.weight", 0, "pos_embed is [64], not [1,1+M*M,width]"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct network n;
        add_network("", false);
        for (int64_t k = 0; k < made.n; k++) {
            if (strcmp(made.piece[k].name, "pos_embed") != 0)
                continue;
            int64_t last = made.n;
            add(&made, "pos_embed", named_tensor_find(&golden.w.file.set, bad[i].from), 0, bad[i].rows);
            made.piece[k] = made.piece[last];
            made.n = last;
        }
        ok(read_which(&n, save_as("pos.safetensors"), WEIGHTS_TEACHER) == '-' && strstr(n.error.text, bad[i].text),
           "%s", n.error.text);
        close_network(&n);
    }
    ok(pos && pos->n_dims == 3, "the golden positions have three dimensions");
}

/* ------------------------------------------------------------------ newer names */
static void add_newer(const struct network *from)
{
    static const char *const words[][2] = {
        {"blocks.", "encoder.layer."}, {"attn.proj", "attention.o_proj"}, {"ls1.gamma", "layer_scale1.lambda1"},
        {"ls2.gamma", "layer_scale2.lambda1"}, {"mlp.w3", "mlp.down_proj"},
        {"pos_embed", "embeddings.position_embeddings"}, {"patch_embed.proj", "embeddings.patch_embeddings.projection"},
        {"cls_token", "embeddings.cls_token"}, {"mask_token", "embeddings.mask_token"},
        {"register_tokens", "embeddings.register_tokens"}};
    static const char *const parts[][4] = {{"attn.qkv", "attention.q_proj", "attention.k_proj", "attention.v_proj"},
                                           {"mlp.w12", "mlp.gate_proj", "mlp.up_proj", NULL}};
    for (int64_t i = 0; i < from->w.file.set.n; i++) {
        const struct named_tensor *t = &from->w.file.set.item[i];
        char name[160], part[160];
        snprintf(name, sizeof name, "%s%s", strncmp(t->name, "norm.", 5) == 0 ? "layer" : "", t->name);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            replace(name, sizeof name, words[k][0], words[k][1]);
        int at = strstr(name, parts[0][0]) ? 0 : strstr(name, parts[1][0]) ? 1 : -1, n = at == 0 ? 3 : 2;
        if (at < 0)
            add(&made, name, t, 0, 0);
        for (int k = 0; k < n && at >= 0; k++) {
            snprintf(part, sizeof part, "%s", name);
            replace(part, sizeof part, parts[at][0], parts[at][1 + k]);
            add(&made, part, t, t->n / n * k, t->dims[0] / n);
        }
    }
}

static void newer_names(const char *file)
{
    struct network a, b;
    if (!ok(open_network(&a, tap_golden(file), &plain) == 0, "%s %s", file, a.error.text))
        return;
    add_newer(&a);
    ok(open_network(&b, save_as("newer.safetensors"), &plain) == 0, "%s as transformers 5 names it %s", file,
       b.error.text);
    same_network(&a, &b, file);
    close_network(&b);
    add_newer(&a);
    const char *word = a.w.vit.ffn == VIT_SWIGLU ? "up_proj.weight" : "k_proj.weight";
    for (int64_t i = made.n; i-- > 0;)
        if (strstr(made.piece[i].name, word))
            made.piece[i] = made.piece[--made.n];
    ok(open_network(&b, save_as("part.safetensors"), &plain) &&
           has_problem(&b, a.w.vit.ffn == VIT_SWIGLU ? "gate and up are not all" : "query, key and value are not all"),
       "without a part: %s", b.error.text);
    close_network(&a);
    close_network(&b);
}

static void newer_head(void)
{
    struct network a, b;
    if (!ok(open_network(&a, tap_golden("vit_plain_teacher_checkpoint.pth"), &plain) == 0, "%s", a.error.text))
        return;
    for (int64_t i = 0; i < a.w.file.set.n; i++) {
        char name[160];
        snprintf(name, sizeof name, "%.150s", a.w.file.set.item[i].name);
        replace(name, sizeof name, ".weight_g", ".parametrizations.weight.original0");
        replace(name, sizeof name, ".weight_v", ".parametrizations.weight.original1");
        add(&made, name, &a.w.file.set.item[i], 0, 0);
    }
    const struct head_config *ours = &b.w.dino_head, *theirs = &a.w.dino_head;
    ok(open_network(&b, save_as("head.safetensors"), &plain) == 0 && b.w.has_dino_head &&
           ours->n_prototypes == theirs->n_prototypes && ours->bottleneck_dim == theirs->bottleneck_dim &&
           weights_find(&b.w, "dino_head.last_layer.weight_g"), "a head as torch 2 names it %s", b.error.text);
    close_network(&a);
    close_network(&b);
}

/* ------------------------------------------------------------------ config.json */
static void put_config(const char *text)
{
    struct fmt_error e = {0};
    if (file_save(scratch_file("config.json"), text, strlen(text), &e))
        exit(1);
}

/* The golden network as Hugging Face names it, beside such a config.json. */
static int open_beside(struct network *n, const char *json, const struct weights_hint *hint)
{
    add_newer(&golden);
    put_config(json);
    return open_network(n, save_as("model.safetensors"), hint);
}

#define DINOV2 "{\"model_type\":\"dinov2\","

static void config_json_adds(void)
{
    struct network n;
    ok(open_beside(&n, DINOV2 "\"num_attention_heads\":4,\"layer_norm_eps\":0.001,\"hidden_size\":64,"
                   "\"patch_size\":14,\"use_swiglu_ffn\":false,\"hidden_act\":\"gelu\"}", &plain) == 0 &&
           n.w.vit.n_heads == 4 && n.w.vit.eps == 0.001 && n.w.has_settings && n.w.from_config_json && !*n.w.warning,
       "heads and epsilon are config.json's %s", n.error.text);
    close_network(&n);
    ok(open_beside(&n, DINOV2 "\"num_attention_heads\":8,\"num_attention_heads\":2}", &plain) == 0 &&
           n.w.vit.n_heads == 2, "the last of two members with one key, as other readers take it %s", n.error.text);
    close_network(&n);
    ok(open_beside(&n, DINOV2 "\"num_attention_heads\":4}", &plain) == 0 &&
           n.w.vit.hidden == golden.w.vit.hidden && n.w.vit.grid == golden.w.vit.grid &&
           n.w.vit.offset == golden.w.vit.offset &&
           n.w.vit.depth == golden.w.vit.depth && n.w.vit.layerscale == 1 && n.w.vit.qkv_bias,
       "the rest is the tensors'");
    close_network(&n);
    ok(open_beside(&n, "{\"model_type\":\"depth_anything\",\"patch_size\":99,\"backbone_config\":" DINOV2
                   "\"num_attention_heads\":8}}", &plain) == 0 && n.w.vit.n_heads == 8,
       "of a model with a backbone, the backbone's %s", n.error.text);
    close_network(&n);
    const struct weights_hint folder = {.role = WEIGHTS_TEACHER};
    ok(open_network(&n, tap_scratch(), &folder) == 0 && n.w.vit.n_heads == 8, "in a folder, too %s", n.error.text);
    close_network(&n);
    ok(open_beside(&n, "{\"model_type\":\"vit\",\"num_attention_heads\":4}", &plain) == 0 && !n.w.has_settings &&
           n.w.vit.n_heads == 1 && strstr(n.w.warning, "config.json describes another kind of model"),
       "another model's is not used: %s", n.w.warning);
    close_network(&n);
    put_config(DINOV2 "\"num_attention_heads\":4}");
    add_network("", false);
    ok(open_network(&n, save_as("published.safetensors"), &plain) == 0 && n.w.vit.n_heads == 1 && !*n.w.warning,
       "beside published names it is nobody's");
    close_network(&n);
}

static void config_json_contradicts(void)
{
    static const char *const bad[][2] = {
        {DINOV2 "\"patch_size\":16}", "says patch_size 16, the tensors have 14"},
        {DINOV2 "\"num_register_tokens\":4}", "says num_register_tokens 4, the tensors have 0"},
        {DINOV2 "\"hidden_size\":128}", "says hidden_size 128, the tensors have 64"},
        {DINOV2 "\"num_hidden_layers\":12}", "says num_hidden_layers 12, the tensors have"},
        {DINOV2 "\"use_swiglu_ffn\":true}", "says use_swiglu_ffn true, the tensors have an MLP"},
        {DINOV2 "\"num_attention_heads\":5}", "num_attention_heads 5, which do not divide the width 64"},
        {DINOV2 "\"num_attention_heads\":0}", "num_attention_heads is 0"},
        {DINOV2 "\"num_attention_heads\":\"4\"}", "num_attention_heads is not a non-negative integer"},
        {DINOV2 "\"patch_size\":1e300}", "patch_size is not a non-negative integer"},
        {DINOV2 "\"layer_norm_eps\":0}", "layer_norm_eps is not between 0 and 1"},
        {DINOV2 "\"hidden_act\":\"quick_gelu\"}", "hidden_act is quick_gelu: only gelu is supported"},
        {"[1,2]", "the accompanying config.json: no JSON object"},
        {"version https://git-lfs.github.com/spec/v1\n", "the accompanying config.json: no JSON object"}};
    struct network n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = open_beside(&n, bad[i][0], &plain);
        ok(status && strstr(n.error.text, bad[i][1]), "%s", n.error.text);
        close_network(&n);
    }
}

/* A hint is in force before config.json, with a warning where they differ in what no tensor says. */
static void hint_first(void)
{
    struct network n;
    struct config c;
    struct fmt_error e = {0};
    config_init(&c);
    char text[200];
    snprintf(text, sizeof text, "{\"student.patch_size\":14,\"student.embed_dim\":64,\"student.depth\":%d,"
             "\"student.num_heads\":2,\"student.mlp_ratio\":%g}", (int)golden.w.vit.depth,
             (double)golden.w.vit.hidden / 64);
    ok(config_parse(&c, text, strlen(text), "hint", &e) == 0, "settings %s", e.text);
    const struct weights_hint hint = {.config = &c};
    ok(open_beside(&n, DINOV2 "\"num_attention_heads\":4,\"layer_norm_eps\":0.001}", &hint) == 0 &&
           n.w.vit.n_heads == 2 && n.w.vit.eps == 1e-6 &&
           strstr(n.w.warning, "num_attention_heads 4, here 2; layer_norm_eps 0.001, here 1e-06"), "%s%s", n.w.warning,
       n.error.text);
    close_network(&n);
    ok(open_beside(&n, DINOV2 "\"num_attention_heads\":2,\"layer_norm_eps\":1e-06}", &hint) == 0 && !*n.w.warning,
       "nothing is said where they agree");
    close_network(&n);
    ok(open_beside(&n, "nothing", &hint) == 0 && !*n.w.warning, "and what cannot be read is not asked");
    close_network(&n);
    config_release(&c);
}

int main(void)
{
    if (!ok(open_network(&golden, tap_golden("vit_plain.pth"), &plain) == 0, "%s", golden.error.text))
        return tap_done();
    two_networks();
    other_modules();
    refusals();
    positions();
    newer_names("vit_plain.pth");
    newer_names("vit_reg4.pth");
    newer_names("vit_swiglu.pth");
    newer_head();
    config_json_adds();
    config_json_contradicts();
    hint_first();
    close_network(&golden);
    return tap_done();
}
