/* bank-file.c - see bank-file.h. */
#include "bank-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "verify.h"

bool bank_file_is(const char *path)
{
    struct file f;
    struct verify_peek p;
    if (strcmp(path, "-") == 0 || file_open_regular(&f, path, NULL))
        return false;
    struct fmt_reader io = file_reader(&f);
    bool is = verify_peek(&p, &io) == BLOCK_BANK;
    file_close(&f);
    return is;
}

int bank_file_read(struct bank *b, const char *path, struct fmt_error *e)
{
    struct file f;
    int status = file_open(&f, path, e);
    if (status)
        return status;
    struct fmt_reader io = file_reader(&f);
    status = bank_read(b, &io, e);
    if (status)
        fmt_prefix(e, path);
    file_close(&f);
    return status;
}

static void add(char text[BANK_LABELS_TEXT], int64_t n, const char *what)
{
    size_t at = strlen(text);
    if (n > 0)
        snprintf(text + at, BANK_LABELS_TEXT - at, "%s%" PRId64 " %.100s", at ? ", " : "", n, what);
}

const char *bank_labels_text(const struct bank *b, char text[BANK_LABELS_TEXT])
{
    text[0] = 0;
    for (int32_t c = -1; c < b->features.n_classes; c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < b->n_photographs; i++)
            n += b->photograph[i].label == c;
        add(text, n, c < 0 ? "without a label" : b->features.class_name[c]);
    }
    return text;
}
