/* weights-network.c - chooses a network of a file.
 *
 * A network is recognised by its patch embedding and its blocks: the words before their names, whatever they are, are
 * the network's prefix. If there are several networks, the words in the prefixes decide: a teacher before an average
 * before others; if they do not decide, none is guessed. Tensors outside the chosen network are unused; if it has no
 * prefix, so are those of a decoder, of an optimizer, or of another module with blocks. */
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "weights-internal.h"

enum { NETWORKS_MAX = 16 };

/* The names of its backbone begin with the first n_prefix bytes of text, the names of its heads with the first
 * n_parent: the prefix may end in "backbone." or a similar word. */
struct network {
    const char *text;
    size_t n_prefix, n_parent;
    bool has_blocks;
};

struct networks {
    struct network item[NETWORKS_MAX];
    int n;
};

/* ------------------------------------------------------------------ words */
/* Whether the text of n bytes contains the word between dots and underscores: "model_ema." contains "ema". */
static bool has_word(const char *text, size_t n, const char *word)
{
    size_t n_word = strlen(word);
    for (size_t at = 0; at + n_word <= n;) {
        size_t end = at;
        while (end < n && text[end] != '.' && text[end] != '_')
            end++;
        if (end - at == n_word && memcmp(text + at, word, n_word) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

/* The words for averaged weights: those of timm, of torch's stochastic weight averaging and AveragedModel, and of EMA
 * classes with shadow copies. */
static bool has_average(const char *text, size_t n)
{
    static const char *const word[] = {"ema", "averaged", "swa", "shadow"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (has_word(text, n, word[i]))
            return true;
    return false;
}

static bool is_named(const struct network *k, const char *word)
{
    return has_word(k->text, k->n_prefix, word);
}

static bool is_average(const struct network *k)
{
    return has_average(k->text, k->n_prefix);
}

/* Whether all words before a network's names are usual in training scripts: "model.teacher.", not "step0.teacher.". */
static bool is_usual(const struct network *k)
{
    static const char *const usual_words[] = {"model", "state_dict", "teacher", "student"};
    for (size_t at = 0; at < k->n_parent;) {
        const char *word = k->text + at;
        size_t n = strcspn(word, ".");
        bool usual = has_average(word, n);
        for (size_t i = 0; i < sizeof usual_words / sizeof *usual_words && !usual; i++)
            usual = strlen(usual_words[i]) == n && memcmp(word, usual_words[i], n) == 0;
        if (!usual)
            return false;
        at += n + 1;
    }
    return k->n_parent > 0;
}

/* ------------------------------------------------------------------ networks of the file */
/* Length of the prefix before the name of the patch embedding; -1: the text does not end in that name. */
static int64_t prefix_of_patch_embedding(const char *text)
{
    static const char *const names[] = {"patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight"};
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = strlen(names[i]);
        if (text_ends_with(text, names[i]) && (n == k || text[n - k - 1] == '.'))
            return (int64_t)(n - k);
    }
    return -1;
}

/* Length of the prefix before the name of a block; -1: there is none. */
static int64_t prefix_of_block(const char *text)
{
    for (const char *at = text; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
        if (weight_names_after_block(at))
            return at - text;
    return -1;
}

static struct network *find_network(struct networks *all, const char *text, size_t n_prefix)
{
    for (int i = 0; i < all->n; i++)
        if (all->item[i].n_prefix == n_prefix && memcmp(all->item[i].text, text, n_prefix) == 0)
            return &all->item[i];
    return NULL;
}

/* The prefix without "backbone." or a word like it at its end. */
static size_t parent_prefix(const char *text, size_t n_prefix)
{
    for (size_t i = 0; i < WEIGHT_NAMES_BACKBONE_PREFIXES; i++) {
        size_t k = strlen(weight_names_backbone_prefix[i]);
        if (n_prefix >= k && memcmp(text + n_prefix - k, weight_names_backbone_prefix[i], k) == 0 &&
            (n_prefix == k || text[n_prefix - k - 1] == '.'))
            return n_prefix - k;
    }
    return n_prefix;
}

/* All prefixes that `prefix` finds, except those of an optimizer's moments; false: more than NETWORKS_MAX. */
static bool find_prefixes(const struct weights_candidates *c, int64_t (*prefix)(const char *), struct networks *all)
{
    all->n = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const char *text = c->item[i].text;
        int64_t n = prefix(text);
        if (n < 0 || find_network(all, text, (size_t)n) || has_word(text, (size_t)n, "optimizer"))
            continue;
        if (all->n == NETWORKS_MAX)
            return false;
        all->item[all->n++] = (struct network){text, (size_t)n, parent_prefix(text, (size_t)n), false};
    }
    return true;
}

/* Sharded training stores the parameters of a module as one long vector, of which each process has a part. */
static bool has_flat_parameters(const struct weights_candidates *c)
{
    for (int64_t i = 0; i < c->n; i++) {
        const char *dot = strrchr(c->item[i].text, '.'), *last = dot ? dot + 1 : c->item[i].text;
        if (text_after(last, "_flat_param") || text_after(last, "flat_param"))
            return true;
    }
    return false;
}

/* Networks that have a patch embedding and blocks. If there is none, a single one that has blocks: what is missing is
 * reported later. False: more than NETWORKS_MAX. */
static bool find_networks(const struct weights_candidates *c, struct networks *all)
{
    bool fits = find_prefixes(c, prefix_of_patch_embedding, all);
    for (int64_t i = 0; i < c->n; i++) {
        int64_t n = prefix_of_block(c->item[i].text);
        struct network *k = n < 0 ? NULL : find_network(all, c->item[i].text, (size_t)n);
        if (k)
            k->has_blocks = true;
    }
    int n = 0;
    for (int i = 0; i < all->n; i++)
        if (all->item[i].has_blocks)
            all->item[n++] = all->item[i];
    all->n = n;
    if (fits && n == 0 && (has_flat_parameters(c) || !find_prefixes(c, prefix_of_block, all) || all->n != 1))
        all->n = 0;
    return fits;
}

/* ------------------------------------------------------------------ tensors of a network */
/* Length of the network's prefix in the name; -1: the name does not belong to the network. */
static int64_t matched_prefix(const struct network *k, const char *text)
{
    if (strncmp(text, k->text, k->n_prefix) == 0)
        return (int64_t)k->n_prefix;
    if (strncmp(text, k->text, k->n_parent) != 0)
        return -1;
    for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++) {
        const char *rest = text_after(text + k->n_parent, weight_names_module[m]);
        if (rest && *rest == '.')
            return (int64_t)k->n_parent;
    }
    return -1;
}

/* For a network without a prefix: whether the name is of a decoder, an optimizer or another module with blocks. */
static bool is_other_module(const struct networks *modules, const char *text)
{
    size_t n = strcspn(text, ".");
    for (int i = 0; i < modules->n; i++)
        if (modules->item[i].n_prefix > n && strncmp(modules->item[i].text, text, n + 1) == 0)
            return true;
    return has_word(text, n, "decoder") || has_word(text, n, "optimizer");
}

/* Marks tensors as unused that do not belong to the chosen network, or have a longer prefix in common with another. */
static void mark_unused(struct weights_candidates *c, const struct networks *all, const struct network *chosen)
{
    struct networks modules = {.n = 0};
    if (chosen->n_prefix == 0)
        (void)find_prefixes(c, prefix_of_block, &modules); /* of more than NETWORKS_MAX, the first ones */
    for (int64_t i = 0; i < c->n; i++) {
        struct weights_candidate *k = &c->item[i];
        int64_t matched = matched_prefix(chosen, k->text);
        k->unused = matched < 0 || (chosen->n_prefix == 0 && is_other_module(&modules, k->text));
        for (int j = 0; j < all->n && !k->unused; j++)
            k->unused = matched_prefix(&all->item[j], k->text) > matched;
        k->name = k->text + (k->unused ? 0 : chosen->n_parent);
    }
}

/* ------------------------------------------------------------------ the choice */
static const char *role_name(const struct weights *w)
{
    return w->role == WEIGHTS_TEACHER ? "teacher" : "student";
}

/* Distance of its words from those of the role: first whether it is a teacher, then an average, then a student. */
static int words_distance(const struct network *k, enum weights_role role)
{
    bool teacher = is_named(k, "teacher"), average = is_average(k), student = is_named(k, "student");
    return role == WEIGHTS_TEACHER ? 4 * !teacher + 2 * !average + student : 4 * teacher + 2 * average + !student;
}

/* If equal, usual words are nearer. */
static int distance(const struct network *k, enum weights_role role)
{
    return 2 * words_distance(k, role) + !is_usual(k);
}

/* The nearest network; *tie: another one is equally near. */
static const struct network *nearest(const struct networks *all, enum weights_role role, bool *tie)
{
    const struct network *best = &all->item[0];
    *tie = false;
    for (int i = 1; i < all->n; i++) {
        int d = distance(&all->item[i], role), least = distance(best, role);
        if (d < least)
            best = &all->item[i];
        *tie = d == least || (*tie && d > least);
    }
    return best;
}

/* Appends "teacher", or the whole prefix if it has no parent; without the last dot. */
static void append_prefix(char *text, size_t capacity, const struct network *k)
{
    enum { SHOWN_MAX = 60 };
    size_t n = k->n_parent ? k->n_parent : k->n_prefix, at = strlen(text);
    if (n > 0)
        snprintf(text + at, capacity - at, "\"%.*s\"", n - 1 < SHOWN_MAX ? (int)(n - 1) : SHOWN_MAX, k->text);
    else
        snprintf(text + at, capacity - at, "that without a prefix");
}

/* The prefixes except `but`, separated by commas. */
static void list_prefixes(char *text, size_t capacity, const struct networks *all, const struct network *but)
{
    text[0] = 0;
    for (int i = 0; i < all->n; i++) {
        if (&all->item[i] == but)
            continue;
        if (text[0])
            strncat(text, ", ", capacity - strlen(text) - 1);
        append_prefix(text, capacity, &all->item[i]);
    }
}

static int fail_without_network(const struct weights *w, const struct weights_candidates *c, struct fmt_error *e)
{
    const struct named_tensor_set *set = &w->file.set;
    if (has_flat_parameters(c))
        return fmt_fail(e, FMT_MISMATCH, "flat parameters of sharded training (FSDP), one process's part: no single "
                        "file of them has the weights; use the teacher file under eval/");
    for (int64_t i = 0; i < set->n; i++)
        if (set->item[i].unusable)
            return fmt_fail(e, FMT_MISMATCH, "no weights of a vision transformer like DINOv2's (%s; %.60s: %.150s)",
                            FMT_COUNT(set->n, "tensor", "tensors"), set->item[i].name, set->item[i].unusable);
    return fmt_fail(e, FMT_MISMATCH, "no weights of a vision transformer like DINOv2's (%s%s%.60s)",
                    FMT_COUNT(set->n, "tensor", "tensors"), set->n ? ", the first is " : "",
                    set->n ? set->item[0].name : "");
}

/* The network of the role; NULL, with the error, if there is none or there are several. */
static const struct network *choose(const struct weights *w, const struct networks *all, struct fmt_error *e)
{
    bool tie;
    const struct network *best = nearest(all, w->role, &tie);
    if (tie) {
        char prefixes[200];
        list_prefixes(prefixes, sizeof prefixes, all, NULL);
        fmt_fail(e, FMT_MISMATCH, "holds %d networks, cannot tell which network is the %s: %s", all->n, role_name(w),
                 prefixes);
        return NULL;
    }
    bool teacher = is_named(best, "teacher");
    if (w->role == WEIGHTS_STUDENT && !is_named(best, "student") && (teacher || is_average(best))) {
        fmt_fail(e, FMT_MISMATCH, "holds %s and no student", teacher ? "a teacher" : "averaged weights");
        return NULL;
    }
    return best;
}

/* Warns if only the usual words decided: "model" as the prefix of one of two networks is weak evidence. */
static void warn_of_guess(struct weights *w, const struct networks *all, const struct network *chosen)
{
    char prefix[80] = "";
    append_prefix(prefix, sizeof prefix, chosen);
    for (int i = 0; i < all->n; i++)
        if (&all->item[i] != chosen && words_distance(&all->item[i], w->role) == words_distance(chosen, w->role)) {
            weights_warn(w, "%.150s: cannot tell which of its %d networks is the %s; used %s, the usual name in "
                         "training scripts", w->path, all->n, role_name(w), prefix);
            return;
        }
}

static void report_choice(struct weights *w, const struct networks *all, const struct network *chosen)
{
    char prefix[80] = "", others[sizeof w->choice - 100];
    append_prefix(prefix, sizeof prefix, chosen);
    list_prefixes(others, sizeof others, all, chosen);
    snprintf(w->choice, sizeof w->choice, "of %d networks %s was taken, not %s", all->n, prefix, others);
    warn_of_guess(w, all, chosen);
}

int weights_choose_network(struct weights *w, struct weights_candidates *c, struct fmt_error *e)
{
    struct networks all;
    if (!find_networks(c, &all))
        return fmt_fail(e, FMT_LIMIT, "holds more than %d networks", NETWORKS_MAX);
    if (all.n == 0)
        return fail_without_network(w, c, e);
    const struct network *chosen = choose(w, &all, e);
    if (!chosen)
        return (int)e->status;
    w->role_unnamed = all.n == 1 && !is_named(chosen, role_name(w)) &&
                      !(w->role == WEIGHTS_TEACHER && is_average(chosen));
    if (all.n > 1)
        report_choice(w, &all, chosen);
    mark_unused(c, &all, chosen);
    return 0;
}
