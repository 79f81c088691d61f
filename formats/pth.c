/* pth.c - which container a .pth file is. Each is read in three steps: the pickle with the object; the storages that it
 * names (pth-object.c), whose bytes the container finds; the walk over the object (pth-object.c). */
#include "pth.h"

#include <stdlib.h>
#include <string.h>

#include "pth-internal.h"

bool pth_is(const uint8_t *head, size_t n)
{
    return n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, pth_legacy_magic, 4) == 0);
}

int pth_read(const struct fmt_reader *r, struct named_tensor_set *set, struct fmt_error *e)
{
    struct fmt_error why = {0};
    struct pth_reading x = {.r = r, .p.root = -1, .set = set, .e = &why};
    uint8_t head[8];
    int status = 0;
    if (!r->read_at || r->size == UINT64_MAX)
        status = fmt_fail(&why, FMT_UNSUPPORTED, ".pth files cannot be read from a pipe");
    if (!status)
        status = fmt_read_at_exact(r, 0, head, sizeof head, &why);
    if (!status)
        status = memcmp(head, "PK", 2) == 0 ? pth_read_zip(&x) : pth_read_legacy(&x);
    free(x.storage);
    if (status) {
        named_tensor_release(set);
        return fmt_fail(e, why.status, "%s", why.text);
    }
    return 0;
}
