/* make-inspector.c - see make-inspector.h. The parts are opened and checked as a judge opens them from the file. */
#include "make-inspector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "gate-file.h"
#include "make-gates.h"
#include "overlap.h"
#include "scored-groups.h"
#include "scored-set.h"
#include "teacher-name.h"
#include "tensorfile.h"
#include "version.h"

enum { CHOOSE, CHECK, SETS };
enum { LEVEL = 3 }; /* of zstd, for what is small */

struct making {
    struct make_inspector *m;
    struct judge judge;
    char *weights_path; /* of the file, where a folder was named */
    struct file file[INSPECTOR_ROLE_LAST + 1];
    bool is_open[INSPECTOR_ROLE_LAST + 1];
    struct judge_parts parts;
    struct photo_list good; /* of the gates */
    struct fmt_buffer reference;
    struct scored_set set[SETS];
    bool has_set[SETS];
    struct fmt_error *e;
};

/* ------------------------------------------------------------------ the parts */
/* The one file of the weights; of the folder of a run its newest teacher. Several cannot be a member. */
static int find_weights(struct making *k)
{
    struct tensorfile t;
    char *newest;
    int64_t iteration;
    int status = teacher_newest(k->m->weights, &newest, &iteration, k->e);
    if (!status)
        status = tensorfile_open(&t, newest ? newest : k->m->weights, k->e);
    free(newest);
    if (status)
        return status;
    if (t.n_parts != 1)
        status = fmt_fail(k->e, FMT_UNSUPPORTED, "%.150s: weights in %d files: dino-weights convert makes one of them",
                          t.path, t.n_parts);
    k->weights_path = status ? NULL : strdup(t.path);
    tensorfile_close(&t);
    return status || k->weights_path ? status : fmt_no_memory(k->e);
}

static int open_part(struct making *k, enum inspector_role role, const char *path, struct fmt_reader *reader)
{
    if (!path)
        return 0;
    int status = file_open_regular(&k->file[role], path, k->e);
    k->is_open[role] = !status;
    if (!status)
        *reader = file_reader(&k->file[role]);
    return status;
}

static int open_parts(struct making *k)
{
    const struct make_inspector *m = k->m;
    struct judge_parts *p = &k->parts;
    int status = find_weights(k);
    if (!status)
        status = open_part(k, INSPECTOR_WEIGHTS, k->weights_path, &p->weights);
    if (!status)
        status = open_part(k, INSPECTOR_CLASSIFIER, m->classifier, &p->classifier);
    if (!status)
        status = open_part(k, INSPECTOR_BANK, m->bank, &p->bank);
    if (!status)
        status = open_part(k, INSPECTOR_FAULTS, m->faults, &p->faults);
    p->name = m->output;
    p->weights_name = k->weights_path;
    return status;
}

static int open_judge(struct making *k, const struct judge_how *how)
{
    struct make_inspector *m = k->m;
    struct inspect_settings s = inspect_settings_default();
    struct judge_how as_asked = *how;
    s.by_bank = m->by_bank;
    s.rule.how = m->rule.how;
    s.rule.k = m->rule.k;
    s.rule.log_odds = !m->by_bank;
    if (m->positive && !(s.positive = strdup(m->positive)))
        return fmt_no_memory(k->e);
    int status = m->pattern ? group_pattern_parse(&s.pattern, m->pattern, k->e) : 0;
    as_asked.precision = NULL;
    snprintf(s.precision, sizeof s.precision, "%s", m->precision ? m->precision : "");
    if (!status)
        status = judge_open_parts(&k->judge, &k->parts, &s, &as_asked, k->e);
    inspect_settings_release(&s);
    return status;
}

/* ------------------------------------------------------------------ gates */
static int open_gates(struct making *k)
{
    const struct make_inspector *m = k->m;
    struct photo_list_how how = {.pattern = &k->judge.settings.pattern, .separator = '\n'};
    struct fmt_writer io = fmt_buffer_writer(&k->reference);
    if (!m->reference)
        return 0;
    int status = photo_list_open(&k->good, &m->reference, 1, &how, k->e);
    if (status)
        return status;
    status = make_gates(&k->good, &k->judge, m->gate_share, m->gate_confidence, k->e);
    if (!status)
        status = gate_reference_write(&k->judge.reference, &io, k->e);
    if (status)
        fmt_prefix(k->e, m->reference);
    return status;
}

/* ------------------------------------------------------------------ thresholds */
/* The number of views that all groups have; 0, not checked, where they differ. */
static int common_views(const struct verdict_groups *g)
{
    int n = g->n > 0 ? verdict_groups_views(g, 0) : 0;
    for (int64_t i = 1; i < g->n && n; i++)
        n = verdict_groups_views(g, i) == n ? n : 0;
    return n;
}

static int choose_thresholds(struct making *k, struct scored_groups *g)
{
    struct make_inspector *m = k->m;
    struct inspect_settings *s = &k->judge.settings;
    struct verdict_rule *r = &s->rule;
    struct promises_wanted wanted = {m->promise, m->n_promises, 0};
    r->n_views = m->rule.n_views >= 0 ? m->rule.n_views : common_views(&g->groups);
    int status = scored_groups_choose(g, r, &wanted, &m->learned, k->e);
    for (int i = 0; i < m->n_promises && !status; i++) {
        s->promise[i].promise = m->promise[i];
        s->promise[i].chosen = promise_check(&m->promise[i], r, &g->complete, m->level);
    }
    s->n_promises = m->n_promises;
    s->chosen = scored_groups_count(g, r);
    return status;
}

static int check_promises(struct making *k, struct scored_groups *g)
{
    struct inspect_settings *s = &k->judge.settings;
    scored_groups_judge(g, &s->rule);
    for (int i = 0; i < s->n_promises; i++)
        s->promise[i].checked = promise_check(&s->promise[i].promise, &s->rule, &g->complete, k->m->level);
    s->checked = scored_groups_count(g, &s->rule);
    s->is_checked = true;
    return 0;
}

static int use_set(struct making *k, int i, const char *path, int (*use)(struct making *, struct scored_groups *))
{
    static const struct verdict_classes classes = {.faulty = 1, .good = -1};
    struct scored_groups g;
    int status = scored_set_open(&k->set[i], path, &k->judge, k->e);
    if (status)
        return status;
    k->has_set[i] = true;
    k->m->n_left_out[i] = k->set[i].n_left_out;
    status = scored_groups_make(&g, &k->set[i].rows, classes, k->e);
    if (status)
        return status;
    status = use(k, &g);
    if (status)
        fmt_prefix(k->e, path);
    scored_groups_release(&g);
    return status;
}

/* Groups to check promises on must not be those that the thresholds were chosen on. */
static int check_apart(const struct making *k)
{
    struct overlap o;
    int status = overlap_sets(&k->set[CHOOSE].rows, &k->set[CHECK].rows, false, &o, k->e);
    return status ? status : overlap_refuse(&o, k->m->check, k->m->choose, k->e);
}

static int find_thresholds(struct making *k)
{
    struct make_inspector *m = k->m;
    struct verdict_rule *r = &k->judge.settings.rule;
    int status = 0;
    if (m->choose) {
        status = use_set(k, CHOOSE, m->choose, choose_thresholds);
    } else {
        r->n_views = m->rule.n_views >= 0 ? m->rule.n_views : 0;
        r->pass_below = m->pass_below;
        r->fail_from = m->fail_from;
    }
    if (!status && m->check)
        status = use_set(k, CHECK, m->check, check_promises);
    return status || !m->check || !m->choose ? status : check_apart(k);
}

/* ------------------------------------------------------------------ writing */
static int add_inputs(struct making *k, struct provenance *p, const char *settings)
{
    static const char *const role[SETS] = {"choose", "check"};
    struct judge *j = &k->judge;
    int status = 0;
    uint8_t sha256[DIGEST_BYTES];
    char hex[DIGEST_HEX];
    digest_of(settings, strlen(settings), sha256); /* the file has them */
    digest_hex(sha256, hex);
    provenance_text(p, "settings_sha256", hex);
    provenance_input(p, "weights", j->network.hash);
    if (j->has_classifier)
        provenance_input_nested(p, "model", j->classifier.identity, j->classifier.provenance);
    if (j->has_bank)
        provenance_input_nested(p, "bank", j->bank.identity, j->bank.provenance);
    if (j->has_faults)
        provenance_input_nested(p, "faults", j->faults.identity, j->faults.provenance);
    if (k->m->reference)
        status = image_set_inputs(&k->good.images, j->device.pool, p, k->e);
    for (int i = 0; i < SETS && !status; i++)
        if (k->has_set[i])
            status = scored_set_input(&k->set[i], role[i], j, p, k->e);
    return status;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int list_members(struct making *k, struct fmt_memory *settings, struct fmt_memory *reference,
                        struct inspector_part *part)
{
    const struct make_inspector *m = k->m;
    const char *const path[] = {[INSPECTOR_WEIGHTS] = k->weights_path, [INSPECTOR_CLASSIFIER] = m->classifier,
                                [INSPECTOR_BANK] = m->bank, [INSPECTOR_FAULTS] = m->faults};
    int n = 0;
    part[n++] = (struct inspector_part){INSPECTOR_SETTINGS, "settings.json", fmt_memory_reader(settings), LEVEL};
    for (int role = INSPECTOR_WEIGHTS; role <= INSPECTOR_FAULTS; role++)
        if (path[role])
            part[n++] = (struct inspector_part){(enum inspector_role)role, name_of(path[role]),
                                                file_reader(&k->file[role]),
                                                role == INSPECTOR_CLASSIFIER ? LEVEL : m->weights_level};
    if (m->reference)
        part[n++] = (struct inspector_part){INSPECTOR_REFERENCE, "gates.safetensors", fmt_memory_reader(reference),
                                            LEVEL};
    return n;
}

static int write_file(struct making *k, char *settings)
{
    struct inspector_part part[INSPECTOR_MEMBERS_MAX];
    struct fmt_memory text = {(const uint8_t *)settings, strlen(settings), 0},
                      reference = {k->reference.data, k->reference.bytes, 0};
    struct provenance p;
    struct file_out out;
    provenance_init(&p, "bbu-inspect", DINOTOOLS_VERSION, k->m->explain);
    int status = add_inputs(k, &p, settings);
    if (!status)
        status = file_create_binary(&out, k->m->output, k->e);
    if (!status) {
        struct fmt_writer io = file_writer(&out);
        status = inspector_write(part, list_members(k, &text, &reference, part), &p, &io, k->m->identity, k->e);
        status = file_finish(&out, status, k->e);
    }
    provenance_release(&p);
    return status;
}

static void close_making(struct making *k)
{
    for (int i = 0; i < SETS; i++)
        if (k->has_set[i])
            scored_set_close(&k->set[i]);
    judge_close(&k->judge);
    photo_list_close(&k->good);
    fmt_buffer_release(&k->reference);
    for (int i = 0; i <= INSPECTOR_ROLE_LAST; i++)
        if (k->is_open[i])
            file_close(&k->file[i]);
    free(k->weights_path);
}

int make_inspector_run(struct make_inspector *m, const struct judge_how *how, struct fmt_error *e)
{
    struct making k = {.m = m, .e = e};
    char *settings = NULL;
    int status = open_parts(&k);
    if (!status)
        status = open_judge(&k, how);
    if (!status)
        status = open_gates(&k);
    if (!status)
        status = find_thresholds(&k);
    if (!status)
        status = inspect_settings_text(&k.judge.settings, &settings, e);
    if (!status)
        status = write_file(&k, settings);
    if (!status) {
        m->settings = k.judge.settings;
        k.judge.settings.positive = NULL; /* the caller's now */
    }
    free(settings);
    close_making(&k);
    return status;
}

void make_inspector_release(struct make_inspector *m)
{
    inspect_settings_release(&m->settings);
}
