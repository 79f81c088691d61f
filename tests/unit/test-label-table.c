/* Tables of labels: what spreadsheets write, names of columns, mistakes with their lines, tables that are refused; the
 * formats of pictures by content; names that look alike. */
#include <stdio.h>
#include <string.h>

#include "csv.h"
#include "foreign-image.h"
#include "label-table.h"
#include "tap.h"
#include "unicode-form.h"

static bool parse(const char *text, struct label_table *t)
{
    struct fmt_error e = {0};
    int status = label_table_parse(text, strlen(text), t, &e);
    if (status)
        ok(false, "%s", e.text);
    return status == 0;
}

static void good_table(void)
{
    struct label_table t;
    if (!parse("\xEF\xBB\xBFGroup_ID;Site;IMG_PATH;view;gt_label;split;note\r\n"
               "  7 ;north; a/7-0.jpeg ;2;good;val;\"a \"\"b\"\";\r\nc\"\r\n"
               "\r\n;;;;;;\r\n"
               ";;\" b;.jpg \";;;;", &t))
        return;
    is_int(t.n_rows, 2, "two rows; those without any text are skipped");
    is_int(t.n_problems, 0, "no problem");
    is_text(t.row[0].path, "a/7-0.jpeg", "path");
    is_text(t.row[0].label, "good", "label");
    is_text(t.row[0].group, "7", "group, without blanks");
    is_text(t.row[0].split, "val", "split");
    is_text(t.row[0].extra, "{\"Site\":\"north\",\"note\":\"a \\\"b\\\";\\r\\nc\"}", "further keys");
    ok(t.row[0].group_view == 2 && t.row[0].line == 2, "view, line");
    is_text(t.row[1].path, " b;.jpg ", "what is in quotation marks is taken to the byte");
    ok(!*t.row[1].label && !*t.row[1].group && !*t.row[1].split && !*t.row[1].extra && t.row[1].group_view == -1 &&
           t.row[1].line == 6, "empty fields say nothing; the line counts those within quotation marks");
    label_table_release(&t);
}

static void separators(void)
{
    static const char *const texts[] = {"path,label\na b,x;y\n", "path;label\na b;x\n", "path\tlabel\na b\tx\n",
                                        "\"a,b;c\",path\n1,a b\n", "path\r\na b", "\n\n path , label \na b,"};
    struct label_table t;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (parse(texts[i], &t)) {
            ok(t.n_rows == 1 && strcmp(t.row[0].path, "a b") == 0, "a table %zu", i);
            label_table_release(&t);
        }
}

static void problem(const char *row, const char *reason)
{
    char text[20000];
    struct label_table t;
    snprintf(text, sizeof text, "path,label,group,view,split,,site\na.jpg,x,,,,,\n%s\nb.jpg,x,,,,,\n", row);
    if (!parse(text, &t))
        return;
    ok(t.n_rows == 2 && t.n_problems == 1 && t.problem[0].line == 3 && strstr(t.problem[0].text, reason),
       "a problem of line 3: %s", t.n_problems ? t.problem[0].text : "none");
    label_table_release(&t);
}

static void problems(void)
{
    char row[5000];
    problem("a.jpg", "1 field, where the first line has 7");
    problem("a.jpg,x,,,,,,", "8 fields, where the first line has 7");
    problem(",x,,,,,", "the path is empty");
    problem("a.jpg,x,,-1,,,", "the view \"-1\" is no whole number");
    problem("a.jpg,x,,1.5,,,", "the view \"1.5\"");
    problem("a.jpg,x,,2147483648,,,", "the view \"2147483648\"");
    problem("a.jpg,x,,,valid,,", "the split \"valid\" is none of");
    problem("a.jpg,x,,,,7,", "a field in a column without name");
    problem("\"a\"b.jpg,x,,,,,", "text follows a closing quotation mark");
    problem("\xFF.jpg,x,,,,,", "not UTF-8");
    snprintf(row, sizeof row, "%04900d,x,,,,,", 0);
    problem(row, "the path is too long");
}

static void broken(const char *text, const char *reason)
{
    struct label_table t;
    struct fmt_error e = {0};
    int status = label_table_parse(text, strlen(text), &t, &e);
    ok(status == FMT_INVALID && strstr(e.text, reason), "refused: %s (%s)", reason, e.text);
    if (status == 0)
        label_table_release(&t);
}

static void refusals(void)
{
    struct label_table t;
    struct fmt_error e = {0};
    broken("", "the table is empty");
    broken("\r\n\r\n", "the table is empty");
    broken("photo,label\n", "line 1: there is no column path");
    broken("path,FILE\n", "line 1: two columns are the path: path and FILE");
    broken("path,site,site\n", "two columns have the name site");
    broken("path\na\n\"b\nc\nd\n", "line 3: a quotation mark is opened and never closed");
    broken("\"path\"x\na\n", "text follows");
    broken("\xFF\xFEp", "UTF-16");
    is_int(label_table_parse("path\0\n", 6, &t, &e), FMT_INVALID, "a zero byte");
}

static void formats(void)
{
#define IS(bytes, path, want) do { \
    const struct foreign_image *f = foreign_image_of((const uint8_t *)bytes, sizeof bytes - 1, path); \
    is_text(f ? f->name : "", want, "the bytes of %s", path); } while (0)
    IS("\0\0\0\x18" "ftypheic\0\0\0\0mif1heic", "a.heic", "HEIC");
    IS("\0\0\0\x18" "ftypmif1\0\0\0\0mif1avif", "a.heic", "AVIF");
    IS("\0\0\0\x18" "ftypmif1\0\0\0\0mif1heic", "a.heif", "HEIC");
    IS("\0\0\0\x18" "ftypcrx \0\0\0\x01" "crx isom", "a.cr3", "a camera's raw file");
    IS("\0\0\0\x14" "ftypqt  \0\0\0\0qt  ", "a.heic", "a film");
    IS("RIFF\x10\0\0\0WEBPVP8 ", "a.jpg", "WebP");
    IS("BM\x10\0\0\0", "a.bmp", "BMP");
    IS("GIF89a", "a.gif", "GIF");
    IS("II*\0\x08\0\0\0", "a.NEF", "a camera's raw file");
    IS("II*\0\x08\0\0\0", "a.tif", "");
    IS("\xff\xd8\xff\xe0", "a.heic", "");
    IS("GI", "a.gif", "");
    ok(foreign_image_is_name("x/IMG_1.HEIC") && foreign_image_is_name("a.dng") && !foreign_image_is_name("a.jpg") &&
           !foreign_image_is_name("heic") && !foreign_image_is_name("a.txt"), "names of such files");
}

static void looks(void)
{
    ok(unicode_form_compare_loosely("A\\B.JPG", "a/b.jpg") == 0, "letters of either case, and both slashes");
    ok(unicode_form_compare_loosely("\xC3\x9C", "u\xCC\x88") == 0, "a letter with its mark, in either form and case");
    ok(unicode_form_compare_loosely("\xD0\xAF\xCE\xA9", "\xD1\x8F\xCF\x89") == 0, "Cyrillic and Greek");
    ok(unicode_form_compare_loosely("a.jpg", "b.jpg") < 0 && unicode_form_compare_loosely("b", "A") > 0, "an order");
    ok(unicode_form_compare("A", "a") != 0, "which is not that of names");
}

int main(void)
{
    good_table();
    separators();
    problems();
    refusals();
    formats();
    looks();
    return tap_done();
}
