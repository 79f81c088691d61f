/* trace-record.h - what a file records of its origin: a JSON object with "inputs" (an array of objects with kind and
 * identity, as in provenance), "tool" and "iteration", as far as they are recorded. */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <stdbool.h>

#include "block.h"
#include "file.h"

struct cJSON;

/* Keys of the metadata of weights that dino-train wrote: a JSON array of inputs as in provenance, the iteration, the
 * hash of the backbone. */
#define TRACE_META_TOOL "tool"
#define TRACE_META_INPUTS "inputs"
#define TRACE_META_ITERATION "iteration"
#define TRACE_META_WEIGHTS "weights"

struct trace_record {
    struct cJSON *provenance; /* NULL: nothing is recorded */
    bool from_header;         /* there is no provenance, but the header has the hash of the weights */
};

/* kind: of a dinotools file; BLOCK_ANY: foreign weights. */
struct trace_record trace_record_of_file(struct file *f, enum block_kind kind);
struct trace_record trace_record_of_path(const char *path, enum block_kind kind);
struct trace_record trace_record_of_report(struct file *f); /* a report or predictions, text or JSON */
void trace_record_release(struct trace_record *s);

bool trace_record_has_inputs(const struct trace_record *s);
void trace_record_add_input(struct cJSON *inputs, const char *kind, const char *hex);
const char *trace_record_text(const struct cJSON *o, const char *key); /* NULL: there is no such text */

#endif
