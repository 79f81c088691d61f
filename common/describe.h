/* describe.h - facts about a file, as a JSON object whose keys are stable: what bbu-info prints in either form.
 *
 * For our own files: kind, version, bytes, identity, what is in it, provenance. For files of weights of others
 * (safetensors, .pth): what their headers tell. What it is not is said in the error.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "file.h"
#include "fmt.h"

struct cJSON;

/* Can a file that begins like this be described? Else a pipe need not be read to its end, if it has one. */
bool describe_recognises(const uint8_t *first, size_t n);

/* Adds the facts to o. f is open, can seek, and stays the caller's. kind is "..." of one of ours, "safetensors", "pth";
 * *ours tells whether verify_whole (verify.h) applies. Errors do not name the path. */
int describe_file(struct cJSON *o, struct file *f, bool *ours, struct fmt_error *e);
/* A folder of shards, or a pattern, as one set; refused if it is not whole. Errors name the path. */
int describe_shards(struct cJSON *o, const char *path, struct fmt_error *e);

/* One line per record, the catalogue's images, a shard's images, batches, rows, tensors: calls line with each, fields
 * separated by tabs, without a newline. */
int describe_records(struct file *f, void (*line)(const char *text), struct fmt_error *e);

#endif
