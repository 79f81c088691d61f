/* device.c - a backend by its name, and the threads of the host. */
#include "device.h"

#include <stdio.h>
#include <string.h>

const struct backend *device_find(const char *name, struct fmt_error *e)
{
    char names[200];
    int used = 0;
    for (int i = 0; device_list[i]; i++) {
        if (strcmp(name, "auto") == 0 || strcmp(name, device_list[i]->name) == 0)
            return device_list[i];
        if (used < (int)sizeof names)
            used += snprintf(names + used, sizeof names - (size_t)used, "%s%s", i ? ", " : "", device_list[i]->name);
    }
    fmt_fail(e, FMT_UNSUPPORTED, "%s: this build has no such device, only %s", name, names);
    return NULL;
}

int device_open(struct device *d, const char *name, int n_threads, void (*warn)(const char *format, ...),
                struct fmt_error *e)
{
    char text[BACKEND_TEXT];
    *d = (struct device){.backend = device_find(name, e)};
    if (!d->backend)
        return FMT_UNSUPPORTED;
    int status = d->backend->open(e);
    if (status)
        return status;
    d->pool = thread_open(n_threads, e);
    if (!d->pool)
        return FMT_MEMORY;
    if (d->backend->environment(text))
        warn("%s", text);
    return 0;
}

void device_close(struct device *d)
{
    thread_close(d->pool);
    *d = (struct device){0};
}

static void prepare(void *arg)
{
    const struct device *d = arg;
    d->backend->prepare();
}

void device_prepare_start(const struct device *d, struct thread_task *task)
{
    *task = (struct thread_task){.run = NULL};
    if (d->backend->prepare && thread_workers(d->pool) > 1)
        thread_task_start(task, prepare, (void *)d);
}
