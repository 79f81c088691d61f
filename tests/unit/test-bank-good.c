/* Scores of good photographs that a bank holds, as rows: which, their columns, their groups; refusals. */
#include <math.h>
#include <string.h>

#include "bank-good.h"
#include "tap.h"

static const struct {
    const char *key, *group;
    double score;
} photograph[] = {{"a-0", "a", 0.25}, {"a-1", "a", 0.5}, {"b-0", "b", NAN}, {"c", "", 0.125}, {"d", "", 1.5}};
enum { N = sizeof photograph / sizeof *photograph };

static void make(struct bank *b, bool scored)
{
    struct feat_header h = {.kind = FEAT_PATCH, .dim = 2, .n_tokens = 1, .grid_h = 1, .grid_w = 1};
    struct fmt_error e = {0};
    int status = bank_init(b, &h, "", &e);
    for (int i = 0; i < N && !status; i++)
        status = bank_add_photograph(b, &(struct bank_photograph){photograph[i].key, photograph[i].group,
                                                                  {(uint8_t)(i + 1)}, -1, true,
                                                                  scored ? photograph[i].score : NAN}, &e);
    ok(!status, "a bank %s", e.text);
}

static void test_rows(int positive)
{
    static const int want[] = {0, 1, 3, 4}, group[] = {0, 0, 1, 2};
    struct bank b;
    struct rows r;
    struct fmt_error e = {0};
    make(&b, true);
    ok(bank_good_rows(&r, &b, NULL, positive, &e) == 0 && r.n == 4 && r.n_groups == 3, "positive %d: four of three "
       "groups %s", positive, e.text);
    int wrong = 0;
    for (int i = 0; i < 4; i++) {
        double score = photograph[want[i]].score;
        wrong += strcmp(r.key[i], photograph[want[i]].key) != 0;
        wrong += strcmp(r.group_name[i], photograph[want[i]].group) != 0;
        wrong += r.group[i] != group[i] || r.label[i] != !positive || r.group_view[i] != -1;
        wrong += r.content[i][0] != want[i] + 1 || *r.extra[i] != 0;
        wrong += r.proba[2 * i + positive] != score || r.proba[2 * i + !positive] != -score;
    }
    is_int(wrong, 0, "positive %d: their columns", positive);
    is_int(bank_good_without_group(&b), 2, "two without a group");
    rows_release(&r);
    bank_release(&b);
}

static void test_refused(void)
{
    struct bank b, faults = {.identity = {7}};
    struct rows r;
    struct fmt_error e = {0};
    make(&b, false);
    is_int(bank_good_rows(&r, &b, NULL, 1, &e), FMT_INVALID, "without scores: %s", e.text);
    is_int(bank_good_without_group(&b), 0, "and none without a group");
    bank_release(&b);
    make(&b, true);
    is_int(bank_good_rows(&r, &b, &faults, 1, &e), FMT_MISMATCH, "by faults: %s", e.text);
    b.faults[0] = 7;
    ok(bank_good_rows(&r, &b, &faults, 1, &e) == 0, "of the same faults");
    rows_release(&r);
    b.faults[0] = 8;
    is_int(bank_good_rows(&r, &b, &faults, 1, &e), FMT_MISMATCH, "of other faults: %s", e.text);
    is_int(bank_good_rows(&r, &b, NULL, 1, &e), FMT_MISMATCH, "of faults, wanted without: %s", e.text);
    bank_release(&b);
}

int main(void)
{
    test_rows(0);
    test_rows(1);
    test_refused();
    return tap_done();
}
