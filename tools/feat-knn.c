/* feat-knn - nearest neighbours: votes, predictions and scores. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "featset.h"
#include "groups.h"
#include "score-inputs.h"
#include "predictions.h"
#include "score-options.h"
#include "file.h"
#include "input-guard.h"
#include "json-report.h"
#include "progress.h"
#include "msg.h"
#include "num.h"
#include "rng.h"
#include "version.h"

enum { KS_MAX = 32, FOLDS = 5, CHOICE_LEAST = 4000, CHOICE_MAX = 20000 };
static const char PUBLISHED_KS[] = "10,20,100,200";

static const char *k_text = PUBLISHED_KS, *per_class_text, *val_path, *output, *report_path = "-";
static int64_t n_tries = 1, n_jobs, seed, memory_bytes = (int64_t)1 << 30;
static double temperature = KNN_TEMPERATURE;
static bool leave_group_out, no_thresholds, json, show_progress = true;
static struct score_options scoring = SCORE_OPTIONS_DEFAULT;

static const struct opt options[] = {
    OPT_STRING('k', "neighbours", &k_text, "K,K,...", "how many neighbours vote [10,20,100,200]"),
    OPT_REAL('T', "temperature", &temperature, 1e-6, 1e6, "T", "votes weigh exp(similarity / T) [0.07]"),
    OPT_FLAG('g', "leave-group-out", &leave_group_out,
             "rows of the query's own group never vote; QUERY may be left out"),
    OPT_STRING(0, "per-class", &per_class_text, "N,N,...", "use only N training rows of each class [all]"),
    OPT_COUNT(0, "tries", &n_tries, 1, 10000, "N", "draw the rows of --per-class so often, give means [1]"),
    OPT_PATH(0, "val", &val_path, "FILE", "choose thresholds on these rows [TRAIN, out of group]"),
    OPT_FLAG(0, "no-thresholds", &no_thresholds, "choose none"),
    SCORE_OPTIONS(scoring),
    OPT_PATH('o', "output", &output, "FILE", "write votes and predictions of each row to FILE"),
    OPT_PATH('r', "report", &report_path, "FILE", "write the scores to FILE [-]"),
    OPT_FLAG(0, "json", &json, "scores and predictions as JSON lines"),
    OPT_SIZE(0, "memory", &memory_bytes, 1 << 20, 1e15, "SIZE", "about how much memory features may take [1G]"),
    OPT_SEED(&seed),
    OPT_JOBS(&n_jobs),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {"feat-knn", "TRAIN [QUERY]",
                                     "Classify rows of features by their nearest neighbours and score the result.",
                                     options, "One FILE of features may be - for standard input."};

/* Rows that vote: all labelled ones of TRAIN, or a draw of them. */
struct bank {
    int64_t *pick; /* rows of TRAIN, ascending */
    int64_t n;
    int32_t *label;
    int64_t *group;
};

/* Rows that are asked for, and the votes they got. */
struct asked {
    struct featset *set;
    int64_t *pick; /* NULL: all rows */
    int64_t n;
    int64_t *group; /* of all rows of the set */
    double *votes;  /* [n_ks,n,n_classes] */
    double *weight; /* [n] how many rows each stands for, or NULL */
};

static struct featset train, query, val;
static int64_t *train_group, *query_group, *val_group, n_groups;
static int ks[KS_MAX], n_ks;
static struct thread_pool *pool;
static struct scores_plan plan;
static struct score_inputs origins;
static FILE *report;

static void *need(void *memory)
{
    if (!memory)
        msg_die("out of memory");
    return memory;
}

static void *room(int64_t n, size_t bytes_each)
{
    return need(calloc((size_t)n + 1, bytes_each));
}

/* ------------------------------------------------------------------ inputs */
static int parse_counts(const char *option, const char *text, int *out)
{
    double v[KS_MAX];
    int n = score_options_numbers(text, 1, 1e6, KS_MAX, v);
    bool whole = n > 0;
    for (int i = 0; i < n; i++) {
        out[i] = (int)v[i];
        whole = whole && v[i] == out[i];
    }
    if (!whole)
        msg_usage("%s %s: at most %d whole numbers from 1 on, with commas between them", option, text, KS_MAX);
    return n;
}

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int sort_unique(int *v, int n)
{
    int kept = 0;
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int i = 0; i < n; i++)
        if (kept == 0 || v[i] != v[kept - 1])
            v[kept++] = v[i];
    return kept;
}

static void open_set(struct featset *s, const char *role, const char *path)
{
    struct fmt_error e = {0};
    char text[FEATSET_TEXT];
    if (featset_open(s, path, memory_bytes / 4, pool, &e))
        msg_die("%s", e.text);
    s->role = role;
    score_inputs_add(&origins, role, path, s->identity);
    if (s == &train)
        return;
    if (featset_check(s, &train.header, train.path, &e))
        msg_die("%s", e.text);
    if (featset_classes_text(s, &train.header, train.path, text)[0])
        msg_note("%s", text);
    if (featset_unsaid_text(s, &train.header, train.path, text)[0])
        msg_warn("%s", text);
}

static void number_groups(void)
{
    struct fmt_error e = {0};
    struct featset *set[3] = {&train, &query, &val};
    int64_t **group[3] = {&train_group, &query_group, &val_group};
    struct groups_names list[3];
    for (int i = 0; i < 3; i++) {
        *group[i] = room(set[i]->n, sizeof **group[i]);
        list[i] = (struct groups_names){set[i]->group, set[i]->n, *group[i]};
    }
    if (groups_number(list, 3, &n_groups, &e))
        msg_die("%s", e.text);
}

/* Rows that vote for themselves, or for another view of their installation, make scores too good. */
static void check_overlap(const struct featset *learned, const struct featset *asked, bool apart)
{
    struct featset_leaks how = {apart, scoring.allow_overlap};
    struct fmt_error e = {0};
    char text[OVERLAP_TEXT];
    if (featset_overlap(learned, asked, &how, &origins, text, &e))
        msg_die("%s%s", e.text, apart ? "" : "; --leave-group-out keeps groups apart");
    if (text[0])
        msg_warn("%s", text);
}

static void check_overlaps(void)
{
    if (query.n > 0)
        check_overlap(&train, &query, leave_group_out);
    if (val.n > 0)
        check_overlap(&train, &val, leave_group_out);
    if (val.n > 0)
        check_overlap(&val, query.n > 0 ? &query : &train, false);
    if (query.n == 0)
        check_overlap(&train, &train, true); /* an image in two groups */
}

/* ------------------------------------------------------------------ votes */
static struct bank bank_of_all(void)
{
    struct bank b = {.pick = room(train.n, sizeof(int64_t))};
    for (int64_t i = 0; i < train.n; i++)
        if (train.label[i] >= 0)
            b.pick[b.n++] = i;
    return b;
}

static int by_row(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The first n of a random order of the rows of each class, as published. */
static struct bank bank_of_draw(int per_class, int64_t try)
{
    struct bank b = {.pick = room(train.n, sizeof(int64_t))};
    int64_t *rows = room(train.n, sizeof *rows), *order = room(train.n, sizeof *order);
    struct rng r = rng_stream((uint64_t)seed, (uint64_t)try, (uint64_t)per_class, RNG_SPLIT);
    for (int32_t c = 0; c < train.header.n_classes; c++) {
        int64_t n = 0;
        for (int64_t i = 0; i < train.n; i++)
            if (train.label[i] == c)
                rows[n++] = i;
        rng_permutation(&r, n, order);
        for (int64_t i = 0; i < num_min(n, per_class); i++)
            b.pick[b.n++] = rows[order[i]];
    }
    qsort(b.pick, (size_t)b.n, sizeof *b.pick, by_row);
    free(rows);
    free(order);
    return b;
}

static void bank_finish(struct bank *b)
{
    b->label = room(b->n, sizeof *b->label);
    b->group = room(b->n, sizeof *b->group);
    for (int64_t i = 0; i < b->n; i++) {
        b->label[i] = train.label[b->pick[i]];
        b->group[i] = train_group[b->pick[i]];
    }
}

static void bank_release(struct bank *b)
{
    free(b->pick);
    free(b->label);
    free(b->group);
}

/* Queries that are in memory at once, a multiple of the tiles of the search. */
static int64_t chunk_rows(int64_t width, int k)
{
    int64_t each = width * (int64_t)sizeof(float) + (int64_t)k * 28;
    return num_max(1, memory_bytes / 4 / each / KNN_TILE_QUERIES) * KNN_TILE_QUERIES;
}

/* Errors of reading name their file already, those of the search say whether it is about the queries. */
static _Noreturn void die_searching(const struct asked *q, const struct fmt_error *e)
{
    bool named = strncmp(e->text, train.path, strlen(train.path)) == 0;
    if (named)
        msg_die("%s", e->text);
    msg_die("%s: %s", e->text[0] == 'q' ? q->set->path : train.path, e->text);
}

static void vote_chunk(const struct knn_search *search, const struct knn_vote *vote, struct asked *q, int64_t first,
                       int64_t n)
{
    struct fmt_error e = {0};
    int64_t K = plan.n_classes, width = q->set->width;
    float *x = room(n * width, sizeof *x), *similarity = room(n * vote->k, sizeof *similarity);
    int64_t *index = room(n * vote->k, sizeof *index), *group = room(n, sizeof *group);
    double *votes = room(n * K * vote->n_ks, sizeof *votes);
    struct knn_picked picked = {featset_rows(q->set), q->pick, q->n};
    struct knn_rows rows = q->pick ? knn_picked_rows(&picked) : picked.rows;
    struct knn_search s = *search;
    if (rows.read(rows.arg, first, n, x, &e))
        msg_die("%s", e.text);
    for (int64_t i = 0; i < n; i++)
        group[i] = q->group[q->pick ? q->pick[first + i] : first + i];
    s.query_group = group;
    if (knn_search(&s, x, n, pool, similarity, index, &e))
        die_searching(q, &e);
    knn_votes(vote, similarity, index, n, votes);
    for (int i = 0; i < vote->n_ks; i++)
        memcpy(q->votes + (i * q->n + first) * K, votes + i * n * K, (size_t)(n * K) * sizeof *votes);
    free(x);
    free(similarity);
    free(index);
    free(group);
    free(votes);
}

static void vote(const struct bank *b, bool apart, struct asked *q, const int *of, int n_of)
{
    struct knn_picked picked = {featset_rows(&train), b->pick, b->n};
    struct knn_search search = {.bank = b->n == train.n ? picked.rows : knn_picked_rows(&picked),
                                .k = of[n_of - 1],
                                .memory_bytes = num_min(memory_bytes / 8, (int64_t)32 << 20),
                                .bank_group = apart ? b->group : NULL};
    struct knn_vote votes = {of[n_of - 1], temperature, b->label, plan.n_classes, of, n_of};
    int64_t chunk = chunk_rows(q->set->width, votes.k);
    struct progress progress;
    q->votes = room(q->n * plan.n_classes * n_of, sizeof *q->votes);
    progress_begin(&progress, "neighbours", "row", "rows", q->n);
    progress.silent = progress.silent || !show_progress;
    for (int64_t first = 0; first < q->n; first += chunk) {
        vote_chunk(&search, &votes, q, first, num_min(chunk, q->n - first));
        progress_step(&progress, num_min(first + chunk, q->n));
    }
    progress_end(&progress);
}

/* Votes over their sum; who has no neighbours at all knows nothing. */
static double *probabilities(const struct asked *q, int i_k)
{
    int64_t K = plan.n_classes;
    double *proba = room(q->n * K, sizeof *proba);
    for (int64_t i = 0; i < q->n; i++) {
        const double *v = q->votes + (i_k * q->n + i) * K;
        double sum = 0;
        for (int64_t c = 0; c < K; c++)
            sum += v[c];
        for (int64_t c = 0; c < K; c++)
            proba[i * K + c] = sum > 0 ? v[c] / sum : 1 / (double)K;
    }
    return proba;
}

/* ------------------------------------------------------------------ scores */
struct picked_labels {
    int32_t *label, *shot;
    int64_t *group;
};

static struct scores_rows rows_of(const struct asked *q, const double *proba, struct picked_labels *own)
{
    own->label = room(q->n, sizeof *own->label);
    own->shot = room(q->n, sizeof *own->shot);
    own->group = room(q->n, sizeof *own->group);
    for (int64_t i = 0; i < q->n; i++) {
        int64_t row = q->pick ? q->pick[i] : i;
        own->label[i] = q->set->label[row];
        own->shot[i] = q->set->shot[row];
        own->group[i] = q->group[row];
    }
    return (struct scores_rows){q->n, proba, own->label, own->group, n_groups, own->shot, NULL, q->weight};
}

static void picked_release(struct picked_labels *own)
{
    free(own->label);
    free(own->shot);
    free(own->group);
}

/* choice NULL: no thresholds; choice == q: out of fold. */
static struct scores_list score(struct asked *q, struct asked *choice, int i_k)
{
    struct fmt_error e = {0};
    struct scores_list list;
    struct picked_labels of_rows, of_choice = {0};
    double *proba = probabilities(q, i_k), *choice_proba = NULL;
    struct scores_rows rows = rows_of(q, proba, &of_rows), chosen;
    int *fold = NULL;
    if (choice && choice != q) {
        choice_proba = probabilities(choice, i_k);
        chosen = rows_of(choice, choice_proba, &of_choice);
    } else if (choice) {
        rows.fold = fold = room(q->n, sizeof *fold);
        if (groups_folds(rows.group, n_groups, rows.label, q->n, FOLDS, (uint64_t)seed, fold, &e))
            msg_die("%s", e.text);
    }
    if (scores_run(&plan, &rows, !choice ? NULL : choice == q ? &rows : &chosen, pool, &list, &e))
        msg_die("%s: %s", q->set->path, e.text);
    picked_release(&of_rows);
    picked_release(&of_choice);
    free(proba);
    free(choice_proba);
    free(fold);
    return list;
}

static void begin_report(void)
{
    scores_classes_text(report, "", &plan);
    fputs("made by feat-knn " DINOTOOLS_VERSION "\n", report);
    score_inputs_text(report, "", &origins);
    fputc('\n', report);
}

static void tell(const struct scores_list *list, int k, int per_class, int64_t n_bank)
{
    cJSON *head = json_report_begin("scores");
    if (json) {
        json_report_text(head, "tool", "feat-knn");
        score_inputs_json(head, &origins);
        json_report_int(head, "k", k);
        json_report_int(head, "train_rows", n_bank);
        if (per_class)
            json_report_int(head, "per_class_rows", per_class);
        if (scores_json(report, &plan, list, head))
            msg_die("out of memory for the report");
    } else {
        fprintf(report, "k-NN, k = %d, %s", k, FMT_COUNT(n_bank, "row votes", "rows vote"));
        if (per_class)
            fprintf(report, ", %d of a class", per_class);
        fprintf(report, ", temperature %g\n", temperature);
        scores_text(report, &plan, list);
        fputc('\n', report);
    }
    cJSON_Delete(head);
}

static void write_predictions(const struct asked *q)
{
    struct fmt_error e = {0};
    struct predictions p;
    int64_t K = plan.n_classes;
    if (predictions_create(&p, output, json, true, "feat-knn", &plan, &origins, &e))
        msg_die("%s", e.text);
    for (int i_k = 0; i_k < n_ks; i_k++) {
        double *proba = probabilities(q, i_k);
        for (int64_t i = 0; i < q->n; i++) {
            struct predictions_row row = {
                q->set->key[i],   q->set->group[i], q->set->extra[i], q->set->shot[i],
                q->set->label[i], ks[i_k],          proba + i * K,    q->votes + (i_k * q->n + i) * K};
            if (predictions_add(&p, &row, &e))
                msg_die("%s", e.text);
        }
        free(proba);
    }
    if (predictions_commit(&p, &e))
        msg_die("%s", e.text);
}

/* ------------------------------------------------------------------ the two ways of working */
/* Of the default list those that the bank can fill; what was asked for in words must be there. */
static int usable_ks(const int *wanted, int n, int64_t n_bank, int *out)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        if (wanted[i] <= n_bank)
            out[kept++] = wanted[i];
        else if (k_text != PUBLISHED_KS)
            msg_die("%s: -k %d, but only %s can vote", train.path, wanted[i], FMT_COUNT(n_bank, "row", "rows"));
    }
    if (kept == 0)
        out[kept++] = (int)n_bank;
    return kept;
}

/* Rows that thresholds are chosen on: of a large TRAIN a sample, not much larger than what is asked for. */
static struct asked choice_rows(const struct asked *q)
{
    struct fmt_error e = {0};
    if (val_path)
        return (struct asked){.set = &val, .n = val.n, .group = val_group};
    struct asked a = {.set = &train, .pick = room(train.n, sizeof(int64_t)), .group = train_group};
    int64_t n_wanted = num_min(CHOICE_MAX, num_max(CHOICE_LEAST, q->n));
    double *weight = room(train.n, sizeof *weight);
    if (groups_sample(train_group, n_groups, train.label, train.n, n_wanted, weight, &e))
        msg_die("%s", e.text);
    for (int64_t i = 0; i < train.n; i++)
        if (weight[i] > 0) {
            weight[a.n] = weight[i];
            a.pick[a.n++] = i;
        }
    a.weight = weight;
    return a;
}

static void run_all(struct asked *q, bool one_file)
{
    struct bank b = bank_of_all();
    struct asked choice = {0};
    bank_finish(&b);
    n_ks = usable_ks(ks, n_ks, b.n, ks);
    vote(&b, leave_group_out, q, ks, n_ks);
    bool scored = featset_n_labelled(q->set) > 0, thresholds = scored && !no_thresholds && plan.n_classes <= 100;
    bool out_of_fold = one_file && !val_path;
    if (thresholds && !out_of_fold) {
        choice = choice_rows(q);
        vote(&b, !val_path || leave_group_out, &choice, ks, n_ks);
    }
    for (int i = 0; scored && i < n_ks; i++) {
        struct scores_list list = score(q, !thresholds ? NULL : out_of_fold ? q : &choice, i);
        tell(&list, ks[i], 0, b.n);
        scores_release(&list);
    }
    if (!scored)
        (output ? msg_note : msg_warn)("%s: no labels, no scores", q->set->path);
    if (output)
        write_predictions(q);
    free(choice.pick);
    free(choice.votes);
    free(choice.weight);
    free(q->votes);
    bank_release(&b);
}

/* n rows of each class: ks are those up to n, and n itself, as published. */
static void run_per_class(struct asked *q, int n)
{
    int of[KS_MAX + 1], n_of = 0;
    struct fmt_error e = {0};
    for (int i = 0; i < n_ks; i++)
        if (ks[i] <= n)
            of[n_of++] = ks[i];
    of[n_of++] = n;
    n_of = sort_unique(of, n_of);
    struct scores_list sum[KS_MAX + 1] = {{0}};
    show_progress = false; /* many small searches */
    int64_t n_bank = 0;
    for (int64_t try = 0; try < n_tries; try++) {
        struct bank b = bank_of_draw(n, try);
        struct asked choice = {0};
        bank_finish(&b);
        n_bank = b.n;
        vote(&b, leave_group_out, q, of, n_of);
        if (val_path && !no_thresholds) {
            choice = choice_rows(q);
            vote(&b, leave_group_out, &choice, of, n_of);
        }
        for (int i = 0; i < n_of; i++) {
            struct scores_list list = score(q, choice.votes ? &choice : NULL, i);
            if (n_tries == 1)
                sum[i] = list;
            else if (scores_add_try(&sum[i], &list, &e))
                msg_die("%s", e.text);
        }
        free(choice.votes);
        free(q->votes);
        bank_release(&b);
    }
    for (int i = 0; i < n_of; i++) {
        if (n_tries > 1)
            scores_average(&sum[i]);
        tell(&sum[i], of[i], n, n_bank);
        scores_release(&sum[i]);
    }
}

static void check_usage(int n_operands, int n_per_class)
{
    static const void *const of_thresholds[] = {&val_path, &scoring.at_recall, &scoring.at_precision, NULL};
    struct fmt_error e = {0};
    if (n_operands < 1 || n_operands > 2)
        msg_usage("expected TRAIN and QUERY, got %d files", n_operands);
    if (n_operands == 1 && !leave_group_out)
        msg_usage("one file alone is classified with --leave-group-out");
    if (n_per_class && output)
        msg_usage("-o does not go with --per-class");
    if (n_tries > 1 && !n_per_class)
        msg_usage("--tries is for --per-class");
    if (output && file_is_same(output, report_path))
        msg_usage("-o and --report both write to %s", file_output_name(output));
    if (score_options_parse(&scoring, &e))
        msg_usage("%s", e.text);
    if (no_thresholds)
        opt_unused(&tool, of_thresholds, "--no-thresholds");
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv), per_class[KS_MAX];
    struct fmt_error e = {0};
    char *text = NULL;
    size_t bytes = 0;
    file_on_signal();
    input_guard_enable();
    n_ks = sort_unique(ks, parse_counts("-k", k_text, ks));
    int n_per_class = per_class_text ? parse_counts("--per-class", per_class_text, per_class) : 0;
    check_usage(argc - first, n_per_class);
    bool one_file = argc - first == 1;
    if (file_check_output(output, false, &e) || file_check_output(report_path, false, &e))
        msg_die("%s", e.text);

    pool = gemm_begin((int)n_jobs, msg_warn, &e);
    if (!pool)
        msg_die("%s", e.text);
    open_set(&train, "train", argv[first]);
    if (!one_file)
        open_set(&query, "query", argv[first + 1]);
    if (val_path)
        open_set(&val, "val", val_path);
    score_inputs_add(&origins, "weights", NULL, train.header.weights);
    if (featset_n_labelled(&train) == 0)
        msg_die("%s: no labels: nobody can vote", train.path);
    if (score_options_plan(&scoring, &train.header, (uint64_t)seed, &plan, &e))
        msg_die("%s", e.text);
    number_groups();
    check_overlaps();
    report = need(open_memstream(&text, &bytes));
    if (!json)
        begin_report();

    struct asked q = one_file ? (struct asked){.set = &train, .n = train.n, .group = train_group}
                              : (struct asked){.set = &query, .n = query.n, .group = query_group};
    for (int i = 0; i < n_per_class; i++)
        run_per_class(&q, per_class[i]);
    if (!n_per_class)
        run_all(&q, one_file);

    if (fclose(report) != 0)
        msg_die("out of memory for the report");
    if (bytes > 0 && file_save(report_path, text, bytes, &e))
        msg_die("%s", e.text);
    free(text);
    thread_close(pool);
    featset_close(&train);
    featset_close(&query);
    featset_close(&val);
    free(train_group);
    free(query_group);
    free(val_group);
    return msg_finish(EXIT_DONE);
}
