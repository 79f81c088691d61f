/* config.c - the table made from config.def, the defaults, setting one key from text, comparing two settings.
 * config-read.c and config-write.c read and write files, config-finish.c checks what keys say together. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config-value.h"
#include "edit-distance.h"
#include "num.h"
#include "utf8.h"
#include "vit-sizes.h"

#define UNPAREN(...) __VA_ARGS__
#define AT(s, f) offsetof(struct config, s.f)

static const struct config_key table[CONFIG_N_KEYS] = {
#define SECTION(s)
#define END(s)
#define INT(s, f, d, lo, hi, src, eff, h)                                                                              \
    {#s "." #f, CONFIG_INT, CONFIG_##src, CONFIG_##eff, false, 1, lo, hi, NULL, h, AT(s, f)},
#define INT_NULL(s, f, d, lo, hi, src, eff, h)                                                                         \
    {#s "." #f, CONFIG_INT, CONFIG_##src, CONFIG_##eff, true, 1, lo, hi, NULL, h, AT(s, f)},
#define REAL(s, f, d, lo, hi, src, eff, h)                                                                             \
    {#s "." #f, CONFIG_REAL, CONFIG_##src, CONFIG_##eff, false, 1, lo, hi, NULL, h, AT(s, f)},
#define REAL_NULL(s, f, d, lo, hi, src, eff, h)                                                                        \
    {#s "." #f, CONFIG_REAL, CONFIG_##src, CONFIG_##eff, true, 1, lo, hi, NULL, h, AT(s, f)},
#define BOOL(s, f, d, src, eff, h)                                                                                     \
    {#s "." #f, CONFIG_BOOL, CONFIG_##src, CONFIG_##eff, false, 1, 0, 1, NULL, h, AT(s, f)},
#define TEXT(s, f, d, src, eff, h)                                                                                     \
    {#s "." #f, CONFIG_TEXT, CONFIG_##src, CONFIG_##eff, true, 1, 0, 0, NULL, h, AT(s, f)},
#define TEXT_NAMED(s, f, n, d, src, eff, h)                                                                            \
    {#s "." n, CONFIG_TEXT, CONFIG_##src, CONFIG_##eff, true, 1, 0, 0, NULL, h, AT(s, f)},
#define PAIR(s, f, a, b, lo, hi, src, eff, h)                                                                          \
    {#s "." #f, CONFIG_PAIR, CONFIG_##src, CONFIG_##eff, false, 2, lo, hi, NULL, h, AT(s, f)},
#define TRIPLE(s, f, a, b, c, lo, hi, src, eff, h)                                                                     \
    {#s "." #f, CONFIG_TRIPLE, CONFIG_##src, CONFIG_##eff, false, 3, lo, hi, NULL, h, AT(s, f)},
#define INTS(s, f, n, d, lo, hi, src, eff, h)                                                                          \
    {#s "." #f, CONFIG_INTS, CONFIG_##src, CONFIG_##eff, false, CONFIG_INTS_MAX, lo, hi, NULL, h, AT(s, f)},
#define PATHS(s, f, n, d, src, eff, h)                                                                                 \
    {#s "." #f, CONFIG_PATHS, CONFIG_##src, CONFIG_##eff, true, CONFIG_PATHS_MAX, 0, 0, NULL, h, AT(s, f)},
#define CHOICE(s, f, d, w, src, eff, h)                                                                                \
    {#s "." #f, CONFIG_CHOICE, CONFIG_##src, CONFIG_##eff, false, 1, 0, 0, w, h, AT(s, f)},
#define CHOICE_NAMED(s, f, n, d, w, src, eff, h)                                                                       \
    {#s "." n, CONFIG_CHOICE, CONFIG_##src, CONFIG_##eff, false, 1, 0, 0, w, h, AT(s, f)},
#include "config.def"
#include "config-undef.h"
};

static const struct config defaults = {
#define SECTION(s) .s = {
#define END(s) },
#define INT(s, f, d, lo, hi, src, eff, h) .f = d,
#define INT_NULL INT
#define REAL INT
#define REAL_NULL INT
#define BOOL(s, f, d, src, eff, h) .f = d,
#define TEXT BOOL
#define TEXT_NAMED(s, f, n, d, src, eff, h) .f = d,
#define PAIR(s, f, a, b, lo, hi, src, eff, h) .f = {a, b},
#define TRIPLE(s, f, a, b, c, lo, hi, src, eff, h) .f = {a, b, c},
#define INTS(s, f, n_items, d, lo, hi, src, eff, h) .f = {.n = n_items, .item = {UNPAREN d}},
#define PATHS(s, f, n_items, d, src, eff, h) .f = {.n = n_items, .item = {d}},
#define CHOICE(s, f, d, w, src, eff, h) .f = d,
#define CHOICE_NAMED(s, f, n, d, w, src, eff, h) .f = d,
#include "config.def"
#include "config-undef.h"
    .n_texts = 0};

const struct config_key *config_key(int id)
{
    return &table[id];
}

int config_find(const char *name)
{
    for (int i = 0; i < CONFIG_N_KEYS; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

bool config_is_section(const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < CONFIG_N_KEYS; i++)
        if (strncmp(table[i].name, name, n) == 0 && table[i].name[n] == '.')
            return true;
    return false;
}

const char *config_suggest(const char *name)
{
    const char *best = NULL, *last = strrchr(name, '.');
    int smallest = 0;
    last = last ? last + 1 : name;
    for (int i = 0; i < CONFIG_N_KEYS; i++) {
        /* The right word in the wrong section is closer than a word with three misspelt letters. */
        const char *key = strrchr(table[i].name, '.') + 1;
        int distance = edit_distance(name, table[i].name), elsewhere = edit_distance(last, key) + 2;
        distance = elsewhere < distance ? elsewhere : distance;
        if (*last && strncmp(name, table[i].name, strlen(name)) == 0)
            distance = 1; /* the beginning of a longer name */
        if (!best || distance < smallest) {
            best = table[i].name;
            smallest = distance;
        }
    }
    return best;
}

void config_init(struct config *c)
{
    *c = defaults;
}

void config_release(struct config *c)
{
    for (int i = 0; i < c->n_texts; i++)
        free(c->texts[i]);
    free(c->texts);
    *c = defaults;
}

const char *config_copy_text(struct config *c, const char *text, struct fmt_error *e)
{
    char *copy = strdup(text);
    char **texts = copy ? realloc(c->texts, ((size_t)c->n_texts + 1) * sizeof *texts) : NULL;
    if (!texts) {
        free(copy);
        fmt_no_memory(e);
        return NULL;
    }
    c->texts = texts;
    c->texts[c->n_texts++] = copy;
    return copy;
}

int config_copy(struct config *to, const struct config *from, struct fmt_error *e)
{
    *to = *from;
    to->texts = NULL;
    to->n_texts = 0;
    int status = 0;
    for (int i = 0; i < CONFIG_N_KEYS && !status; i++) {
        int n;
        const char **text = config_strings(to, i, &n);
        for (int k = 0; k < n && !status; k++)
            if (!(text[k] = config_copy_text(to, text[k], e)))
                status = FMT_MEMORY;
        if (!status && to->origin[i].file && !(to->origin[i].file = config_copy_text(to, to->origin[i].file, e)))
            status = FMT_MEMORY;
    }
    if (status)
        config_release(to);
    return status;
}

/* ------------------------------------------------------------------ one value from its text */
static int bad_range(const struct config_key *k, const char *text, struct fmt_error *e)
{
    return fmt_fail(e, FMT_LIMIT, "%s: %.60s is not between %.15g and %.15g", k->name, text, k->low, k->high);
}

static int take_int(const struct config_key *k, const char *text, int64_t *v, struct fmt_error *e)
{
    int64_t n;
    double d;
    if (!num_i64(text, &n))
        return fmt_fail(e, FMT_INVALID, "%s: %.60s is not a whole number%s", k->name, *text ? text : "nothing",
                        num_f64(text, &d) && d == floor(d) ? " in plain digits" : "");
    const char *digits = text + strspn(text, "+-");
    if (digits[0] == '0' && digits[1])
        return fmt_fail(e, FMT_INVALID, "%s: %.60s begins with 0, which YAML reads as octal", k->name, text);
    if ((double)n < k->low || (double)n > k->high)
        return bad_range(k, text, e);
    *v = n;
    return 0;
}

static bool is_infinite(const char *text)
{
    text += strspn(text, "+-");
    text += *text == '.';
    return strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0;
}

static int take_real(const struct config_key *k, const char *text, double *v, struct fmt_error *e)
{
    double d;
    if (is_infinite(text))
        return bad_range(k, text, e);
    if (!num_f64(text, &d))
        return fmt_fail(e, FMT_INVALID, "%s: %.60s is not a number", k->name, *text ? text : "nothing");
    if (d < k->low || d > k->high)
        return bad_range(k, text, e);
    *v = d;
    return 0;
}

static int take_bool(const struct config_key *k, const char *text, bool *v, struct fmt_error *e)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *v = strcmp(text, yes[i]) == 0;
            return 0;
        }
    return fmt_fail(e, FMT_INVALID, "%s: %.60s is neither true nor false", k->name, *text ? text : "nothing");
}

static int take_choice(const struct config_key *k, const char *text, int *v, struct fmt_error *e)
{
    size_t n = strlen(text), suffix = strlen("_memeff");
    bool truth = false;
    if (k == &table[CONFIG_student_arch] && n > suffix && strcmp(text + n - suffix, "_memeff") == 0)
        n -= suffix;
    /* null, true and false have more than one spelling. */
    if (k == &table[CONFIG_train_resume] && !take_bool(k, text, &truth, NULL))
        text = truth ? "true" : "false", n = strlen(text);
    int i_word = 0;
    for (const char *word = k->words; *word; i_word++) {
        size_t length = strcspn(word, "|");
        if (length == n && strncmp(word, text, n) == 0) {
            *v = i_word;
            return 0;
        }
        word += length + (word[length] == '|');
    }
    return fmt_fail(e, FMT_INVALID, "%s: must be one of %s, not %.60s", k->name, k->words, *text ? text : "nothing");
}

/* Text that YAML readers accept and all writers can write: UTF-8 without control characters, and without the two line
 * separators that YAML folds like a line end. */
static bool plain_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t c = 0;
        size_t n = utf8_decode(text, left, &c);
        bool control = c < 0x20 || (c >= 0x7f && c < 0xa0), separator = c == 0x2028 || c == 0x2029;
        bool mark = c == 0xfeff || (c & 0xfffe) == 0xfffe;
        if (n == 0 || control || separator || mark)
            return false;
        text += n, left -= n;
    }
    return true;
}

/* A shell expands ~ and $NAME, but hardly ever inside key=value, and nothing does in a file. *expanded is for free();
 * NULL: the path needs no expansion. */
static int expand_path(const char *key, const char *path, char **expanded, struct fmt_error *e)
{
    const char *home = getenv("HOME");
    *expanded = NULL;
    if (*path == '$')
        return fmt_fail(e, FMT_INVALID, "%s: %.100s: variables have no value here; write the folder (or ./%.100s)", key,
                        path, path);
    if (*path != '~')
        return 0;
    if (path[1] && path[1] != '/')
        return fmt_fail(e, FMT_INVALID, "%s: %.100s: only ~/ is the home folder; write the folder (or ./%.100s)", key,
                        path, path);
    if (!home || *home != '/')
        return fmt_fail(e, FMT_INVALID, "%s: %.100s: HOME is not set to a folder; write the path", key, path);
    *expanded = malloc(strlen(home) + strlen(path));
    if (!*expanded)
        return fmt_no_memory(e);
    sprintf(*expanded, "%s%s", home, path + 1);
    return 0;
}

static int set_text(struct config *c, int id, const char *text, const char **to, struct fmt_error *e)
{
    if (strlen(text) > CONFIG_TEXT_MAX)
        return fmt_fail(e, FMT_LIMIT, "%s: longer than %d bytes", table[id].name, CONFIG_TEXT_MAX);
    if (!plain_utf8(text))
        return fmt_fail(e, FMT_INVALID, "%s: control characters, or not UTF-8", table[id].name);
    const char *copy = config_copy_text(c, text, e);
    if (!copy)
        return FMT_MEMORY;
    *to = copy;
    return 0;
}

static int take_text(struct config *c, int id, const char *text, const char **to, struct fmt_error *e)
{
    char *expanded = NULL;
    int status = config_is_path(&table[id]) ? expand_path(table[id].name, text, &expanded, e) : 0;
    if (!status)
        status = set_text(c, id, expanded ? expanded : text, to, e);
    free(expanded);
    return status;
}

static int take_paths(struct config *c, int id, const struct config_items *v, struct fmt_error *e)
{
    struct config_paths got = {.item = {""}};
    if (!v->list && !*v->item[0]) /* '' */
        got.n = 0;
    else
        got.n = v->n;
    for (int i = 0; i < got.n; i++) {
        if (!*v->item[i])
            return fmt_fail(e, FMT_INVALID, "%s: an empty name in a list", table[id].name);
        int status = take_text(c, id, v->item[i], &got.item[i], e);
        if (status)
            return status;
    }
    *(struct config_paths *)config_field(c, id) = got;
    return 0;
}

static int take_reals(struct config *c, int id, const struct config_items *v, struct fmt_error *e)
{
    const struct config_key *k = &table[id];
    double got[3] = {0};
    if (!v->list || v->n != k->n)
        return fmt_fail(e, FMT_INVALID, "%s: %d numbers are needed, such as [%.15g, %.15g%s]", k->name, k->n,
                        ((double *)config_field(c, id))[0], ((double *)config_field(c, id))[1],
                        k->n > 2 ? ", ..." : "");
    for (int i = 0; i < k->n; i++) {
        int status = take_real(k, v->item[i], &got[i], e);
        if (status)
            return status;
    }
    if (k->kind == CONFIG_PAIR && got[0] > got[1])
        return fmt_fail(e, FMT_INVALID, "%s: the first number is larger than the second", k->name);
    memcpy(config_field(c, id), got, (size_t)k->n * sizeof *got);
    return 0;
}

static int take_ints(struct config *c, int id, const struct config_items *v, struct fmt_error *e)
{
    const struct config_key *k = &table[id];
    struct config_ints got = {.n = v->n};
    if (v->n < 1 || v->n > CONFIG_INTS_MAX)
        return fmt_fail(e, FMT_INVALID, "%s: 1 to %d numbers are needed", k->name, CONFIG_INTS_MAX);
    for (int i = 0; i < v->n; i++) {
        int status = take_int(k, v->item[i], &got.item[i], e);
        if (status)
            return status;
    }
    *(struct config_ints *)config_field(c, id) = got;
    return 0;
}

static int take_null(struct config *c, int id, struct fmt_error *e)
{
    const struct config_key *k = &table[id];
    if (id == CONFIG_train_resume)
        c->train.resume = RESUME_NULL;
    else if (!k->null_allowed)
        return fmt_fail(e, FMT_INVALID, "%s: null is not allowed", k->name);
    else if (k->kind == CONFIG_TEXT)
        *(const char **)config_field(c, id) = "";
    else if (k->kind == CONFIG_PATHS)
        *(struct config_paths *)config_field(c, id) = (struct config_paths){.item = {""}};
    else if (k->kind == CONFIG_INT)
        *(int64_t *)config_field(c, id) = 0;
    else
        *(double *)config_field(c, id) = 0;
    return 0;
}

static bool null_fits(const struct config_key *k)
{
    return k->null_allowed || k == &table[CONFIG_train_resume];
}

/* Words that other readers of such files replace by a value, and Python's None. */
static int refuse_foreign(const struct config_key *k, const struct config_items *v, struct fmt_error *e)
{
    for (int i = 0; i < v->n; i++) {
        if (strstr(v->item[i], "${"))
            return fmt_fail(e, FMT_INVALID, "%s: %.100s: an interpolation; settings have none, write the value",
                            k->name, v->item[i]);
        if (strcmp(v->item[i], "???") == 0)
            return fmt_fail(e, FMT_INVALID, "%s: ??? marks a missing value; set it", k->name);
        if (strcmp(v->item[i], "None") == 0 && !v->quoted)
            return fmt_fail(e, FMT_INVALID, "%s: None is Python's; %s", k->name,
                            null_fits(k) ? "use null" : "null is not allowed here");
    }
    return 0;
}

int config_take(struct config *c, int id, const struct config_items *v, struct fmt_error *e)
{
    const struct config_key *k = &table[id];
    const char *text = v->n ? v->item[0] : "";
    void *field = config_field(c, id);
    if (v->null)
        return take_null(c, id, e);
    int status = refuse_foreign(k, v, e);
    if (status)
        return status;
    if (k->kind == CONFIG_PAIR || k->kind == CONFIG_TRIPLE)
        return take_reals(c, id, v, e);
    if (k->kind == CONFIG_INTS)
        return take_ints(c, id, v, e);
    if (k->kind == CONFIG_PATHS)
        return take_paths(c, id, v, e);
    if (v->list)
        return fmt_fail(e, FMT_INVALID, "%s: a list, where one value is needed", k->name);
    switch (k->kind) {
    case CONFIG_INT: return take_int(k, text, field, e);
    case CONFIG_REAL: return take_real(k, text, field, e);
    case CONFIG_BOOL: return take_bool(k, text, field, e);
    case CONFIG_CHOICE: return take_choice(k, text, field, e);
    default: return take_text(c, id, text, field, e);
    }
}

static bool same_paths(const struct config_paths *a, const struct config_paths *b)
{
    bool same = a->n == b->n;
    for (int i = 0; i < a->n && same; i++)
        same = strcmp(a->item[i], b->item[i]) == 0;
    return same;
}

int config_differ(const struct config *a, const struct config *b, int effects, int id)
{
    for (; id < CONFIG_N_KEYS; id++) {
        const struct config_key *k = &table[id];
        const void *x = (const char *)a + k->offset, *y = (const char *)b + k->offset;
        if (!(k->effect & effects))
            continue;
        bool same;
        switch (k->kind) {
        case CONFIG_INT: same = memcmp(x, y, sizeof(int64_t)) == 0; break;
        case CONFIG_REAL: same = *(const double *)x == *(const double *)y; break;
        case CONFIG_BOOL: same = *(const bool *)x == *(const bool *)y; break;
        case CONFIG_CHOICE: same = *(const int *)x == *(const int *)y; break;
        case CONFIG_TEXT: same = strcmp(*(const char *const *)x, *(const char *const *)y) == 0; break;
        case CONFIG_PATHS: same = same_paths(x, y); break;
        case CONFIG_INTS: same = memcmp(x, y, sizeof(struct config_ints)) == 0; break;
        default: same = memcmp(x, y, (size_t)k->n * sizeof(double)) == 0; break;
        }
        if (!same)
            return id;
    }
    return CONFIG_N_KEYS;
}
