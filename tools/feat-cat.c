/* feat-cat - joins features and parts of them, selects rows, and writes them as text, JSON lines, .npy or one features
 * file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature-export.h"
#include "file.h"
#include "input-guard.h"
#include "msg.h"
#include "num.h"
#include "opt.h"
#include "part-set.h"
#include "version.h"

static const char *output = "-", *keys_path;
static bool as_text, as_json, as_npy, allow_missing, allow_precision, provenance = true;
static struct opt_list splits, labels, groups;

static const struct opt options[] = {
    OPT_PATH('o', "output", &output, "FILE", "write to FILE [-]"),
    OPT_FLAG(0, "text", &as_text, "one line a row, fields separated by tabs"),
    OPT_FLAG(0, "json", &as_json, "one JSON object a row"),
    OPT_FLAG(0, "npy", &as_npy, "an array of numpy (.npy)"),
    OPT_PATH(0, "keys", &keys_path, "FILE", "keys and labels of the rows to FILE, as JSON lines"),
    OPT_LIST(0, "split", &splits, "NAME", "only rows of this split (none: without); may be given again [all]"),
    OPT_LIST(0, "label", &labels, "CLASS", "only rows of this class (name or number; none: without) [all]"),
    OPT_LIST(0, "group", &groups, "NAME", "only rows of this group (none: without) [all]"),
    OPT_FLAG(0, "allow-missing", &allow_missing, "join parts of a job although others are missing"),
    OPT_FLAG(0, "allow-precision", &allow_precision, "join features that were computed in different precisions"),
    OPT_NO_PROVENANCE(&provenance),
    OPT_COMMON,
    OPT_END};

static const struct opt_tool tool = {
    "feat-cat", "FEATURES...", "Join features, select rows, and write them in a form that others read.", options,
    "Without --text, --json or --npy a features file is written. Features that were made by\n"
    "different weights, or in different ways, are not joined. The parts of a job (dino-extract\n"
    "--part), in any order, are joined to the file that one process writes."};

struct input {
    const char *path;
    struct file file;
    struct feat feat;
    struct feat_block block;
};

/* ---------------------------------------------------------------- inputs */

static struct input *inputs;
static struct part_file *order; /* [n_inputs] in which their rows follow one another */
static int n_inputs;
static struct feat_header *header; /* of the rows: that of the first input, with what all inputs record */

static struct input *input_at(int k)
{
    return &inputs[order[k].i];
}

/* Warns of items that only one of two inputs records; the joined file has only those that all record, and the
 * precision. */
static void join_recipe(const struct input *first, const struct input *in)
{
    struct fmt_error e = {0};
    char what[512];
    bool mixed = in != first && !feat_same_precision(header, &in->feat.header);
    if (in != first && feat_uncompared(header, &in->feat.header, what, sizeof what))
        msg_warn("%s, %s: %s", first->path, in->path, what);
    if (mixed)
        msg_warn("%s: precision %s; the rows before it: %s", in->path, feat_precision(&in->feat.header),
                 feat_precision(header));
    recipe_intersect(&header->recipe, &in->feat.header.recipe);
    if (mixed && recipe_set(&header->recipe, RECIPE_PRECISION, FEAT_PRECISION_MIXED, &e))
        msg_die("%s", e.text);
}

static void open_input(struct input *in, const char *path)
{
    struct fmt_error e = {0};
    in->path = strcmp(path, "-") == 0 ? "standard input" : path;
    msg_check(file_open(&in->file, path, &e), &e);
    struct fmt_reader io = file_reader(&in->file);
    msg_check_of(in->path, feat_open(&in->feat, &io, &e), &e);
}

static void open_inputs(char **path, int n)
{
    struct fmt_error e = {0};
    inputs = calloc((size_t)n, sizeof *inputs);
    order = calloc((size_t)n, sizeof *order);
    if (!inputs || !order)
        msg_die("out of memory");
    file_allow_many();
    for (n_inputs = 0; n_inputs < n; n_inputs++) {
        struct input *in = &inputs[n_inputs];
        open_input(in, path[n_inputs]);
        order[n_inputs] = part_file_of_features(in->path, &in->feat, n_inputs);
    }
    if (part_set_arrange(order, n, allow_missing, &e))
        msg_die("%s%s", e.text, e.status == FMT_TRUNCATED ? " (--allow-missing goes on without)" : "");
    const struct input *first = input_at(0);
    header = &input_at(0)->feat.header;
    for (int k = 0; k < n; k++) {
        if (k > 0 && feat_compatible(header, &input_at(k)->feat.header, allow_precision, &e))
            msg_die("%s: is incompatible with %s: %s", input_at(k)->path, first->path, e.text);
        join_recipe(first, input_at(k));
    }
}

static void close_inputs(void)
{
    for (int i = 0; i < n_inputs; i++) {
        feat_block_release(&inputs[i].block);
        feat_close(&inputs[i].feat);
        file_close(&inputs[i].file);
    }
    free(inputs);
    free(order);
}

/* ---------------------------------------------------------------- parts of a job */

/* All parts of one job, of which nothing is selected: their join is what one process would have written. */
static bool is_whole_job(void)
{
    return order[0].part.n > 0 && part_set_size(order, n_inputs) == n_inputs && order[0].part.n == n_inputs &&
           splits.n + labels.n + groups.n == 0;
}

/* Equal work has one identity, whichever version of the tool did it, and whether or not a file explains it. */
static void warn_of_other_versions(void)
{
    for (int k = 1; k < n_inputs; k++)
        if (strcmp(order[k].header->provenance, order[0].header->provenance) != 0) {
            msg_warn("%s: its provenance is not that of %s, whose one is kept", order[k].path, order[0].path);
            return;
        }
}

/* ---------------------------------------------------------------- selection */

static int32_t *label_number; /* [labels.n] */
static bool *label_seen, *split_seen, *group_seen; /* a row matches this word of the list */

static void *allocate(int n, size_t bytes_each)
{
    void *memory = calloc((size_t)n + 1, bytes_each);
    if (!memory)
        msg_die("out of memory");
    return memory;
}

static void resolve_labels(const struct feat_header *h)
{
    label_number = allocate(labels.n, sizeof *label_number);
    label_seen = allocate(labels.n, sizeof *label_seen);
    split_seen = allocate(splits.n, sizeof *split_seen);
    group_seen = allocate(groups.n, sizeof *group_seen);
    for (int i = 0; i < labels.n; i++) {
        const char *word = labels.item[i];
        int64_t number = strcmp(word, "none") == 0 ? -1 : -2;
        for (int c = 0; c < h->n_classes; c++)
            if (strcmp(word, h->class_name[c]) == 0)
                number = c;
        if (number == -2 && (!num_i64(word, &number) || number < 0 || number >= h->n_classes))
            msg_die("--label %s: no such class among %s%s%s", word, FMT_COUNT(h->n_classes, "class", "classes"),
                    h->n_classes ? ", the first is " : "", h->n_classes ? h->class_name[0] : "");
        label_number[i] = (int32_t)number;
    }
}

/* "none" matches rows without a name, and rows with this name. */
static bool one_of(const char *word, const struct opt_list *list, bool *seen)
{
    bool is = list->n == 0;
    for (int i = 0; i < list->n; i++)
        if (strcmp(word, list->item[i]) == 0 || (!*word && strcmp(list->item[i], "none") == 0))
            is = seen[i] = true;
    return is;
}

static bool selected(const struct index_labels *l)
{
    bool label = labels.n == 0;
    for (int i = 0; i < labels.n; i++)
        if (l->label == label_number[i])
            label = label_seen[i] = true;
    bool split = one_of(l->split, &splits, split_seen), group = one_of(l->group, &groups, group_seen);
    return label && split && group;
}

/* A word that no row matches is likely misspelt, even if others select rows. */
static void warn_unseen(const char *option, const struct opt_list *list, const bool *seen)
{
    for (int i = 0; i < list->n; i++)
        if (!seen[i])
            msg_warn("%s %s: there is no such row", option, list->item[i]);
}

/* Calls `take` for each selected row of all inputs, in order; returns their number. */
static int64_t each_row(int (*take)(const struct feat_row *row, struct fmt_error *e))
{
    int64_t n = 0;
    for (int k = 0; k < n_inputs; k++) {
        struct input *in = input_at(k);
        struct fmt_error e = {0};
        int status;
        while ((status = feat_next_block(&in->feat, &in->block, &e)) == 0)
            for (int32_t i = 0; i < in->block.n_rows; i++) {
                struct feat_row row = feat_block_row(&in->feat, &in->block, i);
                if (!selected(&row.labels))
                    continue;
                msg_check(take(&row, &e), &e);
                n++;
            }
        if (status != FMT_END)
            msg_die("%s: %s", in->path, e.text);
        feat_block_release(&in->block);
    }
    return n;
}

/* ---------------------------------------------------------------- outputs */

static struct file_out out, keys_out;
static struct feat_writer writer;
static struct fmt_buffer line; /* of one row, reused */
static struct fmt_buffer spool; /* .npy: values of pipes, until the number of rows is known */
static bool spooling;

/* The commit of an output after a failed write gives the error, with its reason and path. */
static _Noreturn void die_writing(struct file_out *to)
{
    struct fmt_error e = {0};
    file_commit(to, &e);
    msg_die("%s", e.text);
}

static void put(struct file_out *to, const struct fmt_buffer *b)
{
    if (file_put(to, b->data, b->bytes))
        die_writing(to);
}

static int take_row(const struct feat_row *row, struct fmt_error *e)
{
    const struct feat_header *h = header;
    if (keys_path) {
        struct feat_row labels_only = {row->labels, NULL, row->content};
        line.bytes = 0;
        if (feature_export_json(h, &labels_only, &line))
            return fmt_no_memory(e);
        put(&keys_out, &line);
    }
    line.bytes = 0;
    if (spooling)
        return feature_export_npy_values(h, row->x, &spool) ? fmt_no_memory(e) : 0;
    int bad = as_text   ? feature_export_text(h, row, &line)
              : as_json ? feature_export_json(h, row, &line)
              : as_npy  ? feature_export_npy_values(h, row->x, &line)
                        : 0;
    if (bad)
        return fmt_no_memory(e);
    if (as_text || as_json || as_npy)
        put(&out, &line);
    else if (feat_add(&writer, row, e)) {
        if (out.error_number)
            die_writing(&out);
        return (int)e->status;
    }
    return 0;
}

static int take_nothing(const struct feat_row *row, struct fmt_error *e)
{
    (void)row, (void)e;
    return 0;
}

static void open_output(void)
{
    struct fmt_error e = {0};
    bool binary = !as_text && !as_json;
    if (binary ? file_create_binary(&out, output, &e) : file_create(&out, output, &e))
        msg_die("%s%s", e.text, e.status == FMT_INVALID && !as_npy ? "; --text and --json are for people" : "");
    if (keys_path && file_create(&keys_out, keys_path, &e))
        msg_die("%s", e.text);
}

static void add_list(struct provenance *p, const char *key, const struct opt_list *list)
{
    for (int i = 0; i < list->n; i++)
        provenance_text(p, key, list->item[i]);
}

/* Of a job with missing parts those that are there, "1, 3-5 of 7". */
static void add_parts(struct provenance *p, int k, int n)
{
    size_t bytes = PART_TEXT * (size_t)(n + 2);
    char *text = allocate(PART_TEXT, (size_t)(n + 2));
    part_set_list(&order[k], n, text, bytes);
    snprintf(text + strlen(text), bytes - strlen(text), " of %d", order[k].part.n);
    provenance_text(p, "parts", text);
    free(text);
}

/* A complete set of parts is one input, the features of their job. */
static void add_inputs(struct provenance *p)
{
    for (int k = 0, n; k < n_inputs; k += n) {
        const struct block_header *h = order[k].header;
        n = part_set_size(&order[k], n_inputs - k);
        if (n < order[k].part.n)
            add_parts(p, k, n);
        provenance_input_nested(p, "features", h->identity, h->provenance);
    }
}

static void describe(struct provenance *p)
{
    provenance_init(p, "feat-cat", DINOTOOLS_VERSION, provenance);
    add_list(p, "split", &splits);
    add_list(p, "label", &labels);
    add_list(p, "group", &groups);
    if (allow_precision)
        provenance_flag(p, "allow_precision", true);
    add_inputs(p);
}

static int64_t write_features(void)
{
    struct provenance p;
    struct fmt_error e = {0};
    if (is_whole_job()) {
        const struct block_header *h = order[0].header;
        warn_of_other_versions();
        provenance_copy(&p, h->identity, h->provenance, provenance);
    } else {
        describe(&p);
    }
    header->part = (struct part){0};
    struct fmt_writer io = file_writer(&out);
    msg_check_of(output, feat_create(&writer, &io, header, &p, &e), &e);
    provenance_release(&p);
    int64_t n = each_row(take_row);
    if (feat_finish(&writer, &e)) {
        if (out.error_number)
            die_writing(&out);
        msg_die("%s: %s", output, e.text);
    }
    return n;
}

/* The number of rows comes first in the file: inputs are read twice, or, of pipes, held in memory. */
static int64_t write_npy(void)
{
    for (int i = 0; i < n_inputs; i++)
        spooling = spooling || !inputs[i].feat.block.seekable;
    int64_t n = each_row(spooling ? take_row : take_nothing);
    line.bytes = 0;
    if (feature_export_npy_header(header, n, &line))
        msg_die("out of memory");
    put(&out, &line);
    if (spooling) {
        put(&out, &spool);
        return n;
    }
    for (int i = 0; i < n_inputs; i++)
        inputs[i].feat.block.i_next = 0;
    return each_row(take_row);
}

static void finish(int64_t n)
{
    struct fmt_error e = {0};
    if (file_commit(&out, &e) || (keys_path && file_commit(&keys_out, &e)))
        msg_die("%s", e.text);
    warn_unseen("--split", &splits, split_seen);
    warn_unseen("--label", &labels, label_seen);
    warn_unseen("--group", &groups, group_seen);
    if (n == 0)
        msg_warn("no row was selected");
    msg_more("%s of %s", FMT_COUNT(n, "row", "rows"), FMT_COUNT(feat_width(header), "value", "values"));
    feat_abandon(&writer);
    fmt_buffer_release(&line);
    fmt_buffer_release(&spool);
    free(label_number);
    free(label_seen);
    free(split_seen);
    free(group_seen);
}

int main(int argc, char **argv)
{
    int first = opt_parse(&tool, argc, argv);
    struct fmt_error e = {0};
    if (first == argc)
        msg_usage("features are missing");
    if (as_text + as_json + as_npy > 1)
        msg_usage("--text, --json and --npy exclude each other");
    if (keys_path && file_is_same(keys_path, output))
        msg_usage("--keys and -o both write to %s", file_output_name(output));
    file_on_signal();
    input_guard_enable();
    if (file_check_output(output, !(as_text || as_json), &e) || file_check_output(keys_path, false, &e))
        msg_die("%s", e.text);
    open_inputs(argv + first, argc - first);
    resolve_labels(header);
    open_output();
    int64_t n = as_npy ? write_npy() : as_text || as_json ? each_row(take_row) : write_features();
    finish(n);
    close_inputs();
    return msg_finish(EXIT_DONE);
}
