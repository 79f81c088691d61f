/* judge.h - photographs to verdicts, by an inspector file. One pass of the network per photograph gives the class
 * token, the mean and the patches of all layers that classifier, bank and gates need.
 *
 *   struct judge j;
 *   judge_open(&j, "site.inspector", &how, e);
 *   judge_run(&j, &list, &(struct judge_job){.found = found, .arg = arg}, e);
 *                                        list: photo-list.h; found gets each installation, in order
 *   judge_close(&j);
 *
 * Scores are, bit for bit, those of dino-extract and feat-logreg (or feat-bank) on the same photographs.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "extract-derive.h"
#include "extract-network.h"
#include "gate-reference.h"
#include "bank.h"
#include "device.h"
#include "inspect-settings.h"
#include "inspector.h"
#include "linear.h"
#include "photo-list.h"

struct judge_how {
    const char *device;    /* "auto" or a name */
    int n_threads;         /* 0: one per processor */
    const char *precision; /* NULL: as the inspector says */
    void (*warn)(const char *format, ...);
};

/* What an inspector is joined from. Readers of NULL `read_at`: there is none of the kind. */
struct judge_parts {
    const char *name; /* of the inspector, in messages; NULL: they name the files */
    const char *weights_name;
    const char *classifier_name, *bank_name, *faults_name; /* of files; NULL: members of the inspector */
    struct fmt_reader weights, classifier, bank, faults, reference;
};

struct judge {
    struct inspect_settings settings;
    struct {
        const char *classifier, *bank, *faults;
    } named; /* in messages of opening */
    bool has_classifier, has_bank, has_faults, has_reference;
    struct linear classifier;
    struct bank bank, faults;
    struct gate_reference reference; /* features: the class tokens of all layers, or the head's outputs */
    struct device device;
    bool device_open;
    struct extract_network network;
    struct extract extract;  /* all tokens of all layers that are needed; of FEAT_HEAD its outputs */
    bool all_tokens;
    bool as_stored;
    bool measures; /* pixels, for gates */
    int bits;                /* significant, of samples of 16 (image-info.h) */
    int32_t positive;        /* class of the classifier */
    struct extract_derived to_classifier, to_bank;
    struct judge_memory *memory; /* rows that are derived */
    uint8_t identity[DIGEST_BYTES]; /* of the inspector file; zeros: judge_open_parts */
};

enum { JUDGE_REASON_MAX = GATE_TEXT_MAX + 300 };

struct judged_photo {
    const struct photo *photo;
    bool damaged;              /* or filled: not all of the picture is there */
    enum fmt_status failure;   /* why it is unreadable; 0: it was read */
    bool stopped;              /* unreadable, filled, damaged, a copy, or a gate stops it */
    double score;              /* NAN: none */
    double cropped;            /* share of its area that the network does not see; of one that was read */
    uint8_t content[DIGEST_BYTES]; /* SHA-256 of the file; zeros: unreadable */
    struct gate_values values; /* NAN where not measured */
    enum verdict verdict;      /* of the photograph by itself: fail, pass or review; incomplete does not occur */
    char reason[JUDGE_REASON_MAX];
};

struct judged_group {
    const char *name; /* of a photograph without installation its own */
    int n_photographs, n_views;
    double score; /* of those that were read; NAN: none was */
    double probability; /* share of faulty ones among such scores, by the settings' calibration; NAN: not known */
    enum verdict verdict;
    char reason[JUDGE_REASON_MAX];
};

/* Errors name the file. */
int judge_open(struct judge *j, const char *path, const struct judge_how *how, struct fmt_error *e);
/* The same of files that are not joined yet. settings are moved. */
int judge_open_parts(struct judge *j, const struct judge_parts *parts, struct inspect_settings *settings,
                     const struct judge_how *how, struct fmt_error *e);
void judge_close(struct judge *j); /* a zeroed struct is allowed */

/* From now on gates check photographs. The reference is taken over. */
void judge_set_gates(struct judge *j, const struct gate_limits *limits, struct gate_reference *reference);
enum { JUDGE_RECENT_MOST = 1000 }; /* photographs that are remembered, to find those that are used again */

/* For a reference of gates: a photograph that was read, its feature and its print. A nonzero result ends the run and is
 * returned. */
typedef int judge_look(void *arg, const struct judged_photo *photo, const float *feature,
                       const struct gate_print *print);
typedef int judge_found(void *arg, const struct judged_group *group, const struct judged_photo *photo);
struct judge_job {
    judge_found *found;
    void *arg;
    judge_look *look; /* NULL: not wanted */
};
int judge_run(struct judge *j, const struct photo_list *list, const struct judge_job *job, struct fmt_error *e);

#endif
