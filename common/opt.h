/* opt.h - one table of options per tool, from which parsing, ranges, -h and --version are made.
 *
 *   static const struct opt options[] = {
 *       OPT_PATH('o', "output", &output, "FILE", "write the catalogue to FILE"),
 *       OPT_COUNT('n', "shards", &n_shards, 1, 99999, "N", "number of shards [as the size asks]"),
 *       OPT_FLAG('k', "keep-going", &keep_going, "leave out images at fault, exit 3"),
 *       OPT_CHOICE(0, "store", &store, "jpeg|rgb", "what a record holds [jpeg]"),
 *       OPT_COMMON, OPT_END};
 *   static const struct opt_tool tool = {"bbu-pack", "CATALOGUE -o DIR", "pack ...", options};
 *   int first = opt_parse(&tool, argc, argv);     operands are argv[first .. argc)
 *
 * Short options can be joined (-qk) and have their value in the same word or the next (-o F, -oF); long ones have
 * --name=V or --name V and may be shortened while unique; the error for an unknown one suggests a similar one. Options
 * may be anywhere; -- ends them; a lone - is an operand. Wrong usage, which does not depend on the contents of files,
 * ends the tool with status 2 and one line.
 */
#ifndef OPT_H
#define OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"

enum opt_kind {
    OPT_KIND_END,
    OPT_KIND_FLAG,   /* bool *: true when given */
    OPT_KIND_UNFLAG, /* bool *: false when given (--no-...) */
    OPT_KIND_COUNT,  /* int64_t *: whole number in [low, high] */
    OPT_KIND_SIZE,   /* int64_t *: whole number with K, M, G, T in [low, high] */
    OPT_KIND_REAL,   /* double *: in [low, high] */
    OPT_KIND_STRING, /* const char ** */
    OPT_KIND_PATH,   /* const char **: the name of a file or folder, so not empty */
    OPT_KIND_CHOICE, /* const char **: one of the words in choices, "a|b|c" */
    OPT_KIND_LIST,   /* struct opt_list *: may be given several times */
    OPT_KIND_LEVEL,  /* adds low to msg_level (-q, -v) */
};

struct opt {
    char letter; /* 0: none */
    const char *name;
    enum opt_kind kind;
    void *value;
    double low, high;
    const char *arg, *help; /* help ends with the default in brackets where there is one */
};

struct opt_list {
    const char **item; /* of argv; the array lives as long as the process */
    int n;
};

struct opt_tool {
    const char *name, *operands, *purpose;
    const struct opt *options;
    const char *notes; /* printed by -h below the options; may be NULL */
};

#define OPT_FLAG(c, n, v, h) {c, n, OPT_KIND_FLAG, v, 0, 0, 0, h}
#define OPT_UNFLAG(c, n, v, h) {c, n, OPT_KIND_UNFLAG, v, 0, 0, 0, h}
#define OPT_COUNT(c, n, v, lo, hi, a, h) {c, n, OPT_KIND_COUNT, v, lo, hi, a, h}
#define OPT_SIZE(c, n, v, lo, hi, a, h) {c, n, OPT_KIND_SIZE, v, lo, hi, a, h}
#define OPT_REAL(c, n, v, lo, hi, a, h) {c, n, OPT_KIND_REAL, v, lo, hi, a, h}
#define OPT_STRING(c, n, v, a, h) {c, n, OPT_KIND_STRING, v, 0, 0, a, h}
#define OPT_PATH(c, n, v, a, h) {c, n, OPT_KIND_PATH, v, 0, 0, a, h}
#define OPT_CHOICE(c, n, v, words, h) {c, n, OPT_KIND_CHOICE, v, 0, 0, words, h}
#define OPT_LIST(c, n, v, a, h) {c, n, OPT_KIND_LIST, v, 0, 0, a, h}
#define OPT_END {0, 0, OPT_KIND_END, 0, 0, 0, 0, 0}

/* The same in every tool: -q, -v, -h, --version. */
#define OPT_COMMON                                                                                 \
    {'q', "quiet", OPT_KIND_LEVEL, 0, -1, 0, 0, "print errors and warnings only"},                                \
    {'v', "verbose", OPT_KIND_LEVEL, 0, 1, 0, 0, "print more"}
/* The same in every tool that has them: */
#define OPT_JOBS(v) OPT_COUNT('j', "jobs", v, 0, 1024, "N", "threads; 0: one per processor [0]")
#define OPT_SEED(v) OPT_COUNT(0, "seed", v, 0, 9007199254740991.0, "N", "seed of all random choices [0]")
#define OPT_DEVICE(v) OPT_STRING(0, "device", v, "auto|cpu", "what to compute on [auto]")
#define OPT_BITS(v) OPT_COUNT(0, "bits", v, 9, 16, "N", "significant bits of samples of 16: 12 of most cameras [16]")
#define OPT_TRUNCATED(v) \
    OPT_CHOICE(0, "truncated", v, "refuse|fill", "JPEG files that are cut short: refused, or filled with grey [refuse]")
#define OPT_JSON(v) OPT_FLAG(0, "json", v, "reports as JSON lines")
#define OPT_NO_PROVENANCE(v)                                                                       \
    OPT_UNFLAG(0, "no-provenance", v, "leave out tool, version and settings")

static inline bool opt_takes_value(const struct opt *o)
{
    return o->kind != OPT_KIND_FLAG && o->kind != OPT_KIND_UNFLAG && o->kind != OPT_KIND_LEVEL;
}

/* Returns the index of the first operand; operands are moved after the options. Does not return on -h, --version,
 * --completion=SHELL (opt-completion.h) or wrong usage. Calls msg_init. */
int opt_parse(const struct opt_tool *tool, int argc, char **argv);

/* Before opt_parse: what gives a line for --version to print below the version. */
void opt_describe_build(const char *(*line)(void));

/* Warns of each option, by its value (NULL ends the list), that the command line sets although it has no effect:
 * "--rows: not used: it is for --sheet". */
void opt_unused(const struct opt_tool *tool, const void *const *values, const char *why);

/* Ends the tool because an option or a setting cannot be satisfied: status 1 if the system failed, else wrong usage. */
_Noreturn void opt_fail(const struct fmt_error *e);

#endif
