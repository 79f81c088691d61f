/* opt-completion.c - each shell has its own language, but all ask the same of an option: its names, its help, and what
 * its value is. Texts stand in single quotes. */
#include "opt-completion.h"

#include <ctype.h>
#include <string.h>

/* Not in the tables: every tool has them. */
static const struct opt common[] = {OPT_FLAG('h', "help", NULL, "this text"),
                                    OPT_FLAG(0, "version", NULL, "name and version")};
enum { N_COMMON = sizeof common / sizeof *common };

/* The option after o; NULL begins, NULL ends. */
static const struct opt *next_option(const struct opt_tool *tool, const struct opt *o)
{
    const struct opt *next = o ? o + 1 : tool->options;
    if (o == &common[N_COMMON - 1])
        return NULL;
    if (o >= common && o < common + N_COMMON)
        return next;
    return next->kind == OPT_KIND_END ? common : next;
}

#define FOR_OPTIONS(o, tool) for (const struct opt *o = next_option(tool, NULL); o; o = next_option(tool, o))

/* In single quotes; a quote ends them, is escaped, and begins them again. `escaped` get a backslash. */
static void put_text(FILE *out, const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr(escaped, *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

/* The words of "none|balanced|W,W" that stand for themselves: none, balanced. Returns how many. */
static int put_words(FILE *out, const struct opt *o)
{
    int n_words = 0;
    if (!opt_takes_value(o) || !o->arg || !strchr(o->arg, '|'))
        return 0;
    for (const char *word = o->arg, *end; *word; word = *end ? end + 1 : end) {
        bool literal = true;
        for (end = word; *end && *end != '|'; end++)
            literal = literal && !isupper((unsigned char)*end);
        if (!literal)
            continue;
        if (out)
            fprintf(out, "%s%.*s", n_words ? " " : "", (int)(end - word), word);
        n_words++;
    }
    return n_words;
}

static bool is_path(const struct opt *o)
{
    return o->kind == OPT_KIND_PATH ||
           (opt_takes_value(o) && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0));
}

/* ------------------------------------------------------------------ bash */
static void bash_names(FILE *out, const struct opt *o, const char *between)
{
    if (o->letter)
        fprintf(out, "-%c", o->letter);
    if (o->name)
        fprintf(out, "%s--%s", o->letter ? between : "", o->name);
}

/* What follows an option with a value. The shell divides --name=value into three words. */
static void bash_value(FILE *out, const struct opt *o)
{
    fprintf(out, "    ");
    bash_names(out, o, " | ");
    if (put_words(NULL, o) > 0) {
        fprintf(out, ") words='");
        put_words(out, o);
        fprintf(out, "' ;;\n");
    } else {
        fprintf(out, is_path(o) ? ") files=1 ;;\n" : ") return ;;\n");
    }
}

static void print_bash(FILE *out, const struct opt_tool *tool)
{
    fprintf(out, "# Completion of %s for bash.\n_", tool->name);
    for (const char *c = tool->name; *c; c++)
        fputc(*c == '-' ? '_' : *c, out);
    fprintf(out, "()\n{\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} words= files=\n"
                 "    COMPREPLY=()\n"
                 "    if [ \"$word\" = = ]; then word=; fi\n"
                 "    if [ \"$option\" = = ]; then option=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                 "    case $option in\n");
    FOR_OPTIONS(o, tool)
        if (opt_takes_value(o))
            bash_value(out, o);
    fprintf(out, "    *)\n        case $word in\n        -*) words='");
    FOR_OPTIONS(o, tool) {
        fputs(o == tool->options ? "" : " ", out);
        bash_names(out, o, " ");
    }
    fprintf(out, "' ;;\n        *) files=1 ;;\n        esac ;;\n    esac\n"
                 "    mapfile -t COMPREPLY < <(compgen ${files:+-f} ${words:+-W \"$words\"} -- \"$word\")\n}\n"
                 "complete -o filenames -F _");
    for (const char *c = tool->name; *c; c++)
        fputc(*c == '-' ? '_' : *c, out);
    fprintf(out, " %s\n", tool->name);
}

/* ------------------------------------------------------------------ zsh */
/* ":what:(words)", ":what:_files" */
static void zsh_value(FILE *out, const struct opt *o)
{
    if (!opt_takes_value(o))
        return;
    fputc(':', out);
    put_text(out, o->arg, ":\\");
    fputc(':', out);
    if (put_words(NULL, o) > 0) {
        fputc('(', out);
        put_words(out, o);
        fputc(')', out);
    } else if (is_path(o)) {
        fputs("_files", out);
    } else {
        fputc(' ', out);
    }
}

/* An option may stand once, unless it is a list. */
static void zsh_option(FILE *out, const struct opt *o, char letter)
{
    bool list = o->kind == OPT_KIND_LIST;
    fprintf(out, " \\\n    '");
    if (list)
        fputc('*', out);
    else if (o->letter && o->name)
        fprintf(out, "(-%c --%s)", o->letter, o->name);
    if (letter)
        fprintf(out, "-%c%s", letter, opt_takes_value(o) ? "+" : "");
    else
        fprintf(out, "--%s%s", o->name, opt_takes_value(o) ? "=" : "");
    fputc('[', out);
    put_text(out, o->help, "[]:\\");
    fputc(']', out);
    zsh_value(out, o);
    fputc('\'', out);
}

static void print_zsh(FILE *out, const struct opt_tool *tool)
{
    fprintf(out, "#compdef %s\n# Completion of %s for zsh.\n_arguments -s -S", tool->name, tool->name);
    FOR_OPTIONS(o, tool) {
        if (o->letter)
            zsh_option(out, o, o->letter);
        if (o->name)
            zsh_option(out, o, 0);
    }
    fprintf(out, " \\\n    '*:file:_files'\n");
}

/* ------------------------------------------------------------------ fish */
static void print_fish(FILE *out, const struct opt_tool *tool)
{
    fprintf(out, "# Completion of %s for fish.\n", tool->name);
    FOR_OPTIONS(o, tool) {
        fprintf(out, "complete -c %s", tool->name);
        if (o->letter)
            fprintf(out, " -s %c", o->letter);
        if (o->name)
            fprintf(out, " -l %s", o->name);
        if (opt_takes_value(o))
            fprintf(out, is_path(o) ? " -r -F" : " -x");
        if (put_words(NULL, o) > 0) {
            fprintf(out, " -a '");
            put_words(out, o);
            fputc('\'', out);
        }
        fprintf(out, " -d '");
        for (const char *c = o->help; *c; c++)
            fprintf(out, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
        fprintf(out, "'\n");
    }
}

bool opt_completion_print(FILE *out, const struct opt_tool *tool, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(out, tool);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(out, tool);
    else if (strcmp(shell, "fish") == 0)
        print_fish(out, tool);
    else
        return false;
    return true;
}
