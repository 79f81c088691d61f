/* test-ranks - how ranks share the processors of their hosts, and the lines of their table. */
#include <stdio.h>

#include "ranks.h"
#include "tap.h"

enum { N = 4 };

static struct rank_place on(const char *host, uint64_t processors)
{
    struct rank_place p = {.quota = INT64_MAX, .device = "cpu", .processor = {processors}};
    snprintf(p.host, sizeof p.host, "%s", host);
    return p;
}

static void check_threads(struct rank_place *p, int n, const int64_t *want, const char *what)
{
    bool good = true;
    ranks_divide(p, n);
    for (int i = 0; i < n; i++)
        good &= p[i].threads == want[i];
    ok(good, "%s (%d, ..., %d)", what, (int)p[0].threads, (int)p[n - 1].threads);
}

static void test_threads(void)
{
    struct rank_place p[N];
    for (int i = 0; i < N; i++)
        p[i] = on("a", 0xffff);
    check_threads(p, N, (const int64_t[]){4, 4, 4, 4}, "four ranks that are not bound share 16 processors");
    check_threads(p, 3, (const int64_t[]){5, 5, 5}, "three have five each");
    for (int i = 0; i < N; i++)
        p[i] = on("a", (uint64_t)0xf << 4 * i);
    check_threads(p, N, (const int64_t[]){4, 4, 4, 4}, "ranks that are bound have their own");
    p[1] = on("a", 0xff);
    check_threads(p, 2, (const int64_t[]){2, 6}, "two that overlap share what both may use");
    p[0] = on("a", 3), p[1] = on("b", 3), p[2] = on("b", 3);
    check_threads(p, 3, (const int64_t[]){2, 1, 1}, "the processors of another host are others");
    for (int i = 0; i < N; i++)
        p[i] = on("a", 1);
    check_threads(p, N, (const int64_t[]){1, 1, 1, 1}, "more ranks than processors: one thread each");
    for (int i = 0; i < 2; i++) {
        p[i] = on("a", 0xffff);
        p[i].quota = 6;
    }
    check_threads(p, 2, (const int64_t[]){3, 3}, "a quota of the host is shared");
    p[1].asked = 8;
    check_threads(p, 2, (const int64_t[]){3, 8}, "what was asked is given");
}

static void test_table(void)
{
    struct rank_place p[N + 1] = {on("a", 0xf), on("a", 0xf), on("b", 0xf), on("b", 0xf), on("c", 1)};
    struct ranks r = {N + 1, p};
    char text[RANKS_TEXT_MAX];
    int first = 0;
    p[3].asked = 1;
    snprintf(p[4].device, sizeof p[4].device, "cuda:0");
    ranks_divide(p, N + 1);
    ok(ranks_text(&r, &first, text), "a line");
    is_text(text, "ranks 0 to 1: host a, device cpu, 2 threads each", "ranks of one host in a line");
    ok(ranks_text(&r, &first, text), "another");
    is_text(text, "rank 2: host b, device cpu, 2 threads", "of one that is alone");
    ok(ranks_text(&r, &first, text), "another");
    is_text(text, "rank 3: host b, device cpu, 1 thread", "of one with other threads");
    ok(ranks_text(&r, &first, text), "another");
    is_text(text, "rank 4: host c, device cuda:0, 1 thread", "of one on another device");
    ok(!ranks_text(&r, &first, text), "and no more");
    is_int(ranks_local(&r, 0), 2, "two are on the host of the first");
}

static void test_one(void)
{
    struct ranks r;
    struct fmt_error e = {0};
    ok(ranks_meet(&r, &world_single, 0, "cpu", &e) == 0 && r.n == 1 && r.place[0].threads >= 1,
       "one process meets itself: %s", e.text);
    is_text(r.place[0].device, "cpu", "on what it was told");
    ranks_release(&r);
    ok(ranks_meet(&r, &world_single, 7, "cpu", &e) == 0 && r.place[0].threads == 7,
       "it has the threads that were asked for");
    ranks_release(&r);
}

int main(void)
{
    test_threads();
    test_table();
    test_one();
    return tap_done();
}
