/* feat-knn - nearest neighbours: votes, predictions and scores. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "device.h"
#include "groups.h"
#include "input-guard.h"
#include "job-part.h"
#include "knn-part.h"
#include "knn.h"
#include "mean-of.h"
#include "msg.h"
#include "num.h"
#include "part-set.h"
#include "predictions.h"
#include "progress.h"
#include "row-sample.h"
#include "scoring.h"
#include "tile-scores.h"

enum { KS_MAX = 32, FOLDS = 5, CHOICE_LEAST = 4000, CHOICE_MAX = 20000, CLASSES_WITH_POINTS = 100 };
static const char PUBLISHED_KS[] = "10,20,100,200";

static const char *k_text = PUBLISHED_KS, *per_class_text, *val_path, *output, *groups_path,
    *report_path = "-", *tile_score_text = "max";
static int64_t n_tries = 1, n_jobs, seed, memory_bytes = (int64_t)1 << 30;
static const char *device_name = "auto", *part_option;
static struct part part;
static double temperature = KNN_TEMPERATURE;
static bool leave_group_out, no_thresholds, join, json;
static int32_t n_tiles; /* a photograph's score is the mean of its largest so many */
static struct score_options score_options = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_STRING('k', "neighbours", &k_text, "K,K,...", "how many neighbours vote [10,20,100,200]"),
    OPT_REAL('T', "temperature", &temperature, 1e-6, 1e6, "T", "votes weigh exp(similarity / T) [0.07]"),
    OPT_FLAG('g', "leave-group-out", &leave_group_out,
             "rows of the query's own group never vote; QUERY may be left out"),
    OPT_STRING(0, "per-class", &per_class_text, "N,N,...", "use only N training rows of each class [all]"),
    OPT_COUNT(0, "tries", &n_tries, 1, 10000, "N", "draw the rows of --per-class so often, give means [1]"),
    OPT_PATH(0, "val", &val_path, "FILE", "choose thresholds on these rows [TRAIN, out of group]"),
    OPT_FLAG(0, "no-thresholds", &no_thresholds, "choose none"),
    SCORE_OPTIONS(score_options),
    OPT_STRING(0, "tile-score", &tile_score_text, "max|mean|mean-of-K",
               "of tiles or regions: a photograph's score from those of its parts [max]"),
    OPT_PATH('o', "output", &output, "FILE", "write votes and predictions of each row to FILE"),
    OPT_PATH(0, "groups", &groups_path, "FILE", "write predictions of each group to FILE"),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_FLAG(0, "json", &json, "scores and predictions as JSON lines"),
    OPT_STRING(0, "part", &part_option, "I/N",
               "search for part I of N of the rows, votes to -o; slurm: of this task of an array [all]"),
    OPT_FLAG(0, "join", &join, "take the votes from the files of all parts"),
    OPT_SIZE(0, "memory", &memory_bytes, 1 << 20, 1e15, "SIZE", "about how much memory features may take [1G]"),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_DEVICE(&device_name),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {"feat-knn", "TRAIN... [QUERY] [PART...]",
                                     "Classify rows of features by their nearest neighbours and score the result.",
                                     options,
                                     "Several files, also parts of a job (dino-extract --part), are TRAIN together.\n"
                                     "One FILE of features may be - for standard input. PART: with --join."};

/* One run of the tool. */
struct job {
    struct scoring scoring;
    struct device device;
    struct featset train, query, val; /* without QUERY: the rows of train are the queries; without --val: none */
    int ks[KS_MAX], n_ks;
    bool one_file, show_progress;
    const char *const *part_path; /* [n_parts], with --join */
    int n_parts;
};

/* Rows with the votes that they got. */
struct voted {
    const struct featset *set;
    struct rows rows; /* column proba: set_probabilities */
    double *votes;    /* [n_ks,n,n_classes] */
};

/* ------------------------------------------------------------------ numbers of neighbours */
static int parse_counts(const char *option, const char *text, int *out)
{
    double v[KS_MAX];
    int n = num_list(text, 1, 1e6, KS_MAX, v);
    bool whole = n > 0;
    for (int i = 0; i < n; i++) {
        out[i] = (int)v[i];
        whole = whole && v[i] == out[i];
    }
    if (!whole)
        msg_usage("%s %s: at most %d whole numbers from 1 on, with commas between them", option, text, KS_MAX);
    return n;
}

/* Of the default list those that the bank can fill; what was asked for in words must be there. */
static void limit_ks(struct job *j, int64_t n_bank)
{
    int n = 0;
    for (int i = 0; i < j->n_ks; i++) {
        if (j->ks[i] <= n_bank)
            j->ks[n++] = j->ks[i];
        else if (k_text != PUBLISHED_KS)
            msg_die("%s: -k %d, but only %s can vote", j->train.path, j->ks[i], FMT_COUNT(n_bank, "row", "rows"));
    }
    if (n == 0)
        j->ks[n++] = (int)n_bank;
    j->n_ks = n;
}

/* ------------------------------------------------------------------ inputs */
/* The operands behind the features. */
static int count_parts(char **path, int n)
{
    int n_parts = 0;
    while (join && n_parts < n && knn_part_is(path[n - 1 - n_parts]))
        n_parts++;
    if (join && n_parts == 0)
        msg_usage("--join needs the files that --part wrote, after TRAIN and QUERY");
    return n_parts;
}

/* A join reads labels and names, no features. */
static void open_set(struct job *j, struct featset *set, const char *role, const char *const *path, int n)
{
    struct fmt_error e = {0};
    const struct feat_header *h = set == &j->train ? NULL : &j->train.header;
    int64_t bytes = join ? 0 : memory_bytes / 4;
    bool query = set == &j->query;
    msg_check((query ? featset_open_query : featset_open_all)(set, path, n, bytes, &j->device, &e), &e);
    msg_check(scoring_add_set(&j->scoring, set, role, h, j->train.path, &e), &e);
}

/* Rows that vote for themselves, or for another view of their installation, make scores optimistic. */
static void check_overlap(struct job *j, const struct featset *learned, const struct featset *query,
                          bool exclude_own_group)
{
    struct fmt_error e = {0};
    if (scoring_check_overlap(&j->scoring, learned, query, exclude_own_group, &e))
        msg_die("%s%s", e.text, exclude_own_group ? "" : "; --leave-group-out keeps groups apart");
}

static void check_overlaps(struct job *j)
{
    if (!j->one_file)
        check_overlap(j, &j->train, &j->query, leave_group_out);
    if (val_path) {
        check_overlap(j, &j->train, &j->val, leave_group_out);
        check_overlap(j, &j->val, j->one_file ? &j->train : &j->query, false);
    }
    if (j->one_file)
        check_overlap(j, &j->train, &j->train, true); /* an image in two groups */
}

/* The last one of several files is the queries. */
static void open_inputs(struct job *j, const char *const *path, int n)
{
    struct fmt_error e = {0};
    open_set(j, &j->train, "train", path, j->one_file ? 1 : n - 1);
    if (!j->one_file)
        open_set(j, &j->query, "query", &path[n - 1], 1);
    if (val_path)
        open_set(j, &j->val, "val", &val_path, 1);
    score_inputs_add(&j->scoring.inputs, "weights", NULL, j->train.header.weights);
    if (rows_n_labelled(&j->train.rows) == 0)
        msg_die("%s: no labelled rows to vote", j->train.path);
    msg_check(score_options_plan(&score_options, &j->train.header, (uint64_t)seed, &j->scoring.plan, &e), &e);
    if (!tile_scores_needed(&j->train.header))
        opt_unused(&tool, (const void *const[]){&tile_score_text, NULL}, "a row is a photograph");
    struct rows *all[] = {&j->train.rows, &j->query.rows, &j->val.rows};
    msg_check(groups_number(all, 3, &e), &e);
    check_overlaps(j);
}

/* ------------------------------------------------------------------ votes */
static struct voted voted_rows(const struct featset *set)
{
    struct fmt_error e = {0};
    struct voted v = {.set = set};
    msg_check(rows_select(&v.rows, &set->rows, NULL, set->rows.n, &e), &e);
    return v;
}

static void voted_release(struct voted *v)
{
    rows_release(&v->rows);
    free(v->votes);
    *v = (struct voted){.votes = NULL};
}

/* Errors of reading begin with the file's name, those of the search say whether they are about the queries. */
static _Noreturn void die_searching(const struct job *j, const struct voted *v, const struct fmt_error *e)
{
    bool named = strncmp(e->text, j->train.path, strlen(j->train.path)) == 0 ||
                 strncmp(e->text, v->set->path, strlen(v->set->path)) == 0;
    if (named)
        msg_die("%s", e->text);
    msg_die("%s: %s", e->text[0] == 'q' ? v->set->path : j->train.path, e->text);
}

static void show_step(void *arg, int64_t n_done)
{
    progress_step(arg, n_done);
}

static void allocate_votes(struct voted *v, int n_ks, int n_classes)
{
    free(v->votes);
    v->votes = calloc((size_t)v->rows.n * (size_t)n_ks + 1, (size_t)n_classes * sizeof *v->votes);
    if (!v->votes)
        msg_die("out of memory");
}

static void vote(const struct job *j, const struct rows *bank, bool exclude_own_group, struct voted *v, const int *ks,
                 int n_ks)
{
    struct progress progress;
    struct fmt_error e = {0};
    int n_classes = j->scoring.plan.n_classes;
    struct knn_voting voting = {
        .search = {bank, ks[n_ks - 1], num_min(memory_bytes / 8, KNN_BLOCKS_BYTES), exclude_own_group},
        .vote = {ks[n_ks - 1], temperature, bank->label, n_classes, ks, n_ks},
        .memory_bytes = memory_bytes / 4, .step = show_step, .step_arg = &progress};
    allocate_votes(v, n_ks, n_classes);
    if (v->rows.n == 0)
        return;
    progress_begin(&progress, "neighbours", "row", "rows", v->rows.n);
    progress.silent = progress.silent || !j->show_progress;
    if (knn_vote_rows(&voting, &v->rows, &j->device, v->votes, &e))
        die_searching(j, v, &e);
    progress_end(&progress);
}

static const double *votes_of(const struct voted *v, int i_k, int64_t i, int n_classes)
{
    return v->votes + (i_k * v->rows.n + i) * n_classes;
}

static void set_probabilities(struct voted *v, int n_classes, int i_k)
{
    struct fmt_error e = {0};
    v->rows.n_classes = n_classes;
    msg_check(v->rows.proba ? 0 : rows_reserve(&v->rows, ROWS_PROBA, v->rows.n, &e), &e);
    knn_probabilities(votes_of(v, i_k, 0, n_classes), v->rows.n, n_classes, v->rows.proba);
}

/* ------------------------------------------------------------------ scores */
/* Rows that thresholds are chosen on: of a large TRAIN a sample, not much larger than what is scored. */
static struct voted choice_rows(const struct job *j, int64_t n_queries)
{
    struct fmt_error e = {0};
    if (val_path)
        return voted_rows(&j->val);
    struct voted v = {.set = &j->train};
    int64_t n_target = num_min(CHOICE_MAX, num_max(CHOICE_LEAST, n_queries));
    msg_check(row_sample_groups(&v.rows, &j->train.rows, n_target, &e), &e);
    return v;
}

/* Photographs with their probabilities by the votes of this k: the rows, or what their tiles become. For
 * rows_release. */
static struct rows photographs(const struct job *j, struct voted *v, int i_k)
{
    const struct scores_plan *plan = &j->scoring.plan;
    struct fmt_error e = {0};
    struct rows r;
    set_probabilities(v, plan->n_classes, i_k);
    msg_check(rows_select(&r, &v->rows, NULL, v->rows.n, &e), &e);
    if (r.n > 0 && tile_scores_needed(&v->set->header))
        msg_check(tile_scores(&r, plan->positive, n_tiles, &e), &e);
    return r;
}

/* choice NULL: no thresholds; choice == q: out of fold. */
static struct scores_list score(const struct job *j, struct voted *q, struct voted *choice, int i_k)
{
    struct fmt_error e = {0};
    struct scores_list list;
    struct rows query = photographs(j, q, i_k), others = {0};
    if (choice && choice != q)
        others = photographs(j, choice, i_k);
    if (choice == q)
        msg_check(groups_folds(&query, FOLDS, (uint64_t)seed, &e), &e);
    const struct rows *chosen_on = choice == q ? &query : &others;
    if (scores_run(&j->scoring.plan, &query, choice ? chosen_on : NULL, j->device.pool, &list, &e))
        msg_die("%s: %s", q->set->path, e.text);
    rows_release(&query);
    rows_release(&others);
    return list;
}

static void report_scores(struct job *j, const struct scores_list *list, int k, int per_class, int64_t n_bank)
{
    struct fmt_error e = {0};
    struct report_node report = scoring_report(&j->scoring, "scores");
    char drawn[40] = "";
    score_inputs_report(&report, &j->scoring.inputs);
    report_count(&report, "k", k);
    report_count(&report, "train_rows", n_bank);
    if (per_class) {
        report_count(&report, "per_class_rows", per_class);
        snprintf(drawn, sizeof drawn, ", %d of a class", per_class);
    }
    report_note(&report, "k-NN, k = %d, %s%s, temperature %g", k, FMT_COUNT(n_bank, "row votes", "rows vote"), drawn,
                temperature);
    scores_report(&report, &j->scoring.plan, list);
    report_add(&report, REPORT_BREAK, NULL);
    msg_check(scoring_print(&j->scoring, &report, &e), &e);
}

/* For each k all photographs, or all groups. Votes are of rows: a photograph of several has none. */
static void write_predictions(const struct job *j, struct voted *q, const char *path, bool groups)
{
    const struct scoring *s = &j->scoring;
    struct predictions_head head = {.tool = s->tool, .of = j->one_file ? "out-of-group" : "query", .plan = &s->plan,
                                    .inputs = &s->inputs, .json = json, .with_votes = true, .groups = groups,
                                    .of_tiles = tile_scores_needed(&q->set->header)};
    struct fmt_error e = {0};
    struct predictions p;
    msg_check(predictions_create(&p, path, &head, &e), &e);
    for (int i_k = 0; i_k < j->n_ks; i_k++) {
        struct rows r = photographs(j, q, i_k);
        for (int64_t i = 0; i < r.n && !groups; i++)
            msg_check(predictions_add(&p, &r, i, j->ks[i_k],
                                      head.of_tiles ? NULL : votes_of(q, i_k, i, s->plan.n_classes), &e), &e);
        if (groups)
            msg_check(predictions_add_groups(&p, &r, j->ks[i_k], &e), &e);
        rows_release(&r);
    }
    msg_check(predictions_commit(&p, &e), &e);
}

/* ------------------------------------------------------------------ all rows vote */
/* What is searched for: the queries, and rows that thresholds are chosen on, if they are others. */
enum { QUERIES, CHOICE, SOUGHT = KNN_PART_SETS };

struct search {
    struct rows bank;
    struct voted choice;
    int n_sought;
    bool scored, thresholds;
};

static struct search search_open(struct job *j, struct voted *q)
{
    struct fmt_error e = {0};
    struct search s = {.n_sought = 1};
    msg_check(rows_select_labelled(&s.bank, &j->train.rows, NULL, 0, &e), &e);
    limit_ks(j, s.bank.n);
    s.scored = rows_n_labelled(&q->rows) > 0;
    s.thresholds = s.scored && !no_thresholds && j->scoring.plan.n_classes <= CLASSES_WITH_POINTS;
    if (s.thresholds && (!j->one_file || val_path)) { /* else they are chosen out of fold */
        s.choice = choice_rows(j, q->rows.n);
        s.n_sought = SOUGHT;
    }
    return s;
}

static void search_close(struct search *s)
{
    voted_release(&s->choice);
    rows_release(&s->bank);
}

static void search(const struct job *j, const struct search *s, struct voted *v, int i)
{
    bool exclude_own_group = i == QUERIES ? leave_group_out : !val_path || leave_group_out;
    vote(j, &s->bank, exclude_own_group, v, j->ks, j->n_ks);
}

static struct knn_part_job part_job(const struct job *j, struct voted *const *all, int n)
{
    struct knn_part_job job = {.tool = tool.name, .plan = &j->scoring.plan, .inputs = &j->scoring.inputs,
                               .ks = j->ks, .n_ks = j->n_ks, .temperature = temperature,
                               .leave_group_out = leave_group_out, .n_sets = n};
    for (int i = 0; i < n; i++)
        job.n_rows[i] = all[i]->rows.n;
    return job;
}

/* The rows of the part. */
static struct voted own_rows(const struct voted *all)
{
    struct fmt_error e = {0};
    struct voted own = {.set = all->set};
    int64_t first = part_first(part, all->rows.n), n = part_end(part, all->rows.n) - first;
    int64_t *pick = malloc(((size_t)n + 1) * sizeof *pick);
    for (int64_t i = 0; pick && i < n; i++)
        pick[i] = first + i;
    msg_check(pick ? rows_select(&own.rows, &all->rows, pick, n, &e) : fmt_no_memory(&e), &e);
    free(pick);
    return own;
}

/* Votes for the rows of the part, to be joined. */
static void run_part(struct job *j, struct voted *q)
{
    struct fmt_error e = {0};
    struct search s = search_open(j, q);
    struct voted own[SOUGHT] = {{0}}, *all[SOUGHT] = {q, &s.choice};
    struct knn_part_rows rows[SOUGHT];
    struct knn_part_job job = part_job(j, all, s.n_sought);
    for (int i = 0; i < s.n_sought; i++) {
        own[i] = own_rows(all[i]);
        search(j, &s, &own[i], i);
        rows[i] = (struct knn_part_rows){&own[i].rows, own[i].votes};
    }
    msg_note("part %d of %d: %s of %" PRId64, part.i, part.n, FMT_COUNT(own[QUERIES].rows.n, "row", "rows"), q->rows.n);
    msg_check(knn_part_write(output, part, &job, rows, &e), &e);
    for (int i = 0; i < s.n_sought; i++)
        voted_release(&own[i]);
    search_close(&s);
}

/* The votes of all rows from the files of the parts. Each is checked to be of this job, so all are of one. */
static void read_parts(const struct job *j, struct voted *const *all, int n_sought)
{
    static const struct block_header this_job = {.provenance = ""};
    struct fmt_error e = {0};
    struct knn_part_rows rows[SOUGHT];
    struct knn_part_job job = part_job(j, all, n_sought);
    struct part_file *f = calloc((size_t)j->n_parts, sizeof *f);
    msg_check(f ? 0 : fmt_no_memory(&e), &e);
    for (int i = 0; i < n_sought; i++) {
        allocate_votes(all[i], j->n_ks, j->scoring.plan.n_classes);
        rows[i] = (struct knn_part_rows){&all[i]->rows, all[i]->votes};
    }
    for (int k = 0; k < j->n_parts; k++) {
        f[k] = (struct part_file){.path = j->part_path[k], .header = &this_job, .i = k};
        msg_check(knn_part_read(f[k].path, &job, rows, &f[k].part, &e), &e);
    }
    msg_check(part_set_arrange(f, j->n_parts, false, &e), &e);
    free(f);
}

static void run_all(struct job *j, struct voted *q)
{
    struct search s = search_open(j, q);
    struct voted *all[SOUGHT] = {q, &s.choice};
    struct fmt_error e = {0};
    if (s.scored)
        msg_check(scoring_head(&j->scoring, &e), &e);
    if (join)
        read_parts(j, all, s.n_sought);
    for (int i = 0; i < s.n_sought && !join; i++)
        search(j, &s, all[i], i);
    for (int i = 0; s.scored && i < j->n_ks; i++) {
        struct voted *choice = !s.thresholds ? NULL : s.n_sought == SOUGHT ? &s.choice : q;
        struct scores_list list = score(j, q, choice, i);
        report_scores(j, &list, j->ks[i], 0, s.bank.n);
        scores_release(&list);
    }
    if (!s.scored && q->rows.n > 0)
        (output || groups_path ? msg_note : msg_warn)("%s: no labels, no scores", q->set->path);
    if (output)
        write_predictions(j, q, output, false);
    if (groups_path)
        write_predictions(j, q, groups_path, true);
    search_close(&s);
}

/* ------------------------------------------------------------------ few rows of each class vote */
/* n rows of each class: the ks up to n, and n itself, as published. */
static void run_per_class(struct job *j, struct voted *q, int n)
{
    int ks[KS_MAX + 1], n_ks = 0;
    struct fmt_error e = {0};
    struct scores_list sum[KS_MAX + 1] = {{0}};
    int64_t n_bank = 0;
    for (int i = 0; i < j->n_ks; i++)
        if (j->ks[i] <= n)
            ks[n_ks++] = j->ks[i];
    ks[n_ks++] = n;
    n_ks = knn_sort_ks(ks, n_ks);
    j->show_progress = false; /* many small searches */
    for (int64_t try = 0; try < n_tries; try++) {
        struct rows bank;
        msg_check(row_sample_per_class(&bank, &j->train.rows, j->train.header.n_classes, n, (uint64_t)seed, try, &e),
                  &e);
        struct voted choice = {.votes = NULL};
        n_bank = bank.n;
        vote(j, &bank, leave_group_out, q, ks, n_ks);
        if (val_path && !no_thresholds) {
            choice = choice_rows(j, q->rows.n);
            vote(j, &bank, leave_group_out, &choice, ks, n_ks);
        }
        for (int i = 0; i < n_ks; i++) {
            struct scores_list list = score(j, q, choice.votes ? &choice : NULL, i);
            if (n_tries == 1)
                sum[i] = list;
            else
                msg_check(scores_add_try(&sum[i], &list, &e), &e);
        }
        voted_release(&choice);
        rows_release(&bank);
    }
    for (int i = 0; i < n_ks; i++) {
        if (n_tries > 1)
            scores_average(&sum[i]);
        report_scores(j, &sum[i], ks[i], n, n_bank);
        scores_release(&sum[i]);
    }
}

static void run_scored(struct job *j, struct voted *q, const int *per_class, int n_per_class)
{
    struct fmt_error e = {0};
    msg_check(scoring_open(&j->scoring, &e), &e);
    if (q->rows.n == 0)
        msg_note("%s: no rows: nothing to classify", q->set->path);
    else if (n_per_class)
        msg_check(scoring_head(&j->scoring, &e), &e);
    for (int i = 0; i < n_per_class && q->rows.n > 0; i++)
        run_per_class(j, q, per_class[i]);
    if (!n_per_class)
        run_all(j, q);
    msg_check(scoring_save(&j->scoring, report_path, &e), &e);
}

static void check_usage(int n_operands, int n_per_class)
{
    static const void *const of_thresholds[] = {&val_path, &score_options.at_recall, &score_options.at_precision, NULL};
    static const void *const of_scores[] = {&groups_path, &report_path, &json,
                                            &score_options.at_recall, &score_options.at_precision,
                                            &score_options.group_score, &score_options.n_resamples, &tile_score_text,
                                            &score_options.level, NULL};
    struct fmt_error e = {0};
    if (n_operands < 1)
        msg_usage("TRAIN and QUERY are missing");
    if (n_operands == 1 && !leave_group_out)
        msg_usage("a single file is classified with --leave-group-out");
    if (n_per_class && (part.n || join))
        msg_usage("%s is incompatible with --per-class", join ? "--join" : "--part");
    if (part.n && join)
        msg_usage("--part and --join exclude each other");
    if (part.n && !output)
        msg_usage("--part needs -o FILE");
    if (part.n)
        opt_unused(&tool, of_scores, "it is for the scores, which --join computes");
    if (n_per_class && (output || groups_path))
        msg_usage("%s is incompatible with --per-class", output ? "-o" : "--groups");
    if (n_tries > 1 && !n_per_class)
        msg_usage("--tries is for --per-class");
    if (output && file_is_same(output, report_path))
        msg_usage("-o and --report both write to %s", file_output_name(output));
    if (groups_path && (file_is_same(groups_path, report_path) || (output && file_is_same(groups_path, output))))
        msg_usage("--groups and another option both write to %s", file_output_name(groups_path));
    if (score_options_parse(&score_options, &e))
        msg_usage("%s", e.text);
    if (!mean_of_parse(tile_score_text, &n_tiles))
        msg_usage("--tile-score %s: expected max, mean, or mean-of-2 or another number", tile_score_text);
    if (no_thresholds)
        opt_unused(&tool, of_thresholds, "--no-thresholds");
}

static void close_job(struct job *j)
{
    featset_close(&j->train);
    featset_close(&j->query);
    featset_close(&j->val);
    device_close(&j->device);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv), per_class[KS_MAX];
    struct fmt_error e = {0};
    struct job j = {.show_progress = true};
    file_on_signal();
    input_guard_enable();
    if (job_part_parse(part_option, &part, &e))
        msg_usage("%s", e.text);
    j.n_parts = count_parts(argv + first, argc - first);
    j.part_path = (const char *const *)argv + argc - j.n_parts;
    int n_features = argc - first - j.n_parts;
    j.one_file = n_features == 1;
    j.scoring = (struct scoring){.tool = tool.name, .options = &score_options, .note = msg_note,
                                 .warn = msg_warn, .print = report_printer_of(json ? "json" : "text")};
    j.n_ks = knn_sort_ks(j.ks, parse_counts("-k", k_text, j.ks));
    int n_per_class = per_class_text ? parse_counts("--per-class", per_class_text, per_class) : 0;
    check_usage(n_features, n_per_class);
    msg_check(file_check_output(output, false, &e) || file_check_output(groups_path, false, &e) ||
              file_check_output(report_path, false, &e), &e);

    if (device_open(&j.device, device_name, (int)n_jobs, msg_warn, &e))
        opt_fail(&e);
    open_inputs(&j, (const char *const *)argv + first, n_features);

    struct voted q = voted_rows(j.one_file ? &j.train : &j.query);
    if (part.n)
        run_part(&j, &q);
    else
        run_scored(&j, &q, per_class, n_per_class);
    voted_release(&q);
    close_job(&j);
    return msg_finish(EXIT_DONE);
}
