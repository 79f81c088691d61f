/* judge-open.c - joins the parts of an inspector: whatever does not belong together is refused here, so that a verdict
 * never rests on features that were made in two ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank-classes.h"
#include "file.h"
#include "gate-file.h"
#include "judge-memory.h"
#include "judge.h"
#include "shard.h"

/* ------------------------------------------------------------------ the parts */
static int read_classifier(struct judge *j, const char *what, const struct fmt_reader *io, struct fmt_error *e)
{
    int status = io->read_at ? linear_read(&j->classifier, io, e) : 0;
    j->has_classifier = io->read_at && !status;
    if (status)
        fmt_prefix(e, what);
    return status;
}

static int read_bank(struct bank *b, bool *has, const char *what, const struct fmt_reader *io, struct fmt_error *e)
{
    int status = io->read_at ? bank_read(b, io, e) : 0;
    *has = io->read_at && !status;
    if (status)
        fmt_prefix(e, what);
    return status;
}

static int read_parts(struct judge *j, const struct judge_parts *parts, struct fmt_error *e)
{
    int status = read_classifier(j, j->named.classifier, &parts->classifier, e);
    if (!status)
        status = read_bank(&j->bank, &j->has_bank, j->named.bank, &parts->bank, e);
    if (!status)
        status = read_bank(&j->faults, &j->has_faults, j->named.faults, &parts->faults, e);
    if (!status && !(j->settings.by_bank ? j->has_bank : j->has_classifier))
        status = fmt_fail(e, FMT_INVALID, "scores by a %s that is not there",
                          j->settings.by_bank ? "bank" : "classifier");
    return status;
}

/* The header of features that the classifier was made from, or the bank where there is no classifier. */
static const struct feat_header *features_of(const struct judge *j)
{
    return j->has_classifier ? &j->classifier.features : &j->bank.features;
}

static int find_positive(struct judge *j, struct fmt_error *e)
{
    struct inspect_settings *s = &j->settings;
    const struct feat_header *h = features_of(j);
    const char *known = !j->has_classifier    ? j->bank.positive
                        : h->n_classes == 2 ? h->class_name[j->classifier.positive]
                                            : "";
    if (!s->positive && *known && !(s->positive = strdup(known)))
        return fmt_no_memory(e);
    if (!s->positive && j->has_classifier)
        return fmt_fail(e, FMT_INVALID, "%d classes: which is the defect (--positive)?", h->n_classes);
    if (!s->positive)
        return 0;
    j->positive = 0;
    while (j->positive < h->n_classes && strcmp(h->class_name[j->positive], s->positive) != 0)
        j->positive++;
    if (!j->has_classifier && h->n_classes < 2) /* good parts only: the defect may be a class that none of them has */
        return 0;
    return j->positive < h->n_classes ? 0 : fmt_fail(e, FMT_INVALID, "no class %.100s", s->positive);
}

/* A bank's photographs must be what it is used for, by classes as those of the classifier or of the other bank. */
static int check_classes_of(const struct judge *j, const struct bank *b, enum bank_role role, const char *what,
                            struct fmt_error *e)
{
    const struct feat_header *h = features_of(j);
    const char *positive = j->settings.positive;
    int status = bank_check_classes(b, h->class_name, h->n_classes, positive, e);
    if (!status)
        status = bank_check_role(b, role, positive ? positive : "", e);
    if (status)
        fmt_prefix(e, what);
    return status;
}

static int check_classes(const struct judge *j, struct fmt_error *e)
{
    int status = j->has_bank ? check_classes_of(j, &j->bank, BANK_OF_GOOD, j->named.bank, e) : 0;
    if (status || !j->has_faults)
        return status;
    status = check_classes_of(j, &j->faults, BANK_OF_FAULTS, j->named.faults, e);
    if (!status && j->has_bank && (status = bank_check_apart(&j->bank, &j->faults, e)))
        fmt_prefix(e, j->named.faults);
    return status;
}

/* Warnings of weights are about guesses, which the comparison of recipes settles. */
static int load_network(struct judge *j, const struct judge_parts *parts, struct fmt_error *e)
{
    struct weights w;
    struct weights_hint hint = {.role = WEIGHTS_TEACHER};
    struct extract_network *n = &j->network;
    int status = weights_open_over(&w, parts->weights_name, &parts->weights, &hint, e);
    if (status)
        return status;
    n->with_head = j->has_classifier && j->classifier.features.kind == FEAT_HEAD;
    if (n->with_head && !w.has_dino_head)
        status = fmt_fail(e, FMT_MISMATCH, "%.200s: holds no projection head, which the classifier needs", w.path);
    if (!status && w.quantized && n->precision != PRECISION_INT8)
        status = fmt_fail(e, FMT_MISMATCH, "%.200s: quantised to int8, but the precision is %s", w.path,
                          precision_name(n->precision));
    if (!status)
        status = extract_network_load(n, &w, &j->device, e);
    if (status && w.n_problems > 0)
        fmt_prefix(e, w.problem[0]);
    weights_close(&w);
    return status ? status : extract_network_pack(n, &j->device, e);
}

/* ------------------------------------------------------------------ one way of extraction */
/* An item that this extraction does not have was not compared: photographs would be treated otherwise in silence. */
static int check_items(const struct feat_header *h, const struct recipe *own, struct fmt_error *e)
{
    for (int i = 0; i < h->recipe.n; i++)
        if (!recipe_find(own, h->recipe.item[i].name))
            return fmt_fail(e, FMT_UNSUPPORTED, "made with %.60s %.100s, which is not done here",
                            h->recipe.item[i].name, h->recipe.item[i].value);
    return 0;
}

/* What an extraction with these settings would write must go with what the part was made from. */
static int check_made_so(struct judge *j, const struct feat_header *h, const struct extract_settings *s,
                         bool allow_precision, struct fmt_error *e)
{
    struct extract x;
    struct extract_model model = extract_network_model(&j->network);
    int status = extract_open(&x, &j->device, &model, s, e);
    if (status)
        return status;
    struct feat_header own = extract_feat_header(&x);
    if (own.image_h == 0 && h->kind == FEAT_PATCH) { /* as large as the photographs: each row is checked */
        own.n_tokens = h->n_tokens;
        own.grid_h = h->grid_h, own.grid_w = h->grid_w;
        own.image_h = h->image_h, own.image_w = h->image_w;
    }
    memcpy(own.weights, j->network.hash, DIGEST_BYTES);
    own.class_name = h->class_name;
    own.n_classes = h->n_classes;
    status = shard_recipe(0, 0, false, &own.recipe, e);
    if (!status)
        status = extract_recipe(&x, &own.recipe, e);
    if (!status && shard_bits_of_recipe(&h->recipe)) /* judge_run reads photographs so */
        status = shard_recipe_bits(shard_bits_of_recipe(&h->recipe), &own.recipe, e);
    if (!status)
        status = feat_compatible(h, &own, allow_precision, e);
    if (!status)
        status = check_items(h, &own.recipe, e);
    recipe_release(&own.recipe);
    extract_close(&x);
    return status;
}

static int check_part(struct judge *j, const struct feat_header *h, const char *what, bool allow_precision,
                      struct extract_settings *s, struct fmt_error *e)
{
    int status = extract_settings_from(h, s, e);
    if (!status)
        status = check_made_so(j, h, s, allow_precision, e);
    if (status)
        fmt_prefix(e, what);
    return status;
}

/* One pass serves both: the photograph becomes one input, and tokens are normalised for both or for neither. */
static int check_one_pass(const struct judge *j, struct fmt_error *e)
{
    const struct feat_header *a = &j->classifier.features, *b = &j->bank.features;
    if (a->kind == FEAT_HEAD)
        return fmt_fail(e, FMT_UNSUPPORTED, "the classifier is of the head's outputs: not together with a bank");
    if (a->normalised != b->normalised)
        return fmt_fail(e, FMT_MISMATCH, "one is of normalised features, the other is not");
    if (!feat_same_precision(a, b))
        return fmt_fail(e, FMT_MISMATCH, "precision %.40s, the classifier has %.40s", feat_precision(b),
                        feat_precision(a));
    return recipe_compare(&a->recipe, &b->recipe, e);
}

static int check_bank(struct judge *j, bool allow_precision, struct extract_settings *s, struct fmt_error *e)
{
    int status = j->has_classifier ? check_one_pass(j, e) : 0;
    if (status)
        fmt_prefix(e, "bank and classifier");
    if (!status)
        status = check_part(j, &j->bank.features, j->named.bank, allow_precision, s, e);
    if (!status && j->has_faults) {
        status = feat_compatible(&j->bank.features, &j->faults.features, allow_precision, e);
        if (status)
            fmt_prefix(e, j->named.faults);
    }
    if (!status && s->kind != FEAT_PATCH)
        status = fmt_fail(e, FMT_UNSUPPORTED, "the bank is of %s, not of patches", feat_kind_name(s->kind));
    j->to_bank = (struct extract_derived){s->kind, s->layers, s->unit_length};
    return status;
}

/* All tokens serve every kind but the head's outputs, which need a pass of their own. */
static int open_extraction(struct judge *j, bool allow_precision, struct fmt_error *e)
{
    struct extract_settings s = {.kind = FEAT_PATCH}, of_bank = {.kind = FEAT_PATCH};
    struct extract_model model = extract_network_model(&j->network);
    int status = j->has_classifier
                     ? check_part(j, &j->classifier.features, j->named.classifier, allow_precision, &s, e) : 0;
    j->to_classifier = (struct extract_derived){s.kind, s.layers, s.unit_length};
    if (!status && j->has_bank) {
        status = check_bank(j, allow_precision, &of_bank, e);
        of_bank.layers |= s.layers;
        s = of_bank;
    }
    if (status)
        return status;
    j->as_stored = s.as_stored;
    j->bits = j->has_classifier ? shard_bits_of_recipe(&j->classifier.features.recipe) : 0;
    if (!j->bits && j->has_bank)
        j->bits = shard_bits_of_recipe(&j->bank.features.recipe);
    j->all_tokens = s.kind != FEAT_HEAD;
    if (j->all_tokens) {
        s.kind = FEAT_PATCH;
        s.with_cls = true;
        s.unit_length = false;
    }
    return extract_open(&j->extract, &j->device, &model, &s, e);
}

/* ------------------------------------------------------------------ opening */
/* The precision that thresholds were chosen in; another one on request, with a warning. Settings without one get that
 * of the features. */
static int choose_precision(struct judge *j, const struct judge_how *how, struct fmt_error *e)
{
    if (!*j->settings.precision)
        snprintf(j->settings.precision, sizeof j->settings.precision, "%s", feat_precision(features_of(j)));
    const char *name = how->precision ? how->precision : j->settings.precision;
    if (strcmp(name, FEAT_PRECISION_MIXED) == 0)
        return fmt_fail(e, FMT_INVALID, "the features are of several precisions: choose one (--precision)");
    int status = precision_choose(j->device.backend, name, &j->network.precision, e);
    if (!status && strcmp(precision_name(j->network.precision), j->settings.precision) != 0)
        how->warn("precision %s: the thresholds were chosen in %s", precision_name(j->network.precision),
                  j->settings.precision);
    return status;
}

void judge_set_gates(struct judge *j, const struct gate_limits *limits, struct gate_reference *reference)
{
    j->settings.gates = *limits;
    j->reference = *reference;
    j->has_reference = j->measures = true;
    *reference = (struct gate_reference){.dim = 0};
}

/* The reference is of features of this extraction: their width is all that can differ. */
static int open_gates(struct judge *j, const struct fmt_reader *io, struct fmt_error *e)
{
    struct gate_reference r = {.dim = 0};
    if (!io->read_at)
        return 0;
    int status = gate_reference_read(&r, io, j->extract.dim, JUDGE_RECENT_MOST, e);
    if (!status) {
        struct gate_limits limits = j->settings.gates;
        judge_set_gates(j, &limits, &r);
        return 0;
    }
    fmt_prefix(e, "the reference of the gates");
    gate_reference_release(&r);
    return status;
}

static const char *name_or(const char *name, const char *role)
{
    return name ? name : role;
}

int judge_open_parts(struct judge *j, const struct judge_parts *parts, struct inspect_settings *settings,
                     const struct judge_how *how, struct fmt_error *e)
{
    *j = (struct judge){.named = {name_or(parts->classifier_name, "the classifier"),
                                  name_or(parts->bank_name, "the bank"), name_or(parts->faults_name, "the faults")}};
    inspect_settings_move(&j->settings, settings);
    int status = device_open(&j->device, how->device, how->n_threads, how->warn, e);
    j->device_open = !status;
    if (!status)
        status = read_parts(j, parts, e);
    if (!status)
        status = find_positive(j, e);
    if (!status)
        status = check_classes(j, e);
    if (!status)
        status = choose_precision(j, how, e);
    if (!status)
        status = load_network(j, parts, e);
    if (!status)
        status = open_extraction(j, how->precision != NULL, e);
    if (!status)
        status = judge_memory_open(j, e);
    if (!status)
        status = open_gates(j, &parts->reference, e);
    if (status) {
        if (parts->name)
            fmt_prefix(e, parts->name);
        judge_close(j);
    }
    return status;
}

static int open_member(const struct inspector *x, enum inspector_role role, struct inspector_source *s,
                       struct fmt_reader *reader)
{
    int i = inspector_find(x, role);
    if (i < 0)
        return i;
    inspector_source_init(s, x, i);
    *reader = s->reader;
    return i;
}

static int read_settings(const struct inspector *x, struct inspect_settings *s, struct fmt_error *e)
{
    uint8_t *text;
    int i = inspector_find(x, INSPECTOR_SETTINGS), status = inspector_load(x, i, &text, e);
    if (!status)
        status = inspect_settings_parse(s, (const char *)text, (size_t)x->member[i].bytes, e);
    free(text);
    return status;
}

static int open_members(struct judge *j, const struct inspector *x, const char *path, const struct judge_how *how,
                        struct fmt_error *e)
{
    struct inspector_source s[INSPECTOR_MEMBERS_MAX + 1] = {{0}};
    struct judge_parts parts = {.name = path};
    struct inspect_settings settings;
    int status = read_settings(x, &settings, e);
    if (status) {
        fmt_prefix(e, path);
        return status;
    }
    parts.weights_name = x->member[open_member(x, INSPECTOR_WEIGHTS, &s[INSPECTOR_WEIGHTS], &parts.weights)].name;
    open_member(x, INSPECTOR_CLASSIFIER, &s[INSPECTOR_CLASSIFIER], &parts.classifier);
    open_member(x, INSPECTOR_BANK, &s[INSPECTOR_BANK], &parts.bank);
    open_member(x, INSPECTOR_FAULTS, &s[INSPECTOR_FAULTS], &parts.faults);
    open_member(x, INSPECTOR_REFERENCE, &s[INSPECTOR_REFERENCE], &parts.reference);
    status = judge_open_parts(j, &parts, &settings, how, e);
    inspect_settings_release(&settings);
    for (int i = 0; i <= INSPECTOR_MEMBERS_MAX; i++)
        inspector_source_release(&s[i]);
    return status;
}

int judge_open(struct judge *j, const char *path, const struct judge_how *how, struct fmt_error *e)
{
    struct file f;
    struct inspector x;
    struct fmt_error why = {0};
    *j = (struct judge){0};
    int status = file_open(&f, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    if (!f.regular)
        status = fmt_fail(&why, FMT_UNSUPPORTED, "an inspector is read from a file, not from a pipe");
    else
        status = inspector_open(&x, &io, &why);
    if (status) {
        fmt_prefix(&why, path);
        fmt_fail(e, why.status, "%s", why.text);
    } else {
        uint8_t identity[DIGEST_BYTES];
        memcpy(identity, x.block.header.identity, DIGEST_BYTES);
        status = open_members(j, &x, path, how, e);
        memcpy(j->identity, identity, DIGEST_BYTES);
        inspector_close(&x);
    }
    file_close(&f);
    return status;
}

void judge_close(struct judge *j)
{
    judge_memory_close(j);
    extract_close(&j->extract);
    extract_network_release(&j->network);
    if (j->has_classifier)
        linear_release(&j->classifier);
    if (j->has_bank)
        bank_release(&j->bank);
    if (j->has_faults)
        bank_release(&j->faults);
    gate_reference_release(&j->reference);
    if (j->device_open)
        device_close(&j->device);
    inspect_settings_release(&j->settings);
    *j = (struct judge){0};
}
