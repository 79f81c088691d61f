/* fuzz-label-table - any bytes as a table of labels. What was read is written again, in quotation marks, and read once
 * more: the rows are the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "csv.h"
#include "label-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void put_text(struct fmt_buffer *b, const char *text)
{
    bytes_put(b, text, strlen(text));
}

static void put_field(struct fmt_buffer *b, const char *text, char end)
{
    bytes_put_u8(b, '"');
    for (; *text; text++) {
        if (*text == '"')
            bytes_put_u8(b, '"');
        bytes_put_u8(b, (uint8_t)*text);
    }
    bytes_put_u8(b, '"');
    bytes_put_u8(b, (uint8_t)end);
}

static void put_row(struct fmt_buffer *b, const struct label_row *row)
{
    char view[16] = "";
    if (row->group_view >= 0)
        snprintf(view, sizeof view, "%d", (int)row->group_view);
    put_field(b, row->path, ',');
    put_field(b, row->label, ',');
    put_field(b, row->group, ',');
    put_field(b, view, ',');
    put_field(b, row->split, '\n');
}

static void check_row(const struct label_row *a, const struct label_row *b)
{
    if (!*a->path || strcmp(a->path, b->path) != 0 || strcmp(a->label, b->label) != 0 ||
        strcmp(a->group, b->group) != 0 || strcmp(a->split, b->split) != 0 || a->group_view != b->group_view)
        abort();
}

static void check_again(const struct label_table *t)
{
    struct fmt_buffer b = {0};
    struct label_table again;
    put_text(&b, "path,label,group,view,split\n");
    for (int64_t i = 0; i < t->n_rows; i++)
        put_row(&b, &t->row[i]);
    if (label_table_parse((const char *)b.data, b.bytes, &again, NULL) || again.n_rows != t->n_rows ||
        again.n_problems)
        abort();
    for (int64_t i = 0; i < t->n_rows; i++)
        check_row(&t->row[i], &again.row[i]);
    label_table_release(&again);
    fmt_buffer_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct label_table t;
    struct fmt_error e = {0};
    char *text = malloc(n ? n : 1); /* exactly as long: no zero byte after it */
    if (!text)
        return 0;
    memcpy(text, data, n);
    if (label_table_parse(text, n, &t, &e) == 0) {
        check_again(&t);
        label_table_release(&t);
    } else if (e.text[0] == 0) {
        abort();
    }
    free(text);
    return 0;
}
