/* fuzz-pickle - any bytes as a pickle: all indices in the resulting table are valid. */
#include <stdlib.h>

#include "pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_value(const struct pickle *p, const struct pickle_value *v, const uint8_t *data, size_t n)
{
    const uint8_t *text = (const uint8_t *)v->text;
    switch (v->kind) {
    case PICKLE_TEXT:
    case PICKLE_BIG:
        if (v->n < 0 || text < data || (size_t)(text - data) + (size_t)v->n > n)
            abort();
        break;
    case PICKLE_TUPLE:
    case PICKLE_LIST:
    case PICKLE_DICT:
        if (v->n < 0 || (v->n == 0) != (v->a < 0) || v->a >= p->n_cells || v->b >= p->n_cells ||
            (v->kind == PICKLE_DICT && v->n % 2))
            abort();
        break;
    case PICKLE_CALL:
        if (v->n < -1 || v->n >= p->n_values)
            abort();
        /* fall through */
    case PICKLE_GLOBAL:
        if (v->a < 0 || v->a >= p->n_values || v->b < 0 || v->b >= p->n_values)
            abort();
        break;
    case PICKLE_PERSISTENT:
        if (v->a < 0 || v->a >= p->n_values)
            abort();
        break;
    case PICKLE_NONE:
    case PICKLE_BOOL:
    case PICKLE_INT:
    case PICKLE_FLOAT: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pickle p;
    struct fmt_error e = {0};
    size_t used = 0;
    if (pickle_read(data, n, &p, &used, &e)) {
        if (e.text[0] == 0)
            abort();
        return 0;
    }
    if (used > n || p.root < 0 || p.root >= p.n_values)
        abort();
    for (int32_t i = 0; i < p.n_values; i++)
        check_value(&p, &p.value[i], data, n);
    for (int32_t i = 0; i < p.n_cells; i++)
        if (p.cell[i].value < 0 || p.cell[i].value >= p.n_values || p.cell[i].next >= p.n_cells)
            abort();
    pickle_release(&p);
    return 0;
}
