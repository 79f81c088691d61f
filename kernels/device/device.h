/* device.h - what a tool computes on, chosen by name once, in its main, and passed down from there.
 *
 *   struct device device;
 *   device_open(&device, name, n_threads, msg_warn, &error);      name: "auto" or one of device_list
 *   ...
 *   device_close(&device);
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "backend.h"

/* The devices of this build, the one that "auto" stands for first; NULL ends it. Programs for tests have a list of
 * their own (tests/foreign.c). */
extern const struct backend *const device_list[];

/* What device_open would take. NULL: no such device, and *e says which there are. */
const struct backend *device_find(const char *name, struct fmt_error *e);

/* Call before starting any other thread. n_threads 0: one per processor. Calls warn if results may differ because of
 * the environment. FMT_UNSUPPORTED: no such device. */
int device_open(struct device *d, const char *name, int n_threads, void (*warn)(const char *format, ...),
                struct fmt_error *e);
void device_close(struct device *d);

/* Starts what the backend prepares for its first products, beside the loading of a network; nothing with a pool of one
 * thread. The caller waits with thread_task_wait. */
void device_prepare_start(const struct device *d, struct thread_task *task);

#endif
