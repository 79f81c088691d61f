/* memory-plan.c - the sum of what the modules say about themselves. */
#include "memory-plan.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "batch-loader.h"
#include "knn-eval.h"
#include "num.h"
#include "thread.h"
#include "world-mpi.h"

/* What no module can name, measured on runs of several sizes: 8.5 MiB of file buffers and what libraries hold; in each
 * thread 200 KiB of the same, and the parts of matrices that a product packs: up to 4 MiB, less for small ones. */
static const int64_t PROGRAM_BYTES = (int64_t)8704 << 10, THREAD_BYTES = (int64_t)200 << 10,
                     PACKED_BYTES_MAX = (int64_t)4 << 20;

static void add_line(struct step_plan *plan, const char *what, int64_t bytes)
{
    if (plan->n_lines == STEP_PLAN_LINES || bytes <= 0)
        return;
    plan->line[plan->n_lines++] = (struct step_plan_line){what, (size_t)bytes};
    plan->total += (size_t)bytes;
}

static int64_t data_bytes(const struct config *config, const struct world *world, int n_workers)
{
    struct batch_loader *loader;
    const struct config_paths *data = &config->train.dataset_path;
    struct batch_loader_options options = {.world = world, .config = config, .paths = data->item,
                                           .n_paths = data->n, .n_threads = n_workers};
    if (batch_loader_is_pipe(data->item[0]) || batch_loader_open(&loader, &options, NULL))
        return -1;
    int64_t bytes = batch_loader_memory_bytes(loader);
    batch_loader_close(loader);
    return bytes;
}

/* The copy and the extraction are released before the search starts. */
static void add_evaluation(struct step_plan *plan, const struct knn_eval_bytes *b)
{
    add_line(plan, "scoring: features of both sets", b->features);
    add_line(plan, "scoring: a copy of the teacher's backbone", b->copy);
    add_line(plan, "scoring: pictures and passes of all threads, then the search",
             num_max(b->extraction, b->search - b->copy));
}

/* What this process holds now, and what no module names. */
static int64_t program_bytes(int n_workers, int64_t activations)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE) + PROGRAM_BYTES +
           n_workers * (THREAD_BYTES + num_min(PACKED_BYTES_MAX, activations / 8));
}

int memory_plan(struct step_plan *plan, const struct config *config, const struct world *world,
                const struct device *device, const char **unknown, struct fmt_error *e)
{
    struct knn_eval_bytes knn;
    int n = thread_workers(device->pool), status = step_plan(plan, config, world, device, e);
    if (status)
        return status;
    int64_t data = data_bytes(config, world, n), activations = (int64_t)plan->activations;
    bool evaluated = knn_eval_plan(config, world->size, device, &knn, NULL) == 0;
    *unknown = data < 0 && !evaluated ? "the data and scoring: their shards cannot be opened"
               : data < 0             ? "the data: train.dataset_path cannot be opened"
               : !evaluated           ? "scoring: evaluation.knn_train or evaluation.knn_val cannot be opened"
                                      : NULL;
    add_line(plan, "data: batches made ahead, pictures, scratch", data);
    if (evaluated)
        add_evaluation(plan, &knn);
    if (world->size > 1)
        add_line(plan, "sums over ranks: what is sent and received at a time", WORLD_MPI_BYTES);
    add_line(plan, "program, libraries, buffers", program_bytes(n, activations));
    return 0;
}

const char *memory_limit_text(const struct resource_limit *l, char out[MEMORY_LIMIT_TEXT_MAX])
{
    char bytes[32];
    bool machine = strncmp(l->source, "this", 4) == 0, process = strncmp(l->source, "ulimit", 6) == 0;
    const char *verb = machine ? "has" : process ? "leaves" : "allows";
    snprintf(out, MEMORY_LIMIT_TEXT_MAX, "%s %s %s", l->source, verb, num_bytes_text((double)l->bytes, bytes));
    return out;
}

void memory_keep_small(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 << 10); /* its own first value, which it would raise to the largest block freed */
#endif
}

void memory_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int64_t memory_peak_bytes(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (int64_t)used.ru_maxrss * 1024 : 0;
}

int memory_plan_check(const struct config *config, const struct world *world, const struct device *device,
                      int n_local, size_t *planned, struct fmt_error *e)
{
    struct step_plan plan;
    const char *unknown;
    char needs[32], has[MEMORY_LIMIT_TEXT_MAX], each[64] = "";
    int status = memory_plan(&plan, config, world, device, &unknown, e);
    struct resource_limit limit = resource_limit_memory();
    *planned = plan.total;
    int sharing = strncmp(limit.source, "ulimit", 6) == 0 ? 1 : n_local;
    if (status || sharing * (double)plan.total <= (double)limit.bytes)
        return status;
    if (sharing > 1)
        snprintf(each, sizeof each, " in each of its %d processes on this host", sharing);
    return fmt_fail(e, FMT_LIMIT,
                    "this run takes %s of memory%s and %s; a smaller train.micro_batch_size, "
                    "dino.head_n_prototypes or student.arch reduces it%s (--plan shows the breakdown)",
                    num_bytes_text((double)plan.total, needs), each, memory_limit_text(&limit, has),
                    world->size > 1 ? ", and so does compute_precision.*.sharding_strategy=FULL_SHARD" : "");
}

/* Parameters of the blocks only, which are nearly all. */
static double block_parameters(const struct config_dims *d)
{
    double C = (double)d->embed_dim, h = (double)d->ffn_hidden;
    return (double)d->depth * (4 * C * C + 3 * C * h);
}

const char *memory_large_model_text(const struct config *config, char *out, size_t size)
{
    struct config_dims d = config_dims(config);
    double parameters = block_parameters(&d);
    char bytes[32];
    if (parameters < 8e8)
        return NULL;
    snprintf(
        out, size,
        "a backbone of %.2g parameters is held five times in float32 (student, teacher, gradients, two moments): %s "
        "before the first activation. One process trains it only in a shortened form (student.depth=4, say); many "
        "share the full model (--ranks, compute_precision.*.sharding_strategy). Extraction works with the full model",
        parameters, num_bytes_text(5 * 4 * parameters, bytes));
    return out;
}
