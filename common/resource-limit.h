/* resource-limit.h - how much of the machine this process may use: what the machine has, what its control groups allow
 * (containers, batch systems, systemd), what its own limits leave (ulimit).
 *
 * A control group's limit is that of the group in which the process is and of every group above it that can be seen,
 * in both versions of the interface: memory.max, memory.high and cpu.max, or memory.limit_in_bytes and
 * cpu.cfs_quota_us. A limit above the top of what a container sees is not to be found. Processors that a group's cpuset
 * leaves out are not in the affinity of the process either, which thread_processors asks.
 *
 * root is put before the paths of /proc and of mounts, "" or, for tests, a folder with files made like theirs.
 */
#ifndef RESOURCE_LIMIT_H
#define RESOURCE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Processors that the quotas of the control groups are worth, at least 1 (a part of one counts); INT_MAX: no quota. */
int resource_limit_processors(const char *root);

struct resource_limit {
    int64_t bytes;  /* INT64_MAX: none */
    char what[200]; /* whose it is: "control group /jobs/7 (memory.max)", "" if there is none */
};

/* The least that the control groups allow. */
struct resource_limit resource_limit_cgroup(const char *root);

/* What ulimit -v or ulimit -d leave to be held in memory: address space that this process has mapped and that no memory
 * stands behind (code that was not used, stacks of threads) is taken off. */
struct resource_limit resource_limit_ulimit(void);

/* The least of both and of the machine's memory, of which `what` says "this machine". */
struct resource_limit resource_limit_memory(void);

/* Whether a request for address space may fail though the machine has memory: by ulimit -v or -d, or because the system
 * promises no more than it has. */
bool resource_limit_address_space(void);

#endif
