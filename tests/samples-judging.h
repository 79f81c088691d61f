/* samples-judging.h - the part of samples.h about what judges: a small memory bank and a small inspector. Included by
 * samples.h alone, whose samples they hold. */
#ifndef SAMPLES_JUDGING_H
#define SAMPLES_JUDGING_H

#include "bank.h"
#include "inspector.h"

/* Three photographs of 1 x 2 tokens, the last of which was only scored; four vectors of the first two, which were
 * offered. */
enum { SAMPLE_BANK_PHOTOGRAPHS = 3, SAMPLE_BANK_VECTORS = 4 };
static struct bank_photograph sample_bank_photograph(int i)
{
    struct index_labels l = sample_labels(i);
    static const double score[] = {0.25, NAN, 0.5};
    return (struct bank_photograph){l.key, l.group, {(uint8_t)(i + 1)}, l.label, i < 2, score[i]};
}

static inline int sample_bank(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    static const float x[SAMPLE_BANK_VECTORS][SAMPLE_DIM] = {{1, 0, 0}, {0, 0.6f, 0.8f}, {0, -1, 0}, {0.6f, 0, -0.8f}};
    static const struct bank_vector origin[] = {{0, 1}, {1, 0}, {0, 0}, {1, 1}};
    struct feat_header h = sample_feat_header();
    struct bank b = {0};
    struct provenance p;
    h.kind = FEAT_PATCH, h.n_tokens = 2, h.grid_h = 1, h.grid_w = 2, h.image_h = 14, h.image_w = 28;
    sample_provenance(&p, with_provenance);
    int status = sample_recipe(&h.recipe, e);
    if (status == 0)
        status = bank_init(&b, &h, h.class_name[1], e);
    b.faults[0] = 0xfa;
    for (int i = 0; i < SAMPLE_BANK_PHOTOGRAPHS && status == 0; i++) {
        struct bank_photograph t = sample_bank_photograph(i);
        status = bank_add_photograph(&b, &t, e);
    }
    for (int i = 0; i < SAMPLE_BANK_VECTORS && status == 0; i++)
        status = bank_add_vector(&b, x[i], origin[i], e);
    if (status == 0)
        status = bank_write(&b, &p, io, e);
    bank_release(&b);
    recipe_release(&h.recipe);
    provenance_release(&p);
    return status;
}

/* One vector of one photograph of one token. */
static inline int small_bank(const struct fmt_writer *io, const struct provenance *p, struct fmt_error *e)
{
    static const float x[1] = {1};
    struct feat_header h = {.kind = FEAT_PATCH, .dim = 1, .n_tokens = 1, .n_layers = 1, .layers = 1 << 11,
                            .image_h = 14, .image_w = 14, .grid_h = 1, .grid_w = 1, .weights = {0xab}};
    struct bank_photograph t = {"a", "", {0xe3}, -1, true, 0.5};
    struct bank b = {0};
    int status = recipe_add_int(&h.recipe, "size", 14, e);
    if (status == 0)
        status = bank_init(&b, &h, "", e);
    if (status == 0)
        status = bank_add_photograph(&b, &t, e);
    if (status == 0)
        status = bank_add_vector(&b, x, (struct bank_vector){0, 0}, e);
    if (status == 0)
        status = bank_write(&b, p, io, e);
    bank_release(&b);
    recipe_release(&h.recipe);
    return status;
}

/* A member of some bytes. */
struct sample_member {
    struct fmt_memory memory;
    struct inspector_part part;
};

static inline void sample_part_of(struct sample_member *m, enum inspector_role role, const char *name, const void *data,
                                  size_t bytes, int level)
{
    m->memory = (struct fmt_memory){data, bytes, 0};
    m->part = (struct inspector_part){role, name, fmt_memory_reader(&m->memory), level};
}

enum { SAMPLE_MEMBERS = 4 };
static inline int write_inspector(const struct fmt_writer *io, const struct provenance *p, int n, struct fmt_error *e)
{
    static const char settings[] = "{\"version\":1}\n", weights[] = "not looked at";
    struct fmt_buffer classifier = {0}, bank = {0};
    struct fmt_writer to_classifier = fmt_buffer_writer(&classifier), to_bank = fmt_buffer_writer(&bank);
    struct sample_member m[SAMPLE_MEMBERS];
    struct inspector_part part[SAMPLE_MEMBERS];
    uint8_t identity[DIGEST_BYTES];
    sample_part_of(&m[0], INSPECTOR_SETTINGS, "settings.json", settings, sizeof settings - 1, 3);
    sample_part_of(&m[1], INSPECTOR_WEIGHTS, "vits14.safetensors", weights, sizeof weights - 1, BLOCK_STORED);
    int status = small_linear(&to_classifier, p, e);
    if (status == 0)
        status = small_bank(&to_bank, p, e);
    sample_part_of(&m[2], INSPECTOR_CLASSIFIER, "model.logreg", classifier.data, classifier.bytes, 3);
    sample_part_of(&m[3], INSPECTOR_BANK, "good.bank", bank.data, bank.bytes, 3);
    for (int i = 0; i < n; i++)
        part[i] = m[i].part;
    if (status == 0)
        status = inspector_write(part, n, p, io, identity, e);
    fmt_buffer_release(&classifier);
    fmt_buffer_release(&bank);
    return status;
}

static inline int sample_inspector(const struct fmt_writer *io, bool with_provenance, struct fmt_error *e)
{
    struct provenance p;
    sample_provenance(&p, with_provenance);
    int status = write_inspector(io, &p, SAMPLE_MEMBERS, e);
    provenance_release(&p);
    return status;
}

#endif
