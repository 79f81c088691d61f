/* opt.c - the parser walks the words once; operands are collected and put back after the options. */
#include "opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit-distance.h"
#include "msg.h"
#include "num.h"
#include "opt-completion.h"
#include "version.h"

static const char *spelled(const struct opt *o)
{
    static char word[80];
    if (o->name)
        snprintf(word, sizeof word, "--%s", o->name);
    else
        snprintf(word, sizeof word, "-%c", o->letter);
    return word;
}

static void set_number(const struct opt *o, const char *text)
{
    double d = 0;
    int64_t n = 0;
    bool ok = o->kind == OPT_KIND_REAL   ? num_f64(text, &d)
              : o->kind == OPT_KIND_SIZE ? num_size(text, &n)
                                         : num_i64(text, &n);
    if (!ok)
        msg_usage("%s: \"%s\" is not a number", spelled(o), text);
    if (o->kind != OPT_KIND_REAL)
        d = (double)n;
    if (d < o->low || d > o->high)
        msg_usage("%s: %s is not between %.15g and %.15g", spelled(o), text, o->low, o->high);
    if (o->kind == OPT_KIND_REAL)
        *(double *)o->value = d;
    else
        *(int64_t *)o->value = n;
}

static void set_choice(const struct opt *o, const char *text)
{
    size_t n = strchr(text, '|') ? 0 : strlen(text);
    for (const char *w = o->arg; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
        if (n > 0 && strncmp(w, text, n) == 0 && (w[n] == '|' || w[n] == 0)) {
            *(const char **)o->value = text;
            return;
        }
    msg_usage("%s: must be one of %s, not \"%s\"", spelled(o), o->arg, text);
}

static void set_path(const struct opt *o, const char *text)
{
    if (!*text)
        msg_usage("%s: an empty name", spelled(o));
    *(const char **)o->value = text;
}

static void append(const struct opt *o, const char *text)
{
    struct opt_list *list = o->value;
    const char **grown = realloc(list->item, sizeof *grown * (size_t)(list->n + 1));
    if (!grown)
        msg_die("out of memory");
    list->item = grown;
    list->item[list->n++] = text;
}

enum { OPTIONS_MAX = 64 };
static bool was_set[OPTIONS_MAX]; /* by the index in the tool's table */

static void set(const struct opt_tool *tool, const struct opt *o, const char *text)
{
    if (o - tool->options >= OPTIONS_MAX)
        msg_bug("more options than OPTIONS_MAX");
    was_set[o - tool->options] = true;
    switch (o->kind) {
    case OPT_KIND_FLAG: *(bool *)o->value = true; return;
    case OPT_KIND_UNFLAG: *(bool *)o->value = false; return;
    case OPT_KIND_LEVEL: msg_level = o->low < 0 ? -1 : 1; return;
    case OPT_KIND_COUNT:
    case OPT_KIND_SIZE:
    case OPT_KIND_REAL: set_number(o, text); return;
    case OPT_KIND_STRING: *(const char **)o->value = text; return;
    case OPT_KIND_PATH: set_path(o, text); return;
    case OPT_KIND_CHOICE: set_choice(o, text); return;
    case OPT_KIND_LIST: append(o, text); return;
    case OPT_KIND_END: break;
    }
    msg_bug("option of no kind");
}

static void print_option(const struct opt *o)
{
    char head[128];
    int n = o->letter ? snprintf(head, sizeof head, "  -%c", o->letter) : snprintf(head, sizeof head, "    ");
    if (o->name)
        n += snprintf(head + n, sizeof head - (size_t)n, "%s--%s", o->letter ? ", " : "  ", o->name);
    if (opt_takes_value(o))
        n += snprintf(head + n, sizeof head - (size_t)n, "%s%s", o->name ? "=" : " ", o->arg);
    printf(n > 30 ? "%s\n%32s%s\n" : "%-32s%s%s\n", head, "", o->help);
}

static _Noreturn void print_help(const struct opt_tool *tool)
{
    printf("usage: %s [options] %s\n%s\n\n", tool->name, tool->operands, tool->purpose);
    for (const struct opt *o = tool->options; o->kind != OPT_KIND_END; o++)
        print_option(o);
    printf("%-32s%s\n%-32s%s\n", "  -h, --help", "this text", "      --version", "name and version");
    if (tool->notes)
        printf("\n%s\n", tool->notes);
    exit(msg_finish(EXIT_DONE));
}

static const char *(*describe_build)(void);

void opt_describe_build(const char *(*line)(void))
{
    describe_build = line;
}

static _Noreturn void print_version(const struct opt_tool *tool)
{
    printf("%s (dinotools) %s\n", tool->name, DINOTOOLS_VERSION);
    if (describe_build)
        puts(describe_build());
    exit(msg_finish(EXIT_DONE));
}

/* Not listed by -h: installing calls it, users do not. */
static _Noreturn void print_completion(const struct opt_tool *tool, const char *shell)
{
    if (!opt_completion_print(stdout, tool, shell))
        msg_usage("--completion: must be one of bash|zsh|fish, not \"%s\"", shell);
    exit(msg_finish(EXIT_DONE));
}

static const struct opt *find_letter(const struct opt_tool *tool, char c)
{
    for (const struct opt *o = tool->options; o->kind != OPT_KIND_END; o++)
        if (o->letter == c)
            return o;
    msg_usage("unknown option -%c", c);
}

/* "; the nearest is --short-side", or "" if no option is similar to the name of n letters. */
static const char *suggest(const struct opt_tool *tool, const char *name, int n)
{
    static char text[80];
    char word[EDIT_DISTANCE_NAME_MAX];
    const char *best = "help";
    snprintf(word, sizeof word, "%.*s", n, name);
    int smallest = edit_distance(word, best), distance = edit_distance(word, "version");
    if (distance < smallest)
        smallest = distance, best = "version";
    for (const struct opt *o = tool->options; o->kind != OPT_KIND_END; o++)
        if (o->name && (distance = n > 2 && strstr(o->name, word) ? 1 : edit_distance(word, o->name)) < smallest)
            smallest = distance, best = o->name;
    snprintf(text, sizeof text, "; the nearest is --%s", best);
    return n > 0 && smallest <= 1 + n / 3 ? text : "";
}

static const struct opt *find_name(const struct opt_tool *tool, const char *name, size_t n)
{
    const struct opt *found = NULL;
    for (const struct opt *o = tool->options; o->kind != OPT_KIND_END; o++) {
        if (!o->name || strncmp(o->name, name, n) != 0)
            continue;
        if (o->name[n] == 0)
            return o;
        if (found)
            msg_usage("option --%.*s is ambiguous: --%s or --%s", (int)n, name, found->name, o->name);
        found = o;
    }
    if (!found)
        msg_usage("unknown option --%.*s%s", (int)n, name, suggest(tool, name, (int)n));
    return found;
}

/* One word "--name[=value]"; returns how many further words it used. */
static int parse_long(const struct opt_tool *tool, const char *word, const char *next)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    if (!equals && strcmp(name, "help") == 0)
        print_help(tool);
    if (!equals && strcmp(name, "version") == 0)
        print_version(tool);
    if (equals && n == strlen("completion") && strncmp(name, "completion", n) == 0)
        print_completion(tool, equals + 1);
    const struct opt *o = find_name(tool, name, n);
    if (!opt_takes_value(o)) {
        if (equals)
            msg_usage("--%s takes no value", o->name);
        set(tool, o, NULL);
        return 0;
    }
    if (!equals && !next)
        msg_usage("--%s needs a value: %s", o->name, o->arg);
    set(tool, o, equals ? equals + 1 : next);
    return !equals;
}

static int parse_letters(const struct opt_tool *tool, const char *word, const char *next)
{
    for (const char *c = word + 1; *c; c++) {
        if (*c == 'h')
            print_help(tool);
        const struct opt *o = find_letter(tool, *c);
        if (!opt_takes_value(o)) {
            set(tool, o, NULL);
            continue;
        }
        if (!c[1] && !next)
            msg_usage("-%c needs a value: %s", *c, o->arg);
        set(tool, o, c[1] ? c + 1 : next);
        return !c[1];
    }
    return 0;
}

int opt_parse(const struct opt_tool *tool, int argc, char **argv)
{
    msg_init(tool->name);
    char **operands = malloc(sizeof *operands * (size_t)(argc + 1));
    if (!operands)
        msg_die("out of memory");
    int n_operands = 0, n_words = 1, i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char *word = argv[i];
        if (word[0] != '-' || word[1] == 0) {
            operands[n_operands++] = word;
            continue;
        }
        argv[n_words++] = word;
        int used = word[1] == '-' ? parse_long(tool, word, i + 1 < argc ? argv[i + 1] : NULL)
                                  : parse_letters(tool, word, i + 1 < argc ? argv[i + 1] : NULL);
        if (used)
            argv[n_words++] = argv[++i];
    }
    for (i++; i < argc; i++)
        operands[n_operands++] = argv[i];
    int first = argc - n_operands;
    memcpy(argv + first, operands, sizeof *operands * (size_t)n_operands);
    free(operands);
    for (i = first; i < argc; i++)
        if (!*argv[i])
            msg_usage("empty argument");
    return first;
}

void opt_unused(const struct opt_tool *tool, const void *const *values, const char *why)
{
    for (const struct opt *o = tool->options; o->kind != OPT_KIND_END; o++)
        for (const void *const *v = values; *v && was_set[o - tool->options]; v++)
            if (*v == o->value)
                msg_warn("%s: not used: %s", spelled(o), why);
}

void opt_fail(const struct fmt_error *e)
{
    if (e->status == FMT_IO || e->status == FMT_FULL || e->status == FMT_MEMORY)
        msg_die("%s", e->text);
    msg_usage("%s", e->text);
}
