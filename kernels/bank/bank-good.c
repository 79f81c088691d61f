/* bank-good.c - see bank-good.h. */
#include "bank-good.h"

#include <math.h>
#include <string.h>

#include "groups.h"

enum {
    COLUMNS = ROWS_LABEL | ROWS_GROUP_VIEW | ROWS_KEY | ROWS_GROUP_NAME | ROWS_EXTRA | ROWS_CONTENT | ROWS_PROBA
};

static int check_faults(const struct bank *b, const struct bank *faults, struct fmt_error *e)
{
    static const uint8_t none[DIGEST_BYTES];
    if (memcmp(b->faults, faults ? faults->identity : none, DIGEST_BYTES) == 0)
        return 0;
    return fmt_fail(e, FMT_MISMATCH, "its scores of good photographs were computed with %s; "
                    "feat-bank --calibrate gives others",
                    digest_is_set(b->faults) ? "other faults" : "no bank of faults");
}

static void add(struct rows *r, const struct bank_photograph *p, int positive)
{
    int64_t i = r->n++;
    r->label[i] = !positive;
    r->group_view[i] = -1;
    r->key[i] = p->key;
    r->group_name[i] = p->group;
    r->extra[i] = "";
    memcpy(r->content[i], p->content, DIGEST_BYTES);
    r->proba[i * 2 + positive] = p->score;
    r->proba[i * 2 + !positive] = -p->score;
}

int bank_good_rows(struct rows *r, const struct bank *b, const struct bank *faults, int positive, struct fmt_error *e)
{
    *r = (struct rows){.n_classes = 2};
    int status = rows_reserve(r, COLUMNS, b->n_photographs, e);
    for (int64_t i = 0; !status && i < b->n_photographs; i++)
        if (!isnan(b->photograph[i].score))
            add(r, &b->photograph[i], positive);
    if (!status && r->n == 0)
        status = fmt_fail(e, FMT_INVALID, "no scores of good photographs, from which a threshold is chosen; feat-bank "
                          "--calibrate gives them");
    if (!status)
        status = check_faults(b, faults, e);
    if (!status)
        status = groups_number((struct rows *[]){r}, 1, e);
    if (status)
        rows_release(r);
    return status;
}

int64_t bank_good_without_group(const struct bank *b)
{
    int64_t n = 0;
    for (int64_t i = 0; i < b->n_photographs; i++)
        n += !isnan(b->photograph[i].score) && !*b->photograph[i].group;
    return n;
}
