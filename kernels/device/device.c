/* backend.c - the devices that this build has: the CPU. */
#include "backend.h"

#include <string.h>

const struct backend *backend_find(const char *device, struct fmt_error *e)
{
    if (strcmp(device, "auto") == 0 || strcmp(device, backend_cpu.name) == 0)
        return &backend_cpu;
    fmt_fail(e, FMT_UNSUPPORTED, "%s: this build has no such device, only cpu", device);
    return NULL;
}
