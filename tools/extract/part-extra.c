/* part-extra.c - the keys are put into the text: parsed, large numbers of other keys would lose digits. */
#include "part-extra.h"

#include <stdio.h>
#include <string.h>

int part_extra(const char *extra, const struct extract_part *part, struct fmt_buffer *to, const char **text,
               struct fmt_error *e)
{
    char keys[EXTRACT_PART_NAME_MAX + 128];
    const char *others = *extra == '{' ? extra + 1 + strspn(extra + 1, " \t\r\n") : "}";
    int n = snprintf(keys, sizeof keys, "{\"tile\":\"%s\",\"tile_box\":[%.7g,%.7g,%.7g,%.7g]%s", part->name, part->x,
                     part->y, part->w, part->h, *others == '}' ? "" : ",");
    to->bytes = 0;
    if (fmt_buffer_append(to, keys, (size_t)n) || fmt_buffer_append(to, others, strlen(others) + 1))
        return fmt_no_memory(e);
    *text = (const char *)to->data;
    return 0;
}
