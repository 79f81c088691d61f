/* test-device.h - the device that a test computes on: TEST_DEVICE of the environment, else the CPU (foreign.c). */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

static inline const struct backend *test_backend(void)
{
    const char *name = getenv("TEST_DEVICE");
    for (int i = 0; device_list[i]; i++)
        if (!name || !*name || strcmp(device_list[i]->name, name) == 0)
            return device_list[i];
    fprintf(stderr, "TEST_DEVICE=%s: no such device\n", name);
    abort();
}

/* With threads of its own: for device_close. */
static inline struct device test_device(int n_threads)
{
    return (struct device){.backend = test_backend(), .pool = thread_open(n_threads, NULL)};
}

#endif
