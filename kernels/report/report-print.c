/* report-print.c - the printers by name. */
#include "report-print.h"

#include <string.h>

static const struct {
    const char *name;
    report_printer *print;
} printers[] = {
    {"text", report_print_text},
    {"json", report_print_json},
};

report_printer *report_printer_of(const char *name)
{
    report_printer *found = NULL;
    for (size_t i = 0; i < sizeof printers / sizeof *printers && !found; i++)
        found = strcmp(printers[i].name, name) == 0 ? printers[i].print : NULL;
    return found;
}
