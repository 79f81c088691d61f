/* fmt.h - what all readers and writers of bytes share: status codes with texts, and callbacks.
 *
 * Parsers in this layer are pure: bytes come in and go out through the callbacks below, so that a parser runs the same
 * on a file, a pipe, memory and a fuzzer's input. They have no global state and never print. A function that can fail
 * returns 0 or an enum fmt_status, leaves its outputs valid or untouched, and puts one line "thing: reason" (no tool
 * name, no newline) into its struct fmt_error. The layers above follow the same convention: libraries return, tools
 * decide.
 */
#ifndef FMT_H
#define FMT_H

#include <stddef.h>
#include <stdint.h>

enum fmt_status {
    FMT_OK = 0,
    FMT_END,         /* no more records: not an error */
    FMT_IO,          /* a call of the operating system failed */
    FMT_MEMORY,      /* out of memory */
    FMT_MAGIC,       /* another kind of file */
    FMT_VERSION,     /* a newer major version, or one too old */
    FMT_TRUNCATED,   /* ends early */
    FMT_CHECKSUM,    /* bytes have changed */
    FMT_LIMIT,       /* a field beyond its documented limit */
    FMT_INVALID,     /* breaks a rule of the format or of the function */
    FMT_UNSUPPORTED, /* legal, but not supported here */
    FMT_MISMATCH,    /* two things that should match do not */
    FMT_NONFINITE,   /* a number that is not finite */
    FMT_STOPPED,     /* a stop was requested */
    FMT_FULL         /* as FMT_IO: no space is left on the disk, or a quota is used up */
};

struct fmt_error {
    enum fmt_status status;
    char text[400];
};

/* Records a failure and returns its status; e may be NULL. If e holds a failure already, that one remains. */
int fmt_fail(struct fmt_error *e, enum fmt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int fmt_no_memory(struct fmt_error *e); /* FMT_MEMORY: "out of memory" */
enum fmt_status fmt_errno(int number); /* the status of an errno: FMT_FULL or FMT_IO */

/* Puts "thing: " before the text of e: a reader of bytes does not know the name of its file. */
void fmt_prefix(struct fmt_error *e, const char *thing);

/* A short text for a status: "truncated", "checksum does not match". */
const char *fmt_status_text(enum fmt_status status);

/* A count with its noun, for messages: "1 image" or "3 images". The text lives as long as the full expression:
 *   msg_note("%s in %s", FMT_COUNT(n, "image", "images"), FMT_COUNT(m, "shard", "shards")) */
struct fmt_counted {
    char text[64];
};
struct fmt_counted fmt_count(int64_t n, const char *one, const char *many);
#define FMT_COUNT(n, one, many) (fmt_count((int64_t)(n), one, many).text)

/* A source of bytes. read: up to n bytes in order, 0 at the end, -1 on error. read_at: exactly as pread, may be called
 * by several threads at once; NULL for a pipe. Both leave the reason of a failure in errno. size: of the whole source,
 * or UINT64_MAX if it is not known (a pipe). */
struct fmt_reader {
    void *arg;
    int64_t (*read)(void *arg, void *buffer, size_t n);
    int64_t (*read_at)(void *arg, uint64_t offset, void *buffer, size_t n);
    uint64_t size;
};

/* A sink of bytes. write: all n bytes; 0, or -1 and the reason in errno. */
struct fmt_writer {
    void *arg;
    int (*write)(void *arg, const void *buffer, size_t n);
};

/* Reads exactly n bytes: 0, FMT_TRUNCATED or FMT_IO; fmt_write_all: 0, FMT_FULL or FMT_IO. */
int fmt_read_exact(const struct fmt_reader *r, void *buffer, size_t n, struct fmt_error *e);
int fmt_read_at_exact(const struct fmt_reader *r, uint64_t offset, void *buffer, size_t n,
                      struct fmt_error *e);
int fmt_write_all(const struct fmt_writer *w, const void *buffer, size_t n, struct fmt_error *e);

/* A reader over memory; the state must outlive the reader. */
struct fmt_memory {
    const uint8_t *data;
    size_t bytes, at;
};
struct fmt_reader fmt_memory_reader(struct fmt_memory *m);

/* A growing buffer as a sink. Zero-initialise; release with fmt_buffer_release. */
struct fmt_buffer {
    uint8_t *data;
    size_t bytes, capacity;
};
struct fmt_writer fmt_buffer_writer(struct fmt_buffer *b);
int fmt_buffer_append(struct fmt_buffer *b, const void *data, size_t n); /* 0 or -1: no memory */
int fmt_buffer_reserve(struct fmt_buffer *b, size_t n); /* capacity for n more bytes; 0 or -1 */
void fmt_buffer_release(struct fmt_buffer *b);

/* Capacity for one more than n elements: a full *array, from malloc or NULL, is moved and its capacity doubled.
 *   fmt_grow(&list->item, list->n, &list->capacity, sizeof *list->item, e)      0 or FMT_MEMORY */
int fmt_grow(void *array, int64_t n, int64_t *capacity, size_t each, struct fmt_error *e);

#endif
