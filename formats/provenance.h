/* provenance.h - provenance: which tool made a file, with which settings, from which inputs; and its identity.
 *
 *   struct prov p;
 *   prov_init(&p, "bbu-pack", DINOTOOLS_VERSION, keep);     keep false: --no-provenance
 *   prov_text(&p, "store", "jpeg"); prov_int(&p, "short_side", 512);     what can change the result, nothing else
 *   prov_input(&p, "catalogue", index.identity);
 *   index_write(.., &p, ..) / shard_create(.., &p, ..)       each writer of ours takes it
 *   prov_release(&p);
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

#define PROV_NESTED_MAX ((size_t)1 << 20)

struct prov {
    const char *tool, *version;
    bool keep;
    bool failed;             /* no memory at some point */
    struct cJSON *settings, *inputs;
    size_t nested;           /* bytes of the inputs' own provenance */
    struct fmt_buffer canon; /* the lines that the identity is made of */
};

void prov_init(struct prov *p, const char *tool, const char *version, bool keep);
void prov_text(struct prov *p, const char *key, const char *value); /* value NULL: null */
void prov_int(struct prov *p, const char *key, int64_t value);
void prov_real(struct prov *p, const char *key, double value); /* written so that it reads back exactly */
void prov_flag(struct prov *p, const char *key, bool value);
void prov_input(struct prov *p, const char *kind, const uint8_t identity[DIGEST_BYTES]);
/* provenance: the input's, JSON text or "". What is no JSON object is left out, and what makes all of them together
 * longer than PROV_NESTED_MAX. */
void prov_input_from(struct prov *p, const char *kind, const uint8_t identity[DIGEST_BYTES], const char *provenance);
/* The inputs as JSON text, an array of objects, for files that are not ours; *json is for free(). */
int prov_inputs_json(const struct prov *p, char **json, struct fmt_error *e);
void prov_release(struct prov *p);

/* For the writers: begins a file of kind and version h with these fields (h gets the identity). */
int prov_begin(const struct prov *p, const struct fmt_writer *io, struct block_header *h,
               const struct fmt_buffer *fields, struct block_writer *w, struct fmt_error *e);
/* Of it the identity of an output of this kind. */
int prov_identity(const struct prov *p, enum block_kind kind, uint8_t major, uint8_t out[DIGEST_BYTES],
                  struct fmt_error *e);

#endif
