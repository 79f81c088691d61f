/* trace-provenance.h - what a file says of what it was made from, as an object with "inputs" (an array of objects with
 * kind and identity, as provenance has it), "tool" and "iteration", as far as they are said. */
#ifndef TRACE_PROVENANCE_H
#define TRACE_PROVENANCE_H

#include <stdbool.h>

#include "block.h"
#include "file.h"

struct cJSON;

struct trace_provenance {
    struct cJSON *provenance; /* NULL: nothing is said */
    bool by_header;           /* it has no provenance; the header carries the hash of the weights */
};

/* kind: of a file of ours; BLOCK_ANY: weights of other forms. */
struct trace_provenance trace_provenance_by_file(struct file *f, enum block_kind kind);
struct trace_provenance trace_provenance_by_path(const char *path, enum block_kind kind);
struct trace_provenance trace_provenance_by_report(struct file *f); /* a report or predictions, text or JSON */
void trace_provenance_release(struct trace_provenance *s);

bool trace_provenance_leads_on(const struct trace_provenance *s); /* there are inputs */
/* Adds an input. */
void trace_provenance_input(struct cJSON *inputs, const char *kind, const char *hex);
const char *trace_provenance_text(const struct cJSON *o, const char *key); /* NULL: there is no such text */

#endif
