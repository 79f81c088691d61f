/* config-page - prints the part of dino-config(5) that lists the keys, from the table config.def. The page in man/ has
 * this text between two marks, and a test compares them:
 *
 *   build/tests/config-page [--replace man/dino-config.5]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "file.h"
#include "num.h"

static const char begin_mark[] = ".\\\" Made by tests/config-page from common/config.def: begin\n";
static const char end_mark[] = ".\\\" Made by tests/config-page from common/config.def: end\n";

static void put(struct fmt_buffer *out, const char *text)
{
    if (fmt_buffer_append(out, text, strlen(text)))
        exit(1);
}

/* Text for mdoc: no line may begin with a dot or quote, backslashes are doubled. */
static void put_plain(struct fmt_buffer *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        put(out, "\\&");
    for (; *text; text++) {
        char one[3] = {*text, 0, 0};
        put(out, *text == '\\' ? "\\e" : one);
    }
}

static void put_kind(struct fmt_buffer *out, const struct config_key *k)
{
    static const char *const kinds[] = {
        [CONFIG_INT] = "whole number",        [CONFIG_REAL] = "number",        [CONFIG_BOOL] = "true or false",
        [CONFIG_TEXT] = "text",               [CONFIG_PAIR] = "two numbers",   [CONFIG_TRIPLE] = "three numbers",
        [CONFIG_INTS] = "one to 16 whole numbers", [CONFIG_PATHS] = "text, or a list of up to 64",
        [CONFIG_CHOICE] = "one of"};
    char text[80], low[32], high[32];
    put(out, kinds[k->kind]);
    if (k->kind == CONFIG_CHOICE) {
        put(out, " ");
        for (const char *w = k->words; *w; w++) {
            char one[2] = {*w, 0};
            put(out, *w == '|' ? ", " : one);
        }
    } else if (k->kind != CONFIG_BOOL && k->kind != CONFIG_TEXT && k->kind != CONFIG_PATHS) {
        snprintf(text, sizeof text, " from %s to %s", num_f64_text(k->low, low), num_f64_text(k->high, high));
        put(out, text);
    }
    if (k->null_allowed && k->kind != CONFIG_TEXT && k->kind != CONFIG_PATHS)
        put(out, ", or null");
}

static void put_key(struct fmt_buffer *out, const struct config *defaults, int id)
{
    const struct config_key *k = config_key(id);
    char *value = config_value(defaults, id);
    if (!value)
        exit(1);
    put(out, ".It Li ");
    put(out, k->name);
    put(out, "\n");
    char first[2] = {*k->help, 0};
    if (*first >= 'a' && *first <= 'z')
        *first = (char)(*first - 'a' + 'A');
    put_plain(out, first);
    put_plain(out, k->help + 1);
    put(out, ".\n");
    put(out, ".Pq ");
    put_kind(out, k);
    put(out, k->source == CONFIG_OURS ? "; ours" : "");
    put(out, k->effect == CONFIG_UNUSED  ? "; accepted without effect"
             : k->effect == CONFIG_QUIET ? "; leaves the result as it is"
                                         : "");
    put(out, "\n.Bq ");
    put_plain(out, value);
    put(out, "\n");
    free(value);
}

static void put_table(struct fmt_buffer *out)
{
    struct config defaults;
    size_t length = 0;
    const char *section = "";
    config_init(&defaults);
    put(out, begin_mark);
    for (int id = 0; id < CONFIG_N_KEYS; id++) {
        const char *name = config_key(id)->name;
        if (strncmp(name, section, length + 1) != 0) {
            put(out, id ? ".El\n.Ss " : ".Ss ");
            section = name;
            length = strcspn(name, ".");
            if (fmt_buffer_append(out, name, length))
                exit(1);
            put(out, "\n.Bl -tag -width Ds\n");
        }
        put_key(out, &defaults, id);
    }
    put(out, ".El\n");
    put(out, end_mark);
}

static int replace(const char *path, const struct fmt_buffer *table)
{
    struct fmt_error e = {0};
    struct fmt_buffer page = {0};
    uint8_t *text;
    size_t n;
    if (file_load(path, 1 << 20, &text, &n, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    const char *begin = strstr((char *)text, begin_mark), *end = strstr((char *)text, end_mark);
    if (!begin || !end) {
        fprintf(stderr, "%s: the marks are not there\n", path);
        return 1;
    }
    end += sizeof end_mark - 1;
    if (fmt_buffer_append(&page, text, (size_t)(begin - (char *)text)) ||
        fmt_buffer_append(&page, table->data, table->bytes) || fmt_buffer_append(&page, end, strlen(end)) ||
        file_save(path, page.data, page.bytes, &e))
        return 1;
    fmt_buffer_release(&page);
    free(text);
    return 0;
}

int main(int argc, char **argv)
{
    struct fmt_buffer table = {0};
    int status = 0;
    put_table(&table);
    if (argc == 3 && strcmp(argv[1], "--replace") == 0)
        status = replace(argv[2], &table);
    else
        fwrite(table.data, 1, table.bytes, stdout);
    fmt_buffer_release(&table);
    return status;
}
