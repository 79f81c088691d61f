/* test-resource-limit.c - limits of control groups, read from imitated trees; those of this process. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "file.h"
#include "resource-limit.h"
#include "tap.h"
#include "thread.h"

static char *root;

/* A file of the tree, with its folders. */
static void put(const char *path, const char *text)
{
    struct fmt_error e = {0};
    char *full = malloc(strlen(root) + strlen(path) + 1);
    sprintf(full, "%s%s", root, path);
    char *folder = file_directory(full);
    if (file_make_dirs(folder, &e) || file_save(full, text, strlen(text), &e))
        ok(false, "%s", e.text);
    free(folder);
    free(full);
}

static void begin(const char *name, const char *cgroup, const char *mountinfo)
{
    free(root);
    root = file_join(tap_scratch(), name);
    put("/proc/self/cgroup", cgroup);
    put("/proc/self/mountinfo", mountinfo);
}

static void memory_is(int64_t bytes, const char *what)
{
    struct resource_limit l = resource_limit_cgroup(root);
    is_int(l.bytes, bytes, "memory of %s", strrchr(root, '/') + 1);
    is_text(l.source, what, "whose limit it is");
}

static void test_second_version(void)
{
    begin("v2", "0::/user.slice/job 7/step\n",
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "31 22 0:28 / /sys/fs/cgroup rw,relatime shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n");
    memory_is(INT64_MAX, "");
    is_int(resource_limit_processors(root), INT_MAX, "no quota");
    put("/sys/fs/cgroup/user.slice/job 7/step/memory.max", "max\n");
    put("/sys/fs/cgroup/user.slice/job 7/step/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/user.slice/memory.max", "8589934592\n");
    put("/sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n");
    memory_is(8589934592, "control group /user.slice (memory.max)");
    is_int(resource_limit_processors(root), 3, "two and a half processors are three threads");
    put("/sys/fs/cgroup/user.slice/job 7/memory.high", "2147483648\n");
    put("/sys/fs/cgroup/user.slice/job 7/cpu.max", "10000 100000\n");
    memory_is(2147483648, "control group /user.slice/job 7 (memory.high)");
    is_int(resource_limit_processors(root), 1, "a tenth of a processor is one thread");
    put("/sys/fs/cgroup/user.slice/job 7/step/memory.max", "1073741824\n");
    memory_is(1073741824, "control group /user.slice/job 7/step (memory.max)");
    put("/sys/fs/cgroup/user.slice/job 70/memory.max", "1\n");
    put("/sys/fs/cgroup/user.slice/job 7/step/deeper/memory.max", "1\n");
    memory_is(1073741824, "control group /user.slice/job 7/step (memory.max)");
}

static void test_first_version(void)
{
    begin("v1", "11:cpu,cpuacct:/batch/42\n4:memory:/batch/42\n1:name=systemd:/batch/42\n0::/\n",
          "30 25 0:26 / /sys/fs/cgroup/cpu\\054cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/batch/memory.limit_in_bytes", "4294967296\n");
    put("/sys/fs/cgroup/memory/batch/42/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/cpu,cpuacct/batch/42/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/batch/42/cpu.cfs_period_us", "100000\n");
    memory_is(4294967296, "control group /batch (memory.limit_in_bytes)");
    is_int(resource_limit_processors(root), INT_MAX, "a quota of -1 is none");
    put("/sys/fs/cgroup/cpu,cpuacct/batch/42/cpu.cfs_quota_us", "400000\n");
    is_int(resource_limit_processors(root), 4, "four processors");
}

/* A container sees only the part below its own group; version 1 without a name space of groups shows the whole path. */
static void test_containers(void)
{
    begin("container", "4:memory:/docker/0a1b\n3:cpu:/docker/0a1b\n",
          "31 25 0:27 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
          "32 25 0:28 /docker/0a1b /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    memory_is(536870912, "control group / (memory.limit_in_bytes)");
    is_int(resource_limit_processors(root), 2, "one and a half processors");
    begin("outside", "0::/../other\n", "31 25 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/memory.max", "268435456\n");
    put("/sys/fs/other/memory.max", "1\n");
    memory_is(268435456, "control group / (memory.max)");
    begin("below", "0::/a/b/c\n", "31 25 0:27 /a /groups ro - cgroup2 cgroup rw\n");
    put("/groups/b/memory.max", "77\n");
    memory_is(77, "control group /b (memory.max)");
    begin("beside", "0::/ab/c\n", "31 25 0:27 /a /groups ro - cgroup2 cgroup rw\n");
    put("/groups/b/c/memory.max", "1\n");
    put("/groupsb/c/memory.max", "1\n");
    memory_is(INT64_MAX, "");
}

static void test_odd(void)
{
    begin("empty", "", "");
    memory_is(INT64_MAX, "");
    begin("cut", "0::/a", "31 25 0:27 / /groups ro - cgroup2");
    put("/groups/a/memory.max", "5");
    memory_is(5, "control group /a (memory.max)");
    begin("damaged", "0\n::\n0:\n0::\n",
          "\n - \n - cgroup2\n31 - cgroup2 x y\n31 25 0:27 / /groups\\09 - cgroup2 c rw\n");
    put("/groups\\09/memory.max", "12x\n");
    memory_is(INT64_MAX, "");
    is_int(resource_limit_processors(root), INT_MAX, "nor a quota");
    free(root);
    root = file_join(tap_scratch(), "nothing");
    memory_is(INT64_MAX, "");
}

static void test_process(void)
{
    struct rlimit before, less;
    struct resource_limit l = resource_limit_ulimit();
    if (l.bytes != INT64_MAX) {
        skip("these tests run under a limit", "ulimit");
        return;
    }
    ok(resource_limit_memory().bytes > 0 && resource_limit_memory().source[0], "this machine has memory");
    ok(thread_processors() >= 1, "and processors");
    size_t unused = (size_t)1 << 30;
    void *p = mmap(NULL, unused, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    getrlimit(RLIMIT_AS, &before);
    less = before;
    less.rlim_cur = (rlim_t)4 << 30;
    ok(setrlimit(RLIMIT_AS, &less) == 0, "ulimit -v 4 GiB");
    l = resource_limit_ulimit();
    if (l.bytes == 0) {
        setrlimit(RLIMIT_AS, &before);
        skip("a sanitizer takes all address space", "ulimit");
        return;
    }
    ok(l.bytes < (int64_t)3 << 30 && l.bytes > (int64_t)2 << 30, "what is mapped and not used is taken off: %lld",
       (long long)l.bytes);
    is_text(l.source, "ulimit -v", "its name");
    ok(resource_limit_address_space(), "address space is limited");
    setrlimit(RLIMIT_AS, &before);
    getrlimit(RLIMIT_DATA, &before);
    less = before;
    less.rlim_cur = (rlim_t)2 << 30;
    ok(setrlimit(RLIMIT_DATA, &less) == 0, "ulimit -d 2 GiB");
    l = resource_limit_ulimit();
    ok(l.bytes < (int64_t)5 << 28, "of data as well: %lld", (long long)l.bytes);
    is_text(l.source, "ulimit -d", "its name");
    setrlimit(RLIMIT_DATA, &before);
    munmap(p, unused);
}

int main(void)
{
    test_second_version();
    test_first_version();
    test_containers();
    test_odd();
    test_process();
    free(root);
    return tap_done();
}
