/* describe.h - facts about a file as a JSON object with stable keys, which bbu-info prints as text or JSON.
 *
 * For our own files: kind, version, bytes, identity, contents, provenance. For foreign files of weights (safetensors,
 * .pth): what their headers say. For any other file the error says what it is not.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "file.h"
#include "fmt.h"

struct cJSON;

/* Whether a file with these first bytes may be one that can be described. If not, a pipe need not be read whole. */
bool describe_recognises(const uint8_t *first, size_t n);

/* Adds the facts to o. f is open, seekable, and remains the caller's. *ours: whether verify_whole (verify.h) applies.
 * Errors do not name the path. */
int describe_file(struct cJSON *o, struct file *f, bool *ours, struct fmt_error *e);
/* A folder of shards, or a pattern, as one set; an incomplete set is refused. Errors name the path. */
int describe_shards(struct cJSON *o, const char *path, struct fmt_error *e);

/* Calls `line` for each record (an image of a catalogue or shard, a sample of a batch, a row, a threshold, a tensor):
 * fields separated by tabs, without a newline. */
int describe_records(struct file *f, void (*line)(const char *text), struct fmt_error *e);

#endif
