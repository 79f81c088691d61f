/* memory.c - sums what the modules say of themselves. */
#include "run/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "nn/source.h"
#include "num.h"
#include "thread.h"

static void add_line(struct step_plan *plan, const char *what, int64_t bytes)
{
    if (plan->n_lines == STEP_PLAN_LINES || bytes <= 0)
        return;
    plan->line[plan->n_lines++] = (struct step_plan_line){what, (size_t)bytes};
    plan->total += (size_t)bytes;
}

static int64_t data_bytes(const struct config *config, int n_workers)
{
    struct source *s;
    const char *path = config->train.dataset_path;
    struct source_wish wish = {.config = config, .paths = &path, .n_paths = 1, .n_threads = n_workers};
    if (source_is_pipe(path) || source_open(&s, &wish, NULL))
        return -1;
    int64_t bytes = source_memory_bytes(s);
    source_close(s);
    return bytes;
}

int memory_plan(struct step_plan *plan, const struct config *config, const struct op_ctx *ctx, bool *data_known,
                struct fmt_error *e)
{
    int status = step_plan(plan, config, ctx, e);
    if (status)
        return status;
    int64_t bytes = data_bytes(config, thread_workers(ctx->pool));
    *data_known = bytes >= 0;
    add_line(plan, "data: batches made ahead, pictures, scratch", bytes);
    return 0;
}

static int64_t limit_in(const char *path)
{
    uint8_t *text;
    size_t n;
    int64_t limit = INT64_MAX;
    if (file_load(path, 100, &text, &n, NULL))
        return INT64_MAX;
    text[strcspn((char *)text, "\n")] = 0;
    if (!num_i64((char *)text, &limit) || limit <= 0) /* "max" */
        limit = INT64_MAX;
    free(text);
    return limit;
}

int64_t memory_of_machine(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int64_t machine = pages > 0 && size > 0 ? pages * size : INT64_MAX;
    int64_t group =
        num_min(limit_in("/sys/fs/cgroup/memory.max"), limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    return num_min(machine, group);
}

int memory_fits(const struct config *config, const struct op_ctx *ctx, struct fmt_error *e)
{
    struct step_plan plan;
    bool known;
    char needs[32], has[32];
    int status = memory_plan(&plan, config, ctx, &known, e);
    if (status || (double)plan.total <= (double)memory_of_machine())
        return status;
    return fmt_fail(e, FMT_LIMIT,
                    "this run takes %s of memory and the machine has %s; a smaller train.micro_batch_size, "
                    "dino.head_n_prototypes or student.arch takes less (--plan lists what takes how much)",
                    num_bytes_text((double)plan.total, needs), num_bytes_text((double)memory_of_machine(), has));
}

/* Parameters of the blocks alone, which is nearly all. */
static double block_parameters(const struct config_dims *d)
{
    double C = (double)d->embed_dim, h = (double)d->ffn_hidden;
    return (double)d->depth * (4 * C * C + 3 * C * h);
}

const char *memory_giant_text(const struct config *config, char *out, size_t room)
{
    struct config_dims d = config_dims(config);
    double parameters = block_parameters(&d);
    char bytes[32];
    if (parameters < 8e8)
        return NULL;
    snprintf(
        out, room,
        "a backbone of %.2g parameters is held five times in float32 (student, teacher, gradients, two moments): %s "
        "before the first activation. One process on one machine trains it only in a shortened form "
        "(student.depth=4, say); the whole needs parameters spread over processes, which this version does not have. "
        "Extraction with all of it works",
        parameters, num_bytes_text(5 * 4 * parameters, bytes));
    return out;
}
