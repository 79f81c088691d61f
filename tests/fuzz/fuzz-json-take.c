/* fuzz-json-take - lines of JSON, and members of every type under keys that each object has and one that it has not:
 * what is taken is of its type and within its limits, whatever the text is. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json-lines.h"
#include "json-take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const words[] = {"kept", "open", "a"};

static void require(bool good)
{
    if (!good)
        abort();
}

static void take_key(const cJSON *o, const char *key)
{
    struct fmt_error e = {0};
    struct json_take t = {.e = &e};
    double x = json_take_number(&t, o, key, -1, 1);
    int64_t c = json_take_count(&t, o, key, 0, 100), or_none = json_take_count_or(&t, o, key, 1, 9, -1);
    int w = json_take_word(&t, o, key, words, 3);
    const char *text = json_take_text(&t, o, key), *text_or = json_take_text_or(&t, o, key, NULL);
    const cJSON *object = json_take_object(&t, o, key), *list = json_take_list(&t, o, key, 1, 3);
    json_take_bool(&t, o, key);
    require(x >= -1 && x <= 1 && c >= 0 && c <= 100 && w >= 0 && w < 3 && text);
    require(or_none == -1 ? !json_take_has(o, key) : or_none >= 1 && or_none <= 9);
    require((text_or != NULL) == json_take_has(o, key));
    require((!object || cJSON_IsObject(object)) && (!list || (cJSON_IsArray(list) && list->child)));
    require(t.status == FMT_INVALID && e.text[0]); /* no value is of all types */
}

static void take_members(const cJSON *o, int depth)
{
    const cJSON *member;
    take_key(o, "no such key");
    cJSON_ArrayForEach(member, o)
    {
        if (member->string)
            take_key(o, member->string);
        if (depth < 4)
            take_members(member, depth + 1);
    }
}

/* Two equal keys within o, found the slow way. */
static bool has_twin(const cJSON *o)
{
    bool twin = false;
    const cJSON *a, *b;
    cJSON_ArrayForEach(a, o)
    {
        for (b = a->next; b && cJSON_IsObject(o); b = b->next)
            twin = twin || strcmp(a->string, b->string) == 0;
        twin = twin || has_twin(a);
    }
    return twin;
}

static int take_line(void *arg, const cJSON *o, int64_t line, struct fmt_error *e)
{
    struct json_take t = {.e = e};
    require(line == ++*(int64_t *)arg);
    take_members(o, 0);
    json_take_unique(&t, o);
    require((t.status != 0) == has_twin(o));
    return t.status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fmt_error e = {0};
    int64_t lines = 0;
    if (n > 4096)
        return 0;
    if (json_lines_read((const char *)data, n, 16, take_line, &lines, &e))
        require(strncmp(e.text, "line ", 5) == 0);
    else
        require(n == 0 || lines > 0);
    return 0;
}
