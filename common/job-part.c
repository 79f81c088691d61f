/* job-part.c - see job-part.h. */
#include "job-part.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

static int slurm_number(const char *name, int64_t *v, struct fmt_error *e)
{
    const char *text = getenv(name);
    if (!text)
        return fmt_fail(e, FMT_INVALID, "--part slurm: %s is not set: this is no task of a job array", name);
    if (!num_i64(text, v) || *v < 0 || *v > INT32_MAX)
        return fmt_fail(e, FMT_INVALID, "--part slurm: %s=%.40s is not a number of a task", name, text);
    return 0;
}

static int of_slurm(struct part *part, struct fmt_error *e)
{
    int64_t id, min, max, count;
    if (slurm_number("SLURM_ARRAY_TASK_ID", &id, e) || slurm_number("SLURM_ARRAY_TASK_MIN", &min, e) ||
        slurm_number("SLURM_ARRAY_TASK_MAX", &max, e) || slurm_number("SLURM_ARRAY_TASK_COUNT", &count, e))
        return FMT_INVALID;
    if (min > 1)
        return fmt_fail(e, FMT_INVALID,
                        "--part slurm: the array starts at %" PRId64 ", not at 0 or 1: how many parts there are is not "
                        "known (--part I/N says it; to compute a part again, too)", min);
    int64_t step = count > 1 ? (max - min) / (count - 1) : 1;
    if (count < 1 || count > PART_MAX || id < min || id > max || step < 1 || max - min != step * (count - 1) ||
        (id - min) % step != 0)
        return fmt_fail(e, FMT_INVALID,
                        "--part slurm: task %" PRId64 " of an array of %" PRId64 " from %" PRId64 " to %" PRId64
                        ": these are no IDs at equal distances (--part I/N)", id, count, min, max);
    *part = (struct part){(int32_t)((id - min) / step) + 1, (int32_t)count};
    return 0;
}

int job_part_parse(const char *text, struct part *part, struct fmt_error *e)
{
    struct fmt_error why = {0};
    *part = (struct part){0};
    if (!text)
        return 0;
    if (strcmp(text, "slurm") == 0)
        return of_slurm(part, e);
    return part_parse(text, part, &why) ? fmt_fail(e, FMT_INVALID, "--%s", why.text) : 0;
}
