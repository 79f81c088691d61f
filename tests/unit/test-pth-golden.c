/* test-pth-golden.c - .pth files of both containers, all types and layouts have the values of the plain file. */
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "pthbed.h"
#include "tap.h"

static bool open_golden(struct opened *o, const char *name)
{
    struct fmt_error e = {0};
    size_t n;
    *o = (struct opened){0};
    if (file_load(tap_golden(name), (size_t)1 << 30, &o->data, &n, &e) == 0 && open_bytes(o, o->data, n) == 0)
        return true;
    ok(false, "%s can be read: %s%s", name, e.text, o->error.text);
    return false;
}

static void close_opened(struct opened *o)
{
    named_tensor_release(&o->set);
    free(o->data);
}

/* Every tensor of b is prefix + name in a, within a relative difference. */
static void same_tensors(const struct opened *a, const struct opened *b, const char *prefix, double limit,
                         const char *what)
{
    int64_t n_bad = 0, n_seen = 0;
    for (int64_t i = 0; i < b->set.n; i++) {
        const struct named_tensor *t = &b->set.item[i];
        if (strncmp(t->name, prefix, strlen(prefix)) != 0)
            continue;
        const struct named_tensor *u = named_tensor_find(&a->set, t->name + strlen(prefix));
        float *x = values_of(t), *y = u ? values_of(u) : NULL;
        bool good = u && u->n == t->n && u->n_dims == t->n_dims &&
                    memcmp(u->dims, t->dims, (size_t)t->n_dims * sizeof *t->dims) == 0;
        for (int64_t k = 0; good && k < t->n; k++)
            good = fabsf(x[k] - y[k]) <= (float)limit * fabsf(y[k]) + (limit > 0 ? 6e-8f : 0);
        n_bad += !good;
        n_seen++;
        free(x);
        free(y);
    }
    ok(n_seen == a->set.n && n_bad == 0, "%s: %lld of %lld tensors are those of the plain file", what,
       (long long)(n_seen - n_bad), (long long)a->set.n);
}

static void golden_files(void)
{
    static const struct {
        const char *name, *prefix;
        double limit; /* half a unit in the last place of the type; float32: 0 */
    } variant[] = {{"vit_plain_legacy.pth", "", 0},
                   {"vit_plain_strided.pth", "", 0},
                   {"vit_plain_half.pth", "", 1.0 / 2048},
                   {"vit_plain_bfloat16.pth", "", 1.0 / 256},
                   {"vit_plain_teacher_checkpoint.pth", "teacher.backbone.", 0}};
    static const char *const others[] = {"vit_reg4.pth", "vit_swiglu.pth", "vit_chunked.pth"};
    struct opened plain, other;
    if (!open_golden(&plain, "vit_plain.pth"))
        return;
    for (size_t i = 0; i < sizeof variant / sizeof *variant; i++)
        if (open_golden(&other, variant[i].name)) {
            same_tensors(&plain, &other, variant[i].prefix, variant[i].limit, variant[i].name);
            close_opened(&other);
        }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (open_golden(&other, others[i])) {
            ok(other.set.n > 20, "%s: %lld tensors", others[i], (long long)other.set.n);
            close_opened(&other);
        }
    close_opened(&plain);
}

int main(void)
{
    golden_files();
    return tap_done();
}
