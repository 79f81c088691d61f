/* provenance.h - provenance: which tool made a file, with which settings, from which inputs; and its identity.
 *
 *   struct provenance p;
 *   provenance_init(&p, "bbu-pack", DINOTOOLS_VERSION, keep);     keep false: --no-provenance
 *   provenance_text(&p, "store", "jpeg"); provenance_int(&p, "short_side", 512);     what can change the result,
 * nothing else
 *   provenance_input(&p, "catalogue", index.identity);
 *   index_write(.., &p, ..) / shard_create(.., &p, ..)       each writer of ours takes it
 *   provenance_release(&p);
 *
 * The identity is the SHA-256 of kind, version of the kind, settings and inputs in the order given (never of tool
 * version, file names, threads, verbosity): equal work has equal identity. It stands in every file; the JSON that
 * explains it is left out where keep is false. Setters do not fail: what went wrong is told by the writer at the end.
 *
 * An input may bring its own provenance, which is kept inside: so the way back is known even where files in between are
 * gone. It is no part of the identity.
 */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "digest.h"
#include "fmt.h"

#define PROVENANCE_NESTED_MAX ((size_t)1 << 20)

struct provenance {
    const char *tool, *version;
    bool keep;
    bool failed;             /* no memory at some point */
    struct cJSON *settings, *inputs;
    size_t nested;           /* bytes of the inputs' own provenance */
    struct fmt_buffer canon; /* the lines that the identity is made of */
};

void provenance_init(struct provenance *p, const char *tool, const char *version, bool keep);
void provenance_text(struct provenance *p, const char *key, const char *value); /* value NULL: null */
void provenance_int(struct provenance *p, const char *key, int64_t value);
void provenance_real(struct provenance *p, const char *key, double value); /* written so that it reads back exactly */
void provenance_flag(struct provenance *p, const char *key, bool value);
void provenance_input(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES]);
/* provenance: the input's, JSON text or "". What is no JSON object is left out, and what makes all of them together
 * longer than PROVENANCE_NESTED_MAX. */
void provenance_input_nested(struct provenance *p, const char *kind, const uint8_t identity[DIGEST_BYTES],
                           const char *provenance);
/* The inputs as JSON text, an array of objects, for files that are not ours; *json is for free(). */
int provenance_inputs_json(const struct provenance *p, char **json, struct fmt_error *e);
void provenance_release(struct provenance *p);

/* For the writers: begins a file of kind and version h with these fields (h gets the identity). */
int provenance_begin(const struct provenance *p, const struct fmt_writer *io, struct block_header *h,
               const struct fmt_buffer *fields, struct block_writer *w, struct fmt_error *e);
/* Of it the identity of an output of this kind. */
int provenance_identity(const struct provenance *p, enum block_kind kind, uint8_t major, uint8_t out[DIGEST_BYTES],
                  struct fmt_error *e);

#endif
