/* make-inspector.c - see make-inspector.h. The parts are opened and checked as a judge opens them from the file. */
#include "make-inspector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank-classes.h"
#include "file.h"
#include "gate-file.h"
#include "make-gates.h"
#include "teacher-name.h"
#include "tensorfile.h"
#include "version.h"

enum { LEVEL = 3 /* of zstd, for what is small */, NOTE_BYTES = 400 };

struct making {
    struct make_inspector *m;
    struct judge judge;
    char *weights_path; /* of the file, where a folder was named */
    struct file file[INSPECTOR_ROLE_LAST + 1];
    bool is_open[INSPECTOR_ROLE_LAST + 1];
    struct judge_parts parts;
    struct photo_list good; /* of the gates */
    struct fmt_buffer reference;
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
    p->weights_name = k->weights_path;
    p->classifier_name = m->classifier;
    p->bank_name = m->bank;
    p->faults_name = m->faults;
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

/* What no label says of the photographs of the banks is taken on trust. */
static void note_banks(const struct making *k)
{
    const struct judge *j = &k->judge;
    const char *positive = j->settings.positive ? j->settings.positive : "";
    char text[NOTE_BYTES];
    if (j->has_bank && bank_role_note(&j->bank, BANK_OF_GOOD, positive, text, sizeof text))
        k->m->note("%s: %s", k->m->bank, text);
    if (j->has_faults && bank_role_note(&j->faults, BANK_OF_FAULTS, positive, text, sizeof text))
        k->m->note("%s: %s", k->m->faults, text);
}

/* ------------------------------------------------------------------ gates */
static int open_gates(struct making *k, const struct judge_how *how)
{
    const struct make_inspector *m = k->m;
    struct photo_list_how list = {.pattern = &k->judge.settings.pattern, .separator = '\n'};
    struct fmt_writer io = fmt_buffer_writer(&k->reference);
    struct make_gates gates = {m->gate_share, m->gate_confidence, how->warn};
    if (!m->reference)
        return 0;
    int status = photo_list_open(&k->good, &m->reference, 1, &list, k->e);
    if (status)
        return status;
    status = make_gates(&k->good, &k->judge, &gates, k->e);
    if (!status)
        status = gate_reference_write(&k->judge.reference, &io, k->e);
    if (status)
        fmt_prefix(k->e, m->reference);
    return status;
}

/* ------------------------------------------------------------------ writing */
static int add_inputs(struct making *k, struct provenance *p, const char *settings)
{
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
    return status ? status : make_thresholds_inputs(&k->m->thresholds, j, p, k->e);
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
    make_thresholds_release(&k->m->thresholds);
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
        note_banks(&k);
    if (!status)
        status = open_gates(&k, how);
    if (!status)
        status = make_thresholds_run(&m->thresholds, &k.judge, e);
    if (!status)
        status = inspect_settings_text(&k.judge.settings, &settings, e);
    if (!status)
        status = write_file(&k, settings);
    if (!status)
        inspect_settings_move(&m->settings, &k.judge.settings);
    free(settings);
    close_making(&k);
    return status;
}

void make_inspector_release(struct make_inspector *m)
{
    inspect_settings_release(&m->settings);
}
