/* What a bank was made of: photographs by label, the role that it is refused for, classes of a bank and of features
 * that become one, labels of joined banks. */
#include <math.h>
#include <string.h>

#include "bank-classes.h"
#include "bank-edit.h"
#include "tap.h"

static char good[] = "good", bad[] = "bad", odd[] = "odd";

static struct feat_header header(char **names, int n)
{
    return (struct feat_header){.kind = FEAT_PATCH, .dim = 1, .n_tokens = 1, .grid_h = 1, .grid_w = 1,
                                .class_name = names, .n_classes = n};
}

/* A photograph with a vector for each label: 0, 1, or - none. */
static struct bank make(char **names, int n_names, const char *positive, const char *labels)
{
    static const char *const key[] = {"a", "b", "c", "d", "e"};
    struct feat_header h = header(names, n_names);
    struct bank b;
    struct fmt_error e = {0};
    int status = bank_init(&b, &h, positive, &e);
    for (int i = 0; labels[i] && !status; i++) {
        int label = labels[i] == '-' ? -1 : labels[i] - '0';
        struct bank_photograph p = {key[i], key[i], {(uint8_t)(i + 1)}, label, true, NAN};
        status = bank_add_photograph(&b, &p, &e);
        if (!status)
            status = bank_add_vector(&b, &(float){(float)i}, (struct bank_vector){i, 0}, &e);
    }
    ok(!status, "a bank of %s %s", labels, e.text);
    return b;
}

static void test_role(void)
{
    static const struct {
        const char *labels, *positive;
        struct bank_census n;
        bool refused[2]; /* as a bank of good parts, of faults */
        const char *reason;
    } list[] = {
        {"000", "bad", {3, 0, 0}, {false, true}, "a bank of good parts, not of faults: none of its 3 photographs is"},
        {"11", "bad", {0, 2, 0}, {true, false}, "a bank of faults, not of good parts: all of its 2 photographs are"},
        {"011-", "bad", {1, 2, 1}, {true, true}, "1 of 4 photographs is not of bad, the positive class, and no fault"},
        {"0--", "bad", {1, 0, 2}, {false, true}, "1 of 3 photographs is not of bad"},
        {"1-", "bad", {0, 1, 1}, {true, false}, "1 of 2 photographs is of bad, the positive class, and no good part"},
        {"--", "bad", {0, 0, 2}, {false, false}, ""},
        {"011", "", {0, 0, 3}, {false, false}, ""},
        {"0", "good", {0, 1, 0}, {true, false}, "a bank of faults, not of good parts: all of its 1 photograph is"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct bank b = make((char *[]){good, bad}, 2, "bad", list[i].labels);
        struct bank_census n = bank_census(&b, list[i].positive);
        struct fmt_error e[2] = {0};
        char note[200];
        ok(memcmp(&n, &list[i].n, sizeof n) == 0, "%s, positive %s: counted", list[i].labels, list[i].positive);
        for (int role = 0; role < 2; role++)
            is_int(bank_check_role(&b, (enum bank_role)role, list[i].positive, &e[role]),
                   list[i].refused[role] ? FMT_MISMATCH : 0, "... as %s", role ? "faults" : "good parts");
        ok(strncmp(e[list[i].refused[1]].text, list[i].reason, strlen(list[i].reason)) == 0, "... %s",
           e[list[i].refused[1]].text);
        ok(bank_role_note(&b, BANK_OF_GOOD, list[i].positive, note, sizeof note) == (n.n_unknown > 0), "... %s", note);
        bank_release(&b);
    }
}

/* bank and features, what is stated -> the classes of both */
static void test_settle(void)
{
    static const struct {
        const char *bank[2], *bank_positive, *set[2], *stated;
        int status;
        const char *name[2];
        int n_named, i_positive;
        const char *positive;
    } list[] = {
        {{"good", "bad"}, "bad", {"good", "bad"}, NULL, 0, {"good", "bad"}, 2, 1, "bad"},
        {{"good", "bad"}, "good", {"good", "bad"}, NULL, 0, {"good", "bad"}, 2, 0, "good"},
        {{"good", "bad"}, "bad", {"bad", "good"}, NULL, FMT_MISMATCH, {NULL}, 0, 0, NULL},
        {{"good", "bad"}, "bad", {"bad", "good"}, "bad", 0, {"good", "bad"}, 2, 1, "bad"},
        {{"good", "bad"}, "bad", {"good", "bad"}, "good", FMT_MISMATCH, {NULL}, 0, 0, NULL},
        {{"good", "bad"}, "bad", {NULL}, NULL, 0, {"good", "bad"}, 2, 1, "bad"},
        {{"good", "bad"}, "bad", {NULL}, "odd", FMT_MISMATCH, {NULL}, 0, 0, NULL},
        {{NULL}, "", {"good", "bad"}, NULL, 0, {"good", "bad"}, 2, 1, "bad"},
        {{NULL}, "", {"good", "bad"}, "good", 0, {"good", "bad"}, 2, 0, "good"},
        {{NULL}, "", {"good", "bad"}, "odd", FMT_INVALID, {NULL}, 0, 0, NULL},
        {{NULL}, "bad", {"bad", "good"}, NULL, FMT_MISMATCH, {NULL}, 0, 0, NULL},
        {{"bad"}, "", {"good", "bad"}, NULL, 0, {"good", "bad"}, 2, 1, "bad"},
        {{"odd"}, "", {"good", "bad"}, NULL, FMT_MISMATCH, {NULL}, 0, 0, NULL},
        {{NULL}, "", {NULL}, NULL, 0, {"good", "faulty"}, 0, 1, ""},
        {{NULL}, "", {NULL}, "bad", 0, {"good", "bad"}, 0, 1, "bad"},
        {{"ok"}, "", {NULL}, NULL, 0, {"ok", "faulty"}, 1, 1, ""},
        {{"ok"}, "bad", {NULL}, NULL, 0, {"ok", "bad"}, 1, 1, "bad"},
        {{"bad"}, "bad", {NULL}, NULL, 0, {"bad", "good"}, 1, 0, "bad"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *const *names[] = {list[i].bank, list[i].set};
        int n[2];
        for (int k = 0; k < 2; k++)
            n[k] = (names[k][0] != NULL) + (names[k][1] != NULL);
        struct bank b = make((char **)list[i].bank, n[0], list[i].bank_positive, n[0] ? "0" : "-");
        struct feat_header h = header((char **)list[i].set, n[1]);
        struct bank_classes c;
        struct fmt_error e = {0};
        int status = bank_settle_classes(&c, &b, &h, list[i].stated, &e);
        is_int(status, list[i].status, "%zu: settled %s", i, e.text);
        if (!status)
            ok(strcmp(c.name[0], list[i].name[0]) == 0 && strcmp(c.name[1], list[i].name[1]) == 0 &&
               c.n_named == list[i].n_named && c.i_positive == list[i].i_positive &&
               strcmp(c.positive, list[i].positive) == 0, "%zu: %s, %s, %d named, positive %d \"%s\"", i, c.name[0],
               c.name[1], c.n_named, c.i_positive, c.positive);
        bank_release(&b);
    }
    struct feat_header three = header((char *[]){good, bad, odd}, 3);
    struct bank_classes c;
    is_int(bank_settle_classes(&c, NULL, &three, NULL, NULL), FMT_MISMATCH, "three classes");
}

/* A bank of one class gets the two of features, and its labels their numbers. */
static void test_take(void)
{
    struct bank b = make((char *[]){bad}, 1, "", "0-0");
    struct feat_header h = header((char *[]){good, bad}, 2);
    struct bank_classes c;
    struct fmt_error e = {0};
    ok(bank_settle_classes(&c, &b, &h, NULL, &e) == 0 && bank_take_classes(&b, &c, &e) == 0, "taken %s", e.text);
    ok(b.features.n_classes == 2 && strcmp(b.features.class_name[1], "bad") == 0 && strcmp(b.positive, "bad") == 0,
       "two classes, the second positive");
    ok(b.photograph[0].label == 1 && b.photograph[1].label == -1 && b.photograph[2].label == 1, "labels by name");
    is_int(bank_check_role(&b, BANK_OF_GOOD, b.positive, NULL), FMT_MISMATCH, "and it is known to be of faults");
    bank_release(&b);
}

static void test_join(void)
{
    char *two[] = {good, bad};
    struct bank out, in[2] = {make(two, 2, "bad", "0-1"), make(two, 2, "bad", "-01")};
    struct fmt_error e = {0};
    ok(bank_join(&out, in, 2, &e) == 0 && out.n_photographs == 3, "joined %s", e.text);
    ok(out.photograph[0].label == 0 && out.photograph[1].label == 0 && out.photograph[2].label == 1 &&
       strcmp(out.positive, "bad") == 0, "the label that one of them knows, and the positive class");
    bank_release(&out);
    in[1].photograph[0].label = 1;
    is_int(bank_join(&out, in, 2, &e), FMT_MISMATCH, "two labels: %s", e.text);
    in[1].photograph[0].label = 0, in[1].positive = "good";
    is_int(bank_join(&out, in, 2, &e), FMT_MISMATCH, "two positive classes: %s", e.text);
    for (int k = 0; k < 2; k++)
        bank_release(&in[k]);
}

int main(void)
{
    test_role();
    test_settle();
    test_take();
    test_join();
    return tap_done();
}
