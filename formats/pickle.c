/* pickle.c - one small function for each group of opcodes, in a table; an opcode that is not in the table is refused
 * with its number. The stack holds indices of values; a mark is -1. Every opcode consumes at least one byte of input
 * and makes at most a few values, and all tables have limits, so the input bounds time and memory. */
#include "pickle.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { MARK = -1, LINE_MAX_BYTES = 1 << 10 };

struct machine {
    struct bytes in;
    uint8_t opcode;
    bool stopped;
    struct pickle *p;
    int32_t *stack, *memo;
    int32_t n_stack, n_memo, memo_capacity, stack_capacity;
    struct fmt_error *e;
};

static int invalid(struct machine *m, const char *why)
{
    return fmt_fail(m->e, FMT_INVALID, "pickle: %s", why);
}

/* ------------------------------------------------------------------ tables that grow */
/* The array with capacity for an element n, doubled up to max; NULL: the error is set, the array as it was. */
static void *grow(struct machine *m, void *array, int32_t n, int32_t *capacity, int32_t max, size_t each)
{
    if (n < *capacity)
        return array;
    if (n >= max) {
        fmt_fail(m->e, FMT_LIMIT, "pickle: more than %d values, memo entries or places on the stack", max);
        return NULL;
    }
    int32_t larger = *capacity ? *capacity : 64;
    while (larger <= n)
        larger *= 2;
    if (larger > max)
        larger = max;
    void *grown = realloc(array, (size_t)larger * each);
    if (!grown)
        fmt_no_memory(m->e);
    else
        *capacity = larger;
    return grown;
}

static int push_number(struct machine *m, int32_t i)
{
    int32_t *stack = grow(m, m->stack, m->n_stack, &m->stack_capacity, PICKLE_STACK_MAX, sizeof *stack);
    if (!stack)
        return (int)m->e->status;
    m->stack = stack;
    stack[m->n_stack++] = i;
    return 0;
}

static int push(struct machine *m, struct pickle_value v)
{
    struct pickle *p = m->p;
    struct pickle_value *value = grow(m, p->value, p->n_values, &p->value_capacity, PICKLE_VALUES_MAX, sizeof *value);
    if (!value)
        return (int)m->e->status;
    p->value = value;
    value[p->n_values] = v;
    return push_number(m, p->n_values++);
}

static int push_kind(struct machine *m, enum pickle_kind kind)
{
    return push(m, (struct pickle_value){.kind = kind, .a = -1, .b = -1});
}

/* Removes the top of the stack: its value, or -1 with the error set. */
static int32_t pop(struct machine *m)
{
    if (m->n_stack > 0 && m->stack[m->n_stack - 1] != MARK)
        return m->stack[--m->n_stack];
    invalid(m, "takes from an empty stack");
    return -1;
}

static int add_cell(struct machine *m, int32_t container, int32_t item)
{
    struct pickle *p = m->p;
    struct pickle_cell *cell = grow(m, p->cell, p->n_cells, &p->cell_capacity, PICKLE_VALUES_MAX, sizeof *cell);
    if (!cell)
        return (int)m->e->status;
    p->cell = cell;
    cell[p->n_cells] = (struct pickle_cell){item, -1};
    struct pickle_value *v = &p->value[container];
    if (v->b < 0)
        v->a = p->n_cells;
    else
        p->cell[v->b].next = p->n_cells;
    v->b = p->n_cells++;
    v->n++;
    return 0;
}

/* The index after the last mark, or -1 with the error set. */
static int32_t find_mark(struct machine *m)
{
    for (int32_t i = m->n_stack; i-- > 0;)
        if (m->stack[i] == MARK)
            return i + 1;
    invalid(m, "a mark is missing");
    return -1;
}

/* Moves stack[first ..] into a container, in order. */
static int collect(struct machine *m, int32_t container, int32_t first)
{
    for (int32_t i = first; i < m->n_stack; i++)
        if (add_cell(m, container, m->stack[i]))
            return (int)m->e->status;
    return 0;
}

/* ------------------------------------------------------------------ plain values */
static int do_nothing(struct machine *m)
{
    bytes_take(&m->in, m->opcode == 0x80 ? 1 : 8); /* PROTO, FRAME */
    return 0;
}

static int do_constant(struct machine *m)
{
    if (m->opcode == 'N')
        return push_kind(m, PICKLE_NONE);
    return push(m, (struct pickle_value){.kind = PICKLE_BOOL, .integer = m->opcode == 0x88});
}

static int push_integer(struct machine *m, int64_t v)
{
    return push(m, (struct pickle_value){.kind = PICKLE_INT, .integer = v});
}

static int do_integer(struct machine *m)
{
    switch (m->opcode) {
    case 'K': return push_integer(m, bytes_u8(&m->in));
    case 'M': return push_integer(m, bytes_u16(&m->in));
    default: return push_integer(m, bytes_i32(&m->in));
    }
}

/* LONG1, LONG4: two's complement of any length. */
static int do_long(struct machine *m)
{
    uint32_t n = m->opcode == 0x8a ? bytes_u8(&m->in) : bytes_u32(&m->in);
    const uint8_t *raw = bytes_take(&m->in, n);
    if (!raw)
        return 0; /* run() sees that the input has ended */
    if (n > PICKLE_TEXT_MAX)
        return fmt_fail(m->e, FMT_LIMIT, "pickle: a number of more than %d bytes", PICKLE_TEXT_MAX);
    if (n > 8)
        return push(m, (struct pickle_value){.kind = PICKLE_BIG, .n = (int32_t)n, .text = (const char *)raw});
    uint64_t v = n > 0 && raw[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint32_t i = n; i-- > 0;)
        v = v << 8 | raw[i];
    return push_integer(m, (int64_t)v);
}

static int do_float(struct machine *m)
{
    uint64_t u = 0;
    for (int i = 0; i < 8; i++)
        u = u << 8 | bytes_u8(&m->in);
    struct pickle_value v = {.kind = PICKLE_FLOAT};
    memcpy(&v.real, &u, sizeof u);
    return push(m, v);
}

static int push_text(struct machine *m, uint64_t n)
{
    if (n > PICKLE_TEXT_MAX)
        return fmt_fail(m->e, FMT_LIMIT, "pickle: a text of more than %d bytes", PICKLE_TEXT_MAX);
    const char *text = (const char *)bytes_take(&m->in, (size_t)n);
    return push(m, (struct pickle_value){.kind = PICKLE_TEXT, .n = text ? (int32_t)n : 0, .text = text});
}

static int do_text(struct machine *m)
{
    switch (m->opcode) {
    case 'U': case 'C': case 0x8c: return push_text(m, bytes_u8(&m->in));
    case 0x8d: case 0x8e: return push_text(m, bytes_u64(&m->in));
    default: return push_text(m, bytes_u32(&m->in));
    }
}

/* A line of text without its end; NULL if there is none. */
static const char *take_line(struct machine *m, int32_t *n)
{
    size_t left = bytes_left(&m->in);
    const uint8_t *end = memchr(m->in.at, '\n', left < LINE_MAX_BYTES ? left : LINE_MAX_BYTES);
    if (!end) {
        invalid(m, "a line without end");
        return NULL;
    }
    *n = (int32_t)(end - m->in.at);
    return (const char *)bytes_take(&m->in, (size_t)*n + 1);
}

/* INT, LONG, PUT, GET of protocol 0: digits; an L may end them. */
static int take_decimal(struct machine *m, int64_t *v)
{
    int32_t n;
    const char *line = take_line(m, &n);
    if (!line)
        return (int)m->e->status;
    if (n > 0 && line[n - 1] == 'L')
        n--;
    bool minus = n > 0 && line[0] == '-';
    uint64_t sum = 0;
    bool good = n > minus;
    for (int32_t i = minus; i < n; i++) {
        good = good && line[i] >= '0' && line[i] <= '9' && !__builtin_mul_overflow(sum, (uint64_t)10, &sum) &&
               !__builtin_add_overflow(sum, (uint64_t)(line[i] - '0'), &sum);
    }
    if (!good || sum > INT64_MAX)
        return invalid(m, "a line that is no number");
    *v = minus ? -(int64_t)sum : (int64_t)sum;
    return 0;
}

static int do_decimal(struct machine *m)
{
    const uint8_t *at = m->in.at;
    size_t left = bytes_left(&m->in);
    int64_t v;
    if (take_decimal(m, &v))
        return (int)m->e->status;
    if (m->opcode == 'I' && left >= 3 && at[0] == '0' && at[1] <= '1' && at[2] == '\n') /* I00, I01: booleans */
        return push(m, (struct pickle_value){.kind = PICKLE_BOOL, .integer = v});
    return push_integer(m, v);
}

/* ------------------------------------------------------------------ containers */
static int do_mark(struct machine *m)
{
    return push_number(m, MARK);
}

static int do_empty(struct machine *m)
{
    return push_kind(m, m->opcode == ')' ? PICKLE_TUPLE : m->opcode == ']' ? PICKLE_LIST : PICKLE_DICT);
}

/* Replaces stack[first ..], and the n_marks marks below, by a container of these values. */
static int build(struct machine *m, enum pickle_kind kind, int32_t first, int32_t n_marks)
{
    int32_t end = m->n_stack;
    if (push_kind(m, kind))
        return (int)m->e->status;
    int32_t made = m->stack[end];
    m->n_stack = end;
    if (collect(m, made, first))
        return (int)m->e->status;
    m->n_stack = first - n_marks;
    return push_number(m, made);
}

static int do_build_container(struct machine *m) /* TUPLE, LIST, DICT */
{
    int32_t first = find_mark(m);
    if (first < 0)
        return (int)m->e->status;
    if (m->opcode == 'd' && (m->n_stack - first) % 2)
        return invalid(m, "a dictionary with a key too many");
    return build(m, m->opcode == 'l' ? PICKLE_LIST : m->opcode == 'd' ? PICKLE_DICT : PICKLE_TUPLE, first, 1);
}

static int do_short_tuple(struct machine *m) /* TUPLE1, TUPLE2, TUPLE3 */
{
    int32_t first = m->n_stack - (m->opcode - 0x84);
    for (int32_t i = first; i < m->n_stack; i++)
        if (i < 0 || m->stack[i] == MARK)
            return invalid(m, "takes from an empty stack");
    return build(m, PICKLE_TUPLE, first, 0);
}

/* APPEND, APPENDS, SETITEM, SETITEMS. On anything but a list or a dictionary (an object of an unknown name) they have
 * no effect: such an object is of no use to the caller. */
static int do_extend(struct machine *m)
{
    bool many = m->opcode == 'e' || m->opcode == 'u', pairs = m->opcode == 's' || m->opcode == 'u';
    int32_t first = many ? find_mark(m) : m->n_stack - (pairs ? 2 : 1);
    int32_t below = many ? first - 2 : first - 1;
    if (m->e->status)
        return (int)m->e->status;
    if (below < 0 || m->stack[below] == MARK || (pairs && (m->n_stack - first) % 2))
        return invalid(m, "items without their container");
    for (int32_t i = first; i < m->n_stack; i++)
        if (m->stack[i] == MARK)
            return invalid(m, "a mark among items");
    enum pickle_kind kind = m->p->value[m->stack[below]].kind;
    if (kind == (pairs ? PICKLE_DICT : PICKLE_LIST) && collect(m, m->stack[below], first))
        return (int)m->e->status;
    m->n_stack = below + 1;
    return 0;
}

/* ------------------------------------------------------------------ memo and stack */
static int do_put(struct machine *m)
{
    int64_t i = m->n_memo; /* MEMOIZE: the next one */
    if (m->opcode == 'p' ? take_decimal(m, &i) : 0)
        return (int)m->e->status;
    if (m->opcode == 'q' || m->opcode == 'r')
        i = (int64_t)bytes_uint(&m->in, m->opcode == 'q' ? 1 : 4);
    int32_t top = pop(m);
    if (top < 0)
        return (int)m->e->status;
    m->n_stack++;
    if (i < 0 || i >= PICKLE_MEMO_MAX)
        return fmt_fail(m->e, FMT_LIMIT, "pickle: more than %d memo entries", PICKLE_MEMO_MAX);
    int32_t *memo = grow(m, m->memo, (int32_t)i, &m->memo_capacity, PICKLE_MEMO_MAX, sizeof *memo);
    if (!memo)
        return (int)m->e->status;
    m->memo = memo;
    for (; m->n_memo <= i; m->n_memo++)
        m->memo[m->n_memo] = MARK;
    m->memo[i] = top;
    return 0;
}

static int do_get(struct machine *m)
{
    int64_t i = 0;
    if (m->opcode == 'g' ? take_decimal(m, &i) : 0)
        return (int)m->e->status;
    if (m->opcode != 'g')
        i = (int64_t)bytes_uint(&m->in, m->opcode == 'h' ? 1 : 4);
    if (i < 0 || i >= m->n_memo || m->memo[i] == MARK)
        return invalid(m, "reads a memo entry that was never stored");
    return push_number(m, m->memo[i]);
}

static int do_pop(struct machine *m)
{
    int32_t first = m->opcode == '1' ? find_mark(m) : m->n_stack;
    if (first == 0)
        return invalid(m, "takes from an empty stack");
    if (first > 0)
        m->n_stack = first - 1;
    return (int)m->e->status;
}

/* ------------------------------------------------------------------ names and calls */
static int do_global(struct machine *m)
{
    for (int k = 0; k < 2 && m->opcode == 'c'; k++) { /* GLOBAL brings two lines, STACK_GLOBAL finds two texts */
        int32_t n = 0;
        const char *line = take_line(m, &n);
        if (!line || push(m, (struct pickle_value){.kind = PICKLE_TEXT, .n = n, .text = line}))
            return (int)m->e->status;
    }
    int32_t name = pop(m), module = name < 0 ? -1 : pop(m);
    if (module < 0)
        return (int)m->e->status;
    if (m->p->value[module].kind != PICKLE_TEXT || m->p->value[name].kind != PICKLE_TEXT)
        return invalid(m, "a global whose name is no text");
    return push(m, (struct pickle_value){.kind = PICKLE_GLOBAL, .a = module, .b = name});
}

/* OrderedDict(args): no argument, or a list of pairs. */
static int push_ordered(struct machine *m, int32_t args)
{
    struct pickle *p = m->p;
    if (push_kind(m, PICKLE_DICT))
        return (int)m->e->status;
    int32_t made = m->stack[m->n_stack - 1];
    const struct pickle_value *list = pickle_item(p, &p->value[args], 0);
    if (!list || list->kind != PICKLE_LIST)
        return 0;
    for (int32_t c = list->a; c >= 0; c = p->cell[c].next) {
        const struct pickle_value *pair = &p->value[p->cell[c].value];
        if ((pair->kind != PICKLE_TUPLE && pair->kind != PICKLE_LIST) || pair->n != 2)
            return invalid(m, "OrderedDict of what are no pairs");
        int32_t key = pair->a, item = p->cell[key].next;
        if (add_cell(m, made, p->cell[key].value) || add_cell(m, made, p->cell[item].value))
            return (int)m->e->status;
    }
    return 0;
}

/* REDUCE, NEWOBJ, NEWOBJ_EX: a record of the call. */
static int do_call(struct machine *m)
{
    if (m->opcode == 0x92 && pop(m) < 0) /* keywords */
        return (int)m->e->status;
    int32_t args = pop(m), callee = args < 0 ? -1 : pop(m);
    if (callee < 0)
        return (int)m->e->status;
    const struct pickle *p = m->p;
    if (p->value[args].kind == PICKLE_TUPLE &&
        pickle_is_global(p, &p->value[callee], "collections", "OrderedDict"))
        return push_ordered(m, args);
    return push(m, (struct pickle_value){.kind = PICKLE_CALL, .a = callee, .b = args, .n = -1});
}

static int do_build(struct machine *m) /* records the state of an object, which shows its kind */
{
    int32_t state = pop(m), object = state < 0 ? -1 : pop(m);
    if (object < 0)
        return (int)m->e->status;
    if (m->p->value[object].kind == PICKLE_CALL)
        m->p->value[object].n = state;
    return push_number(m, object);
}

static int do_persistent(struct machine *m)
{
    int32_t id = pop(m);
    return id < 0 ? (int)m->e->status : push(m, (struct pickle_value){.kind = PICKLE_PERSISTENT, .a = id});
}

static int do_stop(struct machine *m)
{
    m->stopped = true;
    m->p->root = pop(m);
    return (int)m->e->status;
}

/* ------------------------------------------------------------------ the loop */
static int (*const action[256])(struct machine *) = {
    [0x80] = do_nothing, [0x95] = do_nothing,
    ['N'] = do_constant, [0x88] = do_constant, [0x89] = do_constant,
    ['K'] = do_integer, ['M'] = do_integer, ['J'] = do_integer,
    [0x8a] = do_long, [0x8b] = do_long, ['I'] = do_decimal, ['L'] = do_decimal, ['G'] = do_float,
    ['X'] = do_text, ['U'] = do_text, ['T'] = do_text, ['B'] = do_text, ['C'] = do_text,
    [0x8c] = do_text, [0x8d] = do_text, [0x8e] = do_text,
    ['('] = do_mark, [')'] = do_empty, [']'] = do_empty, ['}'] = do_empty,
    ['t'] = do_build_container, ['l'] = do_build_container, ['d'] = do_build_container,
    [0x85] = do_short_tuple, [0x86] = do_short_tuple, [0x87] = do_short_tuple,
    ['a'] = do_extend, ['e'] = do_extend, ['s'] = do_extend, ['u'] = do_extend,
    ['q'] = do_put, ['r'] = do_put, ['p'] = do_put, [0x94] = do_put,
    ['h'] = do_get, ['j'] = do_get, ['g'] = do_get, ['0'] = do_pop, ['1'] = do_pop,
    ['c'] = do_global, [0x93] = do_global,
    ['R'] = do_call, [0x81] = do_call, [0x92] = do_call, ['b'] = do_build, ['Q'] = do_persistent,
    ['.'] = do_stop,
};

static int run(struct machine *m)
{
    while (!m->stopped) {
        m->opcode = bytes_u8(&m->in);
        if (!bytes_ok(&m->in))
            return fmt_fail(m->e, FMT_TRUNCATED, "pickle: ends early");
        if (!action[m->opcode])
            return fmt_fail(m->e, FMT_UNSUPPORTED, "pickle: opcode 0x%02x is not allowed in weights", m->opcode);
        int status = action[m->opcode](m);
        if (status)
            return status;
        if (!bytes_ok(&m->in))
            return fmt_fail(m->e, FMT_TRUNCATED, "pickle: ends early");
    }
    return 0;
}

int pickle_read(const uint8_t *data, size_t n, struct pickle *p, size_t *used, struct fmt_error *e)
{
    struct fmt_error why = {0};
    *p = (struct pickle){.root = -1};
    if (n > PICKLE_BYTES_MAX)
        n = PICKLE_BYTES_MAX; /* the pickle must end before */
    struct machine m = {.in = bytes_over(data, n), .p = p, .e = &why};
    int status = run(&m);
    free(m.stack);
    free(m.memo);
    if (status) {
        pickle_release(p);
        return fmt_fail(e, why.status, "%s", why.text);
    }
    *used = (size_t)(m.in.at - data);
    return 0;
}

void pickle_release(struct pickle *p)
{
    free(p->value);
    free(p->cell);
    *p = (struct pickle){.root = -1};
}

const struct pickle_value *pickle_at(const struct pickle *p, int32_t i)
{
    return &p->value[i];
}

const struct pickle_value *pickle_item(const struct pickle *p, const struct pickle_value *v, int32_t i)
{
    if ((v->kind != PICKLE_TUPLE && v->kind != PICKLE_LIST) || i >= v->n)
        return NULL;
    int32_t c = v->a;
    while (i-- > 0)
        c = p->cell[c].next;
    return &p->value[p->cell[c].value];
}

bool pickle_is_text(const struct pickle_value *v, const char *text)
{
    return v->kind == PICKLE_TEXT && (size_t)v->n == strlen(text) && memcmp(v->text, text, (size_t)v->n) == 0;
}

bool pickle_is_global(const struct pickle *p, const struct pickle_value *v, const char *module, const char *name)
{
    return v->kind == PICKLE_GLOBAL && pickle_is_text(&p->value[v->a], module) &&
           pickle_is_text(&p->value[v->b], name);
}
