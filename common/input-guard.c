/* input-guard.c - a plain list: a few bytes for each file, searched only when an output replaces a file that exists. */
#include "input-guard.h"

#include <pthread.h>
#include <stdint.h>

#include "fmt.h"

struct input {
    dev_t device;
    ino_t inode;
};

static struct input *input;
static int64_t n_inputs, input_capacity;
static bool enabled, paused;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void input_guard_enable(void)
{
    enabled = true;
}

void input_guard_pause(bool pause)
{
    paused = pause;
}

void input_guard_add(int fd)
{
    struct stat st;
    if (!enabled || paused || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    pthread_mutex_lock(&lock);
    bool repeated = n_inputs > 0 && input[n_inputs - 1].device == st.st_dev && input[n_inputs - 1].inode == st.st_ino;
    if (!repeated && fmt_grow(&input, n_inputs, &input_capacity, sizeof *input, NULL) == 0)
        input[n_inputs++] = (struct input){st.st_dev, st.st_ino};
    pthread_mutex_unlock(&lock);
}

bool input_guard_is_input(const struct stat *st)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (int64_t i = 0; i < n_inputs && !found; i++)
        found = input[i].device == st->st_dev && input[i].inode == st->st_ino;
    pthread_mutex_unlock(&lock);
    return found;
}

bool input_guard_is_input_path(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && input_guard_is_input(&st);
}
