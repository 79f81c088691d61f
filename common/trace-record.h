/* trace-record.h - what a file says of what it was made from, as an object with "inputs" (an array of objects with
 * kind and identity, as provenance has it), "tool" and "iteration", as far as they are said. */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <stdbool.h>

#include "block.h"
#include "file.h"

struct cJSON;

struct trace_record {
    struct cJSON *provenance; /* NULL: nothing is said */
    bool by_header;           /* it has no provenance; the header carries the hash of the weights */
};

/* kind: of a file of ours; BLOCK_ANY: weights of other forms. */
struct trace_record trace_record_of_file(struct file *f, enum block_kind kind);
struct trace_record trace_record_of_path(const char *path, enum block_kind kind);
struct trace_record trace_record_of_report(struct file *f); /* a report or predictions, text or JSON */
void trace_record_release(struct trace_record *s);

bool trace_record_has_inputs(const struct trace_record *s); /* there are inputs */
/* Adds an input. */
void trace_record_add_input(struct cJSON *inputs, const char *kind, const char *hex);
const char *trace_record_text(const struct cJSON *o, const char *key); /* NULL: there is no such text */

#endif
