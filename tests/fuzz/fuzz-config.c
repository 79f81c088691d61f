/* fuzz-config - settings files: what is accepted is the same after our own writers and reading again. */
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config c, back;
    struct fmt_error e = {0};
    config_init(&c);
    config_init(&back);
    int status = config_parse(&c, (const char *)data, n, "fuzz.yaml", &e);
    must(status ? e.text[0] != 0 : true);
    if (!status) {
        struct fmt_buffer yaml = {0}, json = {0};
        must(!config_write(&c, true, &yaml, &e) && !config_json(&c, 7, &json, &e));
        must(!config_parse(&back, (const char *)yaml.data, yaml.bytes, "back", &e));
        must(config_differ(&c, &back, 7, 0) == CONFIG_N_KEYS);
        config_release(&back);
        must(!config_parse(&back, (const char *)json.data, json.bytes, "back", &e));
        must(config_differ(&c, &back, 7, 0) == CONFIG_N_KEYS);
        fmt_buffer_release(&yaml);
        fmt_buffer_release(&json);
        e = (struct fmt_error){0};
        (void)config_finish(&c, 0, 1, &e);
    }
    /* The same bytes as a word of the command line. */
    char *word = malloc(n + 1);
    if (word) {
        if (n)
            memcpy(word, data, n);
        word[n] = 0;
        e = (struct fmt_error){0};
        (void)config_set(&c, word, &e);
        free(word);
    }
    config_release(&c);
    config_release(&back);
    return 0;
}
