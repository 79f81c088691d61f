/* index.h - the catalogue (bbu-index(5)): one record per photograph. A catalogue is small and is held in memory.
 *
 *   building:  struct index x = {0};  index_set_root(&x, "...", e);
 *              index_add_class(&x, "negative", e) ...  index_add(&x, &entry, e) ...
 *              index_write(&x, &prov, &io, e);  index_release(&x);
 *   reading:   index_read(&x, &io, e);  x.entry[i].path ...;  index_release(&x);
 *
 * Texts are bytes without a zero byte (names of files need not be UTF-8) and never NULL: "" is none.
 */
#ifndef INDEX_H
#define INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fmt.h"
#include "provenance.h"
#include "text.h"

#define INDEX_MAJOR 1
#define INDEX_MINOR 1 /* 1.1: kinds of files other than JPEG, and how they are decoded; written where there are any */
#define INDEX_ENTRIES_MAX 100000000
#define INDEX_CLASSES_MAX 65536
#define INDEX_SIDE_MAX 65535 /* width and height, as JPEG has them */
#define INDEX_TEXT_MAX 4096  /* path, key, root */
#define INDEX_NAME_MAX 1024  /* group, split, a class */
#define INDEX_EXTRA_MAX 65535

/* What the catalogue says of an image and all later files repeat (shards, features). */
struct index_labels {
    const char *key;   /* the image's name in all files; unique in a catalogue */
    const char *split; /* "train", "val", "test"; "" none */
    const char *group; /* "" none */
    const char *extra; /* further keys of the entry, the text of a JSON object; "" none */
    int32_t label;      /* index into the classes; -1 none */
    int32_t group_view; /* number of the photograph within its group, from 0 ("shot" in files); -1 none */
};

/* The kind of a photograph's file. */
enum index_kind { INDEX_JPEG, INDEX_PNG, INDEX_TIFF };

/* How the pixels of a file are decoded, where there is a choice: so that they are the same in all later steps. */
struct index_decoding {
    uint8_t bits; /* significant bits of samples of 16, 9 .. 16; 0: samples have at most 8 */
    bool filled;  /* a JPEG that is cut short: what is missing is grey */
    uint8_t decoded_percent; /* of a filled one: of its rows those that came whole, rounded down; else 0 */
};
#define INDEX_BITS_MIN 9
#define INDEX_BITS_MAX 16

struct index_entry {
    struct index_labels labels;
    const char *path; /* relative to the root */
    int64_t bytes;    /* of the file */
    int32_t width, height, components;
    enum index_kind kind;
    struct index_decoding decoding;
    uint8_t sha256[DIGEST_BYTES]; /* of the file's bytes */
};

struct index {
    const char *root; /* the folder that paths are relative to; "" the current one */
    char **class_name;
    int n_classes;
    struct index_entry *entry;
    int64_t n_entries;
    uint8_t identity[DIGEST_BYTES]; /* set by index_read and index_write */
    char *provenance;               /* JSON text or ""; set by index_read */
    int64_t entry_capacity;
    struct text_pool text; /* the memory of all texts */
};

int index_set_root(struct index *x, const char *root, struct fmt_error *e);
int index_add_class(struct index *x, const char *name, struct fmt_error *e);
int index_add(struct index *x, const struct index_entry *entry, struct fmt_error *e); /* copies its texts */
int index_write(struct index *x, const struct provenance *p, const struct fmt_writer *io, struct fmt_error *e);
int index_read(struct index *x, const struct fmt_reader *io, struct fmt_error *e); /* x need not be initialised */
void index_release(struct index *x);

/* Labels as bytes, for the records of shard.c and feat.c as well. Texts point into the bytes. */
struct bytes;
int index_labels_put(const struct index_labels *l, int n_classes, struct fmt_buffer *to, struct fmt_error *e);
size_t index_labels_bytes(const struct index_labels *l); /* the number that index_labels_put appends */
int index_labels_take(struct bytes *from, int n_classes, struct index_labels *l, struct fmt_error *e);
int index_labels_copy(struct text_pool *p, const struct index_labels *from, struct index_labels *to,
                      struct fmt_error *e);
/* A list of class names likewise; *names is one block for free(). */
int index_classes_put(char *const *names, int n, struct fmt_buffer *to, struct fmt_error *e);
int index_classes_take(struct bytes *from, char ***names, int *n, struct fmt_error *e);
/* How a file is decoded, two bytes, likewise. `key` is for messages; jpeg: whether the file is one. */
int index_decoding_put(const struct index_decoding *d, struct fmt_buffer *to); /* 0 or -1: no memory */
int index_decoding_take(struct bytes *from, struct index_decoding *d, struct fmt_error *e);
int index_decoding_check(const struct index_decoding *d, bool jpeg, const char *key, struct fmt_error *e);

#endif
