/* json-lines.c - see json-lines.h. */
#include "json-lines.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "json-scan.h"
#include "text.h"

static int take_line(const char *line, size_t bytes, int depth_max, json_lines_take *take, void *arg, int64_t number,
                     struct fmt_error *e)
{
    struct json_span root;
    int status = json_check(line, bytes, depth_max, &root, e);
    if (status)
        return status;
    cJSON *o = json_parse(root);
    status = o ? take(arg, o, number, e) : fmt_no_memory(e);
    cJSON_Delete(o);
    return status;
}

int json_lines_read(const char *text, size_t bytes, int depth_max, json_lines_take *take, void *arg,
                    struct fmt_error *e)
{
    int64_t n = 0;
    for (size_t at = 0, length; at < bytes; at += length + 1) {
        struct fmt_error why = {0};
        const char *end = memchr(text + at, '\n', bytes - at);
        length = end ? (size_t)(end - (text + at)) : bytes - at;
        n++;
        int status = take_line(text + at, length, depth_max, take, arg, n, &why);
        const char *within = text_after(why.text, "line 1, "); /* json_check knows of this line only */
        if (status)
            return fmt_fail(e, status, "line %" PRId64 "%s %s", n, within ? "," : ":", within ? within : why.text);
    }
    return 0;
}
