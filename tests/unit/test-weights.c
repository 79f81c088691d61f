/* test-weights.c - the golden backbones under every scheme of names, with what is missing, misshapen and foreign, and
 * what is written from them. Renamed files are made here from the golden ones. */
#include "weightsbed.h"
#include "weight-names.h"

static void add_hugging_face(struct rebuilt *r, const struct named_tensor *t)
{
    static const char *const parts[] = {"query", "key", "value"};
    static const char *const words[][2] = {
        {"blocks.", "encoder.layer."}, {"attn.proj", "attention.output.dense"}, {"ls1.gamma", "layer_scale1.lambda1"},
        {"ls2.gamma", "layer_scale2.lambda1"}, {"mlp.w12", "mlp.weights_in"}, {"mlp.w3", "mlp.weights_out"},
        {"pos_embed", "embeddings.position_embeddings"}, {"patch_embed.proj", "embeddings.patch_embeddings.projection"},
        {"cls_token", "embeddings.cls_token"}, {"mask_token", "embeddings.mask_token"},
        {"register_tokens", "embeddings.register_tokens"}};
    char name[160];
    snprintf(name, sizeof name, "%s%s", strncmp(t->name, "norm.", 5) == 0 ? "layer" : "", t->name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        replace(name, sizeof name, words[i][0], words[i][1]);
    if (!strstr(name, "attn.qkv")) {
        add(r, name, t, 0, 0);
        return;
    }
    for (int k = 0; k < 3; k++) {
        char part[160], word[48];
        snprintf(part, sizeof part, "%s", name);
        snprintf(word, sizeof word, "attention.attention.%s", parts[k]);
        replace(part, sizeof part, "attn.qkv", word);
        add(r, part, t, t->n / 3 * k, t->dims[0] / 3);
    }
}

static void hugging_face(const char *golden, const char *prefix)
{
    struct network a, b;
    static struct rebuilt r;
    r.n = 0;
    if (!ok(open_network(&a, tap_golden(golden), &plain) == 0, "%s %s", golden, a.error.text))
        return;
    for (int64_t i = 0; i < a.w.file.set.n; i++)
        add_hugging_face(&r, &a.w.file.set.item[i]);
    for (int64_t i = 0; i < r.n; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s", r.piece[i].name);
        snprintf(r.piece[i].name, sizeof r.piece[i].name, "%.40s%.110s", prefix, name);
    }
    add(&r, "classifier.bias", &a.w.file.set.item[0], 0, 0);
    save(&r, scratch_file("hf.safetensors"), NULL);
    ok(open_network(&b, scratch_file("hf.safetensors"), &plain) == 0, "%s as Hugging Face names it %s",
       golden, b.error.text);
    same_network(&a, &b, golden);
    is_int(b.w.n_unused, 1, "the classifier is left out");
    close_network(&a);
    close_network(&b);
}

static void add_timm(struct rebuilt *r, const struct network *a, const struct named_tensor *t)
{
    int64_t C = a->w.vit.C;
    if (strcmp(t->name, "mask_token") == 0)
        return;
    char name[160];
    snprintf(name, sizeof name, "%s", t->name);
    replace(name, sizeof name, "mlp.w12", "mlp.fc1");
    replace(name, sizeof name, "mlp.w3", "mlp.fc2");
    replace(name, sizeof name, "register_tokens", "reg_token");
    bool registers = a->w.vit.R > 0;
    if (registers && strcmp(name, "pos_embed") == 0)
        add(r, name, t, C, t->dims[1] - 1);
    else
        add(r, name, t, 0, 0)->added =
            registers && strcmp(name, "cls_token") == 0 ? row_of(a, "backbone.pos_embed") : NULL;
}

static void timm(const char *golden)
{
    struct network a, b;
    static struct rebuilt r;
    r.n = 0;
    if (!ok(open_network(&a, tap_golden(golden), &plain) == 0, "%s %s", golden, a.error.text))
        return;
    for (int64_t i = 0; i < a.w.file.set.n; i++)
        add_timm(&r, &a, &a.w.file.set.item[i]);
    save(&r, scratch_file("timm.safetensors"), NULL);
    ok(open_network(&b, scratch_file("timm.safetensors"), &plain) == 0, "%s as timm names it %s",
       golden, b.error.text);
    is_int(b.w.n_new, 1, "mask_token is new");
    if (a.w.vit.R == 0) {
        same_network(&a, &b, golden);
    } else { /* class token and its position come as their sum */
        const float *cls = row_of(&a, "backbone.cls_token"), *pos = row_of(&a, "backbone.pos_embed");
        const float *cls_b = row_of(&b, "backbone.cls_token"), *pos_b = row_of(&b, "backbone.pos_embed");
        bool same = cls_b && pos_b;
        for (int64_t i = 0; same && i < a.w.vit.C; i++)
            same = cls_b[i] == cls[i] + pos[i] && pos_b[i] == 0 && pos_b[a.w.vit.C + i] == pos[a.w.vit.C + i];
        ok(same && a.w.vit.grid == b.w.vit.grid, "%s: class token and positions", golden);
    }
    close_network(&a);
    close_network(&b);
}

/* ------------------------------------------------------------------ the published scheme in its wrappings */
static void wrapped(void)
{
    static const char *const prefixes[] = {"", "model.", "teacher.backbone.", "backbone.", "student.", "module.",
                                           "state_dict.module.backbone.", "teacher.backbone._fsdp_wrapped_module."};
    struct network a, b;
    if (open_network(&a, tap_golden("vit_plain.pth"), &plain)) {
        ok(false, "%s", a.error.text);
        return;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        static struct rebuilt r;
        r.n = 0;
        for (int64_t k = 0; k < a.w.file.set.n; k++) {
            char name[160];
            snprintf(name, sizeof name, "%.60s%.90s", prefixes[i], a.w.file.set.item[k].name);
            add(&r, name, &a.w.file.set.item[k], 0, 0);
        }
        save(&r, scratch_file("wrapped.safetensors"), NULL);
        ok(open_network(&b, scratch_file("wrapped.safetensors"), &plain) == 0, "under \"%s\" %s",
           prefixes[i], b.error.text);
        same_network(&a, &b, prefixes[i]);
        close_network(&b);
    }
    if (open_network(&b, tap_golden("vit_plain_teacher_checkpoint.pth"), &plain) == 0) {
        same_network(&a, &b, "teacher checkpoint");
        const struct head_config *h = &b.w.dino_head;
        ok(b.w.has_dino_head && h->n_prototypes > 0 && h->n_layers > 0, "its head: %lld layers, %lld prototypes",
           (long long)h->n_layers, (long long)h->n_prototypes);
    }
    close_network(&b);
    const struct weights_hint student = {.role = WEIGHTS_STUDENT};
    int status = open_network(&b, tap_golden("vit_plain_teacher_checkpoint.pth"), &student);
    ok(status == FMT_MISMATCH, "a student is asked for where there is none: %s", b.error.text);
    close_network(&a);
    ok(open_network(&a, tap_golden("vit_chunked.pth"), &plain) == 0 && a.w.vit.depth > 1,
       "chunked blocks are found");
    close_network(&a);
}

/* ------------------------------------------------------------------ what does not fit */
static void problems(void)
{
    struct network a, b;
    static struct rebuilt r;
    r.n = 0;
    if (open_network(&a, tap_golden("vit_plain.pth"), &plain)) {
        ok(false, "%s", a.error.text);
        return;
    }
    for (int64_t i = 0; i < a.w.file.set.n; i++) {
        const struct named_tensor *t = &a.w.file.set.item[i];
        if (strcmp(t->name, "norm.bias") != 0 && strcmp(t->name, "blocks.1.attn.proj.weight") != 0)
            add(&r, t->name, t, 0, strcmp(t->name, "blocks.0.mlp.fc2.bias") == 0 ? t->dims[0] - 1 : 0);
    }
    add(&r, "blocks.0.attn.extra", named_tensor_find(&a.w.file.set, "norm.bias"), 0, 0);
    save(&r, scratch_file("bad.safetensors"), NULL);
    ok(open_network(&b, scratch_file("bad.safetensors"), &plain) == FMT_MISMATCH, "%s", b.error.text);
    is_int(b.w.n_problems, 4, "all four problems are listed");
    ok(has_problem(&b, "backbone.norm.bias is missing"), "a missing tensor");
    ok(has_problem(&b, "backbone.blocks.1.attn.proj.weight is missing"), "another one");
    ok(has_problem(&b, "backbone.blocks.0.mlp.fc2.bias is ["), "a misshapen one");
    ok(has_problem(&b, "blocks.0.attn.extra belongs nowhere"), "one that belongs nowhere");
    close_network(&b);
    const struct weights_hint other = {.model = "dinov2_vits14_reg"}, nobody = {.model = "dinov2_vitx14"};
    ok(open_network(&b, tap_golden("vit_plain.pth"), &other) == FMT_MISMATCH &&
           has_problem(&b, "backbone.register_tokens is missing") && b.w.n_problems > 20,
       "another model than it is");
    close_network(&b);
    ok(open_network(&b, tap_golden("vit_plain.pth"), &nobody) == FMT_INVALID, "%s",
       b.error.text);
    ok(open_network(&b, tap_golden("dino_head.safetensors"), &plain) == FMT_MISMATCH, "%s", b.error.text);
    close_network(&a);
}

/* What the file says of itself is believed before what is deduced, and a hint before both. */
static void settings(void)
{
    struct network a, b;
    static struct rebuilt r;
    struct config c;
    struct fmt_error e = {0};
    r.n = 0;
    if (open_network(&a, tap_golden("vit_plain.pth"), &plain)) {
        ok(false, "%s", a.error.text);
        return;
    }
    for (int64_t i = 0; i < a.w.file.set.n; i++)
        add(&r, a.w.file.set.item[i].name, &a.w.file.set.item[i], 0, 0);
    char text[400];
    snprintf(text, sizeof text, "{\"student.patch_size\":%d,\"student.embed_dim\":%d,\"student.depth\":%d,"
             "\"student.num_heads\":2,\"student.interpolate_offset\":0.0,\"student.mlp_ratio\":%g,"
             "\"augment.std\":[1,1,1]}",
             (int)a.w.vit.patch, (int)a.w.vit.C, (int)a.w.vit.depth, (double)a.w.vit.hidden / (double)a.w.vit.C);
    save(&r, scratch_file("settings.safetensors"), text);
    ok(open_network(&b, scratch_file("settings.safetensors"), &plain) == 0, "settings in the file %s",
       b.error.text);
    ok(b.w.has_settings && b.w.vit.n_heads == 2 && b.w.vit.offset == 0 && b.w.pixel_norm.std[0] == 1.0f &&
           b.w.vit.grid == a.w.vit.grid,
       "heads, resampling and normalisation are theirs, the grid is the file's");
    config_init(&c);
    int status = config_parse(&c, text, strlen(text), "hint", &e);
    if (!status)
        status = config_set(&c, "student.num_heads=4", &e);
    close_network(&b);
    ok(!status && open_network(&b, scratch_file("settings.safetensors"), &(struct weights_hint){.config = &c}) == 0 &&
           b.w.vit.n_heads == 4, "a hint comes first");
    config_release(&c);
    close_network(&b);
    close_network(&a);
}

static void names(void)
{
    static const struct {
        const char *theirs, *ours;
    } pair[] = {{"blocks.2.13.norm1.weight", "backbone.blocks.13.norm1.weight"},
                {"blocks.13.norm1.weight", "backbone.blocks.13.norm1.weight"},
                {"backbone.blocks.0.1.ls2.gamma", "backbone.blocks.1.ls2.gamma"},
                {"dinov2.layernorm.bias", "backbone.norm.bias"},
                {"dinov2_with_registers.embeddings.register_tokens", "backbone.register_tokens"},
                {"encoder.layer.7.layer_scale1.lambda1", "backbone.blocks.7.ls1.gamma"},
                {"reg_token", "backbone.register_tokens"},
                {"encoder.layer.7.attention.o_proj.bias", "backbone.blocks.7.attn.proj.bias"},
                {"encoder.layer.7.mlp.down_proj.weight", "backbone.blocks.7.mlp.w3.weight"},
                {"dino_head.last_layer.parametrizations.weight.original0", "dino_head.last_layer.weight_g"},
                {"ibot_head.last_layer.parametrizations.weight.original1", "ibot_head.last_layer.weight_v"},
                {"dino_head.mlp.0.bias", "dino_head.mlp.0.bias"}};
    struct weight_names_target t;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        ok(weight_names_publish(pair[i].theirs, &t) == WEIGHT_NAMES_PARAMETER && strcmp(t.name, pair[i].ours) == 0,
           "%s is %s", pair[i].theirs, pair[i].ours);
    ok(weight_names_publish("head.weight", &t) == WEIGHT_NAMES_UNUSED, "a classifier is known and left out");
    ok(weight_names_publish("encoder.layer.7.attention.attention.value.bias", &t) == WEIGHT_NAMES_PARAMETER &&
           t.part == 2 && t.n_parts == 3,
       "value is the third part");
    ok(weight_names_publish("encoder.layer.7.attention.k_proj.bias", &t) == WEIGHT_NAMES_PARAMETER && t.part == 1 &&
           t.n_parts == 3 && strcmp(t.name, "backbone.blocks.7.attn.qkv.bias") == 0,
       "key as transformers 5 names it, the second");
    ok(weight_names_publish("encoder.layer.7.mlp.gate_proj.weight", &t) == WEIGHT_NAMES_PARAMETER && t.part == 0 &&
           t.n_parts == 2 && strcmp(t.name, "backbone.blocks.7.mlp.w12.weight") == 0,
       "the gate is the first half of w12");
    ok(weight_names_publish("encoder.layer.7.mlp.up_proj.weight", &t) == WEIGHT_NAMES_PARAMETER && t.part == 1,
       "up the second");
    char clean[64];
    ok(weight_names_unwrap("module.a._orig_mod.b.module", clean, sizeof clean) && strcmp(clean, "a.b.module") == 0,
       "wrappers go, a last part stays");
}

int main(void)
{
    names();
    wrapped();
    hugging_face("vit_plain.pth", "");
    hugging_face("vit_reg4.pth", "dinov2_with_registers.");
    hugging_face("vit_swiglu.pth", "dinov2.");
    timm("vit_plain.pth");
    timm("vit_reg4.pth");
    timm("vit_swiglu.pth");
    problems();
    settings();
    return tap_done();
}
