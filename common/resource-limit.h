/* resource-limit.h - how much of the machine this process may use: what the machine has, what control groups allow
 * (containers, batch systems, systemd), what its own limits allow (ulimit).
 *
 * The limits of the control group of the process and of all visible groups above it apply, in both versions of the
 * interface: memory.max, memory.high and cpu.max, or memory.limit_in_bytes and cpu.cfs_quota_us. A limit above the top
 * of what a container sees cannot be found. The cpuset of a group also limits the affinity of the process, which
 * thread_processors uses.
 *
 * root is put before the paths of /proc and of mounts: "", or, for tests, a folder with imitated files.
 */
#ifndef RESOURCE_LIMIT_H
#define RESOURCE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Processors that the quotas of the control groups correspond to, rounded up, at least 1; INT_MAX: no quota. */
int resource_limit_processors(const char *root);

struct resource_limit {
    int64_t bytes;  /* INT64_MAX: none */
    char source[200]; /* of the limit: "control group /jobs/7 (memory.max)"; "" without a limit */
};

/* The smallest limit of memory of the control groups. */
struct resource_limit resource_limit_cgroup(const char *root);

/* The memory that ulimit -v and ulimit -d allow: the limit of address space minus what this process has mapped without
 * using it (code, stacks of threads). */
struct resource_limit resource_limit_ulimit(void);

/* The smallest of both and of the machine's memory ("this machine"). */
struct resource_limit resource_limit_memory(void);

/* Whether a request for address space may fail although the machine has memory: by ulimit -v or -d, or because the
 * system does not overcommit. */
bool resource_limit_address_space(void);

#endif
