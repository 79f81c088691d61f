/* test-format-bank.c - memory banks as files: what was written is read again, from memory and from a pipe; what breaks
 * a rule is neither added nor written. */
#include <math.h>
#include <stdio.h>

#include "formatbed.h"

static bool same_photograph(const struct bank_photograph *a, const struct bank_photograph *b)
{
    return strcmp(a->key, b->key) == 0 && strcmp(a->group, b->group) == 0 && a->label == b->label &&
           a->offered == b->offered &&
           (a->score == b->score || (isnan(a->score) && isnan(b->score))) &&
           memcmp(a->content, b->content, DIGEST_BYTES) == 0;
}

static int read_bank(struct bank *b, const struct fmt_buffer *file, struct fmt_error *e)
{
    struct fmt_memory m = {file->data, file->bytes, 0};
    struct fmt_reader io = fmt_memory_reader(&m);
    return bank_read(b, &io, e);
}

static void test_bank(void)
{
    struct fmt_buffer file = make(BLOCK_BANK, true);
    struct bank b;
    struct fmt_error e = {0};
    ok(read_bank(&b, &file, &e) == 0, "bank: read %s", e.text);
    is_int(b.n_photographs, SAMPLE_BANK_PHOTOGRAPHS, "bank: photographs");
    is_int(b.n_vectors, SAMPLE_BANK_VECTORS, "bank: vectors");
    for (int i = 0; i < SAMPLE_BANK_PHOTOGRAPHS; i++) {
        struct bank_photograph want = sample_bank_photograph(i);
        ok(same_photograph(&b.photograph[i], &want), "bank: photograph %d", i);
    }
    ok(b.origin[1].photograph == 1 && b.origin[1].token == 0 && b.x[SAMPLE_DIM + 2] == 0.8f, "bank: a vector");
    ok(b.largest == BANK_LARGEST && b.faults[0] == 0xfa && b.features.grid_w == 2 && b.features.recipe.n > 0 &&
           b.features.n_classes == 2 &&
           strcmp(b.positive, b.features.class_name[1]) == 0 && strstr(b.provenance, "\"sample\""), "bank: the header");
    bank_release(&b);
    fmt_buffer_release(&file);
}

/* What is added or written must keep the rules. */
static void test_bank_rules(void)
{
    struct fmt_buffer file = make(BLOCK_BANK, false), out = {0};
    struct fmt_writer io = fmt_buffer_writer(&out);
    struct provenance p;
    struct bank b;
    struct fmt_error e = {0};
    static const float x[SAMPLE_DIM] = {1, 0, 0}, nan[SAMPLE_DIM] = {NAN, 0, 0};
    provenance_init(&p, "test", "1.0", false);
    ok(read_bank(&b, &file, &e) == 0, "bank: read again %s", e.text);
    is_int(bank_add_vector(&b, x, (struct bank_vector){3, 0}, &e), FMT_LIMIT, "bank: no such photograph: %s", e.text);
    is_int(bank_add_vector(&b, x, (struct bank_vector){0, -1}, NULL), FMT_LIMIT, "bank: no such token");
    is_int(bank_add_vector(&b, x, (struct bank_vector){2, 0}, NULL), FMT_INVALID, "bank: of one that was only scored");
    is_int(bank_add_vector(&b, nan, (struct bank_vector){0, 0}, NULL), FMT_NONFINITE, "bank: a NaN");
    struct bank_photograph t = sample_bank_photograph(0);
    t.score = INFINITY;
    is_int(bank_add_photograph(&b, &t, NULL), FMT_NONFINITE, "bank: an infinite score");
    t = sample_bank_photograph(0), t.label = 2;
    is_int(bank_add_photograph(&b, &t, NULL), FMT_LIMIT, "bank: a label of two classes");
    t.label = -2;
    is_int(bank_add_photograph(&b, &t, NULL), FMT_LIMIT, "bank: a label below none");
    is_int(b.n_vectors, SAMPLE_BANK_VECTORS, "bank: untouched by what was refused");
    b.largest = 0;
    is_int(bank_write(&b, &p, &io, NULL), FMT_LIMIT, "bank: scores from none of the tokens");
    b.largest = 1, b.positive = "odd";
    is_int(bank_write(&b, &p, &io, NULL), FMT_INVALID, "bank: a positive class that is none of them");
    b.positive = "positive", b.n_vectors = 0;
    is_int(bank_write(&b, &p, &io, NULL), FMT_LIMIT, "bank: without vectors");
    b.n_vectors = 1, b.photograph[0].offered = false;
    is_int(bank_write(&b, &p, &io, NULL), FMT_INVALID, "bank: the vector of one that was only scored");
    is_int((int64_t)out.bytes, 0, "bank: nothing of these was written");
    bank_release(&b);
    provenance_release(&p);
    fmt_buffer_release(&file);
}

/* Several blocks of photographs and of vectors, from a pipe. */
static void test_bank_large(void)
{
    enum { PHOTOGRAPHS = 20000, VECTORS = 3000, DIM = 384 };
    struct feat_header h = {.kind = FEAT_PATCH, .dim = DIM, .n_tokens = 4, .grid_h = 2, .grid_w = 2};
    struct bank b, c;
    struct provenance p;
    struct fmt_buffer out = {0};
    struct fmt_writer io = fmt_buffer_writer(&out);
    struct fmt_error e = {0};
    provenance_init(&p, "test", "1.0", false);
    int status = bank_init(&b, &h, "", &e);
    for (int i = 0; i < PHOTOGRAPHS && !status; i++) {
        char key[80];
        snprintf(key, sizeof key, "a folder with a rather long name/and another one/photograph-%d.jpeg", i);
        status = bank_add_photograph(&b, &(struct bank_photograph){key, "g", {1}, -1, true, i}, &e);
    }
    for (int i = 0; i < VECTORS && !status; i++) {
        float x[DIM];
        for (int j = 0; j < DIM; j++)
            x[j] = (float)(i + j);
        status = bank_add_vector(&b, x, (struct bank_vector){i, i % 4}, &e);
    }
    ok(!status && bank_write(&b, &p, &io, &e) == 0, "bank: %zu bytes %s", out.bytes, e.text);
    struct pipe pipe;
    struct fmt_reader r = pipe_reader(&pipe, out.data, out.bytes, 1000);
    ok(bank_read(&c, &r, &e) == 0 && c.n_photographs == PHOTOGRAPHS && c.n_vectors == VECTORS,
       "bank: and back from a pipe %s", e.text);
    ok(same_photograph(&b.photograph[PHOTOGRAPHS - 1], &c.photograph[PHOTOGRAPHS - 1]) &&
           memcmp(b.x, c.x, sizeof(float) * VECTORS * DIM) == 0 &&
           memcmp(b.origin, c.origin, sizeof *b.origin * VECTORS) == 0, "bank: what was written is what is read");
    bank_release(&b);
    bank_release(&c);
    provenance_release(&p);
    fmt_buffer_release(&out);
}

int main(void)
{
    test_bank();
    test_bank_rules();
    test_bank_large();
    return tap_done();
}
