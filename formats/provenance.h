/* provenance.h - which tool made a file, with which settings, from which inputs; and the file's identity.
 *
 *   struct provenance p;
 *   provenance_init(&p, "bbu-pack", DINOTOOLS_VERSION, explain);     explain false: --no-provenance
 *   provenance_text(&p, "store", "jpeg");                            settings that can change the result, no others
 *   provenance_int(&p, "short_side", 512);
 *   provenance_input(&p, "catalogue", index.identity);
 *   index_write(.., &p, ..) / shard_create(.., &p, ..)               all writers of dinotools files take it
 *   provenance_release(&p);
 *
 * The identity is the SHA-256 of kind, version of the kind, settings and inputs in the order given (never of tool
 * version, file names, threads, verbosity): the same work gives the same identity. Every file carries its identity; the
 * JSON that explains it is left out if `explain` is false. Setters do not fail: the writer reports at the end that
 * memory ran out.
 *
 * An input may come with its own provenance, which is nested: a file can then be traced back even if files in between
 * are gone. It is not part of the identity.
 */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "digest.h"
#include "fmt.h"

#define PROVENANCE_NESTED_MAX ((size_t)1 << 20)

/* Kinds of inputs whose identity is a digest of contents or names: no file has it. Other kinds are roles of files
 * ("catalogue", "shards", "weights", "train" ...). */
#define PROVENANCE_DATASET "dataset"   /* entries of a dataset and the contents of its images */
#define PROVENANCE_IMAGES "pictures"   /* names and contents of JPEG files */
#define PROVENANCE_LEFT_OUT "left out" /* names of images that bbu-pack left out */
#define PROVENANCE_LIST "list"         /* names of a dataset's images, in order */
#define PROVENANCE_REPLACED "replaced" /* images that training replaced by others */
bool provenance_is_digest(const char *kind);

struct provenance {
    const char *tool, *version;
    const char *copied;      /* provenance_copy: the JSON text; NULL: none */
    uint8_t copied_identity[DIGEST_BYTES];
    bool explain;
    bool failed;             /* memory ran out at some point */
    struct cJSON *settings, *inputs;
    size_t nested;           /* bytes of the inputs' own provenance */
    struct fmt_buffer canon; /* the lines that are hashed into the identity */
};

void provenance_init(struct provenance *p, const char *tool, const char *version, bool explain);
/* Instead of all that follows: identity and JSON text ("" none) of a file that is written again as it was. The text
 * must live until provenance_release. */
void provenance_copy(struct provenance *p, const uint8_t identity[DIGEST_BYTES], const char *json, bool explain);
void provenance_text(struct provenance *p, const char *key, const char *value); /* value NULL: null */
void provenance_int(struct provenance *p, const char *key, int64_t value);
void provenance_real(struct provenance *p, const char *key, double value); /* reads back exactly */
void provenance_flag(struct provenance *p, const char *key, bool value);
void provenance_input(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES]);
/* provenance: that of the input, JSON text or "". It is left out if it is no JSON object, or if all of them together
 * would be longer than PROVENANCE_NESTED_MAX. */
void provenance_input_nested(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES],
                             const char *provenance);
/* The inputs as JSON text, an array of objects, for files of foreign formats; *json is for free(). */
int provenance_inputs_json(const struct provenance *p, char **json, struct fmt_error *e);
void provenance_release(struct provenance *p);

/* For the writers: begins a file of the kind and version in h, with these fields. Sets h->identity. */
int provenance_begin(const struct provenance *p, const struct fmt_writer *io, struct block_header *h,
                     const struct fmt_buffer *fields, struct block_writer *w, struct fmt_error *e);
/* The identity of an output of this kind. */
int provenance_identity(const struct provenance *p, enum block_kind kind, uint8_t major, uint8_t out[DIGEST_BYTES],
                        struct fmt_error *e);

#endif
