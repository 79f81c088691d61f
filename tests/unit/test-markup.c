/* test-markup.c - whatever bytes a text has, what is written is text in a document: escaped, UTF-8, no control
 * characters. */
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "tap.h"
#include "utf8.h"

static void is_written(const char *text, const char *want)
{
    char *got = NULL;
    size_t bytes;
    FILE *out = open_memstream(&got, &bytes);
    markup_text(out, text);
    fclose(out);
    is_text(got, want, "%s", want);
    free(got);
}

/* All pairs of bytes: the result is UTF-8 without a control character and without markup. */
static void test_pairs(void)
{
    bool good = true;
    for (int a = 1; a < 256; a++)
        for (int b = 1; b < 256; b++) {
            const char text[] = {(char)a, (char)b, 0};
            char *got = NULL;
            size_t bytes;
            FILE *out = open_memstream(&got, &bytes);
            markup_text(out, text);
            fclose(out);
            for (size_t at = 0, n; good && at < bytes; at += n) {
                uint32_t code;
                n = utf8_decode(got + at, bytes - at, &code);
                good = n > 0 && code >= 0x20 && !(code >= 0x7f &&
                                                  code < 0xa0) && code != '<' && code != '>' && code != '"';
            }
            free(got);
        }
    ok(good, "two bytes of any value");
}

int main(void)
{
    is_written("plain, gr\xc3\xbc\xc3\x9f", "plain, gr\xc3\xbc\xc3\x9f");
    is_written("<a href='x'>&\"", "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    is_written("a\xff" "b\xc3", "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
    is_written("a\x01\n\x7f\xc2\x85z", "a????z");
    is_written("invoice\xe2\x80\xae" "gpj.exe", "invoice?gpj.exe");
    is_written("\xef\xbf\xbf \xef\xb7\x90 \xf0\x9f\xbf\xbe", "\xEF\xBF\xBD \xEF\xBF\xBD \xEF\xBF\xBD");
    is_written("\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    test_pairs();
    return tap_done();
}
