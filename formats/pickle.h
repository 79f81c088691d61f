/* pickle.h - a restricted machine for Python's pickles: it builds plain values and never calls anything.
 *
 * It knows the opcodes that occur in state dicts (of protocols 0 to 4). A global is a pair of names; a "call" of one
 * makes a record of the callee and its arguments, for the layer above to understand or to ignore. Only
 * collections.OrderedDict becomes a dictionary. Stack, memo, number of values and sizes of texts are bounded, nothing
 * recurses, and texts point into the caller's bytes.
 *
 * Values are indices into one table. A container is a linked list of cells; those of a dictionary are key, value, key,
 * value ... A pickle may hold a container that contains itself: whoever walks it must bound depth and steps.
 */
#ifndef PICKLE_H
#define PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmt.h"

enum {
    PICKLE_BYTES_MAX = 64 << 20,
    PICKLE_VALUES_MAX = 4 << 20, /* values and cells each */
    PICKLE_STACK_MAX = 1 << 16,
    PICKLE_MEMO_MAX = 1 << 22,
    PICKLE_TEXT_MAX = 1 << 20 /* bytes of one text */
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_TEXT,       /* str or bytes */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,     /* a: module, b: name (texts) */
    PICKLE_CALL,       /* a: callee, b: its arguments (a tuple), n: the state given to the object, -1: none */
    PICKLE_PERSISTENT, /* a: the persistent identity */
    PICKLE_BIG         /* an integer of more than 64 bits: text is its bytes, little-endian two's complement */
};

struct pickle_value {
    enum pickle_kind kind;
    int32_t a, b;        /* values, see above; containers: first and last cell, -1 none */
    int32_t n;           /* cells of a container; bytes of a text; a call: see above */
    union {
        int64_t integer; /* INT, BOOL */
        double real;
        const char *text; /* without a zero byte at its end; may hold any byte */
    };
};

struct pickle_cell {
    int32_t value, next; /* next -1: the last */
};

struct pickle {
    struct pickle_value *value;
    struct pickle_cell *cell;
    int32_t n_values, n_cells, value_capacity, cell_capacity;
    int32_t root;
};

/* Reads one pickle from the front of data; *used gets its length. data must outlive p. */
int pickle_read(const uint8_t *data, size_t n, struct pickle *p, size_t *used, struct fmt_error *e);
void pickle_release(struct pickle *p);

/* For walking. pickle_item: the i-th item of a tuple or list, NULL if there is none. */
const struct pickle_value *pickle_at(const struct pickle *p, int32_t i);
const struct pickle_value *pickle_item(const struct pickle *p, const struct pickle_value *v, int32_t i);
bool pickle_is_text(const struct pickle_value *v, const char *text);
bool pickle_is_global(const struct pickle *p, const struct pickle_value *v, const char *module, const char *name);

#endif
