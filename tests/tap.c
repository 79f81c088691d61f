/* tap.c - checks that print TAP. */
#include "tap.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tests check from several threads, too: a line and its number are one. */
static pthread_mutex_t lines = PTHREAD_MUTEX_INITIALIZER;
static int n_checks, n_bad;
static char scratch[256];

static bool report(bool good, const char *note, const char *format, va_list ap)
{
    pthread_mutex_lock(&lines);
    n_checks++;
    n_bad += !good;
    printf("%sok %d - ", good ? "" : "not ", n_checks);
    vprintf(format, ap);
    printf("%s%s\n", note[0] ? " # " : "", note);
    fflush(stdout);
    pthread_mutex_unlock(&lines);
    return good;
}

#define REPORT(good, note, format)                                                                 \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, format);                                                                      \
        report(good, note, format, ap);                                                            \
        va_end(ap);                                                                                \
    } while (0)

bool ok(bool good, const char *format, ...)
{
    REPORT(good, "", format);
    return good;
}

bool is_int(int64_t got, int64_t want, const char *format, ...)
{
    char note[96] = "";
    if (got != want)
        snprintf(note, sizeof note, "got %lld, want %lld", (long long)got, (long long)want);
    REPORT(got == want, note, format);
    return got == want;
}

bool is_text(const char *got, const char *want, const char *format, ...)
{
    char note[512] = "";
    bool good = got && want && strcmp(got, want) == 0;
    if (!good)
        snprintf(note, sizeof note, "got \"%.200s\", want \"%.200s\"", got ? got : "(null)", want ? want : "(null)");
    REPORT(good, note, format);
    return good;
}

bool is_close(const float *a, const float *b, int64_t n, double absolute, double relative, const char *format, ...)
{
    char note[160];
    double worst = 0;
    int64_t at = -1, n_off = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= absolute + relative * fabs((double)b[i]))) {
            n_off++;
            if (at < 0)
                at = i;
        }
        if (!(d <= worst))
            worst = d;
    }
    if (n_off)
        snprintf(note, sizeof note, "%lld of %lld off, first [%lld]: got %.9g, want %.9g; largest %.3g",
                 (long long)n_off, (long long)n, (long long)at, (double)a[at], (double)b[at], worst);
    else
        snprintf(note, sizeof note, "largest difference %.3g", worst);
    REPORT(n_off == 0, note, format);
    return n_off == 0;
}

double relative_distance(const float *a, const float *b, int64_t n)
{
    double dd = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        dd += d * d;
        bb += (double)b[i] * (double)b[i];
    }
    return dd == 0 && bb == 0 ? 0 : sqrt(dd) / (bb > 0 ? sqrt(bb) : 1e-300);
}

bool is_near(const float *a, const float *b, int64_t n, double limit, const char *format, ...)
{
    char note[96];
    double relative = relative_distance(a, b, n);
    bool good = relative <= limit;
    snprintf(note, sizeof note, "relative difference %.3g", relative);
    REPORT(good, note, format);
    return good;
}

double cosine(const float *a, const float *b, int64_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

void skip(const char *why, const char *format, ...)
{
    va_list ap;
    n_checks++;
    printf("ok %d - ", n_checks);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf(" # SKIP %s\n", why);
}

int tap_done(void)
{
    printf("1..%d\n", n_checks);
    if (scratch[0] && n_bad == 0) {
        char command[320];
        snprintf(command, sizeof command, "rm -rf '%s'", scratch);
        if (system(command) != 0)
            return 1;
    }
    return n_bad > 0;
}

const char *tap_golden(const char *name)
{
    static char path[4][1024];
    static int turn;
    const char *folder = getenv("GOLDEN");
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder ? folder : "tests/golden", name);
    return path[turn];
}

const char *tap_scratch(void)
{
    if (!scratch[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(scratch, sizeof scratch, "%s/dinotest-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(scratch)) {
            perror("scratch folder");
            exit(1);
        }
    }
    return scratch;
}
