/* resource-limit.c - /proc/self/cgroup has the groups, /proc/self/mountinfo the folders of their files; see proc(5) and
 * cgroups(7). */
#include "resource-limit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "file.h"
#include "num.h"

enum { LISTS_BYTES_MAX = 1 << 24, VALUE_BYTES_MAX = 200 };

/* Called for the folder of a group, and for each above it. */
typedef void group_visit(void *arg, const char *folder, const char *group);

/* The text of the file at root + path, for free(); NULL if it cannot be read. */
static char *load_text(const char *root, const char *path, size_t limit)
{
    uint8_t *text;
    size_t n;
    char *full = malloc(strlen(root) + strlen(path) + 1);
    if (!full)
        return NULL;
    sprintf(full, "%s%s", root, path);
    int status = file_load_regular(full, limit, &text, &n, NULL);
    free(full);
    return status ? NULL : (char *)text;
}

/* Takes the next field from a line; *line becomes the rest. "" at the end. */
static char *take(char **line, char separator)
{
    char *field = *line, *end = strchr(field, separator);
    if (end)
        *end++ = 0;
    else
        end = field + strlen(field);
    *line = end;
    return field;
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strncmp(p, word, n) == 0 && (p[n] == ',' || !p[n]))
            return true;
    return false;
}

/* Decodes \040 and other octal escapes of mountinfo, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p;) {
        bool octal = p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && strspn(p + 1, "01234567") >= 3;
        *to++ = octal ? (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')) : *p;
        p += octal ? 4 : 1;
    }
    *to = 0;
}

/* The path of this process in the hierarchy of a controller ("": of version 2), from the text of /proc/self/cgroup; for
 * free(). NULL: none. */
static char *group_of(const char *list, const char *controller)
{
    char *copy = strdup(list), *rest = copy, *found = NULL;
    while (rest && *rest && !found) {
        char *line = take(&rest, '\n');
        take(&line, ':');
        const char *controllers = take(&line, ':');
        if (*controller ? has_word(controllers, controller) : !*controllers)
            found = strdup(line);
    }
    free(copy);
    return found;
}

/* A mount shows the part of the hierarchy below `top`, so the folder of a group is mount + (group without top). */
static void visit_upwards(const char *root, const char *mount, const char *top, const char *group, group_visit *visit,
                          void *arg)
{
    size_t n_top = strcmp(top, "/") == 0 ? 0 : strlen(top);
    bool inside = strncmp(group, top, n_top) == 0 && (!group[n_top] || group[n_top] == '/') && !strstr(group, "/..");
    const char *below = inside ? group + n_top : "";
    char *folder = malloc(strlen(root) + strlen(mount) + strlen(below) + 1);
    if (!folder)
        return;
    size_t n_mount = (size_t)sprintf(folder, "%s%s", root, mount);
    size_t n = n_mount + (size_t)sprintf(folder + n_mount, "%s", below);
    for (;;) {
        while (n > n_mount && folder[n - 1] == '/')
            folder[--n] = 0;
        visit(arg, folder, n > n_mount ? folder + n_mount : "/");
        if (n == n_mount)
            break;
        while (n > n_mount && folder[n - 1] != '/')
            folder[--n] = 0;
    }
    free(folder);
}

/* Visits all groups whose limits apply to this process. */
static void each_group(const char *root, const char *controller, group_visit *visit, void *arg)
{
    char *list = load_text(root, "/proc/self/cgroup", LISTS_BYTES_MAX);
    char *mounts = load_text(root, "/proc/self/mountinfo", LISTS_BYTES_MAX), *rest = mounts;
    while (list && rest && *rest) {
        char *line = take(&rest, '\n'), *kind = strstr(line, " - ");
        if (!kind)
            continue;
        *kind = 0;
        kind += 3;
        for (int i = 0; i < 3; i++) /* id, parent, device */
            take(&line, ' ');
        char *top = take(&line, ' '), *mount = take(&line, ' '), *type = take(&kind, ' ');
        take(&kind, ' '); /* source */
        bool second = strcmp(type, "cgroup2") == 0;
        if (!second && (strcmp(type, "cgroup") != 0 || !has_word(kind, controller)))
            continue;
        char *group = group_of(list, second ? "" : controller);
        unescape(top);
        unescape(mount);
        if (group)
            visit_upwards(root, mount, top, group, visit, arg);
        free(group);
    }
    free(mounts);
    free(list);
}

/* Number 0 or 1 of a file with one line; -1: no such file or number ("max"). */
static int64_t read_number(const char *folder, const char *name, int which)
{
    char *path = file_join(folder, name), *text = path ? load_text("", path, VALUE_BYTES_MAX) : NULL, *rest = text;
    int64_t number = -1;
    if (rest) {
        rest = take(&rest, '\n');
        char *field = take(&rest, ' ');
        if (which)
            field = take(&rest, ' ');
        if (!num_i64(field, &number) || number < 0)
            number = -1;
    }
    free(text);
    free(path);
    return number;
}

/* ---------------------------------------------------------------- processors */

static void visit_quota(void *arg, const char *folder, const char *group)
{
    (void)group;
    int *least = arg;
    int64_t quota = read_number(folder, "cpu.max", 0), period = read_number(folder, "cpu.max", 1);
    if (quota < 0) {
        quota = read_number(folder, "cpu.cfs_quota_us", 0);
        period = read_number(folder, "cpu.cfs_period_us", 0);
    }
    if (quota > 0 && period > 0)
        *least = (int)num_min(*least, num_max(1, quota / period + (quota % period != 0)));
}

int resource_limit_processors(const char *root)
{
    int least = INT_MAX;
    each_group(root, "cpu", visit_quota, &least);
    return least;
}

/* ---------------------------------------------------------------- memory */

static void lower(struct resource_limit *l, int64_t bytes, const char *group, const char *what)
{
    if (bytes < 0 || bytes >= l->bytes)
        return;
    l->bytes = bytes;
    if (group)
        snprintf(l->source, sizeof l->source, "control group %.120s (%s)", group, what);
    else
        snprintf(l->source, sizeof l->source, "%s", what);
}

static void visit_memory(void *arg, const char *folder, const char *group)
{
    static const char *const names[] = {"memory.max", "memory.high", "memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        lower(arg, read_number(folder, names[i], 0), group, names[i]);
}

struct resource_limit resource_limit_cgroup(const char *root)
{
    struct resource_limit l = {.bytes = INT64_MAX};
    each_group(root, "memory", visit_memory, &l);
    return l;
}

struct resource_limit resource_limit_ulimit(void)
{
    struct resource_limit l = {.bytes = INT64_MAX};
    struct rlimit space, data;
    long long mapped = 0, resident = 0, private = 0, page = sysconf(_SC_PAGESIZE);
    char *text = load_text("", "/proc/self/statm", VALUE_BYTES_MAX);
    if (text && sscanf(text, "%lld %lld %*d %*d %*d %lld", &mapped, &resident, &private) != 3)
        mapped = resident = private = 0;
    free(text);
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur < INT64_MAX)
        lower(&l, num_max(0, (int64_t)space.rlim_cur - num_max(0, mapped - resident) * page), NULL, "ulimit -v");
    if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur < INT64_MAX)
        lower(&l, num_max(0, (int64_t)data.rlim_cur - num_max(0, private - resident) * page), NULL, "ulimit -d");
    return l;
}

struct resource_limit resource_limit_memory(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    struct resource_limit least = {pages > 0 && size > 0 ? pages * size : INT64_MAX, "this machine"};
    struct resource_limit group = resource_limit_cgroup(""), process = resource_limit_ulimit();
    least = group.bytes < least.bytes ? group : least;
    return process.bytes < least.bytes ? process : least;
}

bool resource_limit_address_space(void)
{
    struct rlimit space, data;
    return (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) ||
           (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY) ||
           read_number("/proc/sys/vm", "overcommit_memory", 0) == 2;
}
