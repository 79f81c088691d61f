/* checkpoint-name.c - see checkpoint-name.h. */
#include "checkpoint-name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "num.h"
#include "text.h"

static const char set_end[] = ".set", rank_begin[] = ".rank_", rank_end[] = ".ckpt";

const char *checkpoint_name(int64_t iteration, int rank, char out[CHECKPOINT_NAME_MAX])
{
    if (rank == CHECKPOINT_SET)
        snprintf(out, CHECKPOINT_NAME_MAX, "model_%07" PRId64 "%s", iteration, set_end);
    else
        snprintf(out, CHECKPOINT_NAME_MAX, "model_%07" PRId64 "%s%d%s", iteration, rank_begin, rank, rank_end);
    return out;
}

bool checkpoint_parse_name(const char *name, int64_t *iteration, int *rank)
{
    int64_t i;
    int r = CHECKPOINT_SET;
    char again[CHECKPOINT_NAME_MAX];
    int n = sscanf(name, "model_%" SCNd64 ".rank_%d.ckpt", &i, &r);
    if (n < 1 || i < 0 || i > (int64_t)NUM_WHOLE_MAX || (n == 2 && r < 0) ||
        strcmp(checkpoint_name(i, r, again), name) != 0)
        return false;
    *iteration = i;
    *rank = r;
    return true;
}

/* Bytes of the name before its end; 0: it has no such end. */
static size_t stem_of(const char *path)
{
    size_t n = strlen(path), digits = 0, end = strlen(rank_end), begin = strlen(rank_begin);
    if (text_ends_with(path, set_end))
        return n - strlen(set_end);
    if (!text_ends_with(path, rank_end))
        return 0;
    n -= end;
    while (digits < n && path[n - digits - 1] >= '0' && path[n - digits - 1] <= '9')
        digits++;
    n -= digits;
    return digits && n > begin && strncmp(path + n - begin, rank_begin, begin) == 0 ? n - begin : 0;
}

char *checkpoint_sibling(const char *path, int rank)
{
    char *out = NULL;
    int n = (int)stem_of(path);
    int bytes = n == 0                   ? -1
                : rank == CHECKPOINT_SET ? asprintf(&out, "%.*s%s", n, path, set_end)
                                         : asprintf(&out, "%.*s%s%d%s", n, path, rank_begin, rank, rank_end);
    return bytes < 0 ? NULL : out;
}
