/* teacher-name.c - see teacher-name.h. */
#include "teacher-name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

const char *teacher_folder_name(int64_t iteration, char out[TEACHER_FOLDER_NAME_MAX])
{
    if (iteration < 0)
        snprintf(out, TEACHER_FOLDER_NAME_MAX, "initial");
    else
        snprintf(out, TEACHER_FOLDER_NAME_MAX, "training_%" PRId64, iteration);
    return out;
}

bool teacher_parse_name(const char *name, int64_t *iteration)
{
    char again[TEACHER_FOLDER_NAME_MAX];
    return sscanf(name, "training_%" SCNd64, iteration) == 1 && *iteration >= 0 &&
           strcmp(teacher_folder_name(*iteration, again), name) == 0;
}

/* eval/FOLDER/FILE; for free(). NULL: it is not there. */
static char *file_of(const char *eval, const char *folder)
{
    char *inside = file_join(eval, folder), *path = inside ? file_join(inside, TEACHER_SAFETENSORS) : NULL;
    free(inside);
    if (path && !file_exists(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

int teacher_newest(const char *run, char **path, int64_t *iteration, struct fmt_error *e)
{
    char *eval = file_join(run, TEACHER_FOLDERS), **names;
    int64_t n_names, found;
    *path = NULL;
    *iteration = -1;
    if (!eval)
        return fmt_no_memory(e);
    int status = file_is_dir(eval) ? file_list(eval, &names, &n_names, e) : (int)FMT_END;
    for (int64_t i = 0; !status && i < n_names; i++) {
        char *one = teacher_parse_name(names[i], &found) && found > *iteration ? file_of(eval, names[i]) : NULL;
        if (!one)
            continue;
        free(*path);
        *path = one;
        *iteration = found;
    }
    if (!status)
        file_list_free(names, n_names);
    if (!status && !*path)
        status = fmt_fail(e, FMT_INVALID, "%s: the run has no teacher yet (%s/training_*/%s)", run, TEACHER_FOLDERS,
                          TEACHER_SAFETENSORS);
    free(eval);
    return status == FMT_END ? 0 : status;
}
