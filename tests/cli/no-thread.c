/* no-thread.c - a preload for the tests of tests/unthreaded: a program that starts a thread of its own ends at once.
 * Threads of libraries, as those of oneDNN, are left alone: the thread sanitizer does not see into them. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Whether the program itself, not a library, has the address. */
static int is_own(void *address)
{
    Dl_info of_address, of_program;
    return dladdr(address, &of_address) && dladdr((void *)getauxval(AT_ENTRY), &of_program) &&
           of_address.dli_fbase == of_program.dli_fbase;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (is_own(__builtin_return_address(0))) {
        fputs("a thread is started: this test is none for tests/unthreaded\n", stderr);
        _exit(70);
    }
    return real(thread, attributes, run, arg);
}
