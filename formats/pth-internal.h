/* pth-internal.h - reading .pth files (pth.h): the two containers, and the object inside, which is the same in both. */
#ifndef PTH_INTERNAL_H
#define PTH_INTERNAL_H

#include "pickle.h"
#include "pth.h"

/* Bytes that tensors are views of. */
struct pth_storage {
    const struct pickle_value *key; /* a text */
    enum dtype dtype;               /* DTYPE_NONE: untyped, the tensor has the type */
    bool known;                     /* the type is known here */
    int64_t numel;                  /* elements; of an untyped one bytes */
    uint64_t at, end;               /* in the file */
};

struct pth_reading {
    const struct fmt_reader *r;
    struct pickle p;
    struct pth_storage *storage; /* sorted by key */
    int32_t n_storages;
    struct named_tensor_set *set;
    int64_t steps;
    char name[NAMED_TENSOR_NAME_MAX + 2]; /* of the current value: with a dot and a zero byte */
    struct fmt_error *e;
};

/* pth-object.c: in this order, between which the container finds the bytes of the storages (at, end). */
int pth_collect_storages(struct pth_reading *x);
struct pth_storage *pth_find_storage(const struct pth_reading *x, const struct pickle_value *key);
bool pth_storage_bytes(const struct pth_storage *s, uint64_t *bytes); /* false: too many */
int pth_add_all(struct pth_reading *x);

/* pth-zip.c, pth-legacy.c */
int pth_read_zip(struct pth_reading *x);
int pth_read_legacy(struct pth_reading *x);

/* The first bytes of the older container: the pickle of 0x1950a86a20f9469cfc6c. */
enum { PTH_LEGACY_MAGIC_BYTES = 15 };
extern const uint8_t pth_legacy_magic[PTH_LEGACY_MAGIC_BYTES];

#endif
