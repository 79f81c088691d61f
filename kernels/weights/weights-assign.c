/* weights-assign.c - which of the file's tensors are meant, and their published names.
 *
 * Every name is cleaned of wrappers. A network shows by its patch embedding and its blocks: what stands before their
 * names, whatever words that are, is the network's root. Of several the words in the roots tell which one is meant:
 * a teacher before an average before others; where they do not, none is guessed. What is not the chosen network's is
 * left out; so is, beside one without a root, what a decoder or an optimizer has, or another module with blocks. What
 * remains is renamed and sorted, so that parts of one tensor lie together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights-internal.h"
#include "weight-names.h"

/* A tensor on its way to a name. */
struct candidate {
    const struct named_tensor *from;
    char *text, *rest; /* the cleaned name; what is left of it */
    bool out;          /* not the chosen network's */
    struct weight_names_target target;
};

struct candidates {
    struct candidate *item;
    int64_t n;
};

enum { NETWORKS_MAX = 16 };

/* The names of its backbone begin with the first n_root bytes of text; those of its heads with the first n_base, as
 * "backbone." or a word like it may end the root. */
struct network {
    const char *text;
    size_t n_root, n_base;
    bool has_blocks;
};

struct networks {
    struct network item[NETWORKS_MAX];
    int n;
};

/* ------------------------------------------------------------------ which tensors */
static void release_candidates(struct candidates *c)
{
    for (int64_t i = 0; i < c->n; i++)
        free(c->item[i].text);
    free(c->item);
}

static int collect_candidates(const struct named_tensor_set *set, struct candidates *c, struct fmt_error *e)
{
    c->item = calloc((size_t)set->n + 1, sizeof *c->item);
    c->n = 0;
    if (!c->item)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < set->n; i++) {
        struct candidate *k = &c->item[c->n++];
        size_t room = strlen(set->item[i].name) + 1;
        k->from = &set->item[i];
        k->text = malloc(room);
        if (!k->text)
            return fmt_no_memory(e);
        (void)weight_names_clean(set->item[i].name, k->text, room); /* never longer than the name */
        k->rest = k->text;
    }
    return 0;
}

/* ------------------------------------------------------------------ networks */
/* What stands before the patch embedding's name, or before that of a block; -1: it is neither's. */
static int64_t root_of_patches(const char *text)
{
    static const char *const ends[] = {"patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight"};
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t k = strlen(ends[i]);
        if (n >= k && strcmp(text + n - k, ends[i]) == 0 && (n == k || text[n - k - 1] == '.'))
            return (int64_t)(n - k);
    }
    return -1;
}

static int64_t root_of_block(const char *text)
{
    for (const char *at = text; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
        if (weight_names_after_block(at))
            return at - text;
    return -1;
}

static struct network *find_network(struct networks *all, const char *text, size_t n_root)
{
    for (int i = 0; i < all->n; i++)
        if (all->item[i].n_root == n_root && memcmp(all->item[i].text, text, n_root) == 0)
            return &all->item[i];
    return NULL;
}

static size_t base_of(const char *text, size_t n_root)
{
    for (size_t i = 0; i < WEIGHT_NAMES_BACKBONE_PREFIXES; i++) {
        size_t k = strlen(weight_names_backbone_prefix[i]);
        if (n_root >= k && memcmp(text + n_root - k, weight_names_backbone_prefix[i], k) == 0 &&
            (n_root == k || text[n_root - k - 1] == '.'))
            return n_root - k;
    }
    return n_root;
}

/* Has the text of n bytes the word, between dots and underscores? "model_ema." has "ema". */
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

/* All roots that `root` finds, but for the moments of an optimizer; false: more than there is room for. */
static bool find_roots(const struct candidates *c, int64_t (*root)(const char *), struct networks *all)
{
    all->n = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const char *text = c->item[i].text;
        int64_t n = root(text);
        if (n < 0 || find_network(all, text, (size_t)n) || has_word(text, (size_t)n, "optimizer"))
            continue;
        if (all->n == NETWORKS_MAX)
            return false;
        all->item[all->n++] = (struct network){text, (size_t)n, base_of(text, (size_t)n), false};
    }
    return true;
}

/* Sharded training keeps the parameters of a module as one long vector, of which each process has its piece. */
static bool has_flat_parameters(const struct candidates *c)
{
    for (int64_t i = 0; i < c->n; i++) {
        const char *dot = strrchr(c->item[i].text, '.'), *last = dot ? dot + 1 : c->item[i].text;
        if (strncmp(last, "_flat_param", 11) == 0 || strncmp(last, "flat_param", 10) == 0)
            return true;
    }
    return false;
}

/* Networks that have a patch embedding and blocks. Where there is none, a single one of blocks: what it lacks is told
 * later. */
static bool find_networks(const struct candidates *c, struct networks *all)
{
    bool fits = find_roots(c, root_of_patches, all);
    for (int64_t i = 0; i < c->n; i++) {
        int64_t n = root_of_block(c->item[i].text);
        struct network *k = n < 0 ? NULL : find_network(all, c->item[i].text, (size_t)n);
        if (k)
            k->has_blocks = true;
    }
    int kept = 0;
    for (int i = 0; i < all->n; i++)
        if (all->item[i].has_blocks)
            all->item[kept++] = all->item[i];
    all->n = kept;
    if (fits && kept == 0 && (has_flat_parameters(c) || !find_roots(c, root_of_block, all) || all->n != 1))
        all->n = 0;
    return fits;
}

/* Bytes of the network's name for this text that are the network's; -1: it is not the network's at all. */
static int64_t share_of(const struct network *k, const char *text)
{
    if (strncmp(text, k->text, k->n_root) == 0)
        return (int64_t)k->n_root;
    if (strncmp(text, k->text, k->n_base) == 0)
        for (int m = WEIGHT_NAMES_DINO_HEAD; m < WEIGHT_NAMES_MODULES; m++) {
            size_t n = strlen(weight_names_module[m]);
            if (strncmp(text + k->n_base, weight_names_module[m], n) == 0 && text[k->n_base + n] == '.')
                return (int64_t)k->n_base;
        }
    return -1;
}

/* Modules beside a network without a root: what has blocks of its own, a decoder, the moments of an optimizer. */
static bool is_beside(const struct networks *modules, const char *text)
{
    size_t n = strcspn(text, ".");
    for (int i = 0; i < modules->n; i++)
        if (modules->item[i].n_root > n && strncmp(modules->item[i].text, text, n + 1) == 0)
            return true;
    return has_word(text, n, "decoder") || has_word(text, n, "optimizer");
}

/* What belongs to another network more than to this one, or to none, is out. */
static void keep_network(struct candidates *c, const struct networks *all, const struct network *chosen)
{
    struct networks modules = {.n = 0};
    if (chosen->n_root == 0)
        (void)find_roots(c, root_of_block, &modules); /* of more than there is room for, the first */
    for (int64_t i = 0; i < c->n; i++) {
        struct candidate *k = &c->item[i];
        int64_t share = share_of(chosen, k->text);
        k->out = share < 0 || (chosen->n_root == 0 && is_beside(&modules, k->text));
        for (int j = 0; j < all->n && !k->out; j++)
            k->out = share_of(&all->item[j], k->text) > share;
        k->rest = k->text + (k->out ? 0 : chosen->n_base);
    }
}

/* ------------------------------------------------------------------ which network */
static bool is_named(const struct network *k, const char *word)
{
    return has_word(k->text, k->n_root, word);
}

/* The words of averaged weights: those of timm, of torch's stochastic weight averaging and AveragedModel, of EMA
 * classes that keep a shadow. */
static bool has_average(const char *text, size_t n)
{
    static const char *const word[] = {"ema", "averaged", "swa", "shadow"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (has_word(text, n, word[i]))
            return true;
    return false;
}

static bool is_average(const struct network *k)
{
    return has_average(k->text, k->n_root);
}

/* Do training scripts put all the words before a network's names? "model.teacher." and not "step0.teacher.". */
static bool is_usual(const struct network *k)
{
    static const char *const whole[] = {"model", "state_dict", "teacher", "student"};
    for (size_t at = 0; at < k->n_base;) {
        const char *word = k->text + at;
        size_t n = strcspn(word, ".");
        bool usual = has_average(word, n);
        for (size_t i = 0; i < sizeof whole / sizeof *whole && !usual; i++)
            usual = strlen(whole[i]) == n && memcmp(word, whole[i], n) == 0;
        if (!usual)
            return false;
        at += n + 1;
    }
    return k->n_base > 0;
}

/* How far its words are from those of the network that was asked for. */
static int words_distance(const struct network *k, enum weights_net net)
{
    bool teacher = is_named(k, "teacher"), average = is_average(k), student = is_named(k, "student");
    return net == WEIGHTS_TEACHER ? 4 * !teacher + 2 * !average + student : 4 * teacher + 2 * average + !student;
}

/* Among equals the usual one is nearer. */
static int distance(const struct network *k, enum weights_net net)
{
    return 2 * words_distance(k, net) + !is_usual(k);
}

/* "teacher", or "teacher.backbone" where others have that, too; without the dot behind it. */
static void add_root(char *text, size_t room, const struct network *k)
{
    size_t n = k->n_base ? k->n_base : k->n_root, at = strlen(text);
    if (n > 0)
        snprintf(text + at, room - at, "\"%.*s\"", n - 1 < 60 ? (int)(n - 1) : 60, k->text);
    else
        snprintf(text + at, room - at, "that without a prefix");
}

/* The roots but for one, with commas between them. */
static void list_roots(char *text, size_t room, const struct networks *all, const struct network *but)
{
    text[0] = 0;
    for (int i = 0; i < all->n; i++) {
        if (&all->item[i] == but)
            continue;
        if (text[0])
            strncat(text, ", ", room - strlen(text) - 1);
        add_root(text, room, &all->item[i]);
    }
}

static int no_network(const struct weights *w, const struct candidates *c, struct fmt_error *e)
{
    const struct named_tensor_set *set = &w->file.set;
    if (has_flat_parameters(c))
        return fmt_fail(e, FMT_MISMATCH, "flat parameters of sharded training (FSDP), one process's part: no single "
                        "file of them has the weights; that of the teacher under eval/ is the one to take");
    for (int64_t i = 0; i < set->n; i++)
        if (set->item[i].unusable)
            return fmt_fail(e, FMT_MISMATCH, "no weights of a vision transformer like DINOv2's (%s; %.60s: %.150s)",
                            FMT_COUNT(set->n, "tensor", "tensors"), set->item[i].name, set->item[i].unusable);
    return fmt_fail(e, FMT_MISMATCH, "no weights of a vision transformer like DINOv2's (%s%s%.60s)",
                    FMT_COUNT(set->n, "tensor", "tensors"), set->n ? ", the first is " : "",
                    set->n ? set->item[0].name : "");
}

/* The one nearest to what was asked for; NULL, with the error, where there is no such one or several. */
static const struct network *choose(const struct weights *w, const struct networks *all, struct fmt_error *e)
{
    const struct network *best = NULL;
    bool tie = false;
    for (int i = 0; i < all->n; i++) {
        const struct network *k = &all->item[i];
        if (!best || distance(k, w->net) < distance(best, w->net)) {
            best = k;
            tie = false;
        } else if (distance(k, w->net) == distance(best, w->net)) {
            tie = true;
        }
    }
    if (tie) {
        char roots[200];
        list_roots(roots, sizeof roots, all, NULL);
        fmt_fail(e, FMT_MISMATCH, "holds %d networks, and no word in their names tells which is the %s: %s", all->n,
                 w->net == WEIGHTS_TEACHER ? "teacher" : "student", roots);
        return NULL;
    }
    bool teacher = is_named(best, "teacher");
    if (w->net == WEIGHTS_STUDENT && !is_named(best, "student") && (teacher || is_average(best))) {
        fmt_fail(e, FMT_MISMATCH, "holds %s and no student", teacher ? "a teacher" : "averaged weights");
        return NULL;
    }
    return best;
}

/* That a script calls one of two "model" says little of which is meant. */
static void warn_of_guess(struct weights *w, const struct networks *all, const struct network *chosen)
{
    char one[80] = "";
    add_root(one, sizeof one, chosen);
    for (int i = 0; i < all->n; i++)
        if (&all->item[i] != chosen && words_distance(&all->item[i], w->net) == words_distance(chosen, w->net)) {
            weights_warn(w, "%.150s: no word tells which of its %d networks is the %s; %s was taken, as training "
                        "scripts call it so", w->path, all->n, w->net == WEIGHTS_TEACHER ? "teacher" : "student", one);
            return;
        }
}

static int choose_network(struct candidates *c, struct weights *w, struct fmt_error *e)
{
    struct networks all;
    if (!find_networks(c, &all))
        return fmt_fail(e, FMT_LIMIT, "holds more than %d networks", NETWORKS_MAX);
    if (all.n == 0)
        return no_network(w, c, e);
    const struct network *chosen = choose(w, &all, e);
    if (!chosen)
        return (int)e->status;
    w->one_network = all.n == 1 && !is_named(chosen, w->net == WEIGHTS_TEACHER ? "teacher" : "student") &&
                     !(w->net == WEIGHTS_TEACHER && is_average(chosen));
    if (all.n > 1) {
        char one[80] = "", others[sizeof w->choice - 100];
        add_root(one, sizeof one, chosen);
        list_roots(others, sizeof others, &all, chosen);
        snprintf(w->choice, sizeof w->choice, "of %d networks %s was taken, not %s", all.n, one, others);
        warn_of_guess(w, &all, chosen);
    }
    keep_network(c, &all, chosen);
    return 0;
}

/* ------------------------------------------------------------------ names */
static int by_target(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->out != y->out)
        return x->out ? 1 : -1;
    int order = strcmp(x->target.name, y->target.name);
    return order ? order : x->target.part - y->target.part;
}

static int leave_out(struct weights *w, const struct candidate *k, struct fmt_error *e)
{
    const char **grown = realloc(w->left_out, (size_t)(w->n_left_out + 1) * sizeof *grown);
    if (!grown)
        return fmt_no_memory(e);
    w->left_out = grown;
    grown[w->n_left_out++] = k->from->name;
    return 0;
}

static int rename_all(struct weights *w, struct candidates *c, struct fmt_error *e)
{
    for (int64_t i = 0; i < c->n; i++) {
        struct candidate *k = &c->item[i];
        enum weight_names_kind kind = k->out ? WEIGHT_NAMES_UNUSED : weight_names_publish(k->rest, &k->target);
        if (kind == WEIGHT_NAMES_TOO_LONG && !k->from->unusable)
            return fmt_fail(e, FMT_MISMATCH, "%.200s belongs nowhere in such a network", k->from->name);
        k->out = kind != WEIGHT_NAMES_PARAMETER;
        w->hugging_face = w->hugging_face || (!k->out && k->target.hugging_face);
        if (k->out && leave_out(w, k, e))
            return (int)e->status;
    }
    if (c->n > 1)
        qsort(c->item, (size_t)c->n, sizeof *c->item, by_target);
    return 0;
}

/* Shape of the parts of one tensor together: n_dims -1 where they do not fit. */
static void stack_shape(struct weights_tensor *t, int n_parts)
{
    const struct named_tensor *first = t->from[0];
    t->n_dims = first->n_dims;
    memcpy(t->dims, first->dims, sizeof t->dims);
    for (int i = 1; i < t->n_from; i++) {
        const struct named_tensor *part = t->from[i];
        bool fits = part->n_dims == first->n_dims && part->n_dims > 0;
        for (int d = 1; d < first->n_dims && fits; d++)
            fits = part->dims[d] == first->dims[d];
        if (!fits || t->n_dims < 0 || __builtin_add_overflow(t->dims[0], part->dims[0], &t->dims[0]))
            t->n_dims = -1;
    }
    if (t->n_from != n_parts)
        t->n_dims = -1;
}

static int group(struct weights *w, const struct candidates *c, struct fmt_error *e)
{
    w->tensor = calloc((size_t)c->n + 1, sizeof *w->tensor);
    if (!w->tensor)
        return fmt_no_memory(e);
    for (int64_t i = 0; i < c->n && !c->item[i].out;) {
        struct weights_tensor *t = &w->tensor[w->n_tensors++];
        const struct weight_names_target *target = &c->item[i].target;
        memcpy(t->name, target->name, sizeof t->name);
        int n_parts = target->n_parts, last_part = -1;
        for (; i < c->n && !c->item[i].out && strcmp(c->item[i].target.name, t->name) == 0; i++) {
            if (c->item[i].target.part == last_part || c->item[i].target.n_parts != n_parts)
                return fmt_fail(e, FMT_INVALID, "%.150s: two tensors for %.100s", c->item[i].from->name, t->name);
            last_part = c->item[i].target.part;
            t->from[t->n_from++] = c->item[i].from;
        }
        stack_shape(t, n_parts);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct weights_tensor *)a)->name, ((const struct weights_tensor *)b)->name);
}

const struct weights_tensor *weights_find(const struct weights *w, const char *name)
{
    struct weights_tensor key;
    snprintf(key.name, sizeof key.name, "%s", name);
    return w->n_tensors ? bsearch(&key, w->tensor, (size_t)w->n_tensors, sizeof key, by_name) : NULL;
}

/* What timm names or keeps otherwise, and only shapes tell: the gated feed-forward; positions without class token. */
static void settle_timm(struct weights *w)
{
    struct weights_tensor *pos = (struct weights_tensor *)(uintptr_t)weights_find(w, "backbone.pos_embed");
    if (pos && pos->n_dims == 3 && weights_square_side(pos->dims[1]) > 0 && weights_square_side(pos->dims[1] - 1) < 0) {
        pos->zero_row = true;
        pos->dims[1]++;
    }
    const struct weights_tensor *fc1 = weights_find(w, "backbone.blocks.0.mlp.fc1.weight");
    const struct weights_tensor *fc2 = weights_find(w, "backbone.blocks.0.mlp.fc2.weight");
    if (!fc1 || !fc2 || fc1->n_dims != 2 || fc2->n_dims != 2 || fc1->dims[0] != 2 * fc2->dims[1])
        return;
    for (int64_t i = 0; i < w->n_tensors; i++) {
        char *at = strstr(w->tensor[i].name, ".mlp.fc");
        if (!at || (at[7] != '1' && at[7] != '2') || at[8] != '.')
            continue;
        char rest[PARAMS_NAME_MAX], made[2 * PARAMS_NAME_MAX];
        snprintf(rest, sizeof rest, "%s", at + 9);
        snprintf(made, sizeof made, "%.*s.mlp.%s.%s", (int)(at - w->tensor[i].name), w->tensor[i].name,
                 at[7] == '1' ? "w12" : "w3", rest);
        if (strlen(made) < PARAMS_NAME_MAX)
            memcpy(w->tensor[i].name, made, strlen(made) + 1);
    }
    qsort(w->tensor, (size_t)w->n_tensors, sizeof *w->tensor, by_name);
}

int weights_assign(struct weights *w, struct fmt_error *e)
{
    struct candidates c = {0};
    int status = collect_candidates(&w->file.set, &c, e);
    if (!status)
        status = choose_network(&c, w, e);
    if (!status)
        status = rename_all(w, &c, e);
    if (!status)
        status = group(w, &c, e);
    release_candidates(&c);
    if (!status)
        settle_timm(w);
    return status;
}
